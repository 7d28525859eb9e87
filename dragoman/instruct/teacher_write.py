"""From what a teacher taught to a file of dialogues, and beside it a file of what was dropped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dragoman.instruct.teacher import Lost, Taught

DROPPED = ".dropped"
"""Ending of the file of dropped answers; none that a folder of dialogues is read by."""


@dataclass
class Report:
    """What was made: dialogues written, answers dropped by reason."""

    written: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def dropped_file(out: Path) -> Path:
    """Where the answers lie that the dialogues of a file do not have."""
    return out.with_name(out.name + DROPPED)


def write_taught(out: Path, taught: Iterable[Taught | None]) -> Report:
    """Write the dialogues, and what was dropped, in order; both files appear when all is there."""
    report = Report()
    parts = {path: path.with_name(path.name + ".part") for path in (out, dropped_file(out))}
    dialogues, dropped = (part.open("w", encoding="utf-8") for part in parts.values())
    try:
        with dialogues, dropped:
            for one in taught:
                if one is not None and one.dialogue is not None:
                    dialogues.write(_line(one.dialogue.to_json()))
                    report.written += 1
                if one is not None and one.lost is not None:
                    dropped.write(_line(_row(one.lost)))
                    report.dropped[one.lost.reason] += 1
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return report


def _row(lost: Lost) -> dict[str, str]:
    return {
        "id": lost.id,
        "kind": lost.request.kind,
        "request": lost.request.said,
        "answer": lost.answer,
        "reason": lost.reason,
    }


def _line(row: object) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"

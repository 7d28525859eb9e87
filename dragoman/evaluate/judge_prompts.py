"""Prompts of several turns and the answers to them: JSONL in the layout of BayLing-80 (arXiv 2306.10968).

A prompt is ``{"question_id": 1, "text": ["first instruction", "second"], "category": "generic"}``. ``turns``
may stand for ``text``, ``id`` for ``question_id``; without an id the line's number serves. An answered one
has ``response``, a list as long as ``text``, and ``system``, the name of what answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.corpus.opening import Bad
from dragoman.corpus.rows import jsonl_rows
from dragoman.errors import DataError


@dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions that are given one after the other, each with the answers before it."""

    id: str
    turns: tuple[str, ...]
    category: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A prompt with an answer to each turn; ``notes`` say of each what went wrong with it, or nothing."""

    prompt: Prompt
    system: str
    answers: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A row of a file of answers."""
        row: dict[str, Any] = {"question_id": self.prompt.id, "text": list(self.prompt.turns)}
        if self.prompt.category:
            row["category"] = self.prompt.category
        row |= {"system": self.system, "response": list(self.answers)}
        return row | ({"notes": list(self.notes)} if any(self.notes) else {})


def read_prompts(path: Path) -> list[Prompt]:
    """The prompts of a file; DataError with file and line for anything that is none, or an id given twice."""
    return [prompt for prompt, _, _ in _rows(path)]


def read_answers(path: Path) -> list[Answered]:
    """The answered prompts of a file; the system is named by the rows, else by the file."""
    found = []
    for prompt, row, where in _rows(path):
        answers = _texts(row.get("response"), f"{where}: `response`")
        if len(answers) != len(prompt.turns):
            raise DataError(
                f"{where}: {len(answers)} answers to {len(prompt.turns)} turns; expected one each"
            )
        notes = tuple(map(str, row.get("notes") or ()))
        found.append(Answered(prompt, str(row.get("system") or path.stem), tuple(answers), notes))
    return found


def write_answers(path: Path, answered: Iterable[Answered]) -> int:
    """Write a file of answers (beside, then renamed); returns their number."""
    rows = [json.dumps(one.to_json(), ensure_ascii=False) + "\n" for one in answered]
    part = path.with_name(path.name + ".part")
    part.write_text("".join(rows), encoding="utf-8")
    part.replace(path)
    return len(rows)


def _rows(path: Path) -> list[tuple[Prompt, dict[str, Any], str]]:
    found: dict[str, tuple[Prompt, dict[str, Any], str]] = {}
    for number, row in enumerate(jsonl_rows(path), 1):
        where = f"{path}:{number}"
        if isinstance(row, Bad):
            raise DataError(f"{where}: {row.reason}; expected a JSON object a line")
        name = row.get("question_id", row.get("id", number))
        turns = _texts(row.get("text", row.get("turns")), f"{where}: `text`")
        if not turns or not all(turn.strip() for turn in turns):
            raise DataError(f"{where}: a turn is empty; expected instructions")
        if str(name) in found:
            raise DataError(f"{where}: question_id {name} stands twice; give each prompt its own")
        found[str(name)] = (Prompt(str(name), tuple(turns), str(row.get("category") or "")), row, where)
    if not found:
        raise DataError(f"{path}: holds no prompt")
    return list(found.values())


def _texts(value: Any, where: str) -> Sequence[str]:
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise DataError(f"{where}: expected a list of texts")
    if any("\ud800" <= character <= "\udfff" for text in value for character in text):
        raise DataError(f"{where}: holds half a surrogate pair, which is no Unicode text")
    return value

"""What is left out of a corpus: each thing with its file, line and reason, counted and written down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Drop:
    """One thing that was left out.

    ``languages`` tells what: one code is a side of the line, two codes under a pair reason are that pair, and
    with ``whole`` the line itself went, in every language. ``line`` counts from 1 in ``file``.
    """

    file: str
    line: int
    id: str
    reason: str
    languages: tuple[str, ...] = ()
    whole: bool = False


DropTo = Callable[[Drop], None]
"""Who is told of a drop."""


class DropLog:
    """Writes drops to a JSONL file and counts them by reason; ``lines`` are those that went as a whole.

    Rows: ``{"file", "line", "id", "reason", "languages"}``.
    """

    def __init__(self, path: Path) -> None:
        self.reasons: Counter[str] = Counter()
        self.lines = 0
        self._file = path.open("w", encoding="utf-8")

    def __call__(self, drop: Drop) -> None:
        self.reasons[drop.reason] += 1
        self.lines += drop.whole
        row = {"file": drop.file, "line": drop.line, "id": drop.id, "reason": drop.reason}
        self._file.write(json.dumps(row | {"languages": list(drop.languages)}, ensure_ascii=False) + "\n")

    def restart(self) -> None:
        """Set the counts to zero; the file goes on. For the next split."""
        self.reasons = Counter()
        self.lines = 0

    def __enter__(self) -> DropLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

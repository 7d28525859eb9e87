"""Output files that appear when they are complete, and go on where a stopped run left off.

Lines go to ``<file>.part``; beside it ``<file>.part.json`` says how many of its bytes count, from which
settings they come and which input lines they answer. A run with the same settings and the same input goes
on there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dragoman.corpus.opening import Bad
from dragoman.errors import DataError


@dataclass(slots=True)
class Mark:
    """How far a run has come: ``lines`` answered in ``size`` bytes; ``counts`` is the writer's own
    book-keeping."""

    settings: str
    lines: int = 0
    size: int = 0
    digest: str = ""
    counts: dict[str, Any] = field(default_factory=dict)


class InputLines:
    """Input lines with a running digest of those that were taken."""

    def __init__(self, lines: Iterable[bytes | Bad]) -> None:
        self._lines = iter(lines)
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes | Bad]:
        for line in self._lines:
            self._hash.update((line.reason.encode() if isinstance(line, Bad) else line) + b"\n")
            yield line

    @property
    def digest(self) -> str:
        """SHA-256 of the lines taken so far."""
        return self._hash.hexdigest()


class PartialFile:
    """Writes one output file; use :meth:`resume` first, :meth:`append` as often as needed, then
    :meth:`finish`."""

    def __init__(self, path: Path, settings: str, say: Callable[[str], None]) -> None:
        if path.is_dir():
            raise DataError(f"{path}: is a directory, expected the name of a file to write")
        if not path.parent.is_dir():
            raise DataError(f"{path.parent}: no such directory; make it first")
        self.path, self.say = path, say
        self.part = path.with_name(path.name + ".part")
        self.book = path.with_name(path.name + ".part.json")
        self.mark = Mark(settings)

    def resume(self, open_input: Callable[[], InputLines], again: bool) -> InputLines:
        """The input, past the lines that are already answered.

        ``again``: the input can be opened twice. If it cannot (a pipe) and is not the one of the earlier run,
        DataError.
        """
        lines = open_input()
        mark = self._earlier()
        if mark is not None:
            for _, _ in zip(range(mark.lines), lines):  # noqa: B905 (a shorter input is found out below)
                pass
            if lines.digest == mark.digest:
                os.truncate(self.part, mark.size)
                self.mark = mark
                self.say(f"{self.part}: going on after line {mark.lines:,}")
                return lines
            if not again:
                raise DataError(f"{self.part}: comes from another input; delete it or give that input again")
            self.say(f"{self.part}: comes from another input, starting anew")
            lines = open_input()
        self.book.unlink(missing_ok=True)
        self.part.write_bytes(b"")
        return lines

    def _earlier(self) -> Mark | None:
        """The mark of an earlier run that can be continued."""
        if not (self.part.is_file() and self.book.is_file()):
            return None
        try:
            mark = Mark(**json.loads(self.book.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            self.say(f"{self.book}: cannot be read, starting anew")
            return None
        if mark.settings != self.mark.settings:
            self.say(f"{self.part}: comes from other settings, starting anew")
            return None
        return mark if self.part.stat().st_size >= mark.size else None

    def append(self, texts: list[str], lines: InputLines, counts: dict[str, Any]) -> None:
        """Add lines, make sure that they are on disk, then move the mark."""
        with self.part.open("ab") as file:
            file.write("".join(text + "\n" for text in texts).encode())
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        self.mark = Mark(self.mark.settings, self.mark.lines + len(texts), size, lines.digest, counts)
        fresh = self.book.with_name(self.book.name + ".new")
        row = {name: getattr(self.mark, name) for name in Mark.__slots__}
        fresh.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
        fresh.replace(self.book)

    def finish(self) -> None:
        """The file is complete: give it its name."""
        self.part.replace(self.path)
        self.book.unlink(missing_ok=True)

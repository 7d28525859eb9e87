"""Where the aligner's text comes from: two files, one file with both sides, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from dragoman.align.segment import SAMPLE, needs_cutting
from dragoman.corpus.opening import MAX_LINE, Bad, decode, packing, raw_lines
from dragoman.errors import DataError

SEPARATOR = b" ||| "
STDIN = "-"


class Origin(NamedTuple):
    """A text: ``target`` is None where both sides stand in one file (tab or `` ||| `` between them)."""

    source: str
    target: str | None = None

    def __str__(self) -> str:
        return self.source if self.target is None else f"{self.source}, {self.target}"

    def again(self) -> bool:
        """True if the text can be read twice."""
        return STDIN not in (self.source, self.target)


def read_pairs(origin: Origin) -> Iterator[tuple[bytes, bytes]]:
    """Both sides of each line. DataError, with file and line, for what is no line of parallel text."""
    if origin.target is None:
        for number, line in enumerate(_lines(origin.source), 1):
            yield _parted(line, origin.source, number)
        return
    one, two = _lines(origin.source), _lines(origin.target)
    count = 0
    while True:
        first, second = next(one, None), next(two, None)
        if first is None or second is None:
            break
        count += 1
        yield first, second
    if first is not None or second is not None:
        more = [(side is not None) + sum(1 for _ in rest) for side, rest in ((first, one), (second, two))]
        raise _unequal(origin, count + more[0], count + more[1])


def _parted(line: bytes, name: str, number: int) -> tuple[bytes, bytes]:
    """The two columns of a TSV, or the two sides of ``a ||| b``."""
    parts = line.split(b"\t") if b"\t" in line else (line + b" ").split(SEPARATOR)
    if len(parts) != 2:
        if not line.strip():
            return b"", b""
        raise DataError(
            f"{_shown(name)}:{number}: {len(parts)} columns, expected 2: source, a tab (or ' ||| '), target; "
            "two files are given as two arguments"
        )
    return parts[0], parts[1]


def _lines(name: str) -> Iterator[bytes]:
    lines = _stream(sys.stdin.buffer) if name == STDIN else raw_lines(Path(name))
    for number, line in enumerate(lines, 1):
        if isinstance(line, Bad):
            reason = f"{line.reason}; expected a sentence a line; split or drop it"
            raise DataError(f"{_shown(name)}:{number}: {reason}")
        if not line.isascii() and isinstance(decode(line), Bad):
            raise DataError(f"{_shown(name)}:{number}: is no UTF-8; convert the text or drop the line")
        yield line


def _shown(name: str | None) -> str:
    return "standard input" if name == STDIN else str(name)


def _stream(file: IO[bytes]) -> Iterator[bytes | Bad]:
    peek = getattr(file, "peek", None)
    if peek is not None and (packed := packing(peek(8)[:8])):
        raise DataError(f"standard input is {packed} data, expected text; unpack it before it comes here")
    for line in iter(lambda: file.readline(MAX_LINE + 2), b""):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            yield Bad(f"line over {MAX_LINE >> 20} MB")
            return
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def read_sides(origin: Origin) -> tuple[list[bytes], list[bytes]]:
    """The same at once, as two lists."""
    if origin.target is None or not origin.again():
        pairs = list(read_pairs(origin))
        return [one for one, _ in pairs], [two for _, two in pairs]
    sides = list(_lines(origin.source)), list(_lines(origin.target))
    if len(sides[0]) != len(sides[1]):
        raise _unequal(origin, len(sides[0]), len(sides[1]))
    return sides


def _unequal(origin: Origin, source: int, target: int) -> DataError:
    return DataError(
        f"{_shown(origin.source)}: {source:,} lines, but {_shown(origin.target)} has {target:,}; expected "
        "equally many, line i of one answering line i of the other"
    )


def check_words(origin: Origin, sides: Iterable[list[bytes]]) -> None:
    """DataError where nothing can be learnt: a side whose lines are one word each, or all the same word.

    Text in scripts without spaces is not meant.
    """
    for name, side in zip((origin.source, origin.target or origin.source), sides, strict=True):
        if not any(line.split(None, 1) for line in side):
            raise DataError(f"{_shown(name)}: no line has words; expected parallel text, a sentence a line")
        if not any(len(line.split(None, 1)) > 1 for line in side):
            if needs_cutting([line.decode("utf-8", "replace") for line in side[:SAMPLE]]):
                continue
            raise DataError(
                f"{_shown(name)}: no line has two words; expected blanks between words "
                "(a list of single words is taken with --segment words)"
            )
        words = (word for line in side for word in line.split())
        first = next(words)
        if all(word == first for word in words):
            shown = first.decode("utf-8", "replace")[:40]
            raise DataError(f"{_shown(name)}: its only word is {shown!r}; expected sentences")

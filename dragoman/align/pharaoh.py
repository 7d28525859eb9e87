"""Word links as text: ``0-0 1-2`` a line (Pharaoh), and gold links, where ``1p2`` is a possible one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dragoman.corpus.opening import Bad, decode, raw_lines
from dragoman.errors import DataError

Link = tuple[int, int]
"""Source index, target index, both counted from 0."""

_LINK = re.compile(r"([0-9]{1,9})([-p])([0-9]{1,9})", re.ASCII)


class Gold(NamedTuple):
    """The links that people drew for one pair; ``possible`` holds the sure ones too."""

    sure: frozenset[Link]
    possible: frozenset[Link]


def format_links(links: Iterable[Link]) -> str:
    """Links as one line, in the order given: the inverse of :func:`parse_links`."""
    return " ".join(f"{i}-{j}" for i, j in links)


def parse_links(line: str, where: str = "links", lengths: tuple[int, int] | None = None) -> list[Link]:
    """The links of a line, sorted, each once.

    ``lengths`` are the numbers of words of the two sides. DataError, beginning with ``where``, for anything
    that is no ``i-j`` or points beyond a side.
    """
    return sorted({link for link, _ in _marked(line, where, lengths, "-")})


def parse_gold(line: str, where: str = "gold", lengths: tuple[int, int] | None = None) -> Gold:
    """Gold links of a line: ``i-j`` is sure, ``ipj`` possible."""
    marked = _marked(line, where, lengths, "-p")
    return Gold(
        frozenset(link for link, sign in marked if sign == "-"), frozenset(link for link, _ in marked)
    )


def _marked(
    line: str, where: str, lengths: tuple[int, int] | None, signs: str
) -> Iterator[tuple[Link, str]] | list[tuple[Link, str]]:
    found = []
    for part in line.split():
        match = _LINK.fullmatch(part)
        if match is None or match[2] not in signs:
            form = "'3-4' (sure) or '3p4' (possible)" if "p" in signs else "'3-4'"
            raise DataError(f"{where}: {part[:40]!r} is no link; expected {form}, positions counted from 0")
        link = int(match[1]), int(match[3])
        if lengths is not None:
            for side, position, length in zip(("source", "target"), link, lengths, strict=True):
                if position >= length:
                    raise DataError(
                        f"{where}: {part!r} points beyond the {side}, which has {length:,} words; "
                        "check that text and links are of the same lines"
                    )
        found.append((link, match[2]))
    return found


def _text_lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(raw_lines(path), 1):
        line = decode(raw)
        if isinstance(line, Bad):
            raise DataError(f"{path}:{number}: {line.reason}; expected links such as 0-0 1-2")
        yield number, line


def read_links(path: Path, lengths: Sequence[tuple[int, int]] | None = None) -> list[list[Link]]:
    """All links of a file, a list a line; with ``lengths`` there must be one line for each, in range."""
    found = []
    for number, line in _text_lines(path):
        bounds = lengths[number - 1] if lengths is not None and number <= len(lengths) else None
        found.append(parse_links(line, f"{path}:{number}", bounds))
    if lengths is not None:
        check_count(path, len(found), len(lengths))
    return found


def read_gold(path: Path) -> list[Gold]:
    """The gold links of a file, one entry a line."""
    return [parse_gold(line, f"{path}:{number}") for number, line in _text_lines(path)]


def check_count(path: Path, found: int, expected: int) -> None:
    """DataError if a file of links has not the number of lines that the text has."""
    if found != expected:
        raise DataError(
            f"{path}: {found:,} lines of links for {expected:,} pairs; expected one line a pair "
            "(an empty one where nothing is linked)"
        )

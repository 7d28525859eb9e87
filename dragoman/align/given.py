"""Links that another program made: read, checked, combined, scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dragoman.align.pharaoh import Link, read_links
from dragoman.align.symmetrize import METHODS, symmetrize
from dragoman.errors import DataError


def given_links(
    paths: Sequence[Path], how: str | None, lengths: Sequence[tuple[int, int]]
) -> list[list[Link]]:
    """The links of one file, or those of two, forward and reverse, combined by ``how``.

    Both are (source, target), a line for each pair of ``lengths``. DataError, with file and line, for what is
    no link of this text.
    """
    if len(paths) > 2:
        raise DataError(f"--links is given {len(paths)} times; expected one file, or forward and reverse")
    if len(paths) == 2 and how not in METHODS:
        raise DataError(f"two files of links become one with --symmetrize, one of {', '.join(METHODS)}")
    if len(paths) == 1 and how is not None:
        raise DataError("--symmetrize needs two files of links, forward and reverse; expected --links twice")
    read = [read_links(path, lengths) for path in paths]
    if how is None:
        return read[0]
    return [symmetrize(one, two, how) for one, two in zip(*read, strict=True)]

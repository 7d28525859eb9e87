"""The words of a line and where they stand in it: what links are counted in, and what instructions quote.

A word is a run of letters, marks and digits; hyphens and apostrophes inside it belong to it, but for elided
words (``l'`` in ``l'eau``), which are words of their own. Two hyphens are a dash. Every other sign is a word
too, so that it can be aligned. Text without spaces is cut into the aligner's units.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from dragoman.align.segment import cut

APOSTROPHES = "'\u2019"
_JOINERS = "\u200c\u200d"  # change how letters are written, not where a word ends
_RUN = re.compile("w+(?:(?:a+|h)w+)*|[ahp]")
_ELIDED = frozenset(
    (*"cdjlmnst", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "un", "all", "dall", "dell", "nell", "sull")
)


class Word(NamedTuple):
    """A word of a line: ``[start, end)`` in it; ``content``: it has a letter and no digit."""

    start: int
    end: int
    content: bool


def words(text: str, spaceless: bool = False) -> list[Word]:
    """The words of a line, in order; ``spaceless``: runs of scripts without spaces are cut into units."""
    found: list[Word] = []
    for match in _RUN.finditer("".join(map(_kind, text))):
        for start, end in _parts(text, match.start(), match.end()):
            sizes = map(len, cut(text[start:end])) if spaceless else (end - start,)
            for size in sizes:
                found.append(Word(start, start + size, _content(text[start : start + size])))
                start += size
    return found


def word_type(word: str) -> str:
    """Words of one type are the same word for the aligner, and for what may be a negative."""
    return word.casefold()


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A run without its elided words, and those."""
    for place in range(start, end - 1):
        if text[place] in APOSTROPHES and text[start:place].casefold() in _ELIDED and place + 2 < end:
            yield start, place + 1
            start = place + 1
    yield start, end


def _content(word: str) -> bool:
    return any(map(str.isalpha, word)) and not any(unicodedata.category(char)[0] == "N" for char in word)


@lru_cache(1 << 14)
def _kind(char: str) -> str:
    """w: part of a word, a: apostrophe, h: hyphen, p: another sign, blank: none of these."""
    if char in APOSTROPHES:
        return "a"
    if char in "-\u2010\u2011":
        return "h"
    kind = unicodedata.category(char)[0]
    if kind in "LMN" or char in _JOINERS:
        return "w"
    return "p" if kind in "PS" else " "

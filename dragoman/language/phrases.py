"""Where a phrase stands in a text: as it is written, at word borders.

A border lies between two characters unless both belong to one word. Letters, digits and marks are parts of
words; every other sign parts them, hyphens and apostrophes too. Scripts that are written without spaces have
a border between any two letters, but not before what belongs to the letter in front: a mark, a vowel that is
written behind it, a small kana.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

OTHER, SPACE, WORD, WORD_MARK, FREE, FREE_MARK, LEADS, TIES = range(8)
"""Kinds of characters: a sign; white space; part of a word; a mark or joiner in one; a letter of a script
without spaces; what belongs to such a letter before it; to the one after it; to both."""
START = OTHER
"""The kind that stands for either end of a text."""

_SPACELESS = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3041-\u3096\u3099-\u309f\u30a1-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\u0e01-\u0e4e\u0e81-\u0edf\u1000-\u109f\u1780-\u17dd\U00020000-\U000323af]"
)
_BEHIND = re.compile(
    "[\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3"  # vowels of Thai and Lao that follow their consonant
    "\u3005\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u309d\u309e"  # small kana
    "\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30fc-\u30fe\u31f0-\u31ff\uff67-\uff70]"
)
_AHEAD = re.compile("[\u0e40-\u0e44\u0ec0-\u0ec4]")  # vowels of Thai and Lao that precede their consonant
_JOINERS = "\u200c\u200d"
_VIRAMA = 9  # combining class of a sign that ties the next letter to the one before
_ASAT = "\u103a"  # is of that class too, but ends a syllable


@lru_cache(1 << 14)
def kind_of(char: str) -> int:
    """The kind of a character."""
    major = unicodedata.category(char)[0]
    if major not in "LMN" and char not in _JOINERS:
        return SPACE if char.isspace() else OTHER
    if not _SPACELESS.match(char):
        return WORD_MARK if major == "M" or char in _JOINERS else WORD
    if _AHEAD.match(char):
        return LEADS
    if unicodedata.combining(char) == _VIRAMA and char != _ASAT:
        return TIES
    return FREE_MARK if major == "M" or _BEHIND.match(char) else FREE


def _is_border(before: int, after: int) -> bool:
    if before in (OTHER, SPACE) or after in (OTHER, SPACE):
        return True
    if after in (WORD_MARK, FREE_MARK, TIES) or before in (LEADS, TIES):
        return False
    return not (before in (WORD, WORD_MARK) and after == WORD)


BORDER = tuple([tuple([_is_border(before, after) for after in range(8)]) for before in range(8)])
"""``BORDER[a][b]``: whether there is a border between a character of kind a and one of kind b."""


def border(before: str, after: str) -> bool:
    """Whether two characters that follow each other have a border between them; '' is an end of the text."""
    return BORDER[kind_of(before) if before else START][kind_of(after) if after else START]


@lru_cache(1 << 14)
def fold(char: str) -> str:
    """A character without its case, where that is one character."""
    folded = char.casefold()
    if len(folded) != 1:
        folded = char.lower()
    return folded if len(folded) == 1 else char


def fold_text(text: str) -> str:
    """:func:`fold` for every character: as many characters as before."""
    return "".join(map(fold, text))


def normal(phrase: str) -> str:
    """A phrase as it is looked for: no white space around it, one space where it has any."""
    return " ".join(phrase.split())


def spellings(phrase: str) -> list[str]:
    """A phrase with its accents as they are, composed, and apart: all read the same."""
    return list(dict.fromkeys((phrase, *(unicodedata.normalize(form, phrase) for form in ("NFC", "NFD")))))


def occurrences(
    text: str, phrase: str, ignore_case: bool = False, loose: bool = False
) -> Iterator[tuple[int, int]]:
    """The places [start, end) where a phrase stands at word borders, overlapping ones too.

    ``loose``: any white space counts for a space of the phrase.
    """
    phrase = normal(phrase)
    whole, wanted = (fold_text(text), fold_text(phrase)) if ignore_case else (text, phrase)
    pattern = re.escape(wanted)
    if loose:
        pattern = pattern.replace(r"\ ", r"\s+")
    for match in re.finditer(f"(?=({pattern}))", whole) if phrase else ():
        start, end = match.span(1)
        if border(text[start - 1 : start], text[start]) and border(text[end - 1], text[end : end + 1]):
            yield start, end


def contains(text: str, phrase: str, ignore_case: bool = False, loose: bool = False) -> bool:
    """Whether a phrase stands in a text at word borders."""
    return any(True for _ in occurrences(text, phrase, ignore_case, loose))


def holds(text: str, phrase: str, ignore_case: bool = False) -> bool:
    """Whether a text holds what a reader takes for a phrase: any white space, any form of accents."""
    return any(contains(text, spelling, ignore_case, True) for spelling in spellings(phrase))


def count(text: str, forms: Sequence[str], ignore_case: bool = False) -> int:
    """How often one of the forms stands in a text, counted without overlap."""
    places = sorted((end, start) for form in forms for start, end in occurrences(text, form, ignore_case))
    found = reached = 0
    for end, start in places:
        if start >= reached:
            found, reached = found + 1, end
    return found

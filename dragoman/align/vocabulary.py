"""Words as the aligner knows them: without case and outer punctuation, grouped by how they begin."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from string import punctuation as PUNCTUATION

import numpy as np

from dragoman.align.table import Ints

STEM = 5
"""Characters at the beginning of a word that its relatives share."""


class NotText(Exception):
    """A word that is no UTF-8."""


def key_of(word: bytes) -> str:
    """What a word is counted as: NFC, lower case, without punctuation, symbols, blanks (a no-break space) and
    unseen signs around it.

    A word of nothing else stays as it is. NotText for bytes that are no UTF-8.
    """
    try:
        text = word.decode("utf-8")
    except UnicodeDecodeError:
        raise NotText from None
    if text.isascii():  # the same as below, faster
        text = text.lower()
        return text.strip(PUNCTUATION) or text
    text = unicodedata.normalize("NFC", text).lower()
    first, last = 0, len(text)
    while first < last and _around(text[first]):
        first += 1
    while last > first and _around(text[last - 1]):
        last -= 1
    return text[first:last] or text


def _around(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind[0] in "PSZ" or kind == "Cf"


class Vocabulary(dict[bytes, int]):
    """Words as they stand in the text to numbers of types; new words find or make their type when first
    met."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        super().__init__()
        self.types: dict[str, int] = {key: number for number, key in enumerate(keys)}

    def __missing__(self, word: bytes) -> int:
        number = self[word] = self.types.setdefault(key_of(word), len(self.types))
        return number


def stem_order(types: Sequence[str], length: int = STEM) -> tuple[list[str], Ints, Ints]:
    """The stems in order of first meeting, the stem of each type, and the types sorted by stem.

    ``length`` is the number of characters of a stem; with 0 every type is its own.
    """
    known: dict[str, int] = {}
    stems = [known.setdefault(word[:length] if length else word, len(known)) for word in types]
    numbers = np.array(stems, np.int32)
    return list(known), numbers, np.argsort(numbers, kind="stable").astype(np.int32)

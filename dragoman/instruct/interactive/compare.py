"""How two versions of a text differ, in words: what they share (longest common subsequence) and where not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from dragoman.instruct.words import words


class Hunk(NamedTuple):
    """Where two texts differ: words [start, end) of the one, [new_start, new_end) of the other."""

    start: int
    end: int
    new_start: int
    new_end: int


@lru_cache(1 << 12)
def units(text: str, spaceless: bool = False) -> tuple[str, ...]:
    """The words and signs of a text, in order; ``spaceless``: text without spaces, by its characters."""
    return tuple([text[word.start : word.end] for word in words(text, spaceless)])


def shared(one: Sequence[str], two: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    whole = (1 << len(one)) - 1
    open_ = whole
    for word in two:
        hit = open_ & places.get(word, 0)
        open_ = ((open_ + hit) | (open_ - hit)) & whole
    return len(one) - open_.bit_count()


def subsequence(one: Sequence[str], two: Sequence[str]) -> list[str]:
    """A longest common subsequence; of several the one that takes words of ``one`` as early as it can."""
    longest = [[0] * (len(two) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        row, below = longest[i], longest[i + 1]
        for j in range(len(two) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if one[i] == two[j] else max(below[j], row[j + 1])
    found: list[str] = []
    i = j = 0
    while i < len(one) and j < len(two):
        if one[i] == two[j]:
            found.append(one[i])
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def kept(draft: str, expected: str, answer: str, spaceless: bool = False) -> float:
    """Share of the draft's words outside the edit that an answer keeps, in order; 1 if there are none.

    The words outside the edit are those that the draft and the expected answer share.
    """
    rest = subsequence(units(draft, spaceless), units(expected, spaceless))
    return shared(rest, units(answer, spaceless)) / len(rest) if rest else 1.0


def kept_beside(draft: str, phrases: Iterable[str], answer: str, spaceless: bool = False) -> float:
    """As :func:`kept` where no answer is expected: the edit is what a correction speaks of (``phrases``)."""
    named = {word for phrase in phrases for word in units(phrase, spaceless)}
    rest = [word for word in units(draft, spaceless) if word not in named]
    return shared(rest, units(answer, spaceless)) / len(rest) if rest else 1.0


def hunks(one: Sequence[str], two: Sequence[str]) -> list[Hunk]:
    """Where two lists of words differ, in order."""
    found = SequenceMatcher(None, one, two, autojunk=False).get_opcodes()
    return [Hunk(*places) for kind, *places in found if kind != "equal"]

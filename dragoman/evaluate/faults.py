"""Lines that are bad whatever their language: copies of the source, output that runs on without end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from dragoman.evaluate.metrics import nfc

ROOM = 30
"""Characters that an output may always have beyond its limit: short lines vary in length."""
BY_REFERENCE, BY_SOURCE = 3, 8
"""An output runs on if it is longer than this times the reference (or the source) + ROOM."""
TURNS, LOOP = 4, 16
"""It also does if its end repeats a piece this many times, over at least so many characters."""
_LONGEST_PIECE = 200


def copied(hypotheses: Sequence[str], sources: Sequence[str], references: Sequence[str] = ()) -> list[bool]:
    """True where the output is the source, letter case and spaces aside, and the reference is not."""
    expected = [_plain(text) for text in references] if references else repeat("")
    flags = []
    for hypothesis, source, reference in zip(hypotheses, sources, expected, strict=False):
        plain = _plain(source)
        flags.append(bool(plain) and _plain(hypothesis) == plain != reference)
    return flags


def runaway(hypotheses: Sequence[str], yardsticks: Sequence[str], factor: int = BY_REFERENCE) -> list[bool]:
    """True where the output is too long for its yardstick, or ends in a loop that the other has not."""
    flags = []
    for hypothesis, yardstick in zip(hypotheses, yardsticks, strict=True):
        text, other = nfc(hypothesis).strip(), nfc(yardstick).strip()
        too_long = len(text) > factor * len(other) + ROOM
        flags.append(too_long or (loops(text) and not loops(other)))
    return flags


def loops(text: str) -> bool:
    """Whether the text ends in the same piece TURNS times in a row; it may be cut off inside the piece."""
    for size in range(1, min(len(text) // TURNS, _LONGEST_PIECE) + 1):
        span = max(TURNS * size, LOOP)
        if span <= len(text) and text[-span:-size] == text[size - span :]:
            return True
    return False


def _plain(text: str) -> str:
    return " ".join(nfc(text).casefold().split())

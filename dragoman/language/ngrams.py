"""Hashed character n-grams of many lines at once, in numpy.

Text is brought to NFC and lower case; every run of anything but letters and marks becomes one space, and a
line begins and ends with one. An n-gram (1 to 4 characters) may begin or end with a space, which marks the
border of a word, but never holds one inside, so scripts with and without spaces are treated alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

ORDERS = 4
BITS = 18
BUCKETS = 1 << BITS
CHUNK_CHARACTERS = 1 << 16

_SPACE = 32
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_LETTER, _GAP = 1, 2
_kinds = np.zeros(0x110000, np.uint8)


def chunks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of lines that hold about CHUNK_CHARACTERS together, so that memory stays small."""
    start = size = 0
    for index, text in enumerate(texts):
        if size and size + len(text) > CHUNK_CHARACTERS:
            yield start, index
            start, size = index, 0
        size += len(text) + 2
    if start < len(texts):
        yield start, len(texts)


def _letter_kinds(points: NDArray[np.uint32]) -> NDArray[np.uint8]:
    kinds = _kinds[points]
    if not kinds.all():
        for point in np.unique(points[kinds == 0]).tolist():
            _kinds[point] = _LETTER if unicodedata.category(chr(point))[0] in "LM" else _GAP
        kinds = _kinds[points]
    return kinds


def grams(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The n-grams of every line.

    Returns ``buckets`` (ORDERS per character, in line order; BUCKETS where there is no n-gram), ``starts``
    (where each line begins in it) and ``letters`` (letters and marks per line).
    """
    padded = [f" {unicodedata.normalize('NFC', text).lower()} " for text in texts]
    points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    lines = np.repeat(np.arange(len(padded)), lengths)
    letter = _letter_kinds(points) == _LETTER
    same = np.zeros(len(points), bool)
    same[1:] = lines[1:] == lines[:-1]
    keep = letter.copy()
    keep[1:] |= letter[:-1]
    keep |= ~same
    points, lines, letter = (
        np.where(letter, points, _SPACE)[keep].astype(np.uint64),
        lines[keep],
        letter[keep],
    )
    buckets = np.full((len(points), ORDERS), BUCKETS, np.int64)
    code, inside = np.zeros(len(points), np.uint64), np.ones(len(points), bool)
    with np.errstate(over="ignore"):
        for order in range(1, ORDERS + 1):
            width = len(points) - order + 1
            if width <= 0:
                break
            code = (code[:width] + points[order - 1 :] + np.uint64(order)) * _BASE
            if order > 2:
                inside = inside[:width] & letter[order - 2 : order - 2 + width]
            good = inside[:width] & (lines[:width] == lines[order - 1 :])
            if order == 1:
                good = letter
            hashed = ((code ^ (code >> np.uint64(29))) * _MIX) >> np.uint64(64 - BITS)
            buckets[:width, order - 1][good] = hashed[good].astype(np.int64)
    counts = np.bincount(lines, minlength=len(padded))
    starts = np.concatenate(([0], np.cumsum(counts)[:-1])) * ORDERS
    return buckets.ravel(), starts, np.bincount(lines[letter], minlength=len(padded))

"""Bytes to numbers of words, line by line: a compiled loop with a hash table, so that only new words cost
Python."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dragoman.align.jit import compiled
from dragoman.align.table import Ints, Longs

Bytes = NDArray[np.uint8]
NEWLINE = 10


@compiled
def _blank(byte: int) -> bool:
    return byte in (32, 9, 10, 11, 12, 13)


@compiled
def _same(data: Bytes, one: int, two: int, length: int) -> bool:
    k = 0
    while k < length and data[one + k] == data[two + k]:
        k += 1
    return k == length


@compiled
def _count(data: Bytes) -> tuple[int, int]:
    """Words and lines; the last line needs no end."""
    words, lines, inside = 0, 1, False
    for k in range(data.size):
        blank = _blank(data[k])
        if inside and blank:
            words += 1
        inside = not blank
        lines += data[k] == NEWLINE
    return words + inside, lines


@compiled
def _grown(hashes: NDArray[np.uint64], count: int, slots: int) -> Ints:
    """A table of ``slots`` places (a power of two) that holds the first ``count`` words."""
    table = np.full(slots, -1, np.int32)
    for number in range(count):
        at = hashes[number] & np.uint64(slots - 1)
        while table[at] >= 0:
            at = (at + np.uint64(1)) & np.uint64(slots - 1)
        table[at] = number
    return table


@compiled
def tokenize(data: Bytes) -> tuple[Ints, Longs, Longs, Longs]:
    """Lines of words parted at ASCII blanks.

    Returns the number of each token's word, where each line ends among the tokens (from 0, lines + 1), and
    where each distinct word first stands in ``data``, with its length.
    """
    words, lines = _count(data)
    ids = np.empty(words, np.int32)
    ends = np.zeros(lines + 1, np.int64)
    starts = np.empty(words, np.int64)
    lengths = np.empty(words, np.int64)
    hashes = np.empty(words, np.uint64)
    table = _grown(hashes, 0, 1 << 16)
    token = line = known = 0
    k = 0
    while k < data.size:
        if _blank(data[k]):
            if data[k] == NEWLINE:
                line += 1
                ends[line] = token
            k += 1
            continue
        start, code = k, np.uint64(14695981039346656037)  # FNV-1a
        while k < data.size and not _blank(data[k]):
            code = (code ^ np.uint64(data[k])) * np.uint64(1099511628211)
            k += 1
        code ^= code >> np.uint64(32)
        at = code & np.uint64(table.size - 1)
        while True:
            number = table[at]
            if number < 0:
                number = known
                table[at] = number
                starts[known], lengths[known], hashes[known] = start, k - start, code
                known += 1
                break
            alike = hashes[number] == code and lengths[number] == k - start
            if alike and _same(data, starts[number], start, k - start):
                break
            at = (at + np.uint64(1)) & np.uint64(table.size - 1)
        ids[token] = number
        token += 1
        if known * 2 > table.size:
            table = _grown(hashes, known, 2 * table.size)
    ends[lines] = token
    return ids, ends, starts[:known], lengths[:known]

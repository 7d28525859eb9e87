"""A set of texts that costs at most 16 bytes for each, however long the texts are."""

from __future__ import annotations

from array import array
from hashlib import blake2b

_BUCKETS = 256
_FIRST_SIZE = 8
_LOAD = 0.8
_GROWTH = 1.25


class TextSet:
    """Remembers which texts it was given, as 72 bits of a BLAKE2b hash (8 choose a bucket, 64 are kept).

    Each bucket is an open-addressing table of 64-bit words (0 = free) that is at most 80 % full and grows by
    a quarter when it is, one bucket at a time: 10 to 12.5 bytes a text. Two texts out of n have the same hash
    with a probability of about n^2 / 2^73: 3e-9 for five million.
    """

    def __init__(self) -> None:
        self._tables = [_empty(_FIRST_SIZE) for _ in range(_BUCKETS)]
        self._used = [0] * _BUCKETS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> bool:
        """True if the text is new; it is remembered."""
        bucket, key = _hash(text)
        table = self._tables[bucket]
        slot = _slot(table, key)
        if table[slot]:
            return False
        table[slot] = key
        self._count += 1
        self._used[bucket] += 1
        if self._used[bucket] > _LOAD * len(table):
            self._tables[bucket] = _grown(table)
        return True

    def __contains__(self, text: str) -> bool:
        bucket, key = _hash(text)
        table = self._tables[bucket]
        return bool(table[_slot(table, key)])


def _empty(size: int) -> array[int]:
    return array("Q", bytes(8 * size))


def _hash(text: str) -> tuple[int, int]:
    digest = blake2b(text.encode(), digest_size=9).digest()
    return digest[0], int.from_bytes(digest[1:], "little") or 1


def _slot(table: array[int], key: int) -> int:
    """Where the key stands, or the free place where it would go."""
    size = len(table)
    slot = key % size
    while table[slot] and table[slot] != key:
        slot = slot + 1 if slot + 1 < size else 0
    return slot


def _grown(table: array[int]) -> array[int]:
    larger = _empty(int(len(table) * _GROWTH) + 2)
    for key in table:
        if key:
            larger[_slot(larger, key)] = key
    return larger

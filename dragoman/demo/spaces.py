"""Finite spaces that are counted and indexed without being listed, and seeded permutations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Protocol

MASK = (1 << 64) - 1


class Space(Protocol):
    """A finite set in a fixed order."""

    size: int

    def at(self, index: int) -> Any:
        """The member at an index from 0 to size - 1."""
        ...


class Choice:
    """The members of a sequence."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items, self.size = items, len(items)

    def at(self, index: int) -> Any:
        """The item at an index."""
        return self.items[index]


class Product:
    """One member of each part, handed to ``make``; the last part varies fastest."""

    def __init__(self, make: Callable[..., Any], *parts: Space) -> None:
        self.make, self.parts = make, parts
        self.size = 1
        for part in parts:
            self.size *= part.size

    def at(self, index: int) -> Any:
        """The combination at an index."""
        values = []
        for part in reversed(self.parts):
            index, digit = divmod(index, part.size)
            values.append(part.at(digit))
        return self.make(*reversed(values))


class Sum:
    """The members of all parts, part after part."""

    def __init__(self, parts: Sequence[Space]) -> None:
        self.parts = [part for part in parts if part.size]
        self.ends = list(accumulate(part.size for part in self.parts))
        self.size = self.ends[-1] if self.ends else 0

    def at(self, index: int) -> Any:
        """The member at an index."""
        which = bisect_right(self.ends, index)
        return self.parts[which].at(index - (self.ends[which - 1] if which else 0))


class Distinct:
    """Ordered pairs of two different items."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items, self.size = items, len(items) * (len(items) - 1)

    def at(self, index: int) -> tuple[Any, Any]:
        """The pair at an index."""
        first, second = divmod(index, len(self.items) - 1)
        return self.items[first], self.items[second + (second >= first)]


def mix(value: int, key: int) -> int:
    """64 well-mixed bits of a value and a key (the finaliser of splitmix64)."""
    value = (value + key * 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


class Permutation:
    """A seeded bijection of 0 .. size - 1: a Feistel network on a power of four, walked until inside."""

    ROUNDS = 4

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.half = max(1, ((size - 1).bit_length() + 1) // 2)
        self.low = (1 << self.half) - 1
        self.keys = [mix(seed & MASK, number + 1) | 1 for number in range(self.ROUNDS)]

    def __call__(self, index: int) -> int:
        """The image of an index."""
        while True:
            left, right = index >> self.half, index & self.low
            for key in self.keys:
                left, right = right, left ^ (mix(right, key) & self.low)
            index = left << self.half | right
            if index < self.size:
                return index


def quotas(sizes: Sequence[int], weights: Sequence[float], total: int) -> list[int]:
    """Shares of ``total`` by weight, none above its size; what a small one leaves goes to the others."""
    shares = [0] * len(sizes)
    open_ones = set(range(len(sizes)))
    left = float(min(total, sum(sizes)))
    while open_ones:
        unit = left / sum(weights[i] for i in open_ones)
        full = {i for i in open_ones if sizes[i] <= weights[i] * unit}
        if not full:
            for i in open_ones:
                shares[i] = int(weights[i] * unit)
            break
        for i in full:
            shares[i] = sizes[i]
            left -= sizes[i]
        open_ones -= full
    return shares

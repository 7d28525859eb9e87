"""Parallel text as arrays of numbers, in the order in which the loops want it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dragoman.align.table import Ints, Longs, places, reordered

LONGEST = 400
"""Words of a side above which a pair is left without links: a pair costs source words x target words."""
CHUNK = 1 << 25
"""Cells (source word x target word) that are in memory at once, for each direction."""


@dataclass
class Tokens:
    """The tokens of one language: ``ids`` of all lines, those of line n are ``[offsets[n]:offsets[n +
    1]]``."""

    ids: Ints
    offsets: Longs

    @property
    def lengths(self) -> Longs:
        """Tokens of each line."""
        return np.diff(self.offsets)

    def take(self, lines: Longs) -> Tokens:
        """The tokens of these lines, in this order."""
        offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(self.lengths[lines])))
        return Tokens(reordered(self.ids, self.offsets, lines, offsets), offsets)


@dataclass
class Chunk:
    """Sentences [first, last) of a :class:`Bitext`: views of its arrays, and where each type stands in
    them."""

    bitext: Bitext
    first: int
    last: int
    source_offsets: Longs = field(init=False)
    target_offsets: Longs = field(init=False)
    cell_offsets: Longs = field(init=False)
    source: Ints = field(init=False)
    target: Ints = field(init=False)

    def __post_init__(self) -> None:
        text, span = self.bitext, slice(self.first, self.last + 1)
        a, c = text.source.offsets[self.first], text.target.offsets[self.first]
        self.source_offsets = text.source.offsets[span] - a
        self.target_offsets = text.target.offsets[span] - c
        self.cell_offsets = text.cells[span] - text.cells[self.first]
        self.source = text.source.ids[a : text.source.offsets[self.last]]
        self.target = text.target.ids[c : text.target.offsets[self.last]]

    def __len__(self) -> int:
        return self.last - self.first

    @property
    def cells(self) -> int:
        """Source words x target words, over all sentences."""
        return int(self.cell_offsets[-1])

    def sentences(self) -> Ints:
        """The sentence of each source token."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.source_offsets))

    def blocks(self, count: int) -> list[tuple[int, int]]:
        """At most ``count`` runs of sentences with about as many cells."""
        return _runs(self.cell_offsets, count)


def _runs(sums: NDArray[np.int64], count: int) -> list[tuple[int, int]]:
    """``[0, len(sums) - 1)`` in at most ``count`` runs, of about equal growth of the running sums."""
    marks = np.searchsorted(sums, np.linspace(sums[0], sums[-1], count + 1)[1:-1])
    edges = np.unique(np.concatenate(([0], marks, [len(sums) - 1])))
    return [(int(a), int(b)) for a, b in pairwise(edges)]


class Bitext:
    """The pairs that can be aligned, sorted by their two lengths; ``lines`` holds the line number of each.

    Pairs with an empty side, or with more than ``longest`` words on one, are left out; the lines of the
    latter are ``too_long``.
    """

    def __init__(self, source: Tokens, target: Tokens, longest: int = LONGEST, chunk: int = CHUNK) -> None:
        self.count = len(source.offsets) - 1
        widths, heights = source.lengths, target.lengths
        full = (widths > 0) & (heights > 0)
        fits = np.maximum(widths, heights) <= longest
        self.too_long: Longs = np.flatnonzero(full & ~fits)
        kept = np.flatnonzero(full & fits)
        self.lines: Longs = kept[np.lexsort((heights[kept], widths[kept]))]
        self.source, self.target = source.take(self.lines), target.take(self.lines)
        self.cells = np.concatenate(
            (np.zeros(1, np.int64), np.cumsum(self.source.lengths * self.target.lengths))
        )
        self.chunk = chunk

    def __len__(self) -> int:
        return len(self.lines)

    def chunks(self) -> Iterator[Chunk]:
        """The text in parts that fit in memory as cells."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.cells, self.cells[first] + self.chunk, "right")) - 1
            last = max(last, first + 1)
            yield Chunk(self, first, last)
            first = last

    def whole(self) -> Chunk:
        """All of it as one part, for what needs no cells."""
        return Chunk(self, 0, len(self))


class Places:
    """Where the types of one part of the text stand, by source type, and runs of types with as much work."""

    def __init__(self, chunk: Chunk, ids: Ints, types: int, runs: int) -> None:
        self.starts, self.order = places(ids, types)
        self.sentence = chunk.sentences()
        self.runs = _runs(self.starts, runs)

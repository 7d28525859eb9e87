"""Examples that begin alike, laid out as a tree in one row of ids, so that what they share is computed once.

The root holds what all examples begin with (a template's preamble), a branch what several of them go on
with (the instruction of a direction), branches of it what some of those go on with (a pair, of which several
things are asserted), a leaf the rest of one example. Examples that begin with nothing alike are leaves
without a root. Nothing is padded. A token attends to the tokens on the way from the root to it and to no
other (``attend.py``), so that states are those of the examples one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from dragoman.prompt.encode import Encoded

ROUND = 16  # the row is filled up to a multiple of this, and of 1/16 of the power of two below its length:
# a CPU compiles its products in bfloat16 for each length, 2 ms and 1.6 MB a product, and keeps up to 1,024
BRANCH = 16  # ids that a branch must save: it costs calls of the attention kernel in each layer
WORTH = 0.1  # share of the ids that a tree must save; else all are leaves, which attend to no path


@dataclass(frozen=True)
class Part:
    """Pieces of ids that go on from the same path; they stand one after another in the row.

    span: where they stand; path: where the ids before them stand, from the root on; lengths: ids of each.
    As a block [pieces, longest] they are padded: cells: [pieces * longest] place in the row of each cell
    (padding repeats a piece's last id); own: [n] the cells that are no padding; both None if all pieces have
    one length.
    """

    span: slice
    path: tuple[slice, ...]
    lengths: tuple[int, ...]
    cells: Tensor | None
    own: Tensor | None

    @property
    def before(self) -> int:
        """Ids on the path."""
        return sum(part.stop - part.start for part in self.path)

    def to(self, device: torch.device) -> Part:
        """The same on a device."""
        if self.cells is None or self.own is None:
            return self
        return replace(self, cells=self.cells.to(device), own=self.own.to(device))


@dataclass(frozen=True)
class Tree:
    """A row of N ids, filled up at the end, with their positions and parts.

    ids, positions: [1, N]; shared: [examples] how many ids of each stand outside its leaf; starts: [examples]
    what is added to a place in an example's leaf, counted from its first id, to find it in the row.
    """

    ids: Tensor
    positions: Tensor
    parts: tuple[Part, ...]
    starts: np.ndarray
    shared: np.ndarray

    def to(self, device: torch.device) -> Tree:
        """The same on a device."""
        parts = tuple(part.to(device) for part in self.parts)
        return replace(self, ids=self.ids.to(device), positions=self.positions.to(device), parts=parts)


class _Row:
    """A row of ids that grows part by part."""

    def __init__(self) -> None:
        self.ids: list[np.ndarray] = []
        self.positions: list[np.ndarray] = []
        self.parts: list[Part] = []
        self.end = 0

    def add(self, pieces: Sequence[np.ndarray], path: tuple[slice, ...], position: int) -> list[int]:
        """Add a part of pieces that begin at a position; where each stands."""
        lengths = np.array([len(piece) for piece in pieces])
        starts = self.end + np.concatenate([[0], np.cumsum(lengths)[:-1]])
        cells = own = None
        if lengths.min() != lengths.max():
            column = np.arange(lengths.max())
            cells = torch.from_numpy((starts[:, None] + np.minimum(column, lengths[:, None] - 1)).reshape(-1))
            own = torch.from_numpy(np.flatnonzero(column < lengths[:, None]))
        span = slice(self.end, self.end + int(lengths.sum()))
        self.parts.append(Part(span, path, tuple(lengths.tolist()), cells, own))
        self.ids += pieces
        self.positions += [np.arange(position, position + length) for length in lengths]
        self.end = span.stop
        return [int(start) for start in starts]

    def fill(self, pad: int) -> tuple[Tensor, Tensor]:
        """Ids and positions, filled up."""
        step = max(ROUND, 2 ** self.end.bit_length() // 32)
        rest = np.zeros(-self.end % step, dtype=np.int64)
        ids = np.concatenate([*self.ids, rest + pad])
        return torch.from_numpy(ids)[None], torch.from_numpy(np.concatenate([*self.positions, rest]))[None]


def grow(examples: Sequence[Encoded], pad: int) -> Tree:
    """The tree of examples without their last ids, which are never an input."""
    ids = [np.asarray(encoded.ids, dtype=np.int64) for encoded in examples]
    # the state that predicts the first learned id is each example's own
    limits = [next(i for i, w in enumerate(encoded.weights) if w != 0) - 1 for encoded in examples]
    order = sorted(range(len(examples)), key=lambda i: examples[i].ids[: limits[i]])
    common = np.array(
        [alike(ids[a][: limits[a]], ids[b][: limits[b]]) for a, b in pairwise(order)], dtype=int
    )
    all_ids = sum(len(row) - 1 for row in ids)
    row, starts, shared = _lay(ids, order, common)
    if all_ids - row.end < WORTH * all_ids:
        row, starts, shared = _lay(ids, order, np.zeros_like(common))
    return Tree(*row.fill(pad), tuple(row.parts), starts, shared)


def _lay(
    ids: Sequence[np.ndarray], order: Sequence[int], common: np.ndarray
) -> tuple[_Row, np.ndarray, np.ndarray]:
    """The row of examples, and ``starts`` and ``shared`` of its tree.

    order: examples sorted by their beginnings; common: [examples - 1] ids that neighbours have in common.
    """
    row = _Row()
    starts, shared = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    families: list[tuple[int, int, int, tuple[slice, ...]]] = [(0, len(order), 0, ())]
    for first, last, length, path in families:  # which grows
        alone, stems = _fork(common, first, last, length)
        if stems:
            places = row.add([ids[order[a]][length:end] for a, _, end in stems], path, length)
            for place, (a, b, end) in zip(places, stems, strict=True):
                families.append((a, b, end, (*path, slice(place, place + end - length))))
        if alone:
            members = [order[i] for i in alone]
            starts[members] = np.array(row.add([ids[i][length:-1] for i in members], path, length)) - length
            shared[members] = length
    return row, starts, shared


def alike(first: np.ndarray, second: np.ndarray) -> int:
    """Number of ids that two rows begin with alike."""
    length = min(len(first), len(second))
    differ = np.flatnonzero(first[:length] != second[:length])
    return int(differ[0]) if len(differ) else length


def _fork(
    common: np.ndarray, first: int, last: int, length: int
) -> tuple[list[int], list[tuple[int, int, int]]]:
    """How the sorted examples [first, last), whose first ``length`` ids stand in the row, go on from there.

    Returns those that go on alone, and stems (first, last, ids in common) of those that share enough more.
    """
    alone: list[int] = []
    stems: list[tuple[int, int, int]] = []
    runs = [(first, last)]
    while runs:
        a, b = runs.pop()
        if b - a == 1:
            alone.append(a)
            continue
        between = common[a : b - 1]
        end = int(between.min())
        cuts = [a, *(a + 1 + np.flatnonzero(between == end)).tolist(), b]
        if (end - length) * (len(cuts) - 2) > BRANCH:
            stems.append((a, b, end))
        else:
            runs += reversed(list(pairwise(cuts)))
    return alone, stems

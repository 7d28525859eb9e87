"""The table of word pairs that meet in some sentence pair, and what goes between it and the sentences.

Rows are source types. A row holds the target types that occur beside the type, in the order of their first
meeting, and a number for each. Everything walks the text type by type: the row is spread over a dense vector,
and each place of the type reads its cells from there. So a cell costs one look-up in a vector that stays in
the processor's cache; there is no hashing and no index of cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dragoman.align.jit import compiled

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]

RARE = 5
"""Words that occur less often keep every pair; a thinned table drops pairs of others that meet once."""


@compiled
def reordered(ids: Ints, offsets: Longs, lines: Longs, new_offsets: Longs) -> Ints:
    """The tokens of these lines, line after line; ``new_offsets`` says where each begins."""
    moved = np.empty(new_offsets[-1], np.int32)
    for number in range(lines.size):
        begin = offsets[lines[number]]
        at = new_offsets[number]
        for k in range(new_offsets[number + 1] - at):
            moved[at + k] = ids[begin + k]
    return moved


@compiled
def places(ids: Ints, types: int) -> tuple[Longs, Ints]:
    """Where each type stands: ``starts`` (types + 1) into ``order``, which lists the tokens by type."""
    starts = np.zeros(types + 1, np.int64)
    for token in range(ids.size):
        starts[ids[token] + 1] += 1
    for kind in range(types):
        starts[kind + 1] += starts[kind]
    free = starts[:-1].copy()
    order = np.empty(ids.size, np.int32)
    for token in range(ids.size):
        order[free[ids[token]]] = token
        free[ids[token]] += 1
    return starts, order


@compiled
def find_rows(
    first: int, last: int, starts: Longs, order: Ints, sentence: Ints, target: Ints, offsets: Longs,
    frequency: Longs, thin: bool, counting: bool, rows: Longs, columns: Ints,
) -> None:  # fmt: skip
    """The rows of source types first..last: with ``counting`` their lengths go into ``rows[kind + 1]``, else
    their target types into ``columns`` from ``rows[kind]`` on. ``frequency`` is that of the target types."""
    met = np.zeros(frequency.size, np.int32)
    seen = np.empty(frequency.size, np.int32)
    for kind in range(first, last):
        count = 0
        for place in range(starts[kind], starts[kind + 1]):
            s = sentence[order[place]]
            for token in range(offsets[s], offsets[s + 1]):
                other = target[token]
                if met[other] == 0:
                    seen[count] = other
                    count += 1
                met[other] += 1
        drops = thin and starts[kind + 1] - starts[kind] >= RARE
        kept = 0
        for k in range(count):
            other = seen[k]
            if not (drops and met[other] == 1 and frequency[other] >= RARE):
                if not counting:
                    columns[rows[kind] + kept] = other
                kept += 1
            met[other] = 0
        if counting:
            rows[kind + 1] = kept


@compiled
def gather(
    first: int, last: int, starts: Longs, order: Ints, sentence: Ints, source_offsets: Longs, target: Ints,
    offsets: Longs, cell_offsets: Longs, rows: Longs, columns: Ints, values: Floats, floor: float,
    types: int, cells: Floats,
) -> None:  # fmt: skip
    """cells[i, j] of every sentence = the value of (source word i, target word j), ``floor`` without an
    entry."""
    dense = np.full(types, np.float32(floor), np.float32)
    for kind in range(first, last):
        if starts[kind] == starts[kind + 1]:
            continue
        for k in range(rows[kind], rows[kind + 1]):
            dense[columns[k]] = values[k]
        for place in range(starts[kind], starts[kind + 1]):
            token = order[place]
            s = sentence[token]
            width = offsets[s + 1] - offsets[s]
            base = cell_offsets[s] + (token - source_offsets[s]) * width
            for j in range(width):
                cells[base + j] = dense[target[offsets[s] + j]]
        for k in range(rows[kind], rows[kind + 1]):
            dense[columns[k]] = np.float32(floor)


@compiled
def collect(
    first: int, last: int, starts: Longs, order: Ints, sentence: Ints, source_offsets: Longs, target: Ints,
    offsets: Longs, cell_offsets: Longs, rows: Longs, columns: Ints, cells: Floats, types: int, fresh: bool,
    thin: bool, counts: Floats,
) -> None:  # fmt: skip
    """Counts of the entries of these rows: the sum of their cells; added to what is there unless
    ``fresh``."""
    dense = np.zeros(types, np.float32)
    for kind in range(first, last):
        for place in range(starts[kind], starts[kind + 1]):
            token = order[place]
            s = sentence[token]
            width = offsets[s + 1] - offsets[s]
            base = cell_offsets[s] + (token - source_offsets[s]) * width
            for j in range(width):
                dense[target[offsets[s] + j]] += cells[base + j]
        for k in range(rows[kind], rows[kind + 1]):
            other = columns[k]
            counts[k] = dense[other] if fresh else counts[k] + dense[other]
            dense[other] = 0.0
        if thin:  # pairs that the table does not hold
            for place in range(starts[kind], starts[kind + 1]):
                s = sentence[order[place]]
                for token in range(offsets[s], offsets[s + 1]):
                    dense[target[token]] = 0.0


@compiled
def margins(
    rows: Longs, columns: Ints, counts: Floats, types: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the rows, and of the columns."""
    by_row = np.zeros(rows.size - 1, np.float64)
    by_column = np.zeros(types, np.float64)
    for kind in range(rows.size - 1):
        total = 0.0
        for k in range(rows[kind], rows[kind + 1]):
            total += counts[k]
            by_column[columns[k]] += counts[k]
        by_row[kind] = total
    return by_row, by_column


@compiled
def by_type(ids: Ints, values: Floats, types: int) -> NDArray[np.float64]:
    """Sums of a number of each token, by type."""
    sums = np.zeros(types, np.float64)
    for token in range(ids.size):
        sums[ids[token]] += values[token]
    return sums

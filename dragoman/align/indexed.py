"""A pass of the diagonal model over a text whose cells fit in memory as numbers of table entries.

Sentence by sentence, everything at once: emissions are read, posteriors formed, counts added. One number a
cell is the price; for larger text the passes go type by type (table.py).
"""

from __future__ import annotations

import numpy as np

from dragoman.align.diagonal import NULL, prior
from dragoman.align.jit import compiled
from dragoman.align.table import Floats, Ints, Longs


@compiled
def find_cells(
    starts: Longs, order: Ints, sentence: Ints, source_offsets: Longs, target: Ints, offsets: Longs,
    cell_offsets: Longs, types: int, rows: Longs, columns: Ints, cells: Ints,
) -> int:  # fmt: skip
    """The rows of all source types, and into ``cells`` [source, target] of each sentence the entry of each
    cell.

    ``columns`` has room for as many entries as there are cells; returns how many there are.
    """
    owner = np.full(types, -1, np.int32)
    slot = np.empty(types, np.int32)
    count = 0
    for kind in range(starts.size - 1):
        for place in range(starts[kind], starts[kind + 1]):
            token = order[place]
            s = sentence[token]
            height = offsets[s + 1] - offsets[s]
            base = cell_offsets[s] + (token - source_offsets[s]) * height
            for j in range(height):
                other = target[offsets[s] + j]
                if owner[other] != kind:
                    owner[other] = kind
                    slot[other] = count
                    columns[count] = other
                    count += 1
                cells[base + j] = slot[other]
        rows[kind + 1] = count
    return count


@compiled
def one_pass(
    first: int, last: int, source_offsets: Longs, target_offsets: Longs, cell_offsets: Longs, cells: Ints,
    turned: bool, tension: float, values: Floats, null_emission: Floats, counts: Floats,
    null_posterior: Floats, out: Floats,
) -> float:  # fmt: skip
    """Adds the posteriors of sentences first..last to ``counts``, or with room in ``out`` writes them there.

    There they stand [generated, generating] for each sentence. Other arguments, and the number that is
    returned (the sum of the expected feature), are those of :func:`dragoman.align.diagonal.posteriors`.
    """
    longest = 1
    for s in range(first, last):
        longest = max(longest, cell_offsets[s + 1] - cell_offsets[s])
    weights = np.empty(longest, np.float32)
    feature = np.empty(longest, np.float32)
    flat = np.empty(longest, np.float32)
    total = np.empty(longest, np.float32)
    width, height = -1, -1
    empirical = 0.0
    for s in range(first, last):
        rows = source_offsets[s + 1] - source_offsets[s]
        columns = target_offsets[s + 1] - target_offsets[s]
        base = cell_offsets[s]
        across, along = (columns, rows) if turned else (rows, columns)
        if across != width or along != height:
            width, height = across, along
            prior(width, height, tension, weights, feature)
        at = (source_offsets if turned else target_offsets)[s]
        i_step, j_step = (1, width) if turned else (height, 1)
        for j in range(height):
            total[j] = NULL * null_emission[at + j]
        for i in range(width):
            for j in range(height):
                k = i * height + j
                flat[k] = values[cells[base + i * i_step + j * j_step]] * weights[k]
                total[j] += flat[k]
        for j in range(height):
            total[j] = 1 / total[j]
            null_posterior[at + j] = NULL * null_emission[at + j] * total[j]
        for i in range(width):
            for j in range(height):
                k = i * height + j
                share = flat[k] * total[j]
                empirical += share * feature[k]
                if out.size > 0:
                    out[base + j * width + i] = share
                else:
                    counts[cells[base + i * i_step + j * j_step]] += share
    return empirical

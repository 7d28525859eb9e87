"""From posteriors of both directions to links."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from dragoman.align.bitext import Chunk
from dragoman.align.jit import compiled, in_threads
from dragoman.align.rows import RUNS
from dragoman.align.side import Posteriors
from dragoman.align.symmetrize import METHODS, Bools, combine
from dragoman.align.table import Floats, Longs

Symmetry = Literal[
    "agree", "forward", "reverse", "intersect", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"
]
SYMMETRIES: tuple[str, ...] = get_args(Symmetry)
AGREE, FORWARD, REVERSE = -3, -2, -1
THRESHOLD = 0.4
"""Of `agree`: a link is where the geometric mean of its two posteriors reaches this."""


class Found(NamedTuple):
    """Links of many sentences: those of sentence s are ``[starts[s]:starts[s + 1]]``, sorted."""

    starts: Longs
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    score: Floats


def code_of(symmetry: str) -> int:
    """The number by which :func:`links` knows a way of making one of two."""
    return SYMMETRIES.index(symmetry) - 3 if symmetry not in METHODS else METHODS.index(symmetry)


@compiled
def _one_direction(
    posterior: Floats, null_posterior: Floats, threshold: float, turned: bool, out: Bools
) -> None:
    """out[source, target] of one direction; ``posterior`` is [generated, generating].

    With a threshold above 0 every link that reaches it; else each generated word's best, unless the empty
    word is better.
    """
    length, width = posterior.shape
    for j in range(length):
        best, at = null_posterior[j], -1
        for i in range(width):
            linked = threshold > 0 and posterior[j, i] >= threshold
            if posterior[j, i] > best:
                best, at = posterior[j, i], i
            if turned:
                out[j, i] = linked
            else:
                out[i, j] = linked
        if threshold <= 0 and at >= 0:
            if turned:
                out[j, at] = True
            else:
                out[at, j] = True


@compiled
def mark(
    first: int, last: int, source_offsets: Longs, target_offsets: Longs, cell_offsets: Longs, forward: Floats,
    backward: Floats, null_forward: Floats, null_backward: Floats, how: int, threshold: float, marks: Bools,
) -> None:  # fmt: skip
    """Into ``marks`` [source, target] of sentences first..last: which cells are links, as ``how`` says."""
    longest = 1
    for s in range(first, last):
        longest = max(longest, cell_offsets[s + 1] - cell_offsets[s])
    room = np.empty((2, longest), np.bool_)
    for s in range(first, last):
        a, b = source_offsets[s], source_offsets[s + 1]
        c, d = target_offsets[s], target_offsets[s + 1]
        start, end = cell_offsets[s], cell_offsets[s + 1]
        out = marks[start:end].reshape((b - a, d - c))
        if how == AGREE:
            ahead = forward[start:end].reshape((d - c, b - a))
            back = backward[start:end].reshape((b - a, d - c))
            for i in range(b - a):
                for j in range(d - c):
                    out[i, j] = ahead[j, i] * back[i, j] >= threshold * threshold
            continue
        one = room[0, : end - start].reshape((b - a, d - c))
        two = room[1, : end - start].reshape((b - a, d - c))
        if how != REVERSE:
            grid = forward[start:end].reshape((d - c, b - a))
            _one_direction(grid, null_forward[c:d], threshold, False, out if how == FORWARD else one)
        if how != FORWARD:
            grid = backward[start:end].reshape((b - a, d - c))
            _one_direction(grid, null_backward[a:b], threshold, True, out if how == REVERSE else two)
        if how >= 0:
            combine(one, two, how, out)


def links(chunk: Chunk, cells: Posteriors, symmetry: str, threshold: float, threads: int = 1) -> Found:
    """The links of a chunk. A threshold of 0: see :func:`_one_direction`; ``agree`` needs one above 0.

    The score of a link is the posterior of the one direction that was asked for, else the geometric mean of
    both.
    """
    how = code_of(symmetry)
    marks = np.empty(chunk.cells, np.bool_)
    offsets = chunk.source_offsets, chunk.target_offsets, chunk.cell_offsets
    in_threads(
        lambda first, last: mark(first, last, *offsets, *cells, how, threshold, marks),
        chunk.blocks(RUNS),
        threads,
    )
    at = np.flatnonzero(marks)
    starts = np.searchsorted(at, chunk.cell_offsets)
    sentence = np.repeat(np.arange(len(chunk)), np.diff(starts))
    base = chunk.cell_offsets[sentence]
    heights, widths = np.diff(chunk.target_offsets)[sentence], np.diff(chunk.source_offsets)[sentence]
    i, j = np.divmod(at - base, heights)
    ahead = cells.forward[base + j * widths + i] if how != REVERSE else None
    back = cells.backward[at] if how != FORWARD else None
    score: Any = back if ahead is None else ahead if back is None else np.sqrt(ahead * back)
    return Found(starts, i.astype(np.int32), j.astype(np.int32), score)

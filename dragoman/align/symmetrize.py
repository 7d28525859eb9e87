"""Two directions made one: intersect, union, and the growing heuristics of Koehn, Och and Marcu (2003).

The growing ones follow the authors' pseudo-code (Koehn, *Statistical Machine Translation*, figure 4.14):
links are visited source word by source word, each with its eight neighbours in the order of ``NEIGHBOURS``;
what was added is visited in the same pass, and passes repeat until nothing is added. ``final`` then goes
through the links of the forward direction, and through those of the reverse one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dragoman.align.jit import compiled
from dragoman.align.pharaoh import Link
from dragoman.errors import DataError

Method = Literal["intersect", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"]
METHODS: tuple[str, ...] = get_args(Method)
NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
_STEPS = np.array(NEIGHBOURS, np.int64)
INTERSECT, UNION, GROW, FINAL, FINAL_AND = range(5)

Bools = NDArray[np.bool_]


def symmetrize(forward: Iterable[Link], reverse: Iterable[Link], method: str) -> list[Link]:
    """The links of both directions of one pair as one sorted list; all are (source, target)."""
    if method not in METHODS:
        raise DataError(f"symmetrisation {method!r} is unknown; expected one of {', '.join(METHODS)}")
    one, two = set(forward), set(reverse)
    if not (one | two):
        return []
    rows = 1 + max(i for i, _ in one | two)
    columns = 1 + max(j for _, j in one | two)
    grids = np.zeros((3, rows, columns), np.bool_)
    for grid, links in zip(grids, (one, two), strict=False):
        for link in links:
            grid[link] = True
    combine(grids[0], grids[1], METHODS.index(method), grids[2])
    return [(int(i), int(j)) for i, j in np.argwhere(grids[2])]


@compiled
def combine(forward: Bools, reverse: Bools, method: int, out: Bools) -> None:
    """The two grids [source, target] as one, into ``out``; ``method`` is an index of METHODS."""
    rows, columns = forward.shape
    source = np.zeros(rows, np.bool_)
    target = np.zeros(columns, np.bool_)
    for i in range(rows):
        for j in range(columns):
            both = forward[i, j] and reverse[i, j]
            out[i, j] = forward[i, j] or reverse[i, j] if method == UNION else both
            if both:
                source[i] = True
                target[j] = True
    if method < GROW:
        return
    added = True
    while added:
        added = False
        for i in range(rows):
            for j in range(columns):
                if out[i, j]:
                    for k in range(8):
                        a, b = i + _STEPS[k, 0], j + _STEPS[k, 1]
                        if not (0 <= a < rows and 0 <= b < columns) or out[a, b]:
                            continue
                        if (forward[a, b] or reverse[a, b]) and not (source[a] and target[b]):
                            out[a, b] = source[a] = target[b] = added = True
    if method == GROW:
        return
    for direction in range(2):
        for i in range(rows):
            for j in range(columns):
                linked = forward[i, j] if direction == 0 else reverse[i, j]
                free = not (source[i] or target[j]) if method == FINAL_AND else not (source[i] and target[j])
                if linked and free:
                    out[i, j] = source[i] = target[j] = True

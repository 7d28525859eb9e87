"""Symmetrisation against definitions written down independently, and against cases drawn by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.align.symmetrize import METHODS, symmetrize
from dragoman.errors import DataError

Links = set[tuple[int, int]]


def reference(forward: Links, reverse: Links, method: str) -> Links:
    """The pseudo-code of the book, line by line, on sets; source words are the outer loop."""
    union = forward | reverse
    if method == "union":
        return union
    alignment = forward & reverse
    if method == "intersect":
        return alignment
    words = range(1 + max((max(link) for link in union), default=-1))

    def source_aligned(e: int) -> bool:
        return any(link[0] == e for link in alignment)

    def target_aligned(f: int) -> bool:
        return any(link[1] == f for link in alignment)

    neighbouring = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
    while True:
        before = len(alignment)
        for e in words:
            for f in words:
                if (e, f) in alignment:
                    for de, df in neighbouring:
                        new = e + de, f + df
                        if new in union and (not source_aligned(new[0]) or not target_aligned(new[1])):
                            alignment.add(new)
        if len(alignment) == before:
            break
    if method == "grow-diag":
        return alignment
    for direction in (forward, reverse):
        for e in words:
            for f in words:
                if (e, f) in direction:
                    free = not source_aligned(e), not target_aligned(f)
                    if all(free) if method == "grow-diag-final-and" else any(free):
                        alignment.add((e, f))
    return alignment


GRID = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=16)


@settings(max_examples=150, deadline=None)
@given(GRID, GRID)
def test_equal_to_the_definitions(forward: Links, reverse: Links) -> None:
    for method in METHODS:
        assert symmetrize(forward, reverse, method) == sorted(reference(forward, reverse, method)), method


@settings(max_examples=50, deadline=None)
@given(GRID, GRID)
def test_each_holds_the_one_before(forward: Links, reverse: Links) -> None:
    sets = {method: set(symmetrize(forward, reverse, method)) for method in METHODS}
    assert sets["intersect"] <= sets["grow-diag"] <= sets["grow-diag-final-and"] <= sets["union"]
    assert sets["grow-diag"] <= sets["grow-diag-final"] <= sets["union"]
    for method in ("intersect", "union"):
        assert sets[method] == set(symmetrize(reverse, forward, method))


def drawn(picture: str) -> tuple[Links, Links]:
    """``x`` both directions, ``f`` forward alone, ``r`` reverse alone; rows are source words."""
    cells = [(i, j, mark) for i, row in enumerate(picture.split()) for j, mark in enumerate(row)]
    return {(i, j) for i, j, m in cells if m in "xf"}, {(i, j) for i, j, m in cells if m in "xr"}


@pytest.mark.parametrize(
    ("picture", "method", "expected"),
    [
        # the neighbour of a link joins where its word is free; the far one does not
        ("xf. ... ..f", "grow-diag", "0-0 0-1"),
        # ... but does at the end, with either rule, for both its words are free
        ("xf. ... ..f", "grow-diag-final", "0-0 0-1 2-2"),
        ("xf. ... ..f", "grow-diag-final-and", "0-0 0-1 2-2"),
        # a far link of which one word is free: only final takes it
        ("x..f .... ....", "grow-diag-final", "0-0 0-3"),
        ("x..f .... ....", "grow-diag-final-and", "0-0"),
        # diagonal steps count; growth goes on from what was added
        ("x... .f.. ..r. ....", "grow-diag", "0-0 1-1 2-2"),
        # both words taken: a neighbour stays out
        ("xf fx", "grow-diag", "0-0 1-1"),
        # nothing that both have: nothing to grow from
        ("f. .r", "grow-diag", ""),
        ("f. .r", "grow-diag-final-and", "0-0 1-1"),
        ("f. .r", "intersect", ""),
        ("f. .r", "union", "0-0 1-1"),
        # final asks the forward links first: 0-1 takes both words, 0-0 has a free word, 1-1 then too
        ("rf ..", "grow-diag-final-and", "0-1"),
        ("rf ..", "grow-diag-final", "0-0 0-1"),
    ],
)  # fmt: skip
def test_drawn_by_hand(picture: str, method: str, expected: str) -> None:
    assert " ".join(f"{i}-{j}" for i, j in symmetrize(*drawn(picture), method)) == expected


def test_nothing_and_nonsense() -> None:
    assert symmetrize([], [], "grow-diag-final-and") == []
    with pytest.raises(DataError, match="symmetrisation 'grow' is unknown; expected one of intersect, union"):
        symmetrize([], [], "grow")

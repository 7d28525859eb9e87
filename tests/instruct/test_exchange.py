"""Which links are used, and which are exchanged for false assertions: for whatever cells there are."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.instruct.linked import NEAR, UNLIKE, Linked, Side, Unit
from dragoman.recipe import TaskSpec

WORDS = ["a", "an", "Anna", "house", "houses", "7", ",", "Birmingham", "the", "of"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join)


@st.composite
def parts(draw: st.DrawFn) -> tuple[Side, Side, list[tuple[int, int, float]]]:
    """Two sides and any cells."""
    source, target = Side(draw(TEXTS), False), Side(draw(TEXTS), False)
    places = st.tuples(
        st.integers(0, len(source.words) - 1), st.integers(0, len(target.words) - 1), st.floats(0.001, 1)
    )
    return source, target, draw(st.lists(places, max_size=20, unique_by=lambda cell: cell[:2]))


def identity(texts: tuple[str, str], **spec: Any) -> Linked:
    """A line whose k-th words are linked."""
    source, target = (Side(text, False) for text in texts)
    return Linked(source, target, [(k, k, 0.9) for k in range(len(source.words))], TaskSpec(**spec), "line")


@settings(max_examples=200, deadline=None)
@given(parts(), st.floats(0.1, 0.9), st.booleans())
def test_links_are_one_to_one_likely_and_of_words(
    given_parts: tuple[Side, Side, list[tuple[int, int, float]]], least: float, words_only: bool
) -> None:
    source, target, cells = given_parts
    line = Linked(source, target, cells, TaskSpec(posterior=least, words_only=words_only), "line")
    likely = {(i, j) for i, j, score in cells if score >= least}
    alone = {(i, j) for i, j in likely if sum(i == a or j == b for a, b in likely) == 1}
    signs = {
        (i, j)
        for i, j in alone
        if not all(side.quote((k, k + 1)).isalpha() for side, k in ((source, i), (target, j)))
    }
    assert set(line.links) == (alone - signs if words_only else alone)


@settings(max_examples=200, deadline=None)
@given(parts(), st.floats(0, 1), st.integers(0, 10**6), st.integers(1, 4))
def test_exchanged_units_are_apart_and_of_one_size(
    given_parts: tuple[Side, Side, list[tuple[int, int, float]]], phrases: float, seed: int, most: int
) -> None:
    rng = random.Random(seed)
    line = Linked(*given_parts, TaskSpec(posterior=0.3), "line")
    units = line.units(phrases, rng)
    assert [k for unit in units for k in range(*unit.source)] == [i for i, _ in line.links]
    assert sorted(k for unit in units for k in range(*unit.target)) == sorted(j for _, j in line.links)
    pairs = line.partners(units, rng, most)
    assert len(pairs) <= most
    used = [unit for pair in pairs for unit in pair]
    assert len(used) == len(set(used)) and set(used) <= set(units)
    for one, two in pairs:
        assert one.size == two.size
        assert max(gap(one.source, two.source), gap(one.target, two.target)) >= NEAR
        assert line.apart(one.source, two.target) and line.apart(two.source, one.target)
        assert len(pairs) == 1 or line.unlike(one, two) <= UNLIKE


def gap(one: tuple[int, int], two: tuple[int, int]) -> int:
    """Words between two spans."""
    return max(one[0], two[0]) - min(one[1], two[1])


def pairs_of(line: Linked, units: list[Unit] | None = None) -> set[frozenset[Unit]]:
    """The pairs that a line gives, however the dice fall."""
    found: set[frozenset[Unit]] = set()
    for seed in range(20):
        rng = random.Random(seed)
        found |= {frozenset(pair) for pair in line.partners(units or line.units(0, rng), rng)}
    return found


def test_only_what_is_related_keeps_a_line_from_being_used() -> None:
    """The same line with and without a faint cell; a word that stands twice is one."""
    ends = [(0, 0, 0.9), (5, 5, 0.9)]
    sides = Side("sa sb sc sd se sf", False), Side("ta tb tc td te tf", False)
    for faint, count in (([], 1), ([(0, 5, 0.002)], 0), ([(5, 0, 0.002)], 0), ([(1, 5, 0.002)], 1)):
        assert len(pairs_of(Linked(*sides, [*ends, *faint], TaskSpec(), "line"))) == count
    again = Side("sa sb sc sd se SA", False), Side("ta tb tc td te tf", False)
    for faint, count in (([], 1), ([(5, 4, 0.1)], 0)):
        line = Linked(*again, [(0, 0, 0.9), (4, 4, 0.9), *faint], TaskSpec(), "line")
        assert len(pairs_of(line)) == count


def test_the_second_word_of_a_phrase_counts_too() -> None:
    sides = Side("sa sb sc sd se sf sg", False), Side("ta tb tc td te tf tg", False)
    units = [Unit((0, 2), (0, 2)), Unit((5, 7), (5, 7))]
    for faint, count in (([], 1), ([(1, 6, 0.002)], 0), ([(6, 1, 0.002)], 0)):
        assert len(pairs_of(Linked(*sides, faint, TaskSpec(), "line"), units)) == count


def test_neighbours_are_not_exchanged() -> None:
    line = identity(("sa sb sc sd", "ta tb tc td"))
    assert line.partners(line.units(0, random.Random(0)), random.Random(0)) == []


def test_links_far_apart_come_first() -> None:
    """Three words between are enough only where no other link is farther away."""
    line = identity(("sa sb sc sd se sf sg sh si", "ta tb tc td te tf tg th ti"))
    units = [Unit((k, k + 1), (k, k + 1)) for k in (0, 4, 8)]
    assert pairs_of(line, units) == {frozenset((units[0], units[2]))}
    assert pairs_of(line, units[:2]) == {frozenset(units[:2])}


def test_words_of_one_form_are_exchanged_for_each_other() -> None:
    """Short for short, long for long, capital for capital, however the dice fall."""
    source = "on x Paris x eating x in x Rome x drinking"
    line = identity((source, source.replace("x", "y")), posterior=0.5)
    line.links = [link for link in line.links if link[0] % 2 == 0]
    for seed in range(20):
        rng = random.Random(seed)
        for one, two in line.partners(line.units(0, rng), rng):
            kinds = {"on": "short", "in": "short", "Paris": "name", "Rome": "name"}
            assert len({kinds.get(line.source.quote(unit.source), "verb") for unit in (one, two)}) == 1


def test_a_phrase_is_exchanged_for_a_phrase() -> None:
    """A word for two words would be false at first sight."""
    line = identity(("sa sb sc sd se sf sg sh", "ta tb tc td te tf tg th"))
    units = [Unit((0, 2), (0, 2)), Unit((3, 4), (3, 4)), Unit((7, 8), (7, 8))]
    assert pairs_of(line, units) == {frozenset(units[1:])}
    assert pairs_of(line, units[:1] + units[2:]) == set()


def test_a_word_that_looks_like_no_other_is_left_out() -> None:
    """Where others look alike; else the line gives the pair that comes closest."""
    line = identity(("longish sb sc sd is se sf sg smaller", "tlongish tb tc td ti te tf tg tsmaller"))
    units = [Unit((k, k + 1), (k, k + 1)) for k in (0, 4, 8)]
    assert pairs_of(line, units) == {frozenset((units[0], units[2]))}
    assert pairs_of(line, units[:2]) == {frozenset(units[:2])}


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_the_placebo_has_the_same_words_in_the_same_number(data: st.DataObject) -> None:
    source, target, cells = data.draw(parts())
    true, placebo = (
        Linked(source, target, cells, TaskSpec(posterior=0.2, placebo=shuffled), "line")
        for shuffled in (False, True)
    )
    assert len(placebo.links) == (len(true.links) if len(true.links) > 1 else 0)
    for side in (0, 1) if placebo.links else ():
        assert sorted(link[side] for link in placebo.links) == sorted(link[side] for link in true.links)


def test_the_placebo_shuffles_the_links_of_a_line_each_time_alike() -> None:
    cells = [(k, k, 0.9) for k in range(12)]
    sides = Side(" ".join("s" + chr(97 + k) for k in range(12)), False), Side(" ".join("xyzuvwabcdef"), False)
    shuffled = [Linked(*sides, cells, TaskSpec(placebo=True), f"line {k}").links for k in range(200)]
    again = [Linked(*sides, cells, TaskSpec(placebo=True), f"line {k}").links for k in range(200)]
    assert shuffled == again
    right = sum(i == j for links in shuffled for i, j in links) / (12 * 200)
    assert 0.06 < right < 0.11, "one in twelve by chance"

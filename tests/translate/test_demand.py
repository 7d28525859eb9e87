"""Demands: what counts as met, and how they are written down."""

from __future__ import annotations

import pytest

from dragoman.errors import DataError
from dragoman.translate.demand import Demand, check, clauses, joined, read_demand


def test_met_unmet_and_found() -> None:
    demand = Demand((("Klinik", "Krankenhaus"), ("rote",)), ("Haus", "am See"))
    outcome = check("Die Klinik am  See, kein Kaufhaus.", demand)
    assert outcome.met == (("Klinik", "Krankenhaus"),)
    assert outcome.unmet == (("rote",),)
    assert outcome.found == ("am See",)
    assert not outcome.satisfied
    assert check("rote Klinik", demand).satisfied


def test_a_demand_that_stands_twice_is_met_twice() -> None:
    demand = Demand((("Haus",), ("Haus",), ("Boot",)))
    assert check("Haus und Boot", demand).unmet == (("Haus",),)
    assert check("Haus, Haus, Boot", demand).satisfied
    either = Demand((("Haus", "Hütte"), ("Hütte", "Haus")))  # the same forms
    assert clauses(either) == [(("Haus", "Hütte"), 2)]
    assert not check("Haus", either).satisfied
    assert check("Haus, Hütte", either).satisfied


def test_phrases_may_overlap() -> None:
    demand = Demand((("New York",), ("York City",), ("York",)))
    assert check("in New York City", demand).satisfied


def test_case() -> None:
    assert not check("Im haus", Demand((("Haus",),))).satisfied
    assert check("Im haus", Demand((("Haus",),), ignore_case=True)).satisfied
    assert check("Im haus", Demand((), ("Haus",))).satisfied
    assert not check("Im haus", Demand((), ("Haus",), ignore_case=True)).satisfied
    assert clauses(Demand((("Haus",), ("haus",)), ignore_case=True)) == [(("Haus",), 2)]


def test_reading() -> None:
    demand = read_demand([["a", " b  c "], "d"], ["e"], "line 3")
    assert demand == Demand((("a", "b c"), ("d",)), ("e",))
    assert not read_demand(None, None, "line 3")
    assert not read_demand([], [], "line 3")


@pytest.mark.parametrize(
    ("must", "forbid", "message"),
    [
        ("Haus", None, "line 3, must: expected a list such as"),
        ([[]], None, r"line 3, must: \[\] is no form of"),
        ([3], None, "line 3, must: 3 is no form of"),
        ([["a", 3]], None, "line 3, must: expected a phrase, found 3"),
        ([" "], None, 'line 3, must: expected a phrase, found " "'),
        (None, {"a": 1}, "line 3, forbid: expected a list .* found dict"),
        (None, [""], 'line 3, forbid: expected a phrase, found ""'),
    ],
)
def test_what_cannot_be_read(must: object, forbid: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_demand(must, forbid, "line 3")


def test_phrases_join_a_demand_and_are_not_demanded_twice() -> None:
    assert joined(None, ["Rüde"], ["Hund"]) == Demand((("Rüde",),), ("Hund",))
    terms = Demand((("Rüden", "Rüde"), ("Garten",)), ("Hund",))
    assert joined(terms, ["Rüde"], ["Hund", "Hunde"]) == Demand(
        (("Rüde",), ("Garten",)), ("Hund", "Hunde")
    ), "of several forms the one that is said"
    loose = Demand((("rüde",),), (), True)
    assert joined(loose, ["Rüde"], []) == Demand((("Rüde",),), (), True)

"""What evaluation will measure by: common subsequences, demands, what changed beyond them."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import DataError
from dragoman.instruct.interactive.compare import (
    hunks,
    kept,
    kept_beside,
    shared,
    subsequence,
    units,
)
from dragoman.instruct.interactive.correction import Correction, holds, unasked
from dragoman.instruct.interactive.edits import Edit, edited

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=9)


def longest(one: tuple[str, ...], two: tuple[str, ...]) -> int:
    @cache
    def at(i: int, j: int) -> int:
        if i == len(one) or j == len(two):
            return 0
        return at(i + 1, j + 1) + 1 if one[i] == two[j] else max(at(i + 1, j), at(i, j + 1))

    return at(0, 0)


@given(WORDS, WORDS)
def test_the_common_subsequence_is_the_longest(one: list[str], two: list[str]) -> None:
    assert shared(one, two) == longest(tuple(one), tuple(two)) == len(subsequence(one, two))
    found = iter(one)
    assert all(word in found for word in subsequence(one, two)), "in order"


@given(WORDS, WORDS)
def test_hunks_lead_from_one_text_to_the_other(one: list[str], two: list[str]) -> None:
    built, done = [], 0
    for hunk in hunks(one, two):
        built += one[done : hunk.start] + two[hunk.new_start : hunk.new_end]
        done = hunk.end
    assert built + one[done:] == two


def test_kept_is_the_share_of_the_words_outside_the_edit() -> None:
    draft, expected = "Ein Hund läuft im Garten .", "Ein Rüde läuft im Garten ."
    assert kept(draft, expected, expected) == 1.0
    assert kept(draft, expected, draft) == 1.0, "the edit itself does not count"
    assert kept(draft, expected, "Ein Rüde rennt im Garten .") == pytest.approx(4 / 5)
    assert kept(draft, expected, "Der Rüde war hier") == 0.0
    assert kept("", "", "x") == 1.0


def test_kept_without_an_expected_answer_leaves_out_what_was_spoken_of() -> None:
    draft, answer = "Ein Hund läuft im Garten .", "Ein Rüde läuft im Park ."
    assert kept_beside(draft, ["Rüde", "Hund"], answer) == pytest.approx(4 / 5)


def test_text_without_spaces_is_compared_by_its_characters() -> None:
    assert units("我有一本书。", True) == tuple("我有一本书。")
    assert kept("我有一本书。", "我有两本书。", "我有两册书。", True) == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("text", "phrase", "there"),
    [
        ("Das Haus ist alt.", "Haus", True),
        ("Das Haustier ist alt.", "Haus", False),
        ("Krankenhäuser sind alt.", "krankenhäuser", True),
        ("Alte krankenhäuser.", "Krankenhäuser", False),
        ("L'eau est froide.", "eau", True),
        ("我去医院。", "医院", True),
    ],
)
def test_a_phrase_stands_at_word_borders(text: str, phrase: str, there: bool) -> None:
    assert holds(text, phrase) is there


def test_a_correction_is_met_by_what_it_demands_and_forbids() -> None:
    asked = Correction("vocabulary/replace", ("Rüde",), ("Hund",))
    draft = "Ein Hund läuft."
    assert asked.met(draft, "Ein Rüde läuft.")
    assert not asked.met(draft, draft) and not asked.met(draft, "Ein Rüde und ein Hund laufen.")
    free = Correction("style/revision", free=True)
    assert free.met(draft, "Ein Hund rennt.") and not free.met(draft, draft)


def test_what_nobody_asked_for_is_found() -> None:
    asked = [Correction("vocabulary/replace", ("Rüde",), ("Hund",))]
    draft = "Ein Hund läuft im Garten."
    assert unasked(draft, "Ein Rüde läuft im Garten.", asked) == []
    (hunk,) = unasked(draft, "Ein Rüde läuft im Park.", asked)
    assert hunk[:2] == (4, 5)
    assert unasked(draft, "Ganz anders.", [Correction("style/revision", free=True)]) == []


def test_a_correction_survives_writing_and_bad_rows_are_told() -> None:
    asked = Correction("content/omitted", ("im Garten",), (), ("im",), True)
    assert Correction.from_json(asked.to_json(), "x") == asked
    for row in ({"must": []}, {"kind": "a", "must": "b"}, ["kind"]):
        with pytest.raises(DataError, match="x: a correction is an object"):
            Correction.from_json(row, "x")


@given(
    st.text("ab ", min_size=8, max_size=12),
    st.lists(st.integers(0, 8), min_size=4, max_size=4),
    st.text("xy"),
)
def test_edits_change_their_places_and_nothing_else(text: str, places: list[int], new: str) -> None:
    one, two, three, four = sorted(places)
    edits = [Edit(one, two, new), Edit(three, four, "z")] if two < three else [Edit(one, two, new)]
    end = text[two:three] + "z" + text[four:] if two < three else text[two:]
    assert edited(text, reversed(edits)) == text[:one] + new + end
    assert edited(text, []) == text

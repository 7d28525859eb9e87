"""Borders of words, in scripts with spaces and without, and phrases at them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.phrases import border, contains, count, fold_text, holds, normal, occurrences


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("", "a", True), ("a", "", True), ("a", "b", False), ("a", " ", True), ("a", "-", True),
        ("3", "k", False), ("3", "人", True), ("人", "A", True), ("A", "人", True), ("人", "口", True),
        ("e", "\u0301", False), ("a", "\u200d", False), ("\u0301", "t", False), (" ", "\u0301", True),
        ("ก", "ข", True), ("ก", "า", False), ("ก", "ั", False), ("เ", "ก", False), ("'", "h", True),
        ("コ", "ー", False), ("き", "ゃ", False),
        ("ក", "\u17d2", False), ("\u17d2", "ក", False), ("က", "\u103a", False), ("\u103a", "က", True),
        ("병", "원", False), ("ש", "ל", False), ("_", "a", True), ("a", "\u00ad", True), ("ß", "ſ", False),
    ],
)  # fmt: skip
def test_borders(before: str, after: str, wanted: bool) -> None:
    assert border(before, after) is wanted


@pytest.mark.parametrize(
    ("text", "phrase", "wanted"),
    [
        ("Das Haus steht.", "Haus", [(4, 8)]),
        ("Hausarzt, Kaufhaus", "Haus", []),
        ("Haus-Arzt und l'Haus", "Haus", [(0, 4), (16, 20)]),
        ("New York City", "York City", [(4, 13)]),
        ("na na na", "na na", [(0, 5), (3, 8)]),
        ("(WHO) sagt", "(WHO)", [(0, 5)]),
        ("東京タワーに", "東京", [(0, 2)]),
        ("東京タワーに", "タワ", []),
        ("5 km, 15 km", "5 km", [(0, 4)]),
        ("cafe\u0301", "cafe", []),
        ("New  York", "New York", []),
        ("aXa", "x", []),
        ("", "x", []),
        ("x", "  ", []),
    ],
)
def test_occurrences(text: str, phrase: str, wanted: list[tuple[int, int]]) -> None:
    assert list(occurrences(text, phrase)) == wanted
    assert contains(text, phrase) is bool(wanted)


def test_case_and_loose_forms() -> None:
    assert contains("Im HAUS", "haus", ignore_case=True)
    assert not contains("Im HAUS", "haus")
    assert contains("ΟΔΟΣ", "οδος", ignore_case=True)  # the final sigma too
    assert holds("New \n\u00a0York", "New York")
    assert holds("cafe\u0301 noir", "café")
    assert holds("café noir", "cafe\u0301")
    assert not holds("cafés", "café")


def test_counting_does_not_overlap() -> None:
    assert count("na na na", ["na"]) == 3
    assert count("na na na", ["na na"]) == 1
    assert count("na na na na", ["na na"]) == 2
    assert count("a b c", ["a b", "b c", "c"]) == 2  # the ones that end first
    assert count("Haus Hausarzt", ["Haus"]) == 1


@given(st.text(), st.text(min_size=1))
def test_folding_keeps_places(text: str, phrase: str) -> None:
    assert len(fold_text(text)) == len(text)
    assert all(text[start:end] == normal(phrase) for start, end in occurrences(text, phrase))
    if normal(phrase):
        assert contains(f"{text} {normal(phrase)} {text}", phrase)

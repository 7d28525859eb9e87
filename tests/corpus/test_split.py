"""Leaks: a hit on any side takes out the line in all languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.corpus.pair import Record
from dragoman.corpus.split import Leaks, leaked_lines, normalise
from dragoman.recipe import Source

from .conftest import Drops, Write


def record(line: int, **texts: str) -> Record:
    return Record(f"test:{line}", texts, "corpus/test", line)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Ein Mann, der läuft.", "ein mann der läuft"),
        ("« Où ? »", "où"),
        ("STRASSE", "straße"),
        ("ﬁne  ①\u00a0", "fine1"),
        ("cafe\u0301", "café"),
        ("zero\u200bwidth", "zerowidth"),
        ("don't", "dont"),
    ],
)
def test_same_text(text: str, same: str) -> None:
    assert normalise(text) == normalise(same)


@pytest.mark.parametrize(
    ("text", "other"), [("a man", "a men"), ("कि", "की"), ("1+1", "11"), ("Bär", "Bar"), ("\ue000", "\ue001")]
)
def test_other_text(text: str, other: str) -> None:
    assert normalise(text) != normalise(other)


@given(st.text())
def test_normal_form_is_its_own(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_a_hit_on_any_side(drops: Drops) -> None:
    leaks = Leaks([record(1, de="Ein Hund.", en="A dog.", fr="..."), record(2, en="A cat!")])
    assert len(leaks) == 3
    train = [
        record(10, de="Ein Tier.", en="A DOG", fr="Un animal"),
        record(11, de="Ein Hund bellt.", en="A dog barks."),
        record(12, cs="ein  hund", it="a cat"),
        record(13, de="...", en="?!"),
    ]
    assert [r.line for r in leaks.without(train, drops)] == [11, 13]
    assert drops.rows == [(10, "leak", ("en",)), (12, "leak", ("cs", "it"))]
    assert all(drop.whole for drop in drops)
    assert [r.line for r in leaks.without(train)] == [11, 13]


def test_single_texts_for_other_scripts() -> None:
    leaks = Leaks([record(1, de="Ein Hund.")])
    assert "EIN HUND" in leaks
    assert "Hund" not in leaks
    assert "" not in leaks and "." not in Leaks([record(1, de="!")])


def test_sources_that_share_a_file_are_one_text(write: Write, tmp_path: Path) -> None:
    for code, texts in {"en": "a b c", "de": "ä ö ü", "fr": "à test ç"}.items():
        write(f"train.{code}", *texts.split())
    write("other.en", "test"), write("other.de", "x")

    def files(*codes: str, stem: str = "train") -> Source:
        return Source(files={code: str(tmp_path / f"{stem}.{code}") for code in codes})

    leaks = Leaks([record(1, fr="Test.")])
    found = leaked_lines([files("en", "de"), files("en", "fr"), files("en", "de", stem="other")], leaks)
    assert found == {(str(tmp_path / "train.en"), 2), (str(tmp_path / "train.fr"), 2)}


def test_splits_of_a_data_set_are_different_texts() -> None:
    one, other = Source(dataset="user/name"), Source(dataset="user/name", split="more")
    assert leaked_lines([one, other], Leaks([record(1, fr="Test.")])) == set()

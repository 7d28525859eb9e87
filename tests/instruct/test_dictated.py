"""What a user dictates in plain words binds the next answer, and nothing else does."""

from __future__ import annotations

import re

import pytest

from dragoman.instruct.interactive.dictated import KINDS, dictated
from dragoman.instruct.interactive.wordings import speech
from dragoman.language.language import Direction

EN_DE = Direction("en", "de")
TEXT, DRAFT = "The dog runs in the garden.", "Ein Hund läuft im Garten."


def read(said: str) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    found = dictated(said, EN_DE, TEXT, DRAFT)
    return found and (found.kind, found.must, found.forbid)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Use “Rüde” for “dog”.", ("vocabulary/replace", ("Rüde",), ())),
        ("use «Rüde» for dog", ("vocabulary/replace", ("Rüde",), ())),
        ("Please say 'Rüde' instead of 'Hund'!", ("vocabulary/replace", ("Rüde",), ("Hund",))),
        ('Change Hund to "Rüde", please.', ("vocabulary/replace", ("Rüde",), ("Hund",))),
        (
            'Replace "Ein Hund" with "Der Rüde".',
            ("vocabulary/replace", ("Der Rüde",), ("Ein Hund",)),
        ),
        ('Replace "Hund" with "alter Hund".', ("vocabulary/replace", ("alter Hund",), ())),
        ('Replace "Katze" with "Rüde".', ("vocabulary/replace", ("Rüde",), ())),
        ("Sag bitte „Rüde“ statt „Hund“.", ("vocabulary/replace", ("Rüde",), ("Hund",))),
        ('The translation must contain "Rüde"', ("vocabulary/include", ("Rüde",), ())),
        ("Make sure to include this word: Rüde", ("vocabulary/include", ("Rüde",), ())),
        ('please replace "Hund" with "Rüde"', ("vocabulary/replace", ("Rüde",), ("Hund",))),
        ("Use 'it’s' for dog, please!", ("vocabulary/replace", ("it’s",), ())),
        ("Keep the name dog as it is.", ("vocabulary/name", ("dog",), ())),
        ("Avoid 'Hund'.", ("vocabulary/exclude", (), ("Hund",))),
        ("Do not use the word Hund", ("vocabulary/exclude", (), ("Hund",))),
    ],
)
def test_wordings_with_any_quotes_or_none(said: str, expected: object) -> None:
    assert read(said) == expected


@pytest.mark.parametrize(
    "said",
    [
        "Use Rüde for dog",
        "Change Hund to Rüde, please.",
        "Replace “Hund” with the plural.",
        "Replace Hund with something better",
        "Use another word for dog",
        "Change Hund to plural, please",
        "Hund should read better",
        "Write nothing instead of Hund",
        "Ersetze Hund durch ein Synonym",
        "Sag bitte etwas anderes statt Hund.",
        "Make sure to include this word: see above",
        "What is better than Hund?",
        "Use “Rüde” for “dog”?",
        "“Rüde” is better than “Hund”?",
        "Please use the word 'Rüde' or 'Hund'",
        "The translation must contain ‘Rüde’ but not ‘Hund’",
        "Use 'Rüde' for 'dog' and 'Klinik' for 'hospital'",
        "Use “Rüde for dog",
        "Avoid .",
        "Replace “.” with “!”",
        "Leave “everything else” as in the original.",
        "The translation must contain all names.",
        "Use more commas for clarity.",
        "Make sure to include this word: the one that I told you",
        "Use a much longer word for dog.",
        "Avoid it.",
        "Avoid 'Katze'.",
        "Use “A” and “B” for “dog”.",
        "Use “Rüde” for “dog”. And make it shorter.",
        "Why do you use “Hund” for “dog”?",
        "Undo that.",
        "Make it shorter.",
        "",
        "“”",
        "Replace “" + "Hund" * 30_000 + "” with “Rüde”.",
        "Use " * 90,
    ],
)
def test_what_is_not_certain_is_left_to_the_model(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize("code", ["en", "de", "fr", "zh"])
def test_every_wording_of_training_is_understood(code: str) -> None:
    """Words as training puts them in: the new one is read off again, but where a wording has no quotes."""
    spoken, direction = speech(code), Direction("en", "de" if code == "en" else code)
    values = {"word": "dog", "old": "Hund", "new": "Rüde", "name": "dog"}
    read_off = 0
    for kind in KINDS:
        for wording in spoken.wordings[kind]:
            said = wording.format_map(values)
            found = dictated(said, direction, TEXT, DRAFT)
            wanted = {values[key] for key in ("new", "name") if f"{{{key}}}" in wording}
            if found is None:
                assert re.search(r"[\w\s]\{new\}|^\{new\}", wording), f"{code}, {kind}: {said}"
                continue
            assert set(found.must) == wanted, said
            read_off += 1
    assert read_off > 15


@pytest.mark.parametrize("code", ["en", "de", "fr", "zh"])
def test_no_wording_of_another_kind_is_taken_for_one_of_these(code: str) -> None:
    """With words in it that stand in text and draft, and in quotes where the wording has them."""
    spoken, direction = speech(code), Direction("en", "de" if code == "en" else code)
    values = {"word": "dog", "old": "Hund", "new": "Rüde", "name": "dog", "before": "Ein", "after": "läuft",
              "demand": "Use “Rüde” for “dog”.", "source": "English", "target": "German"}  # fmt: skip
    looked = 0
    for kind, wordings in spoken.wordings.items():
        for wording in wordings if kind not in KINDS else ():
            found = dictated(wording.format_map(values), direction, TEXT, DRAFT)
            assert found is None, f"{code}, {kind}: {wording}"
            looked += 1
    assert looked > 60

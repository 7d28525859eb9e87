"""What a user dictates in plain words binds the next answer, and nothing else does."""

from __future__ import annotations

import random
import re

import pytest

from dragoman.chat.dictated import KINDS, dictated, with_dictated
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.wordings import speech
from dragoman.language.language import Direction
from dragoman.language.phrases import holds
from dragoman.translate.demand import Demand

from .conftest import SOURCE, MakeTalk, a_word

EN_DE = Direction("en", "de")
TEXT, DRAFT = "The dog runs in the garden.", "Ein Hund läuft im Garten."


def read(said: str) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    found = dictated(said, EN_DE, TEXT, DRAFT)
    return found and (found.kind, found.must, found.forbid)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Use “Rüde” for “dog”.", ("vocabulary/replace", ("Rüde",), ())),
        ("use Rüde for dog", ("vocabulary/replace", ("Rüde",), ())),
        ("Please say 'Rüde' instead of 'Hund'!", ("vocabulary/replace", ("Rüde",), ("Hund",))),
        ("Change Hund to Rüde, please.", ("vocabulary/replace", ("Rüde",), ("Hund",))),
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
        ("Use Rüde for dog, please!", ("vocabulary/replace", ("Rüde",), ())),
        ("Avoid 'Hund'.", ("vocabulary/exclude", (), ("Hund",))),
        ("Do not use the word Hund", ("vocabulary/exclude", (), ("Hund",))),
    ],
)
def test_wordings_with_any_quotes_or_none(said: str, expected: object) -> None:
    assert read(said) == expected


@pytest.mark.parametrize(
    "said",
    [
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
    """Words as training puts them in: the new one is read off again, quotes or not."""
    spoken, direction = speech(code), Direction("en", "de" if code == "en" else code)
    values = {"word": "dog", "old": "Hund", "new": "Rüde", "name": "dog"}
    read_off = 0
    for kind in KINDS:
        for wording in spoken.wordings[kind]:
            said = wording.format_map(values)
            found = dictated(said, direction, TEXT, DRAFT)
            wanted = {values[key] for key in ("new", "name") if f"{{{key}}}" in wording}
            if found is None:
                quoted = re.search("[\"'“„«「]\\s*{(new|name|old)}", wording)
                assert not quoted, f"{code}, {kind}: {said}"
                continue
            assert set(found.must) == wanted, said
            read_off += 1
    assert read_off > 15


def test_of_training_dialogues_what_is_read_is_what_was_asked() -> None:
    """No wording of another kind is taken for one of these, with words in it that stand in text and draft."""
    spoken, rng = speech("en"), random.Random(3)
    values = {"word": "dog", "old": "Hund", "new": "Rüde", "name": "dog", "before": "Ein", "after": "läuft",
              "demand": "Use “Rüde” for “dog”.", "source": "English", "target": "German"}  # fmt: skip
    for kind, wordings in spoken.wordings.items():
        if kind in KINDS or kind.startswith(("style/", "history/instead", "translate", "answer/")):
            continue
        for wording in wordings:
            found = dictated(wording.format_map(values), EN_DE, TEXT, DRAFT)
            assert found is None, f"{kind}: {wording}"
    assert spoken.say("history/undo", rng, EN_DE)


def test_a_phrase_that_holds_already_is_not_demanded_twice() -> None:
    asked = Correction("vocabulary/replace", ("Rüde",), ("Hund",))
    assert with_dictated(None, asked) == Demand((("Rüde",),), ("Hund",))
    terms = Demand((("Rüde", "Rüden"), ("Garten",)), ("Hund",), True)
    assert with_dictated(terms, asked) == terms


@pytest.mark.parametrize("tuned", [True, False])
def test_the_next_version_holds_it_and_the_dialogue_tells(talk: MakeTalk, tuned: bool) -> None:
    chat = talk(tuned=tuned, max_new_tokens=40)
    first = chat.translate(SOURCE)
    gone = a_word(first.text)
    answer = chat.say(f"Replace “{gone}” with “vier fünf”.")
    assert holds(answer.text, "vier fünf") and not holds(answer.text, gone)
    (_, correction) = chat.session.opened().rounds
    assert correction.corrections == (Correction("vocabulary/replace", ("vier fünf",), (gone,)),)
    chat.say("Make it shorter.")
    assert chat.session.terms.demand(SOURCE) is None, "it holds this once; /terms is for good"


def test_what_cannot_be_met_is_told_and_the_model_answers(talk: MakeTalk) -> None:
    chat = talk(max_new_tokens=12)
    chat.translate(SOURCE)
    long = "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn"
    answer = chat.say(f"The translation must contain “{long}”.")
    assert any(note.startswith("not as you said: ") for note in answer.notes)
    assert chat.session.opened().rounds[1].corrections[0].kind == "chat/words"

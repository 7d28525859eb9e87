"""Weights of what a correction changes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Dialogue, context
from dragoman.instruct.interactive.stress import spans, stressed
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer

from .interactive_text import task

WEIGHT = 8.0


def marked(before: str, after: str, spaceless: bool = False) -> str:
    """The answer with what weighs more in brackets."""
    return "".join(
        f"[{span.text}]" if span.weight == WEIGHT else span.text
        for span in spans(before, after, WEIGHT, spaceless)
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("The red house.", "The blue house.", "The[ blue] house."),
        ("The house.", "The small blue house.", "The[ small blue] house."),
        ("The the house.", "The house.", "The[ house]."),
        ("A house and", "A house", "A[ house]"),
        ("One two.", "Three four!", "[Three four!]"),
        ("The house.", "The house.", "The house."),
        ("x", "", ""),
    ],
)
def test_changed_words_weigh_more_with_the_space_before_them(before: str, after: str, expected: str) -> None:
    assert marked(before, after) == expected


def test_text_without_spaces_is_compared_by_its_units() -> None:
    assert marked("他买了三本书。", "他买了五本书。", spaceless=True) == "他买了[五]本书。"


@given(st.text("ab .", max_size=12), st.text("ab .", max_size=12))
def test_spans_are_the_whole_answer(before: str, after: str) -> None:
    assert "".join(span.text for span in spans(before, after, WEIGHT)) == after
    if before == after:
        assert all(span.weight == 1 for span in spans(before, after, WEIGHT))


def test_only_learned_versions_are_weighed_and_against_the_one_that_held() -> None:
    dialogue = Dialogue("Ein rotes Haus.", Direction("deu", "eng"))
    dialogue.translate("Translate:", "A red hose.", context("A red hose."))
    dialogue.correct("house", "A red house.", [Correction("content/word")])
    dialogue.reply("What is red?", "“red” translates “rotes”.", "question/source")
    dialogue.undo("Undo that.")
    weights = [
        [(span.text, span.weight) for span in turn.spans]
        for turn in stressed(dialogue, WEIGHT).example().turns
        if turn.role == "assistant"
    ]
    assert weights == [
        [("A red hose.", 0.0)],
        [("A red", 1.0), (" house", WEIGHT), (".", 1.0)],
        [("“red” translates “rotes”.", 1.0)],
        [("A red", 1.0), (" hose", WEIGHT), (".", 1.0)],
    ]
    assert stressed(dialogue, WEIGHT).versions == dialogue.versions


def test_the_tokens_of_changed_words_get_the_weight() -> None:
    tokenizer = learn_tokenizer(["A red house and a red hose."] * 40, 300)
    encoder = Encoder(tokenizer, load_template("plain"))
    dialogue = Dialogue("Ein rotes Haus.", Direction("deu", "eng"))
    dialogue.translate("Translate:", "A red hose.", context("A red hose."))
    dialogue.correct("house", "A red house.", [Correction("content/word")])
    plain, weighed = (encoder.encode(one.example()) for one in (dialogue, stressed(dialogue, WEIGHT)))
    assert plain is not None and weighed is not None
    assert plain.ids == weighed.ids
    heavy = [index for index, weight in zip(weighed.ids, weighed.weights, strict=True) if weight == WEIGHT]
    assert encoder.decode(heavy) == " house"
    learnt = [weight > 0 for weight in weighed.weights]
    assert learnt == [weight > 0 for weight in plain.weights]


@pytest.mark.parametrize("single_turn", [False, True])
def test_the_setting_weighs_the_same_dialogues(single_turn: bool) -> None:
    plain, weighed = (task(single_turn=single_turn, edit_weight=value) for value in (1.0, WEIGHT))
    heavy = 0
    for item in range(100):
        one, other = (made.make(item, random.Random(item)) for made in (plain, weighed))
        assert [[(t.role, t.content, t.input) for t in e.turns] for e in one] == [
            [(t.role, t.content, t.input) for t in e.turns] for e in other
        ]
        heavy += sum(span.weight == WEIGHT for e in other for t in e.turns for span in t.spans)
    assert heavy > 100

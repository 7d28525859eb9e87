"""Dialogues in every template: nothing forges a turn, nothing is lost, training and decoding are the same."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt.test_encode import TEMPLATES, encoder
from prompt.test_safe import controls, marks, read

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.errors import DataError
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Dialogue, context
from dragoman.instruct.interactive.task import Interactive
from dragoman.instruct.task import Material
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example, Turn, assistant, user
from dragoman.prompt.weights import matters
from dragoman.recipe import TaskSpec

from .interactive_text import sentence, task

EN_DE = Direction("en", "de")
KINDS = ("byte-bpe", "bpe", "unigram", "prepend")
"""Tokenizers whose chat templates are of four kinds."""


def dialogue(source: str = "a b", term: str = "x", said: str = "", answer: str = "c") -> Example:
    """Three user turns with a text of somebody's in the source, the feedback, a term and an answer."""
    made = Dialogue(source, EN_DE, "train:1")
    made.translate("Translate into German:", f"d {term}", context(f"d {term}"))
    asked = [Correction("vocabulary/replace", (answer,), (term,))]
    made.correct(f"Use “{answer}” for “{term}”.{said}", f"d {answer}", asked)
    made.undo(f"Undo that.{said}")
    return made.example()


def whole(code: Encoder, example: Example) -> list[int]:
    """The ids of the conversation as one row, whatever is learned: its last answer alone."""
    turns = [replace(turn, spans=()) if turn.role == "assistant" else turn for turn in example.turns[:-1]]
    row = code.encode(replace(example, turns=(*turns, assistant(example.turns[-1].content))))
    assert row is not None, code.dropped
    return row.ids


@pytest.mark.parametrize("tokenizer", KINDS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_no_text_forges_a_turn_and_none_is_lost(template: str, tokenizer: str) -> None:
    code = encoder(tokenizer, template)
    clean = whole(code, dialogue())
    for mark in marks(code):
        for example in (
            dialogue(source=f"a{mark} b"),
            dialogue(term=f"x{mark}y"),
            dialogue(said=f" {mark} now"),
            dialogue(answer=f"c {mark}d"),
        ):
            ids = whole(code, example)
            assert controls(code, ids) == controls(code, clean), mark
            assert read(code, ids) == read(code, clean), mark
            text = code.safe.vocabulary.text(ids).decode()
            for turn in example.turns:
                assert turn.content.strip() in text and (turn.input or "") in text, mark


@pytest.mark.parametrize("tokenizer", KINDS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_learned_answer_is_learned_behind_the_prompt_that_decoding_starts_from(
    template: str, tokenizer: str
) -> None:
    code = encoder(tokenizer, template)
    found = task(template, variants=True)
    for item in range(0, 60, 3):
        (example,) = found.make(item, random.Random(item)) or [dialogue()]
        rows = code.rows(example)
        learned = 0
        for row in rows:
            encoded = code.encode(row)
            assert encoded is not None
            for place, turn in enumerate(row.turns):
                if matters(turn):
                    prompt = code.prompt(row.turns[:place], example.direction)
                    assert encoded.ids[: len(prompt)] == prompt
                    rest = code.decode(encoded.ids[len(prompt) :])
                    assert rest == turn.content
                    learned += 1
        assert learned == sum(map(matters, example.turns))


@pytest.mark.parametrize("tokenizer", ["byte-bpe", "bpe"])
def test_no_token_of_a_draft_is_learned(tokenizer: str) -> None:
    found, code = task("bayling"), encoder(tokenizer, "bayling")
    seen = 0
    for item in range(300):
        made = found.dialogue(item, random.Random(item))
        if made is None or any(span.weight for span in made.rounds[0].turn().spans):
            continue
        row = code.encode(made.example())
        assert row is not None
        pairs = zip(row.ids, row.weights, strict=True)
        learned = code.safe.vocabulary.text([index for index, weight in pairs if weight]).decode()
        learned = learned.replace("</s>", "")
        real = "".join(span.text for one in made.rounds for span in one.turn().spans if span.weight)
        assert [c for c in learned if c.isalnum()] == [c for c in real if c.isalnum()]
        seen += 1
    assert seen > 30


TRICKS = ["</s>", "### Response:", "### Instruction:", "<|im_end|>", "[INST]", "<start_of_turn>"]


@pytest.fixture(scope="module")
def tricky(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The generated text with a mark somewhere on both sides of every line."""
    rng = random.Random(8)
    records = []
    for line in range(1, 201):
        mark = rng.choice(TRICKS)
        texts = []
        for text in sentence(rng):
            words = text.split(" ")
            place = rng.randrange(1, len(words))
            texts.append(" ".join([*words[:place], mark, *words[place:]]))
        records.append(Record(f"train:{line}", dict(zip(("en", "de"), texts, strict=True)), "toy", line))
    folder = tmp_path_factory.mktemp("tricky") / "train"
    write_store(folder, records)
    return Store(folder)


@pytest.mark.parametrize("template", TEMPLATES)
def test_text_full_of_marks_makes_dialogues_without_any(template: str, tricky: Store) -> None:
    code = encoder("byte-bpe", template)
    found = Interactive(TaskSpec(), Material(tricky, code.template))
    made = 0
    for item in range(120):
        dialogue = found.dialogue(item, random.Random(item))
        if dialogue is None:
            continue
        made += 1
        example = dialogue.example()
        plain = [replace(t, content="a", input=t.input and "b", spans=()) for t in example.turns]
        clean = whole(code, replace(example, turns=tuple(plain)))
        ids = whole(code, example)
        assert controls(code, ids) == controls(code, clean)
        assert read(code, ids) == read(code, clean)
        text = code.safe.vocabulary.text(ids).decode()
        assert all(turn.content in text for turn in example.turns)
    assert made > 90


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_any_text_comes_back(source: str, term: str) -> None:
    if not source.strip() or not term.strip():
        return
    for template in TEMPLATES:
        code = encoder("byte-bpe", template)
        example = dialogue(source=source, answer=term)
        row = code.encode(code.rows(example)[-1])
        assert row is not None, code.dropped
        place = max(k for k, turn in enumerate(example.turns) if matters(turn))
        rows = code.rows(example)
        encoded = code.encode(rows[-1])
        assert encoded is not None
        prompt = code.prompt(example.turns[:place], EN_DE)
        after = encoded.ids[len(prompt) :]
        assert code.decode(after) == example.turns[place].content
        assert source in code.safe.vocabulary.text(encoded.ids).decode()


@pytest.mark.parametrize("template", TEMPLATES)
def test_turns_out_of_order_are_refused(template: str) -> None:
    code = encoder("byte-bpe", template)
    ask, say = user("Translate:", "a"), assistant("b")
    for turns, told in (
        ((ask, ask, say), "turn 1: role user stands where assistant is due"),
        ((say, ask, say), "turn 0: role assistant stands where user is due"),
        ((ask, say, Turn("tool", "x"), say), "turn 2: role tool stands where user is due"),
        ((ask,), "does not end with an assistant turn"),
    ):
        with pytest.raises(DataError) as caught:
            code.encode(Example(turns, "interactive", EN_DE))
        assert told in str(caught.value) and "\n" not in str(caught.value)


def test_inspect_shows_a_dialogue_turn_by_turn(tmp_path: Path) -> None:
    from dragoman.prompt.view import coloured, summary

    code = encoder("byte-bpe", "bayling")
    row = code.encode(dialogue(term="falsch", answer="richtig"))
    assert row is not None
    shown = coloured(code, row)
    colours = {str(span.style) for span in shown.spans}
    assert {"green", "dim"} <= colours
    assert shown.plain.count("###") == 6 and "learned (1)" in summary(row)

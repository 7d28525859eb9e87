"""Dialogues in which what the user dictates binds the search."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from hand_dialogues import DRAFT, RIGHT, SOURCE, both, corrected, long, opened
from helpers import tiny_model

from dragoman.evaluate.interactive.ask import answerer, ask_all, dictated
from dragoman.evaluate.interactive.transcript import Talk, read_talks, write_talk
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Round
from dragoman.jsonl import read_jsonl, write_jsonl
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Decoding
from dragoman.translate.demand import Demand, check
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request


@pytest.mark.parametrize(
    ("said", "must", "forbid", "expected"),
    [
        ("Use Rüde for Hund.", ("Rüde",), ("Hund",), Demand((("Rüde",),), ("Hund",))),
        ("“dog” is translated wrongly.", ("Rüde",), ("Hund",), None),
        ("Hund is wrong.", ("Rüde",), ("Hund",), Demand((), ("Hund",))),
        ("Say “den Rüden”, please.", ("den Rüden", "Garten"), (), Demand((("den Rüden",),))),
        ("Hundert is too much.", (), ("Hund",), None),
    ],
)
def test_what_is_said_is_demanded(
    said: str, must: tuple[str, ...], forbid: tuple[str, ...], expected: Demand | None
) -> None:
    asked = Correction("vocabulary/replace", must, forbid)
    assert dictated(Round(said, "Ein Satz.", asked.kind, 1, 0, (asked,))) == expected
    assert dictated(Round(said, "Ein Satz.", "question/target", None, 0, (asked,))) is None, "a question"


def test_two_corrections_that_name_one_word_demand_it_once() -> None:
    asked = Correction("vocabulary/include", ("Rüde",))
    assert dictated(Round("Use Rüde, Rüde!", RIGHT, asked.kind, 1, 0, (asked, asked))) == Demand((("Rüde",),))


def test_only_rows_of_terms_demand() -> None:
    heard: list[list[Demand | None]] = []

    def hear(requests: list[Request], drafts: list[str]) -> list[str]:
        heard.append([request.demand for request in requests])
        return drafts

    swap = Demand((("Rüde",),), ("Hund",))
    ask_all([corrected(), long(), both()], hear)
    assert not any(any(demands) for demands in heard)
    heard.clear()
    ask_all([corrected(), long(), both()], hear, terms=True)
    assert heard == [
        [swap, swap, None],
        [None, swap],
        [Demand((), ("im Garten",)), None],
        [None],
    ], "a doubled word is not named; a question, undo and both corrections dictate nothing"
    heard.clear()
    ask_all([corrected()], hear, own=True, single=True, terms=True)
    assert heard == [[swap]]


def test_what_nothing_meets_is_answered_without_the_demand() -> None:
    asked: list[list[Demand | None]] = []

    class Refusing:
        def translate(self, requests: list[Request]) -> list[Namespace]:
            asked.append([request.demand for request in requests])
            return [Namespace(text="" if request.demand else " Plain. ") for request in requests]

    answers = answerer(Refusing())  # type: ignore[arg-type]
    direction, demand = Direction("en", "de"), Demand((("Rüde",),), ("Rüde",))
    requests = [Request("One.", direction, demand=demand), Request("Two.", direction)]
    assert answers(requests, [DRAFT, DRAFT]) == ["Plain.", "Plain."]
    assert asked == [[demand, None], [None]]


def test_transcripts_tell_it_and_those_from_before_stay_readable(tmp_path: Path) -> None:
    talk = Talk("system", Direction("en", "de"), (), "abc", terms=True)
    assert talk.signature == "dialogues:abc|draft:fixed|terms:hard"
    write_talk(tmp_path, talk)
    assert read_talks(tmp_path) == [talk]
    path = tmp_path / "transcripts" / "system" / "en-de.jsonl"
    write_jsonl(
        path, [{key: value for key, value in head.items() if key != "terms"} for _, head in read_jsonl(path)]
    )
    assert read_talks(tmp_path) == [replace(talk, terms=False)]


def test_a_model_that_knows_nothing_meets_them(tmp_path: Path) -> None:
    """A search that must, from a tiny model that is not trained; without terms it does not."""
    tokenizer = learn_tokenizer([SOURCE, DRAFT, RIGHT] * 20, 400)
    encoder = Encoder(tokenizer, load_template("bayling"), 512)
    model = tiny_model("llama", len(tokenizer))
    answers = answerer(Translator(model, encoder, Decoding(max_new_tokens=24)))
    dialogues = [corrected(), long()]
    met = {}
    for terms in (False, True):
        found = ask_all(dialogues, answers, terms=terms)
        met[terms] = [
            check(answer.text, demand).satisfied and any(form in answer.text for (form,) in demand.must)
            for one in found
            for asked, answer in zip(one.dialogue.rounds, one.answers, strict=True)
            if answer is not None and (demand := dictated(asked)) is not None and demand.must
        ]
    assert met == {False: [False, False], True: [True, True]}


def test_the_request_dictates_nothing() -> None:
    assert dictated(opened().rounds[0]) is None

"""Dialogues in which what the user dictates binds the search."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from hand_dialogues import DRAFT, RIGHT, SOURCE, both, long, opened
from helpers import tiny_model

from dragoman.evaluate.interactive.ask import answerer, ask_all
from dragoman.evaluate.interactive.transcript import Talk, read_talks, write_talk
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Dialogue
from dragoman.jsonl import read_jsonl, write_jsonl
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Decoding
from dragoman.translate.demand import Demand, check
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request


def dictating(said: str = "Use “Rüde” instead of “Hund”.") -> Dialogue:
    """One correction in plain words; ``must`` holds a word that is said by no user, too."""
    found = opened(id="test:4")
    found.correct(said, RIGHT, [Correction("vocabulary/replace", ("Rüde", "läuft"), ("Hund",))])
    return found


def test_only_rows_of_terms_demand() -> None:
    heard: list[list[Demand | None]] = []

    def hear(requests: list[Request], drafts: list[str]) -> list[str]:
        heard.append([request.demand for request in requests])
        return drafts

    talks = [dictating("Please say “Rüde” instead of “Hund”."), dictating("“Hund” is wrong."), long(), both()]
    ask_all(talks, hear)
    assert not any(any(demands) for demands in heard)
    heard.clear()
    ask_all(talks, hear, terms=True)
    swap = Demand((("Rüde",),), ("Hund",))
    assert heard[0] == [swap, None, None, None], "only what the user says, in so many words"
    assert not any(any(demands) for demands in heard[1:]), "a question, undo and both dictate nothing"
    heard.clear()
    ask_all(talks[:1], hear, own=True, single=True, terms=True)
    assert heard == [[swap]]


def test_what_nothing_meets_is_answered_without_the_demand() -> None:
    asked: list[list[Demand | None]] = []

    class Refusing:
        def translate(self, requests: list[Request]) -> list[Namespace]:
            asked.append([request.demand for request in requests])
            return [self.answer(request) for request in requests]

        def answer(self, request: Request) -> Namespace:
            if request.demand is None:
                return Namespace(text=" Plain. ", error=None)
            if request.source == "Unmet.":
                return Namespace(text="An attempt.", error="unmet")
            return Namespace(text="", error="contradictory")

    answers = answerer(Refusing())  # type: ignore[arg-type]
    direction, demand = Direction("en", "de"), Demand((("Rüde",),), ("Rüde",))
    requests = [
        Request("One.", direction, demand=demand),
        Request("Two.", direction),
        Request("Unmet.", direction, demand=demand),
    ]
    assert answers(requests, [DRAFT] * 3) == ["Plain."] * 3
    assert asked == [[demand, None, demand], [None, None]]


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
    said = "Please say “Rüde” instead of “Hund”."
    for terms in (False, True):
        (found,) = ask_all([dictating(said)], answers, terms=terms)
        answer = found.answers[1]
        assert answer is not None
        assert check(answer.text, Demand((("Rüde",),), ("Hund",))).satisfied == terms

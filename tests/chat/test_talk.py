"""A session with a model: what it is asked with, what comes of it, and what cannot be done."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import tiny_model
from prompt.test_encode import encoder as real_encoder
from prompt.test_safe import controls, marks, read

from dragoman.chat.session import Session
from dragoman.chat.talk import UNMET, UNTUNED, Talk
from dragoman.errors import DataError
from dragoman.language.phrases import holds, normal
from dragoman.recipe import Decoding
from dragoman.translate.demand import Demand
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request

from .conftest import EN_DE, SOURCE, MakeTalk, a_word, encoder


def asked(talk: Talk) -> list[Request]:
    """The requests that a chat makes from now on."""
    found: list[Request] = []
    inner = talk.translator.translate

    def translate(requests: Sequence[Request], progress: Any = None) -> Any:
        found.extend(requests)
        return inner(requests, progress)

    talk.translator.translate = translate  # type: ignore[method-assign, assignment]
    return found


@pytest.mark.parametrize("constraints", ["hard", "both"])
def test_the_first_answer_is_what_translate_gives(talk: MakeTalk, constraints: str) -> None:
    chat = talk(constraints=constraints)
    chat.session.terms.entries["two"] = ("zwei",)
    demand = Demand((("zwei",),))
    (alone,) = talk(constraints=constraints).translator.translate([Request(SOURCE, EN_DE, demand=demand)])
    assert chat.say(SOURCE).text == alone.text
    assert holds(alone.text, "zwei")


@pytest.mark.parametrize("template", ["alpaca", "bayling"])
def test_a_correction_is_asked_with_the_ids_that_training_puts_before_its_answer(
    talk: MakeTalk, template: str
) -> None:
    chat, code = talk(template), encoder(template)
    chat.say(SOURCE)
    for said in ("Say it shorter.", "And now longer."):
        requests = asked(chat)
        chat.say(said)
        turns = requests[-1].turns
        assert turns is not None and turns[-1].content == said
        prompt = code.prompt(turns, EN_DE)
        row = code.encode(chat.session.opened().example())
        assert row is not None and row.ids[: len(prompt)] == prompt
        assert code.decode(row.ids[len(prompt) :]) == chat.session.opened().rounds[-1].answer


def test_undo_gives_back_the_text_and_asks_no_model(talk: MakeTalk) -> None:
    chat = talk()
    first = chat.say(SOURCE).text
    second = chat.say("Say it in another way.")
    assert second.before == first and second.text != first
    requests = asked(chat)
    back = chat.undo()
    assert (back.text, back.before) == (first, second.text) and not requests
    with pytest.raises(DataError, match="nothing to undo"):
        chat.undo()
    assert chat.session.opened().versions == [first, second.text]


@pytest.mark.parametrize("tuned", [True, False])
def test_terms_are_met_in_the_open_text_and_in_all_that_follow(talk: MakeTalk, tuned: bool) -> None:
    chat = talk(tuned=tuned)
    first = chat.say(SOURCE).text
    assert chat.meet() is None
    chat.session.terms.entries["two"] = ("zwei", "zwo")
    answer = chat.meet()
    assert answer is not None and answer.before == first
    assert holds(answer.text, "zwei") or holds(answer.text, "zwo")
    assert chat.meet() is None
    last = chat.session.opened().rounds[-1]
    assert "two" in last.said and all(one.met(first, answer.text) for one in last.corrections)
    assert chat.undo().notes == (UNMET,)
    assert any(holds(chat.say("Say it in another way.").text, form) for form in ("zwei", "zwo"))
    chat.session.close()
    assert any(holds(chat.say("two nine").text, form) for form in ("zwei", "zwo"))


def test_a_model_that_knows_no_dialogues_translates_again_for_its_terms(talk: MakeTalk) -> None:
    chat = talk(tuned=False)
    chat.say(SOURCE)
    requests = asked(chat)
    chat.session.terms.entries["two"] = ("zwei",)
    chat.meet()
    assert requests[-1].turns is None and requests[-1].source == SOURCE
    assert UNTUNED in chat.say("Say it shorter.").notes
    assert UNTUNED not in chat.say("And longer.").notes  # said once


def test_a_forbidden_word_leaves_the_text(talk: MakeTalk) -> None:
    chat = talk()
    first = chat.say(SOURCE).text
    word = a_word(first)
    chat.session.terms.forbidden.append(word)
    answer = chat.meet()
    assert answer is not None and not holds(answer.text, word)
    assert word in chat.session.opened().rounds[-1].said


def test_what_cannot_be_met_is_one_line_and_changes_nothing(talk: MakeTalk) -> None:
    chat = talk()
    first = chat.say(SOURCE).text
    chat.session.terms.entries["two"] = ("zwei",)
    chat.session.terms.forbidden.append("zwei")
    with pytest.raises(DataError) as caught:
        chat.meet()
    assert "contradictory" in str(caught.value) and "/forbid" in str(caught.value)
    assert chat.session.opened().versions == [first]


def test_a_question_is_answered_and_makes_no_version(talk: MakeTalk) -> None:
    chat = talk()
    first = chat.say(SOURCE).text
    chat.session.terms.entries["two"] = ("zwei",)
    requests = asked(chat)
    answer = chat.say("How did you translate “two”?")
    assert answer.before is None and requests[-1].demand is None
    assert chat.ask("Why?").before is None
    assert chat.session.opened().versions == [first]
    assert [one.kind for one in chat.session.opened().rounds[1:]] == ["question/target", "question/free"]


@pytest.mark.parametrize("template", ["plain", "alma"])
def test_a_template_of_one_turn_says_so_and_still_meets_terms(talk: MakeTalk, template: str) -> None:
    chat = talk(template)
    first = chat.say(SOURCE).text
    with pytest.raises(DataError, match="carries one turn only"):
        chat.say("Say it shorter.")
    chat.session.terms.entries["two"] = ("zwei",)
    answer = chat.meet()
    assert answer is not None and holds(answer.text, "zwei")
    assert chat.undo().text == first


@pytest.mark.parametrize("template", ["alpaca", "alpaca-post", "bayling"])
def test_templates_of_many_turns_carry_them(talk: MakeTalk, template: str) -> None:
    assert talk(template).carries_turns


def test_a_conversation_that_outgrows_the_model_says_what_to_do(talk: MakeTalk) -> None:
    chat = talk(max_new_tokens=100)
    chat.say(SOURCE)
    with pytest.raises(DataError) as caught:
        for _ in range(50):
            chat.say("Say it in another way, please, and a little shorter than it was before.")
    assert "too long" in str(caught.value) and "an empty line" in str(caught.value)
    rounds = len(chat.session.opened().rounds)
    assert rounds > 1 and chat.undo().text in chat.session.opened().versions
    chat.session.close()
    assert chat.say(SOURCE).text
    with pytest.raises(DataError, match="give the text in parts"):
        talk().say("one " * 3000)


@pytest.mark.parametrize("template", ["alpaca", "bayling"])
def test_no_text_of_a_user_forges_a_turn_and_none_is_lost(template: str) -> None:
    code = real_encoder("byte-bpe", template)
    translator = Translator(tiny_model("llama", len(code.tokenizer)), code, Decoding(max_new_tokens=60))

    def prompt(source: str, said: str, term: str) -> list[int]:
        term = normal(term)  # as a line holds it
        chat = Talk(Session(EN_DE), translator)
        requests = asked(chat)
        chat.session.begin(source, "Translate:", "eins")
        chat.session.corrected(said, "drei eins")
        chat.session.terms.forbidden.append("eins")
        chat.session.terms.entries["two"] = (term,)
        chat.meet()
        turns = requests[-1].turns
        assert turns is not None and term in turns[-1].content
        ids = code.prompt(turns, EN_DE)
        text = code.safe.vocabulary.text(ids).decode()
        assert source in text and said in text and term in text
        return ids

    clean = prompt("one two", "shorter", "zwei")
    for mark in marks(code):
        ids = prompt(f"one two {mark}", f"shorter {mark} now", f"z {mark} x")
        assert controls(code, ids) == controls(code, clean), mark
        assert read(code, ids) == read(code, clean), mark


def test_a_term_that_is_a_mark_is_written_as_text(talk: MakeTalk) -> None:
    chat = talk()
    chat.session.terms.entries["two"] = ("</s>",)
    assert "</s>" in chat.say(SOURCE).text


def test_text_that_the_model_cannot_be_given_is_one_line(talk: MakeTalk) -> None:
    chat = talk()
    with pytest.raises(DataError, match="surrogate"):
        chat.say("one \ud83d two")
    assert chat.session.dialogue is None
    first = chat.say(SOURCE).text
    with pytest.raises(DataError, match="surrogate"):
        chat.say("shorter \udcff")
    assert chat.session.opened().text == first


def test_an_answer_is_told_while_it_grows(talk: MakeTalk) -> None:
    chat, told = talk(), list[str]()
    chat.watch.tell = told.append
    answer = chat.say(SOURCE)
    assert len(set(told)) > 4
    assert all(later.startswith(sooner) for sooner, later in pairwise(told))
    assert answer.text.startswith(told[-1]) and not any(text.endswith("\ufffd") for text in told)
    told.clear()
    assert talk(beam=2).say(SOURCE).text and not told


def test_a_beam_tells_nothing_before_its_end(talk: MakeTalk) -> None:
    chat, told = talk(beam=2), list[str]()
    chat.watch.tell = told.append
    assert chat.say(SOURCE).text and told == []


def test_watching_changes_no_score(talk: MakeTalk) -> None:
    watched, bare = talk(), talk()
    bare.translator.processors.clear()
    (one,), (two,) = (chat.translator.translate([Request(SOURCE, EN_DE)]) for chat in (watched, bare))
    assert one == two


def test_what_is_stopped_leaves_everything_as_it_was(talk: MakeTalk) -> None:
    chat = talk()
    first = chat.say(SOURCE).text

    def stop(text: str) -> None:
        raise KeyboardInterrupt

    chat.watch.tell = stop
    with pytest.raises(KeyboardInterrupt):
        chat.say("Say it in another way.")
    chat.watch.tell = None
    assert chat.session.opened().versions == [first]
    assert chat.say("Say it in another way.").text and not torch.is_inference_mode_enabled()

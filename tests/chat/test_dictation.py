"""In a chat what is dictated in plain words holds in the next version."""

from __future__ import annotations

import pytest

from dragoman.instruct.interactive.correction import Correction
from dragoman.language.phrases import holds

from .conftest import SOURCE, MakeTalk, a_word


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

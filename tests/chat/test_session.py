"""What a chat keeps: versions, terms, and dialogues that training reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dragoman.chat.session import WORDS, Session, Terms
from dragoman.chat.speech import demand_said, question_kind, undo_said
from dragoman.errors import DataError
from dragoman.instruct.general_store import open_dialogues
from dragoman.instruct.interactive.dialogue import read_dialogues, write_dialogues
from dragoman.instruct.interactive.wordings import KEYS, speech
from dragoman.language.language import Direction
from dragoman.prompt.example import read_examples

from .conftest import EN_DE, encoder

REQUEST = "Translate into German:"


def corrected_session() -> Session:
    """Three texts: one corrected twice and taken back once, one left as it was, one still open."""
    session = Session(EN_DE)
    session.begin("A dog runs.", REQUEST, "Ein Hund läuft.")
    session.corrected("Say rennt.", "Ein Hund rennt.")
    session.corrected("Say Köter.", "Ein Köter rennt.")
    session.opened().undo("Undo that.")
    session.close()
    session.begin("A cat sleeps.", REQUEST, "Eine Katze schläft.")
    session.close()
    session.begin("A man.", REQUEST, "Mann.")
    session.corrected("A word is missing.", "Ein Mann.")
    return session


def test_a_correction_makes_a_version_and_undo_goes_back_to_the_letter() -> None:
    session = Session(EN_DE)
    session.begin("A dog runs.", REQUEST, "Ein  Hund läuft .")
    session.corrected("Say rennt.", "Ein Hund rennt.")
    dialogue = session.opened()
    assert dialogue.versions == ["Ein  Hund läuft .", "Ein Hund rennt."]
    assert dialogue.undo("Undo that.") == "Ein  Hund läuft ."
    assert (dialogue.current, len(dialogue.versions)) == (0, 2)
    with pytest.raises(DataError, match="nothing to undo"):
        dialogue.undo("Undo that.")


def test_an_answer_that_repeats_an_earlier_version_is_the_way_back() -> None:
    session = Session(EN_DE)
    session.begin("A dog runs.", REQUEST, "a")
    session.corrected("b, please", "b")
    session.corrected("c, please", "c")
    session.corrected("No, take that back.", "b")
    assert (session.opened().current, len(session.opened().versions)) == (1, 3)
    session.corrected("c again", "c")
    session.corrected("Forget all that.", "a")
    kinds = [one.kind for one in session.opened().rounds]
    assert kinds == ["translate", WORDS, WORDS, "history/undo", WORDS, "history/first"]
    assert session.opened().text == "a"


def test_what_is_kept_is_learned_where_it_holds_in_the_end() -> None:
    kept = corrected_session().kept()
    weights = [[[span.weight for span in one.spans] for one in dialogue.rounds] for dialogue in kept]
    assert weights == [[[0.0], [1.0], [0.0], [1.0]], [[1.0]], [[0.0], [1.0]]]
    assert [dialogue.id for dialogue in kept] == ["chat:1", "chat:2", "chat:3"]


def test_a_saved_chat_is_read_by_what_training_reads_with(tmp_path: Path) -> None:
    """As dialogues, as examples, and as a file of the task `general`; and it can be learned from."""
    kept, path = corrected_session().kept(), tmp_path / "chat.jsonl"
    assert write_dialogues(path, kept) == 3
    assert list(read_dialogues(path)) == kept
    examples = list(read_examples(path))
    assert [example.turns for example in examples] == [one.example().turns for one in kept]
    general = open_dialogues([str(path)], "train", "general", tmp_path)
    assert [general[k].turns for k in range(len(general))] == [example.turns for example in examples]
    assert all(general[k].direction == EN_DE for k in range(3))
    for template in ("alpaca", "bayling"):
        code = encoder(template)
        for example in examples:
            row = code.encode(example)
            assert row is not None
            learned = [index for index, weight in zip(row.ids, row.weights, strict=True) if weight]
            assert code.decode(learned) == example.turns[-1].content
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0])["versions"] == kept[0].versions


def test_what_a_file_held_keeps_its_weights_unless_it_goes_on(tmp_path: Path) -> None:
    given = [
        replace(one, rounds=[replace(r, spans=()) for r in one.rounds]) for one in corrected_session().kept()
    ]
    session = Session(EN_DE)
    session.resume(given)
    assert session.kept() == given
    session.corrected("Say Herr.", "Ein Herr.")
    kept = session.kept()
    assert kept[:2] == given[:2]
    assert [one.spans[0].weight for one in kept[2].rounds] == [0.0, 0.0, 1.0]


def test_terms_belong_to_a_direction_and_are_found_in_the_source() -> None:
    session = Session(EN_DE)
    session.terms.entries["dog"] = ("Hund", "Köter")
    session.terms.forbidden.append("Tier")
    demand = session.terms.demand("Dogs and a dog.")
    assert demand is not None and demand.must == (("Hund", "Köter"),) and demand.forbid == ("Tier",)
    session.turn_to(EN_DE.reversed())
    assert session.terms == Terms() and session.terms.demand("a dog") is None
    session.turn_to(EN_DE)
    assert session.terms.found("Dog!") == [("dog", ("Hund", "Köter"))]
    assert Terms({"dog": ("Hund",)}).demand("a cat") is None


def test_the_prompt_language_is_that_of_the_target_if_it_shall_be() -> None:
    session = Session(Direction("en", "fr"), "target")
    assert session.language == "fr"
    session.begin("A dog.", "Traduis :", "Un chien.")
    assert session.opened().prompt_language == "fr"
    session.turn_to(EN_DE)
    assert session.language == "de"


@pytest.mark.parametrize("code", ["en", "de", "fr", "zh"])
def test_questions_are_known_by_the_wordings_of_training(code: str) -> None:
    direction = Direction("en", code if code != "en" else "de")
    words = dict.fromkeys(("word", "new", "old", "name", "before", "after", "demand"), "Wort")
    words |= {"source": "English", "target": "German"}
    for key in KEYS:
        for wording in speech(code).wordings[key]:
            said = wording.format_map(words)
            wanted = key if key.startswith("question/") else None
            assert question_kind(said, direction) == wanted, said
    assert question_kind("how did you translate dog ?", EN_DE) == "question/target"
    assert question_kind("Wie hast du Hund übersetzt?", Direction("en", "cs")) is None  # nobody speaks German


def test_commands_speak_as_users_do() -> None:
    assert undo_said("en", EN_DE) in speech("en").wordings["history/undo"]
    assert undo_said("fr", EN_DE) in speech("fr").wordings["history/undo"]
    assert undo_said("cs", EN_DE) in speech("en").wordings["history/undo"]  # no wordings in Czech
    said = demand_said("en", EN_DE, [("dog", "{new}"), ("</s>", "### Response:")], ["Tier"])
    assert all(text in said for text in ("dog", "{new}", "</s>", "### Response:", "Tier"))

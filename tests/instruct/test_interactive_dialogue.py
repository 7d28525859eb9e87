"""The dialogue object: what a chat keeps and training reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import DataError
from dragoman.instruct.general_store import open_dialogues
from dragoman.instruct.interactive.check import (
    CHANGED,
    FAULTY,
    MET_BEFORE,
    NOT_BACK,
    NOT_MET,
    SAME,
    fault,
)
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import (
    Dialogue,
    Round,
    context,
    read_dialogues,
    write_dialogues,
)
from dragoman.language.language import Direction
from dragoman.prompt.example import Span, read_examples

EN_DE = Direction("en", "de")
RIGHT = "Ein Rüde läuft im Garten."
ASKED = Correction("vocabulary/replace", ("Rüde",), ("Hund",))


def dialogue() -> Dialogue:
    """A draft with a wrong word, mended; a question; the way back."""
    made = Dialogue("A dog runs in the garden.", EN_DE, "train:1")
    draft = "Ein Hund läuft im Garten."
    made.translate("Translate into German:", draft, context(draft))
    made.correct("Use “Rüde”.", RIGHT, [ASKED])
    made.reply("Which word is “dog”?", "“Rüde”.", "question/target", [Correction("q", ("Rüde",))])
    made.undo("Undo that.")
    return made


def test_versions_and_the_way_back() -> None:
    made = dialogue()
    assert made.versions == ["Ein Hund läuft im Garten.", RIGHT]
    assert made.current == 0 and made.text == made.versions[0]
    assert made.kind == "vocabulary/replace + question/target + history/undo"
    with pytest.raises(DataError, match="nothing to undo: this is the first version"):
        made.undo("Undo that.")
    with pytest.raises(DataError, match="this is the first version already"):
        made.first("Back to the first.")
    made.correct("Say “Park”.", "Ein Hund läuft im Park.", [Correction("vocabulary/replace", ("Park",))])
    assert made.current == 2 and made.parent(2) == 0
    made.both("Both.", "Ein Rüde läuft im Park.")
    assert made.rounds[-1].before == 0 and made.parent(3) == 0
    assert {c.must for c in made.rounds[-1].corrections} == {("Rüde",), ("Park",)}
    assert made.undo("Undo that.") == made.versions[0]


def test_both_needs_two_versions_made_from_the_same_one() -> None:
    made = Dialogue("a", EN_DE)
    with pytest.raises(DataError, match="there is no translation yet"):
        made.correct("x", "y", [])
    made.translate("t", "eins zwei")
    made.correct("x", "eins drei", [ASKED])
    made.correct("x", "vier drei", [ASKED])
    with pytest.raises(DataError, match="two versions that were made from the same one"):
        made.both("both", "z")
    with pytest.raises(DataError, match="begins with one translation"):
        made.translate("t", "again")


def test_it_survives_writing_and_others_read_it_as_a_conversation(tmp_path: Path) -> None:
    made = dialogue()
    made.system = "You translate."
    path = tmp_path / "sessions.jsonl"
    assert write_dialogues(path, [made, made]) == 2
    again, _ = read_dialogues(path)
    assert again.to_json() == made.to_json() and again.versions == made.versions
    row = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert row["versions"] == made.versions and row["direction"] == ["en", "de"] and row["kind"] == made.kind
    assert [one["kind"] for one in row["rounds"]] == [one.kind for one in made.rounds]
    (first, _) = read_examples(path)
    assert first == made.example()


def test_what_a_chat_keeps_is_what_training_reads(tmp_path: Path) -> None:
    write_dialogues(tmp_path / "sessions.jsonl", [dialogue()])
    found = open_dialogues([str(tmp_path / "sessions.jsonl")], "train", "general", tmp_path)
    assert found[0].turns == dialogue().example().turns and found[0].direction == EN_DE


@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_any_text_survives(said: str, answer: str) -> None:
    made = Dialogue(answer, EN_DE)
    made.translate(said, answer, (Span(answer, 0.0),))
    if answer + "!" != answer:
        made.correct(said, answer + "!", [Correction("style/revision", (), (), (), True)])
    text = json.dumps(made.to_json())
    assert Dialogue.from_json(json.loads(text)).to_json() == made.to_json()


def change(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(values)


def roles(*names: str) -> Callable[[dict[str, Any]], None]:
    def mend(row: dict[str, Any]) -> None:
        for message, name in zip(row["messages"], names, strict=False):
            message["role"] = name

    return mend


def turn(number: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row["messages"][number].update(values)


def rounds(number: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row["rounds"][number].update(values)


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (roles("assistant"), "turn 0: expected user, found assistant"),
        (roles("user", "user"), "turn 1: expected assistant, found user"),
        (roles("user", "assistant", "tool"), "turn 2: role 'tool' is none of system, user, assistant"),
        (turn(2, content="  "), "turn 2: the turn is empty"),
        (turn(0, input=" "), "the source text of round 0 is empty"),
        (turn(2, input="another text"), "only the first user turn of a dialogue has an `input`"),
        (turn(3, content="", spans=[["", 1.0]]), "turn 3: the turn is empty"),
        (lambda row: row["messages"].pop(), "`rounds` must have one entry for each user turn and its answer"),
        (lambda row: row["rounds"].pop(), "`rounds` must have one entry"),
        (lambda row: row.pop("direction"), "a dialogue has a `direction`"),
        (change(versions=["x"]), "`versions` are not the answers that `rounds` number"),
        (rounds(1, version=7), "speaks of a version that there is not"),
        (rounds(1, before="0"), "`version` and `before` are whole numbers or null"),
        (rounds(3, version=1), "the answer of round 3 is not version 1"),
        (change(rounds=[1, 2, 3, 4]), "an entry of `rounds` is an object"),
        (change(messages="hello"), "not in messages form"),
    ],
)
def test_a_bad_row_is_told_in_one_line(
    break_it: Callable[[dict[str, Any]], None], told: str, tmp_path: Path
) -> None:
    row = json.loads(json.dumps(dialogue().to_json()))
    break_it(row)
    path = tmp_path / "sessions.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list(read_dialogues(path))
    assert told in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_empty_turns_never_get_in() -> None:
    made = Dialogue("a", EN_DE)
    with pytest.raises(DataError, match="the user turn of round 0 is empty"):
        made.translate(" ", "b")
    with pytest.raises(DataError, match="the answer of round 0 is empty"):
        made.translate("t", "\n")
    with pytest.raises(DataError, match="the source text of round 0 is empty"):
        Dialogue(" ", EN_DE).translate("t", "b")
    assert made.rounds == []


def test_the_checker_finds_what_is_wrong() -> None:
    draft = "Ein Hund läuft im Garten."

    def made(answer: str, asked: Correction = ASKED, learn: str = RIGHT) -> str:
        built = Dialogue("A dog runs in the garden.", EN_DE)
        built.translate("Translate:", draft, context(draft))
        built.correct("Use “Rüde”.", answer, [asked], (Span(answer, 1.0),))
        return fault(built, [learn])

    assert made(RIGHT) == ""
    assert made("Ein Kater läuft im Garten.").startswith(NOT_MET)
    assert made("Ein Rüde läuft im Park.").startswith(CHANGED)
    assert made(draft).startswith(SAME)
    assert made(RIGHT, Correction("vocabulary/exclude", (), ("Kater",))).startswith(MET_BEFORE)
    assert made(RIGHT, learn="Ein anderer Satz.") == "", "what else is wrong in the draft is to be copied"
    free = Correction("style/revision", free=True)
    assert made(RIGHT, free) == ""
    assert made("Ein Kater.", free).startswith(FAULTY), "an open wish is answered by what people wrote"


def test_the_checker_wants_the_exact_way_back() -> None:
    made = dialogue()
    assert fault(made, [RIGHT]) == ""
    last = made.rounds.pop()
    made.rounds.append(Round(last.said, RIGHT, last.kind, 1, 1, (), last.spans))
    assert fault(made, [RIGHT]).startswith(NOT_BACK)


def test_the_checker_lets_no_draft_be_learned() -> None:
    made = dialogue()
    draft = made.versions[0]
    made.rounds[0] = Round("Translate:", draft, "translate", 0, None, (), (Span(draft, 1.0),))
    assert fault(made, [RIGHT]).startswith(FAULTY)
    made.rounds[0] = Round("Translate:", draft, "translate", 0, None, (), context(draft))
    assert fault(made, [RIGHT]) == ""

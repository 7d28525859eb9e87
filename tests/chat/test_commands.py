"""What stands behind a stroke."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.chat.commands import COMMANDS, Reply, reply
from dragoman.chat.talk import Talk
from dragoman.errors import DataError
from dragoman.instruct.interactive.dialogue import read_dialogues
from dragoman.language.phrases import holds

from .conftest import EN_DE, SOURCE, MakeTalk, a_word


def answer(found: Reply) -> str:
    assert found.answer is not None
    return found.answer.text


@pytest.fixture
def chat(talk: MakeTalk) -> Talk:
    """A chat with one text, corrected once."""
    made = talk()
    reply(made, SOURCE)
    reply(made, "Say it in another way.")
    return made


def test_a_line_is_a_text_then_a_correction_and_an_empty_line_begins_anew(talk: MakeTalk) -> None:
    chat = talk()
    assert reply(chat, "  ") == Reply()
    reply(chat, SOURCE)
    reply(chat, "Say it in another way.")
    assert len(chat.session.opened().rounds) == 2
    reply(chat, "")
    assert chat.session.dialogue is None and len(chat.session.closed) == 1
    reply(chat, "four five")
    assert chat.session.opened().source == "four five"
    reply(chat, "/new six")
    assert [one.source for one in chat.session.kept()] == [SOURCE, "four five", "six"]
    reply(chat, "/new")
    assert chat.session.dialogue is None


def test_undo_and_versions(chat: Talk) -> None:
    first, second = chat.session.opened().versions
    assert answer(reply(chat, "/undo")) == first
    listed = reply(chat, "/versions").lines
    assert listed[0].startswith("* 1") and listed[1].startswith("  2")
    assert first in listed[0] and listed[1].endswith("<- Say it in another way.")
    assert " ".join(second.split()) in " ".join(listed[1].split())


def test_terms_are_set_listed_and_taken_back(chat: Talk, tmp_path: Path) -> None:
    assert "no terms" in reply(chat, "/terms").note
    assert holds(answer(reply(chat, "/terms two = zwei")), "zwei")
    assert reply(chat, "/terms nine=neun|neune").answer is None  # not in this text
    assert reply(chat, "/terms").lines == ("two = zwei", "nine = neun | neune")
    reply(chat, "/terms two=")
    (tmp_path / "glossary.tsv").write_text("five\tfünf\n", encoding="utf-8")
    reply(chat, f"/terms {tmp_path / 'glossary.tsv'}")
    assert reply(chat, "/terms").lines == ("nine = neun | neune", "five = fünf")
    reply(chat, "/terms =")
    assert not chat.session.terms.entries


@pytest.mark.parametrize("line", ["/terms =x", "/terms a=b|", "/terms a=|", "/terms two=", "/allow x"])
def test_terms_that_say_nothing_are_refused(chat: Talk, line: str) -> None:
    with pytest.raises(DataError):
        reply(chat, line)
    assert not chat.session.terms.entries and not chat.session.terms.forbidden


def test_forbid_and_allow(chat: Talk) -> None:
    word = a_word(chat.session.opened().text)
    assert not holds(answer(reply(chat, f"/forbid {word}")), word)
    reply(chat, "/forbid some  thing")
    assert reply(chat, "/forbid").lines == (word, "some thing")
    reply(chat, f"/allow {word}")
    assert chat.session.terms.forbidden == ["some thing"]
    reply(chat, "/allow")
    assert "nothing is forbidden" in reply(chat, "/forbid").note


def test_terms_that_cannot_be_met_are_not_set(chat: Talk) -> None:
    before = chat.session.opened().versions
    reply(chat, "/forbid zwei")
    with pytest.raises(DataError, match="contradictory"):
        reply(chat, "/terms two=zwei")
    assert not chat.session.terms.entries and chat.session.opened().versions == before


def test_a_term_that_the_tokenizer_cannot_write_is_named_and_not_set(chat: Talk) -> None:
    with pytest.raises(DataError, match="unwritable"):
        reply(chat, "/terms two=a\ud83d")
    assert not chat.session.terms.entries


def test_swap_and_direction(chat: Talk) -> None:
    reply(chat, "/terms two=zwei")
    assert "de-en" in reply(chat, "/swap").note
    assert chat.session.dialogue is None and not chat.session.terms.entries
    reply(chat, "/swap")
    assert chat.session.direction == EN_DE and chat.session.terms.entries
    assert reply(chat, "/direction").lines == ("en-de",)
    reply(chat, "/direction fr-en")
    reply(chat, "un")
    assert str(chat.session.opened().direction) == "fr-en"
    with pytest.raises(DataError):
        reply(chat, "/direction xx-yy")


def test_save_and_load(chat: Talk, talk: MakeTalk, tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    with pytest.raises(DataError, match="nothing to save"):
        reply(talk(), f"/save {path}")
    assert "1 dialogue in" in reply(chat, f"/save {path}").note
    reply(chat, "/undo")
    assert "1 dialogue in" in reply(chat, f"/save {path}").note  # its own file may be written again
    kept = chat.session.kept()
    assert list(read_dialogues(path)) == kept

    other = talk()
    reply(other, "four")
    with pytest.raises(DataError, match="is there already"):
        reply(other, f"/save {path}")
    assert answer(reply(other, f"/load {path}")) == kept[0].text
    assert other.session.opened().versions == kept[0].versions
    reply(other, "And shorter.")
    assert "2 dialogues" in reply(other, f"/save {path}").note
    assert [one.source for one in read_dialogues(path)] == ["four", SOURCE]


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\n", b"no json\n", b'{"messages": []}\n'])
def test_a_file_that_holds_no_dialogue_changes_nothing(chat: Talk, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.jsonl").write_bytes(content)
    before = chat.session.opened()
    with pytest.raises(DataError) as caught:
        reply(chat, f"/load {tmp_path / 'bad.jsonl'}")
    assert "bad.jsonl" in str(caught.value) and chat.session.opened() is before


def test_an_unknown_command_names_the_nearest_and_a_stroke_can_be_written(chat: Talk) -> None:
    with pytest.raises(DataError, match="did you mean /versions"):
        reply(chat, "/version")
    with pytest.raises(DataError, match="/help"):
        reply(chat, "/etc/passwd")
    reply(chat, "")
    reply(chat, "//etc is a folder")
    assert chat.session.opened().source == "/etc is a folder"


@pytest.mark.parametrize("line", ["/undo", "/versions", "/ask why?"])
def test_what_needs_a_translation_says_so(talk: MakeTalk, line: str) -> None:
    with pytest.raises(DataError, match="write a text first"):
        reply(talk(), line)


def test_help_names_every_command_and_quit_leaves(chat: Talk) -> None:
    told = "\n".join(reply(chat, "/help").lines)
    assert all(name in told for name in COMMANDS)
    assert reply(chat, "/quit").leave
    for line in ("/ask", "/save", "/load"):
        with pytest.raises(DataError, match=f"write {line}"):
            reply(chat, line)

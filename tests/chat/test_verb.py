"""The verb: over a pipe a line in, a line out; the direction; the exit status."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from dragoman.chat.command import pick_direction
from dragoman.chat.screen import Terminal
from dragoman.errors import RecipeError
from dragoman.instruct.interactive.dialogue import read_dialogues
from dragoman.language.language import Direction

from .conftest import encoder
from .conftest import model as tiny_one

CARD = {"tuned_directions": [["en", "de"], ["de", "en"]]}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lines for standard input."""

    class Given(io.StringIO):
        buffer: io.BytesIO

    def give(*lines: str) -> None:
        source = Given()
        source.buffer = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
        monkeypatch.setattr("sys.stdin", source)

    return give


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model folder: the tiny model, its tokenizer and a card."""
    folder = tmp_path_factory.mktemp("model")
    tiny_one().save_pretrained(folder)
    encoder().tokenizer.save_pretrained(folder)
    card = {**CARD, "prompt": {"template": "alpaca", "max_length": 2048}}
    (folder / "dragoman.json").write_text(json.dumps(card), encoding="utf-8")
    return str(folder)


def test_over_a_pipe_a_line_gives_a_line(cli: Cli, given: Any, model: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    given("zero one", "", "two three", "/terms two=zwei", "/undo", f"/save {kept}", "/quit", "never read")
    status, out, said = cli("chat", model, "-d", "en-de", "--max-new-tokens", "8")
    lines = out.split("\n")
    assert status == 0 and len(lines) == 5 and lines[-1] == "" and "> " not in out
    assert "zwei" in lines[2] and lines[3] == lines[1]
    assert "2 dialogues in" in said
    assert [one.source for one in read_dialogues(kept)] == ["zero one", "two three"]


def test_what_is_refused_leaves_an_empty_line_and_status_1(cli: Cli, given: Any, model: str) -> None:
    given("zero one", "shorter, please", "/undoo", "/undo", "", "two", "/load absent.jsonl")
    status, out, said = cli("chat", model, "-d", "en-de", "--max-new-tokens", "8", "--template", "plain")
    lines = out.split("\n")[:-1]
    assert status == 1 and len(lines) == 3 and lines[1] == "" and lines[0] and lines[2]
    assert "line 2: the template 'plain' carries one turn only" in said
    assert "line 3: unknown command /undoo; did you mean /undo?" in said
    assert "line 4: there is nothing to undo" in said and "line 7: absent.jsonl: " in said


def test_a_pipe_must_know_the_direction(cli: Cli, given: Any, model: str) -> None:
    given("zero one")
    status, out, said = cli("chat", model)
    assert (status, out) == (1, "") and "--direction" in said and "en-de" in said


def test_a_direction_is_picked_by_number_or_name() -> None:
    def picked(*lines: str, card: dict[str, Any] = CARD) -> tuple[Direction | None, str]:
        given, out = iter(lines), io.StringIO()

        def read(prompt: str) -> str:
            try:
                return next(given)
            except StopIteration:
                raise EOFError from None

        return pick_direction(card, Terminal(out, False, read)), out.getvalue()

    found, told = picked("2")
    assert found == Direction("de", "en") and "1  en-de  English to German" in told
    assert picked("", "3", "quatsch", "de-fr")[0] == Direction("de", "fr")
    assert "go from 1 to 2" in picked("3", "1")[1]
    assert picked()[0] is None
    assert picked("en-de", card={})[0] == Direction("en", "de")
    assert picked(card={"tuned_directions": [["en", "de"]]})[0] == Direction("en", "de")
    with pytest.raises(RecipeError):
        from dragoman.chat.screen import Pipe

        pick_direction(CARD, Pipe(io.BytesIO(), io.StringIO(), print, False))

"""Held-out dialogues of test lines and of files; a tiny model answers them; the command line and a run."""

from __future__ import annotations

import json
import random
import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from hand_dialogues import corrected, long, perfect, talk
from helpers import data_folder, tiny_model
from instruct.interactive_text import sentence
from tinyrun import write_recipe

from dragoman.corpus.readers import read_source
from dragoman.errors import RecipeError
from dragoman.evaluate.interactive.ask import answerer, ask_all, retranslator
from dragoman.evaluate.interactive.held_out import fingerprint, joined, make_dialogues, read_held_out
from dragoman.evaluate.interactive.measure import measured, speaks_of
from dragoman.evaluate.interactive.transcript import read_talks
from dragoman.evaluate.results import Results, of_dialogues, read_results
from dragoman.instruct.interactive.check import fault
from dragoman.instruct.interactive.correction import FIRST, UNDO
from dragoman.instruct.interactive.dialogue import read_dialogues, write_dialogues
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Decoding, Interaction, Source
from dragoman.recipe_file import load_recipe, parse_recipe
from dragoman.run import Run
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request

SIZES = {"train": 400, "dev": 4, "test": 30}
EN_DE = Direction("en", "de")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated sentences, English and German."""
    folder = tmp_path_factory.mktemp("text")
    rng = random.Random(8)
    for split, count in SIZES.items():
        lines = [sentence(rng) for _ in range(count)]
        for code, side in zip(("en", "de"), zip(*lines, strict=True), strict=True):
            (folder / f"{split}.{code}").write_text("".join(f"{line}\n" for line in side), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def base(text: Path) -> Path:
    """A tiny model that is not trained, with a tokenizer of the text."""
    folder = text / "base"
    lines = [line for code in ("en", "de") for line in (text / f"train.{code}").read_text().splitlines()]
    tokenizer = learn_tokenizer(lines, 500)
    tiny_model("llama", len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def made(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Makes dialogues of the test lines."""
    sources = [Source(folder=str(text), split=split) for split in ("test", "train")]
    place = tmp_path_factory.mktemp("dialogues") / "text"
    store, count = joined(place, *(read_source(source, lambda drop: None) for source in sources))
    assert count == SIZES["test"]

    def make(template: str = "bayling", **spec: Any) -> Any:
        wanted = Interaction.model_validate({"turns": (2, 4)} | spec)
        return make_dialogues(wanted, store, count, [EN_DE], load_template(template)).dialogues

    return make


def test_dialogues_are_of_test_lines_and_right(made: Callable[..., Any], text: Path) -> None:
    found = made()[EN_DE]
    lines = (text / "test.de").read_text(encoding="utf-8").splitlines()
    assert len(found) > 25
    for one in found:
        last = [turn for turn in one.rounds if turn.version is not None][-1]
        assert one.text in lines or last.kind in (UNDO, FIRST)
    assert all(fault(one, lines) == "" and 2 <= len(one.rounds) <= 4 for one in found)
    for one in found:
        for turn in one.rounds[1:]:
            draft = one.versions[turn.before or 0]
            assert all(speaks_of(asked, draft) for asked in turn.corrections), "every demand can be put"


def test_a_seed_gives_the_same_dialogues_however_many_are_asked_for(made: Callable[..., Any]) -> None:
    whole = made()
    assert fingerprint(whole) == fingerprint(made()) != fingerprint(made(seed=2))
    some = made(lines=10)[EN_DE]
    assert some == whole[EN_DE][: len(some)] and 0 < len(some) <= 10
    other = made("alpaca")
    assert other != whole and fingerprint(other) == fingerprint(whole), "only the request's words differ"


def test_kinds_and_users_as_asked_for(made: Callable[..., Any]) -> None:
    found = made(kinds={"question": 1}, user_language="target")[EN_DE]
    assert {one.user_language for one in found} == {"de"}
    assert all(turn.kind.startswith("question/") for one in found for turn in one.rounds[1:])
    assert {one.user_language for one in made()[EN_DE]} == {"en", "de"}
    with pytest.raises(RecipeError, match="style is never invented"):
        made(kinds={"style": 1})


def test_batches_change_no_answer(made: Callable[..., Any], base: Path) -> None:
    """Greedy and beam: alone, in small batches and in large ones a dialogue gets the same answers."""
    from dragoman.tune.model import load_model, load_tokenizer

    model, tokenizer = load_model(str(base)), load_tokenizer(str(base))
    encoder = Encoder(tokenizer, load_template("bayling"), 512)
    dialogues = made()[EN_DE][:12]

    def answers(some: list[Any], beam: int, tokens: int) -> list[Any]:
        decoding = Decoding(max_new_tokens=8, batch_tokens=tokens, beam=beam)
        return ask_all(some, answerer(Translator(model, encoder, decoding)))

    for beam in (1, 2):
        whole = answers(dialogues, beam, 8192)
        assert whole == answers(dialogues, beam, 700) == answers(dialogues, beam, 8192)
        assert whole[3:5] == answers(dialogues[3:5], beam, 8192)
        assert any(answer and answer.text for one in whole for answer in one.answers)


def told(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.jsonl"))}


def test_the_command_line_from_text_to_report(
    text: Path, base: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.dialogues.Decoding", lambda **given: Decoding(max_new_tokens=8, **given))
    ask = ("evaluate", base, "--interactive", "--data", text, "--lines", 12, "--turns", 2, 4)
    both = (*ask, "--copy", "--retranslate", "--training", text, "-d", "en-de,de-en", "--supervised", "en-de")
    status, out, err = cli(*both, "--out", tmp_path / "a", "--report")
    assert status == 0, err
    assert re.search(r"demand met +rest unchanged +clean edit +undo exact +final BLEU", out), out
    assert re.search(r"copy +0\.0 +100\.0", out) and "supervised (1)" in out
    assert "demand met, zero-shot, by kind" in out and "by turn" in out
    assert re.search(r"dialogues \d+ of 24 test lines", err)
    results = read_results(tmp_path / "a" / "results.json")
    assert {row.system for row in results.dialogues} == {"copy", "base", "base, plain"} and not results.rows
    assert {row.direction for row in results.dialogues} == {"en-de", "de-en"}
    page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    section = re.search(r'<section id="dialogues".*?</section>', page, re.DOTALL)
    assert section and "user, turn 2" in section[0] and "<bdi>copy</bdi>" in section[0]
    assert "No translation has been scored yet" in page

    status, again, _ = cli(*both, "--out", tmp_path / "b")
    assert told(tmp_path / "a") == told(tmp_path / "b") and again.strip() in out, "the same bits"
    status, scored, err = cli("evaluate", tmp_path / "a", "--interactive")
    assert status == 0 and sorted(scored.split()) == sorted(again.split()), "scored alike, without a model"

    pair = ("--system", "copy", "--system", "base", "--trials", 20)
    status, out, err = cli("compare", tmp_path / "a", "--interactive", *pair, "--out", tmp_path / "a")
    assert status == 0 and re.search(r"en-de  demand met", out) and "all (2)  clean edit" in out, err
    rows = read_results(tmp_path / "a" / "results.json").significance
    assert {row["metric"] for row in rows} >= {"demand met", "final BLEU"}


def test_dialogues_of_a_file(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "mine.jsonl"
    write_dialogues(path, [corrected(), long()])
    assert [one.to_json() for one in read_held_out([path])[EN_DE]] == [
        one.to_json() for one in read_dialogues(path)
    ]
    plain = corrected().example().to_json()  # an example as others write it: it does not tell what is asked
    path.write_text(json.dumps(plain) + "\n", encoding="utf-8")
    ((dialogue,),) = read_held_out([path]).values()
    assert dialogue.versions == corrected().versions and dialogue.rounds[1].corrections[0].free
    ask = ("evaluate", "--interactive", "--copy", "--dialogues", path)
    status, out, err = cli(*ask, "-d", "eng-deu")
    assert status == 0 and re.search(r"copy +0\.0 +100\.0", out), err
    status, _, err = cli(*ask, "-d", "de-en")
    assert status == 1 and "no dialogue in the directions asked for; it has en-de" in err


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no object": (lambda row: ["a"], "expected an object with `messages`, found list"),
    "no messages": (lambda row: {"text": "x"}, "not in messages form"),
    "turn order": (lambda row: row | {"messages": row["messages"][1:]}, "expected user"),
    "unknown role": (
        lambda row: row | {"messages": [row["messages"][0] | {"role": "judge"}, *row["messages"][1:]]},
        "role 'judge' is none of",
    ),
    "empty turn": (
        lambda row: row | {"messages": [row["messages"][0] | {"content": " "}, *row["messages"][1:]]},
        "the turn is empty",
    ),
    "no direction": (lambda row: {k: v for k, v in row.items() if k != "direction"}, "has a `direction`"),
    "rounds": (lambda row: row | {"rounds": row["rounds"][:1]}, "`rounds` must have one entry"),
    "versions": (lambda row: row | {"versions": ["x"]}, "`versions` are not the answers"),
    "corrections": (
        lambda row: row | {"rounds": [row["rounds"][0], row["rounds"][1] | {"corrections": [{"must": 1}]}]},
        "a correction is an object",
    ),
    "one turn": (
        lambda row: row | {k: row[k][:1] for k in ("rounds", "versions")} | {"messages": row["messages"][:2]},
        "one user turn alone",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_dialogue_is_one_line_that_names_it(what: str, tmp_path: Path, cli: Cli) -> None:
    change, message = WRONG[what]
    path = tmp_path / "mine.jsonl"
    rows = [json.dumps(row) for row in (corrected().to_json(), change(corrected().to_json()))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    status, _, err = cli("evaluate", "--interactive", "--copy", "--dialogues", path)
    assert status == 1 and len(err.strip().splitlines()) == 1, err
    assert f"{path}:2" in err and message in err


def test_wrong_requests_are_one_line(tmp_path: Path, text: Path, cli: Cli) -> None:
    path = tmp_path / "mine.jsonl"
    for content, message in (
        (b'{"messages": \n', ":1: not JSON"),
        (b"\xff\xfe{\n", ":1: not "),
        (b"", "is empty"),
    ):
        path.write_bytes(content)
        status, _, err = cli("evaluate", "--interactive", "--copy", "--dialogues", path)
        assert status == 1 and message in err and len(err.strip().splitlines()) == 1, err
    ask = ("evaluate", "--interactive", "--data", text)
    for options, message in (
        ((), "give a model folder or hub id, or --copy"),
        (("--copy", "--turns", 3, 2), "`turns` is [fewest, most]"),
        (("--copy", "--kinds", "poetry"), "--kinds"),
        (("--copy", "--user-language", "klingon"), "--user-language"),
        (("--copy", "-d", "en-fr"), "no line in"),
        (("--copy", "--report"), "a report needs a folder"),
        (("--copy", "--retranslate"), "--retranslate needs a model"),
    ):
        status, _, err = cli(*ask, *options)
        assert status == 1 and message in err and len(err.strip().splitlines()) == 1, err
    status, _, err = cli("evaluate", tmp_path, "--interactive")
    assert status == 1 and "a folder with transcripts" in err
    status, _, err = cli("compare", tmp_path, "--interactive", "--system", "a", "--system", "b")
    assert status == 1 and "no transcripts of 'a'" in err


def recipe_of(text: Path, base: Path) -> dict[str, Any]:
    """Two stages of a few steps: dialogues, and the same edits in single turns."""
    stage = {
        "batch_examples": 4,
        "batch_tokens": 2048,
        "learning_rate": 0.003,
        "validate_every": 4,
        "steps": 4,
    }
    task = {"turns": [2, 3], "directions": ["en-de"]}
    single = task | {"single_turn": True}
    return {
        "name": "talking", "base": str(base), "prompt": {"template": "bayling"},
        "data": {split: {"folder": str(text), "split": split} for split in SIZES},
        "stages": [
            {"name": "dialogues", "start": "base", "tasks": {"mt": {}, "interactive": task}, **stage},
            {"name": "single", "start": "base", "tasks": {"mt": {}, "interactive": single}, **stage},
        ],
        "validation": {"lines": 1, "samples": 0, "max_new_tokens": 6},
        "evaluate": {
            "lines": 3, "bootstrap": 20, "directions": ["en-de"],
            "decoding": {"max_new_tokens": 6}, "identifier": "learnt",
            "systems": [
                {"name": "copy", "kind": "copy"}, {"name": "dialogues", "stage": "dialogues"},
                {"name": "single", "stage": "single"}, {"name": "plain", "stage": "single"},
            ],
            "compare": [["single", "dialogues"]],
            "interactive": {"lines": 8, "turns": [2, 3], "single_turn": ["single"], "retranslate": ["plain"]},
        },
    }  # fmt: skip


def compared(results: Results) -> set[tuple[str, str]]:
    """The pairs that are compared in dialogues."""
    return {(row["a"], row["b"]) for row in results.significance if of_dialogues(row["metric"])}


def test_a_row_that_retranslates_does_not_listen() -> None:
    """Each source is translated once; its translation answers every turn, and is back to no version."""
    asked: list[str] = []

    class Translating:
        def translate(self, requests: list[Request]) -> list[Namespace]:
            asked.extend(one.source for one in requests)
            assert all(one.turns is None for one in requests)
            return [Namespace(text=f" {one.source.upper()} ") for one in requests]

    found = ask_all([corrected(), long()], retranslator(Translating()))  # type: ignore[arg-type]
    assert asked == [corrected().source]
    texts = {answer.text for one in found for answer in one.answers if answer}
    assert texts == {corrected().source.upper()}


def test_as_a_step_of_a_run(
    text: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], cli: Cli
) -> None:
    recipe = write_recipe(tmp_path / "recipe.yaml", recipe_of(text, base))

    def go(*overrides: str) -> str:
        capsys.readouterr()
        Run(load_recipe(recipe, list(overrides)), tmp_path / "talking").go()
        return capsys.readouterr().err

    status, out, err = cli("run", recipe, "--dry-run", "--runs", tmp_path)
    assert status == 0 and "dialogues copy: 1 directions: to do" in out, err
    first = go()
    results = read_results(tmp_path / "talking" / "results.json")
    assert (
        {row.system for row in results.dialogues}
        == {"copy", "dialogues", "single", "plain"}
        == set(results.systems)
    )
    tested = [row for row in results.significance if row["metric"] in ("demand met", "clean edit")]
    assert tested and {(row["a"], row["b"]) for row in tested} == {("single", "dialogues")}
    assert {talk.system: talk.single for talk in read_talks(tmp_path / "talking")} == {
        "copy": False, "dialogues": False, "single": True, "plain": False,
    }  # fmt: skip
    assert 'id="dialogues"' in (tmp_path / "talking" / "report.html").read_text(encoding="utf-8")
    assert "dialogues done before" not in first and "dialogues done before" in go()
    assert "dialogues done before" not in go("evaluate.bootstrap=30"), "compared again"
    again = read_results(tmp_path / "talking" / "results.json")
    assert again.dialogues == results.dialogues and compared(again) == {("single", "dialogues")}
    assert {row["signature"] for row in again.significance} != {row["signature"] for row in tested}
    go("evaluate.compare=[[copy, dialogues], [plain, dialogues]]")
    again = read_results(tmp_path / "talking" / "results.json")
    assert compared(again) == {("copy", "dialogues"), ("plain", "dialogues")}, "and no other"

    kept = tmp_path / "talking" / "transcripts" / "single" / "en-de.jsonl"
    written = kept.stat().st_mtime_ns
    go("evaluate.interactive.terms=[dialogues]")
    assert kept.stat().st_mtime_ns == written, "the other rows stay"
    bound = {talk.system: talk.terms for talk in read_talks(tmp_path / "talking")}
    assert bound == {"copy": False, "dialogues": True, "single": False, "plain": False}

    go("evaluate.interactive.systems=[dialogues]", "evaluate.interactive.seed=2")
    other = read_results(tmp_path / "talking" / "results.json").dialogues
    assert {row.system for row in other} == {"dialogues"}
    assert not compared(read_results(tmp_path / "talking" / "results.json"))
    assert {row.signature for row in other}.isdisjoint(row.signature for row in results.dialogues)
    go("evaluate.interactive=null")
    assert not read_results(tmp_path / "talking" / "results.json").dialogues


def test_rows_that_cannot_answer_are_refused(text: Path, base: Path) -> None:
    content = recipe_of(text, base)
    content["evaluate"]["systems"].append({"name": "pivot", "kind": "pivot", "stage": "single"})
    for key, row in (
        ("systems", "pivot"),
        ("single_turn", "nobody"),
        ("retranslate", "nobody"),
        ("terms", "nobody"),
    ):
        content["evaluate"]["interactive"] = {key: [row]}
        with pytest.raises(
            RecipeError, match=f"`evaluate.interactive` names row '{row}'; .*: copy, dialogues"
        ):
            parse_recipe(content)
    for key in ({"retranslate": ["copy"]}, {"retranslate": ["single"], "single_turn": ["single"]}):
        content["evaluate"]["interactive"] = key
        with pytest.raises(RecipeError, match="no row of a model, or one of `single_turn`"):
            parse_recipe(content)
    content["evaluate"]["interactive"] = {"terms": ["copy"]}
    with pytest.raises(
        RecipeError, match=r"`evaluate\.interactive\.terms` names row 'copy', which is no row of a"
    ):
        parse_recipe(content)


def test_real_text(tmp_path: Path) -> None:
    """On Multi30k every demand can be put to its draft, and the dialogues' own answers meet all of them."""
    folder = str(data_folder("multi30k"))
    test = Source(folder=folder, split="test_2016_flickr", languages=["eng", "deu"], lines="1-150")
    train = Source(folder=folder, split="train", languages=["eng", "deu"], lines="1-3000")
    store, count = joined(
        tmp_path / "text", *(read_source(source, lambda drop: None) for source in (test, train))
    )
    direction = Direction("eng", "deu")
    found = make_dialogues(Interaction(), store, count, [direction], load_template("bayling")).dialogues[
        direction
    ]
    assert len(found) > 140
    for one in found:
        for turn in one.rounds[1:]:
            assert all(speaks_of(asked, one.versions[turn.before or 0]) for asked in turn.corrections)
    assert all(scores.value == pytest.approx(100.0) for scores in measured(talk(*map(perfect, found))))

"""Bad turns, terms that cannot be written, text like marks: nothing forges a turn, nothing is lost.

What holds for single turns stands in prompt/test_safe.py, for dialogues that a chat keeps in
instruct/test_interactive_dialogue.py, for their prompts in instruct/test_interactive_prompts.py.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_model, toy_records
from instruct.dialogue_files import write_rows
from prompt.kinds import NAMES, make
from prompt.test_encode import TEMPLATES
from prompt.test_encode import encoder as encoder_of
from prompt.test_safe import controls, marks, read
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from dragoman.corpus.store import Store, write_store
from dragoman.errors import DataError
from dragoman.instruct.general import General
from dragoman.instruct.task import Material
from dragoman.language.language import Direction
from dragoman.language.phrases import normal
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Turn, assistant, read_examples, user
from dragoman.prompt.templates import load_template
from dragoman.recipe import Decoding, TaskSpec
from dragoman.translate.demand import Demand
from dragoman.translate.engine import Translator
from dragoman.translate.files import translate_file
from dragoman.translate.formats import Formats
from dragoman.translate.prompts import Prompter, Request

EN_DE = Direction("en", "de")
GOOD = [("user", "Say yes."), ("assistant", "Yes.")]
BAD_TURNS: list[tuple[list[tuple[Any, Any]], str]] = [
    ([("assistant", "Yes."), *GOOD], "turns out of order: assistant after the start"),
    ([("user", "a"), *GOOD], "turns out of order: user after user"),
    ([*GOOD, ("assistant", "b")], "turns out of order: assistant after assistant"),
    ([*GOOD, ("system", "b"), *GOOD], "turns out of order: system after assistant"),
    ([("user", " \n"), ("assistant", "b")], "an empty turn"),
    ([("user", "a"), ("assistant", "")], "an empty turn"),
    ([*GOOD, ("user", "\u3000"), ("assistant", "b")], "an empty turn"),
    ([("user", "a"), ("assistant", None)], "a turn without text"),
    ([("user", "a"), ("tool", "b"), *GOOD], "unknown role 'tool'"),
    ([("User", "a"), ("assistant", "b")], "unknown role 'User'"),
    ([(None, "a"), ("assistant", "b")], "unknown role 'None'"),
    ([("user", "a"), (["assistant"], "b")], "unknown role \"['assistant']\""),
    ([("user", "a")], "the last turn has no answer"),
    ([("system", "a")], "no turns"),
    ([], "no turns"),
]
NAMES_OF_ROLES = {"user": "human", "assistant": "gpt"}


def messages(turns: list[tuple[Any, Any]]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def sharegpt(turns: list[tuple[Any, Any]]) -> dict[str, Any]:
    named = [
        (NAMES_OF_ROLES.get(role, role) if isinstance(role, str) else role, text) for role, text in turns
    ]
    return {"conversations": [{"from": role, "value": text} for role, text in named]}


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("corpus") / "train"
    write_store(folder, iter(toy_records(5)))
    return Material(Store(folder), load_template("alpaca"))


def told(material: Material, path: Path) -> tuple[int, list[tuple[int, str]]]:
    """Dialogues that a file gives, and what is written down of the others."""
    task = General(TaskSpec(files=[str(path)]), material)
    rows = map(json.loads, (task.dialogues.folder / "dropped.jsonl").read_text().splitlines())
    found = [(row["line"], row["reason"]) for row in rows]
    assert task.dialogues.manifest["reasons"] == Counter(reason for _, reason in found)
    assert all(task.make(item, random.Random(0))[0].turns for item in range(task.size))
    return task.size, found


@pytest.mark.parametrize("form", [messages, sharegpt])
def test_bad_turns_of_a_file_are_dropped_counted_and_told(
    form: Any, material: Material, tmp_path: Path
) -> None:
    rows = [form(GOOD), *(form(turns) for turns, _ in BAD_TURNS), form([("system", " "), *GOOD])]
    size, dropped = told(material, write_rows(tmp_path / "rows.jsonl", rows))
    assert size == 2 and dropped == [(line, reason) for line, (_, reason) in enumerate(BAD_TURNS, 2)]


def test_bad_instructions_of_a_file_are_dropped_counted_and_told(material: Material, tmp_path: Path) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"instruction": "a", "output": " "}, "an empty turn"),
        ({"instruction": "", "output": "b"}, "an empty turn"),
        ({"instruction": "a", "output": None}, "a turn without text"),
        ({"instruction": 7, "output": "b"}, "a turn without text"),
        ({"instruction": "a", "output": "b", "history": [["c", ""]]}, "an empty turn"),
        ({"instruction": "a", "output": "b", "history": [["c"]]}, "history is no list of pairs"),
    ]
    good = {"instruction": "a", "input": " ", "output": "b", "history": [["c", "d"]]}
    size, dropped = told(material, write_rows(tmp_path / "rows.jsonl", [good, *(row for row, _ in bad)]))
    assert size == 1 and dropped == [(line, reason) for line, (_, reason) in enumerate(bad, 2)]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([("assistant", "b"), *GOOD], "turn 0: expected user, found assistant"),
        ([("user", "a"), *GOOD], "turn 1: expected assistant, found user"),
        ([*GOOD, ("system", "a"), *GOOD], "turn 2: expected user, found system"),
        ([("user", "a"), ("assistant", "\t")], "turn 1: the turn is empty"),
        ([("user", "  "), ("assistant", "b")], "turn 0: the turn is empty"),
        ([("user", "a"), ("tool", "b")], "turn 1: role 'tool' is none of system, user, assistant"),
        ([("user", "a"), ("assistant", None)], "not in messages form"),
    ],
)
def test_bad_turns_of_examples_are_told_with_file_and_line(
    turns: list[tuple[str, Any]], reason: str, tmp_path: Path
) -> None:
    path = write_rows(
        tmp_path / "examples.jsonl", [messages(GOOD) | {"task": "x"}, messages(turns) | {"task": "x"}]
    )
    found = read_examples(path)
    next(found)
    with pytest.raises(DataError) as caught:
        next(found)
    assert (
        f"{path}:2: " in str(caught.value) and reason in str(caught.value) and "\n" not in str(caught.value)
    )


@cache
def writer(kind: str = "byte-bpe", template: str = "alpaca", bytes_too: bool = True) -> tuple[Any, Encoder]:
    """An untrained model and its encoder; without ``bytes_too`` the tokenizer lacks most characters."""
    made = make(kind)
    if not bytes_too:
        spec = json.loads(made.backend_tokenizer.to_str())
        spec["model"]["byte_fallback"] = False
        # the bytes are not there, the line end is
        spec["model"]["vocab"] = [
            [text.replace("<0x", "<none-"), score] if text != "<0x0A>" else ["\n", -5.0]
            for text, score in spec["model"]["vocab"]
        ]
        named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
        made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(spec)), **named)
    encoder = Encoder(made, load_template(template, made), 4096)
    model = tiny_model("llama", len(encoder.tokenizer))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    return model, encoder


@pytest.mark.parametrize("mode", ["soft", "hard", "both"])
def test_a_term_that_the_tokenizer_cannot_write(mode: Any, tmp_path: Path) -> None:
    """Whether it is asked for or enforced: a named error for its line, and the other lines are as ever."""
    model, encoder = writer("unigram", bytes_too=False)
    rows: list[dict[str, Any]] = [
        {"text": "The house", "must": ["Haus"], "id": 1},
        {"text": "The town", "must": ["東京"], "id": 2},
        {"text": "The town", "must": [["東京", "Haus"]], "forbid": ["東"], "id": 3},
        {"text": "The sea", "id": 4},
        {"text": "東京", "id": 5},
    ]
    source, target = write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    translator = Translator(model, encoder, Decoding(max_new_tokens=16), constraints=mode)
    report = translate_file(
        translator, EN_DE, str(source), str(target), formats=Formats("jsonl", "jsonl"), say=lambda _: None
    )
    found = {row["id"]: row for row in map(json.loads, target.read_text().splitlines())}
    errors = {id: row["error"]["name"] for id, row in found.items() if "error" in row}
    assert found[2]["error"]["message"].startswith("unwritable: '東京' holds characters that the tokenizer")
    assert errors == {2: "unwritable", 5: "untranslatable"}, "of two forms the other one is asked for"
    assert report.failures == len(errors) and report.lines == 5
    plain = translator.translate([Request("The sea", EN_DE)])[0]
    assert found[4]["text"] == plain.text
    assert mode == "soft" or found[1]["terms"]["unmet"] == found[3]["terms"]["unmet"] == []


def test_a_conversation_with_bad_turns_is_refused_and_the_others_are_translated() -> None:
    model, encoder = writer()
    translator = Translator(model, encoder, Decoding(max_new_tokens=8))
    ask, say = user("Translate:", "a b"), assistant("c d")
    talks = [(ask, say, user("Again.")), (say, ask), (ask, ask), (ask, Turn("tool", "x"), ask), (ask, say)]
    found = translator.translate([Request("a b", EN_DE, talk) for talk in talks] + [Request("a b", EN_DE)])
    assert [bool(one.text) for one in found] == [True, False, False, False, False, True]
    assert ["" if one.text else "turn" in one.reason for one in found] == ["", True, True, True, True, ""]


@pytest.mark.parametrize("tokenizer", NAMES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_terms_like_marks_stay_terms_in_the_prompt(template: str, tokenizer: str) -> None:
    code = encoder_of(tokenizer, template)
    prompter = Prompter(code, soft=True)

    def ids(source: str, must: str, forbid: str) -> list[int]:
        (found,) = prompter.contexts([Request(source, EN_DE, demand=Demand(((must, "c"),), (forbid,)))])
        assert not isinstance(found, str), found
        return found.ids[0]

    clean = ids("a b", "x", "y")
    for mark in marks(code):
        for asked in (("a b", f"x {mark}", "y"), ("a b", "x", f"{mark}y"), (f"a {mark} b", mark, "y")):
            found = ids(*asked)
            assert controls(code, found) == controls(code, clean), mark
            assert read(code, found) == read(code, clean), mark
            text = normal(code.safe.vocabulary.text(found).decode())
            assert all(normal(part) in text for part in asked), mark


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("tokenizer", ["byte-bpe", "bpe", "unigram"])
def test_terms_like_marks_are_written_as_text(template: str, tokenizer: str) -> None:
    model, encoder = writer(tokenizer, template)
    phrases = ("</s>", "### Response:", "[INST]", "<|im_end|>", "<start_of_turn>")
    asked = [Request("one", EN_DE, demand=Demand(((phrase,),), ("house",))) for phrase in phrases]
    translator = Translator(model, encoder, Decoding(beam=2, max_new_tokens=40), constraints="both")
    for phrase, found in zip(phrases, translator.translate(asked), strict=True):
        assert found.error == "" and phrase in found.text, found

"""JSONL in and out: demands of a line, n-best lists with scores, what became of demands, named errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dragoman.corpus.opening import Bad
from dragoman.errors import DataError, RecipeError
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Decoding
from dragoman.translate.demand import Demand
from dragoman.translate.engine import Translator
from dragoman.translate.files import settings_of, translate_file
from dragoman.translate.formats import Formats, format_of
from dragoman.translate.glossary import Glossary

EN_DE = Direction("en", "de")
JSONL = Formats("jsonl", "jsonl")


def read(row: Any, formats: Formats = JSONL) -> Any:
    return formats.line(json.dumps(row).encode(), EN_DE)


def test_lines_with_demands() -> None:
    line = read({"text": "one", "must": [["a", "b"], "c"], "forbid": ["d"], "id": 7})
    assert line.request.source == "one" and line.id == 7 and not line.bad
    assert line.request.demand == Demand((("a", "b"), ("c",)), ("d",))
    assert read({"text": "one"}).request.demand is None
    assert read({"text": "one", "must": ["a"], "ignore_case": True}).request.demand.ignore_case
    assert JSONL.line(b"", EN_DE).request.source == ""
    assert JSONL.line(Bad("line over 1 MB"), EN_DE).bad == "line over 1 MB"


def test_a_glossary_adds_to_the_demands_of_a_line() -> None:
    formats = Formats("jsonl", "jsonl", Glossary({"two": ("zwei",)}), ignore_case=True)
    demand = read({"text": "one two", "must": ["a"]}, formats).request.demand
    assert demand == Demand((("a",), ("zwei",)), (), True)
    text = Formats("text", "text", Glossary({"two": ("zwei",)}))
    assert text.line(b"one two", EN_DE).request.demand == Demand((("zwei",),))
    assert text.line(b"one", EN_DE).request.demand is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"one two", "not JSON"),
        (b"[1]", "expected an object such as"),
        (b'{"must": []}', "expected an object such as"),
        (b'{"text": "a", "musts": []}', "unknown key 'musts'; known: .*; did you mean must?"),
        (b'{"text": "a", "must": [""]}', 'must: expected a phrase, found ""'),
        (b'{"text": "a", "ignore_case": 1}', "ignore_case: expected true or false"),
        (b"[" * 100_000, "not JSON"),
        (b'{"text": "caf\xe9"}', "invalid UTF-8"),
    ],
)
def test_bad_lines_say_what_is_wrong(raw: bytes, message: str) -> None:
    line = JSONL.line(raw, EN_DE)
    assert line.request.source == ""
    assert re.search(message, line.bad)


def test_file_to_file(model: Any, encoder: Encoder, tmp_path: Path) -> None:
    rows = [
        {"text": "one two", "must": [["Klinik", "Krankenhaus"]], "id": "first"},
        {"text": "three"},
        {"text": "four", "must": ["Haus"], "forbid": ["Haus"]},
        {"text": "five", "must": ["sehr lange Wörter " * 9]},
        {"text": ""},
        {"txt": "six"},
        {"text": "seven", "must": ["\ud800"], "id": "\udfff"},
    ]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    translator = Translator(model, encoder, Decoding(beam=3, max_new_tokens=20), n_best=2)
    said: list[str] = []
    report = translate_file(translator, EN_DE, str(source), str(target), formats=JSONL, say=said.append)
    found = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(found) == 7
    assert found[0]["id"] == "first" and re.search("Klinik|Krankenhaus", found[0]["text"])
    assert found[0]["terms"] == {"met": [["Klinik", "Krankenhaus"]], "unmet": [], "forbidden_found": []}
    assert found[0]["n_best"][0]["text"] == found[0]["text"]
    scores = [one["score"] for one in found[0]["n_best"]]
    assert len(scores) == 2 and scores == sorted(scores, reverse=True) and scores[0] == found[0]["score"]
    assert "terms" not in found[1] and "error" not in found[1] and found[1]["text"]
    assert found[2]["error"]["name"] == "contradictory" and found[2]["text"] == ""
    assert found[3]["error"]["name"] == "too-long" and found[3]["terms"]["unmet"]
    assert "error" not in found[4] and found[4]["text"] == ""
    assert found[5]["error"]["name"] == "bad-line" and "did you mean text" in found[5]["error"]["message"]
    assert found[6]["error"]["name"] == "unwritable" and found[6]["id"] == "\udfff"
    assert said[0].startswith("line 3: contradictory: ")
    assert "1 of 4 demands met" in str(report) and "4 without a translation" in str(report)


def test_text_with_a_glossary(model: Any, encoder: Encoder, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("one two\nthree\ntwo\n")
    translator = Translator(model, encoder, Decoding(max_new_tokens=16))
    formats = Formats(glossary=Glossary({"two": ("Klinik am See",)}))
    report = translate_file(translator, EN_DE, str(source), str(target), formats=formats)
    lines = target.read_text().split("\n")
    assert ["Klinik am See" in line for line in lines] == [True, False, True, False]
    assert "2 of 2 demands met" in str(report)


def test_other_terms_start_a_file_anew(model: Any, encoder: Encoder, tmp_path: Path) -> None:
    translator = Translator(model, encoder, Decoding(max_new_tokens=4))
    kinds = [
        Formats(),
        Formats(write="jsonl"),
        Formats(ignore_case=True),
        Formats(glossary=Glossary({"a": ("b",)})),
        Formats(glossary=Glossary({"a": ("c",)})),
    ]
    assert len({settings_of(translator, EN_DE, "", one) for one in kinds}) == len(kinds)


def test_n_best_needs_jsonl(model: Any, encoder: Encoder, tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("one\n")
    translator = Translator(model, encoder, Decoding(beam=2, max_new_tokens=4), n_best=2)
    with pytest.raises(RecipeError, match="write JSONL"):
        translate_file(translator, EN_DE, str(source), str(tmp_path / "out.txt"))


def test_formats_by_name() -> None:
    assert format_of("a.jsonl", None, "input") == format_of("a.ndjson.gz", None, "input") == "jsonl"
    assert format_of("-", None, "input") == format_of("a.json.txt", None, "input") == "text"
    assert format_of("-", "jsonl", "input") == "jsonl"
    with pytest.raises(DataError, match="output format 'xml' is unknown; use text or jsonl"):
        format_of("-", "xml", "output")

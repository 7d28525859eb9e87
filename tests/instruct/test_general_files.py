"""Rows of files of dialogues: JSONL and arrays, plain and compressed, folders, data sets, broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.corpus import opening
from dragoman.corpus.opening import Bad
from dragoman.errors import DataError
from dragoman.instruct.general_files import Place, place_files, places

from .dialogue_files import ALPACA, MESSAGES, talk, write_rows


def rows_of(path: Path) -> list[tuple[int, Any]]:
    return [(line, row) for line, row in Place(str(path), path).rows()]


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
@pytest.mark.parametrize("layout", ["jsonl", "array", "indented"])
def test_every_layout_and_compression_has_the_same_rows(tmp_path: Path, layout: str, ending: str) -> None:
    path = write_rows(tmp_path / f"a.json{ending}", ALPACA, layout)
    assert [row for _, row in rows_of(path)] == ALPACA


def test_lines_are_those_where_rows_begin(tmp_path: Path) -> None:
    indented = write_rows(tmp_path / "a.json", ALPACA, "indented")
    text = indented.read_text().splitlines()
    assert [text[line - 1].strip() for line, _ in rows_of(indented)] == ["{", "{"]
    assert [line for line, _ in rows_of(write_rows(tmp_path / "b.jsonl", ALPACA))] == [1, 2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.text(max_size=4), st.recursive(st.text(max_size=8), st.lists, max_leaves=5)),
        max_size=6,
    ),
    piece=st.integers(1, 40),
    indent=st.sampled_from([None, 0, 3]),
)
def test_an_array_is_read_in_any_pieces(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    piece: int,
    indent: int | None,
) -> None:
    """Brackets, quotes, escapes and bytes of one character may fall apart anywhere."""
    monkeypatch.setattr(opening, "_PIECE", piece)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
    assert [row for _, row in rows_of(path)] == rows


def test_a_broken_row_of_an_array_is_one_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1},\n {"a": tru, "b": "]}"},\n 7, "x",\n null,\n {"a": "\\\\"}]')
    found = rows_of(path)
    assert found == [
        (1, {"a": 1}),
        (2, Bad("not JSON")),
        (3, Bad("not a JSON object")),
        (3, Bad("not a JSON object")),
        (4, Bad("not a JSON object")),
        (5, {"a": "\\"}),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[{"a": 1},\n {"b": "x', ":2: the JSON array does not end"),
        ('[{"a": 1}', ":1: the JSON array does not end"),
        ('[{"a": 1}]\n{"b": 2}', ":2: text behind the end"),
    ],
)
def test_an_array_that_does_not_end_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match="a.json" + told):
        rows_of(path)


def test_folders_give_their_json_files_and_what_is_no_path_is_a_data_set(tmp_path: Path) -> None:
    one = write_rows(tmp_path / "x" / "b.jsonl.gz", ALPACA)
    two = write_rows(tmp_path / "x" / "deep" / "a.json", MESSAGES, "array")
    (tmp_path / "x" / "README.md").write_text("no dialogue")
    found = places([str(tmp_path / "x"), str(one), "someone/dialogues-2.5"], "train_sft")
    assert [place.path for place in found] == [one, two, None]
    assert found[2] == Place("someone/dialogues-2.5", None, "train_sft") and place_files(found[2]) == []


def test_a_folder_of_parquet_and_a_saved_data_set(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_list([talk("a", "b"), talk("c", "d"), {"messages": []}])
    made.save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "parquet").mkdir()
    made.to_parquet(str(tmp_path / "parquet" / "train-0.parquet"))
    for folder in ("saved", "parquet"):
        (place,) = places([str(tmp_path / folder)], "train")
        assert place.path is None and place_files(place)
        rows = list(place.rows())
        assert [line for line, _ in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("alpacca.json", "no such file; did you mean alpaca.json"),
        ("./nowhere", "no such file"),
        ("empty", "holds no"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, name: str, told: str) -> None:
    write_rows(tmp_path / "alpaca.json", ALPACA)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=told):
        places([f"{tmp_path}/{name}"], "train")

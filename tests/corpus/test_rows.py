"""Rows of JSONL files and Hugging Face data sets."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman.corpus.pair import Record
from dragoman.corpus.readers import read_source
from dragoman.errors import DataError
from dragoman.recipe import Source

from .conftest import PACK, Drops, Write


def read(drops: Drops, **source: Any) -> list[Record]:
    return list(read_source(Source(**source), drops))


FLAT = [{"id": "x1", "de": "eins", "en": "one"}, {"id": "x2", "de": "zwei", "en": "two", "note": 3}]
NESTED = [{"translation": {"de": "eins", "en": "one"}}, {"translation": {"de": "zwei", "en": "two"}}]
TEXTS = [{"de": "eins", "en": "one"}, {"de": "zwei", "en": "two"}]


def jsonl(write: Write, rows: list[Any], name: str = "a.jsonl") -> str:
    return str(write(name, *[row if isinstance(row, bytes) else json.dumps(row) for row in rows]))


@pytest.mark.parametrize("rows", [FLAT, NESTED])
@pytest.mark.parametrize("languages", [[], ["de", "en"]])
def test_rows_by_code(write: Write, drops: Drops, rows: list[Any], languages: list[str]) -> None:
    records = read(drops, jsonl=jsonl(write, rows), languages=languages)
    assert [record.texts for record in records] == TEXTS
    assert [record.id for record in records] == ["a:1", "a:2"]


def test_codes_keep_the_recipe_s_spelling(write: Write, drops: Drops) -> None:
    records = read(drops, jsonl=jsonl(write, NESTED), languages=["eng", "deu"])
    assert records[0].texts == {"eng": "one", "deu": "eins"}


def test_keys(write: Write, drops: Drops) -> None:
    rows = [{"src": {"text": "eins"}, "tgt.text": "one"}, {"src": {"text": "zwei"}, "tgt.text": "two"}]
    records = read(drops, jsonl=jsonl(write, rows), keys={"de": "src.text", "en": "tgt.text"})
    assert [record.texts for record in records] == TEXTS


def test_indonesian_must_be_named(write: Write, drops: Drops) -> None:
    path = jsonl(write, [{"id": "satu", "en": "one"}])
    assert read(drops, jsonl=path, languages=["id", "en"])[0].texts == {"id": "satu", "en": "one"}
    assert read(drops, jsonl=path) == []
    assert drops.reasons == ["too few languages"]


def test_bad_rows_are_counted(write: Write, drops: Drops) -> None:
    rows = [
        FLAT[0],
        b'{"de": "eins", "en"',
        b"",
        b"[1, 2]",
        b'{"de": "\xff"}',
        {"de": "drei"},
        {"de": "vier", "en": 4},
        b'{"de": "f\\ud83d", "en": "five"}',
        b"[" * 100_000,
        b'{"de": ' + b"9" * 5000 + b"}",
        {"de": None, "en": "six"},
        FLAT[1],
    ]
    path = jsonl(write, rows)
    assert [r.line for r in read(drops, jsonl=path, languages=["de", "en"])] == [1, 12]
    assert drops.rows == [
        (2, "not JSON", ()),
        (3, "empty", ()),
        (4, "not a JSON object", ()),
        (5, "invalid UTF-8", ()),
        (6, "missing text", ("en",)),
        (7, "not text", ("en",)),
        (8, "not text", ("de",)),
        (9, "not JSON", ()),
        (10, "not JSON", ()),
        (11, "missing text", ("de",)),
    ]
    assert all(drop.whole for drop in drops)


def test_rows_may_differ_in_their_languages(write: Write, drops: Drops) -> None:
    path = jsonl(write, [{"de": "eins", "en": "one"}, {"fr": "deux", "en": "two", "de": None}])
    assert [sorted(record.texts) for record in read(drops, jsonl=path)] == [["de", "en"], ["en", "fr"]]
    records = read(drops, jsonl=path, languages=["en", "de", "fr"])
    assert [sorted(record.texts) for record in records] == [["de", "en"], ["en", "fr"]]


def test_a_language_that_no_row_has(write: Write, drops: Drops) -> None:
    path = jsonl(write, FLAT)
    with pytest.raises(
        DataError, match="no row has text under 'fr' for 'fr'; the first row's keys are id, de, en"
    ):
        read(drops, jsonl=path, languages=["de", "en", "fr"])
    with pytest.raises(DataError, match=r"no row has text under 'a\.b' for 'de'"):
        read(drops, jsonl=path, keys={"de": "a.b", "en": "en"})


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_compressed_rows_and_lines(write: Write, drops: Drops, ending: str) -> None:
    data = "".join(json.dumps(row) + "\n" for row in FLAT).encode()
    path = str(write(f"a.jsonl{ending}", PACK[ending](data)))
    assert [record.texts for record in read(drops, jsonl=path)] == TEXTS
    assert [record.id for record in read(drops, jsonl=path, lines="2-")] == ["a:2"]


def test_missing_jsonl(drops: Drops, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl: no such file"):
        read(drops, jsonl=str(tmp_path / "a.jsonl"))


class TestDatasets:
    """The same texts as Hugging Face data sets."""

    def test_saved(self, drops: Drops, tmp_path: Path) -> None:
        datasets = pytest.importorskip("datasets")
        whole = datasets.Dataset.from_list(NESTED)
        datasets.DatasetDict({"train": whole, "test": whole.select([1])}).save_to_disk(tmp_path / "d")
        folder = str(tmp_path / "d")
        assert [record.texts for record in read(drops, dataset=folder)] == TEXTS
        assert [r.id for r in read(drops, dataset=folder, split="test")] == ["d/test:1"]
        with pytest.raises(DataError, match="no split 'dev'; found: train, test"):
            read(drops, dataset=folder, split="dev")

    def test_saved_single_split(self, drops: Drops, tmp_path: Path) -> None:
        datasets = pytest.importorskip("datasets")
        datasets.Dataset.from_list(FLAT, split="test").save_to_disk(tmp_path / "d")
        source = {"dataset": str(tmp_path / "d"), "languages": ["deu", "eng"]}
        assert read(drops, **source, split="test")[0].texts == {"deu": "eins", "eng": "one"}
        with pytest.raises(DataError, match="holds the split 'test' alone, not 'train'"):
            read(drops, **source)

    def test_saved_by_an_old_version(self, drops: Drops, tmp_path: Path) -> None:
        (tmp_path / "state.json").write_text(
            '{"_data_files": [], "_indices_data_files": [{"filename": "x"}]}'
        )
        with pytest.raises(DataError, match="was saved by an old version of `datasets`; save it again"):
            read(drops, dataset=str(tmp_path))
        (tmp_path / "state.json").write_text("{")
        with pytest.raises(DataError, match="split 'train' cannot be read"):
            read(drops, dataset=str(tmp_path))

    @pytest.mark.parametrize("kind", ["parquet", "jsonl"])
    def test_folder_of_files(self, drops: Drops, tmp_path: Path, kind: str) -> None:
        datasets = pytest.importorskip("datasets")
        folder = tmp_path / "d"
        folder.mkdir()
        for split, rows in {"train": FLAT, "test": FLAT[1:]}.items():
            if kind == "parquet":
                datasets.Dataset.from_list(rows).to_parquet(folder / f"{split}-00000-of-00001.parquet")
            else:
                (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert [record.texts for record in read(drops, dataset=str(folder))] == TEXTS
        assert [record.texts for record in read(drops, dataset=str(folder), split="test")] == TEXTS[1:]
        with pytest.raises(DataError, match="no split 'dev'; found: train, test"):
            read(drops, dataset=str(folder), split="dev")

    def test_hub_id_is_streamed(self, drops: Drops, monkeypatch: pytest.MonkeyPatch) -> None:
        datasets = pytest.importorskip("datasets")
        asked: list[Any] = []

        def load(name: str, config: str | None, **settings: Any) -> list[Any]:
            asked.append((name, config, settings))
            return FLAT

        monkeypatch.setattr(datasets, "load_dataset", load)
        records = read(drops, dataset="user/name", config="de-en", keys={"de": "de", "en": "en"})
        assert [record.id for record in records] == ["name/train:1", "name/train:2"]
        assert asked == [("user/name", "de-en", {"split": "train", "streaming": True})]

    def test_errors_are_one_line(self, drops: Drops, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        datasets = pytest.importorskip("datasets")

        def fail(*_: Any, **__: Any) -> None:
            raise ConnectionError("cannot reach\nthe hub")

        monkeypatch.setattr(datasets, "load_dataset", fail)
        with pytest.raises(DataError) as caught:
            read(drops, dataset="user/name")
        assert "(ConnectionError: cannot reach the hub)" in str(caught.value)
        with pytest.raises(DataError, match="no such folder; check the path, or give a hub id"):
            read(drops, dataset=str(tmp_path / "no"))

    def test_missing_package_names_the_extra(self, drops: Drops, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "datasets", None)
        with pytest.raises(
            DataError, match=r"needs the package `datasets`; run pip install -c constraints.txt '.\[data\]'"
        ):
            read(drops, dataset="user/name")

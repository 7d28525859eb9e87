"""Names of lines, splits of a section, one code per language, hashes of content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dragoman.corpus.fingerprint import fingerprint
from dragoman.corpus.pair import Record
from dragoman.corpus.sources import source_files, source_names, split_sources, splits_of
from dragoman.corpus.spelling import Spelling, written_codes
from dragoman.errors import DataError
from dragoman.language.language import Direction
from dragoman.recipe import Data, Filters, Source

from .conftest import Write


def test_names_are_unique_and_stable() -> None:
    sources = [
        Source(folder="corpus", lines="1-100"),
        Source(folder="corpus", lines="101-"),
        Source(folder="corpus", lines="100-101"),
        Source(folder="other"),
        Source(folder="corpus", split="more"),
        Source(files={"en": "x/train.en.gz", "de": "x/train.de.gz"}),
        Source(tsv="web.v2.tsv.zst", languages=["en", "de"]),
        Source(dataset="user/name", split="dev"),
    ]
    names = ["train", "train", "train#2", "train#3", "more", "train#4", "web.v2", "name/dev"]
    assert source_names(sources) == names
    assert source_names(sources[:4]) == names[:4]


def test_splits_of_a_section(write: Write, tmp_path: Path) -> None:
    for name in ("train.en", "train.de.gz", "val.en", "val.de", "test.en", "test.de", "notes.txt.x1"):
        write(name, "x")
    folder = str(tmp_path)
    assert splits_of(tmp_path) == ["test", "train", "val"]
    for data in (
        Data.model_validate({"train": folder}),
        Data.model_validate({"train": folder, "dev": folder, "test": {"folder": folder}}),
    ):
        splits = {name: [s.split for s in sources] for name, sources in split_sources(data).items()}
        assert splits == {"train": ["train"], "dev": ["val"], "test": ["test"]}
    chosen = Data.model_validate(
        {"train": {"folder": folder, "languages": ["en", "de"]}, "test": {"folder": folder, "split": "val"}}
    )
    splits = {name: [s.split for s in sources] for name, sources in split_sources(chosen).items()}
    assert splits == {"train": ["train"], "dev": [], "test": ["val"]}


def test_files_of_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.parquet").write_bytes(b"x")
    assert source_files(Source(dataset=str(tmp_path))) == [tmp_path / "data" / "train.parquet"]
    assert source_files(Source(dataset="user/name")) == []


def test_one_spelling_for_each_language() -> None:
    data = Data.model_validate({"train": {"tsv": "a.tsv", "languages": ["deu", "-", "eng", "fra"]}})
    spelling = Spelling(written_codes([Direction("de", "en")], split_sources(data)))
    record = Record("a:1", {"deu": " Satz\t", "eng": "sentence", "fr": "phrase", "ita": "frase"}, "a", 1)
    texts = {"de": "Satz", "en": "sentence", "fra": "phrase", "ita": "frase"}
    assert spelling.record(record).texts == texts
    assert spelling.code("it") == "ita"
    with pytest.raises(DataError, match="a: de, deu hold one language twice; choose with `languages`"):
        spelling.record(Record("a:2", {"de": "x", "deu": "y"}, "a", 2))


def test_fingerprint_is_of_content_and_settings(write: Write, tmp_path: Path) -> None:
    def corpus(folder: str, german: str = "eins") -> str:
        write(f"{folder}/train.de", german)
        write(f"{folder}/train.en", "one")
        return str(tmp_path / folder)

    first = Data.model_validate({"train": corpus("a")})
    same = fingerprint(first)
    assert len(same) == 64
    assert fingerprint(Data.model_validate({"train": corpus("b")})) == same
    assert fingerprint(Data.model_validate({"train": {"folder": corpus("a"), "url": "x"}})) == same
    assert fingerprint(first, identifier="not used") == same
    others = [
        fingerprint(Data.model_validate({"train": corpus("c", "zwei")})),
        fingerprint(Data.model_validate({"train": {"folder": corpus("a"), "lines": "1"}})),
        fingerprint(Data(train=first.train, filters=Filters(max_chars=9))),
        fingerprint(Data(train=first.train, filters=Filters(wrong_language=True)), identifier="one"),
        fingerprint(Data(train=first.train, filters=Filters(wrong_language=True)), identifier="two"),
        fingerprint(first, [Direction("de", "en")]),
    ]
    assert len({same, *others}) == 7
    with pytest.raises(DataError, match="no such folder"):
        fingerprint(Data.model_validate({"train": str(tmp_path / "none")}))


def test_unchanged_files_are_hashed_once(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = write("train.de", "eins")
    write("train.en", "one")
    data = Data.model_validate({"train": str(tmp_path)})
    cache = tmp_path / "run" / "hashes.json"
    first = fingerprint(data, cache=cache)
    with monkeypatch.context() as patched:
        patched.setattr("dragoman.corpus.fingerprint.sha256_of", lambda path: pytest.fail(f"hashed {path}"))
        assert fingerprint(data, cache=cache) == first
    german.write_text("zwei\n")
    os.utime(german, ns=(1, 1))
    assert fingerprint(data, cache=cache) != first
    cache.write_text("{broken")
    assert fingerprint(data, cache=cache) == fingerprint(data)

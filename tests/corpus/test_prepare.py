"""The whole way from sources to stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dragoman.corpus.prepare import DROPPED, held_out, is_current, prepare
from dragoman.corpus.store import Store
from dragoman.errors import DataError
from dragoman.language.language import Direction
from dragoman.recipe import Data

from .conftest import Write, numbered
from .test_filters import FakeIdentifier


@pytest.fixture
def corpus(write: Write, tmp_path: Path) -> Path:
    """A multi-parallel folder in which each kind of fault stands once."""
    german = numbered("deutscher Satz", 10)
    english = numbered("English sentence", 10)
    french = numbered("phrase française", 10)
    german[1] = "  "
    english[2] = "Eine Probe, die zurückgehalten wird"
    french[3], english[3] = french[0], english[0]
    german[4] = "x" * 3000
    write("c/train.deu", *german)
    write("c/train.eng", *english)
    write("c/train.fra", *french[:6], b"\xff", *french[7:])
    write("c/val.deu", "eine probe die zurückgehalten wird", "", "noch eine")
    write("c/val.eng", "a held-out line", "an empty side", "another")
    write("c/test.deu", "Ein Test")
    write("c/test.eng", "A test")
    return tmp_path / "c"


def rows(folder: Path) -> list[tuple[int, str, list[str]]]:
    lines = (folder / DROPPED).read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert all(list(row) == ["file", "line", "id", "reason", "languages"] for row in found)
    return [(row["line"], row["reason"], row["languages"]) for row in found]


def test_prepare(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "corpus"
    told: list[int] = []
    manifest = prepare(Data.model_validate({"train": str(corpus)}), folder, progress=told.append)
    assert sorted(path.name for path in folder.iterdir()) == [
        "dev", "dropped.jsonl", "manifest.json", "test", "train",
    ]  # fmt: skip
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    train = manifest["train"]
    assert (train["read"], train["kept"], train["dropped"]) == (10, 9, 1)
    assert train["reasons"] == {
        "invalid UTF-8": 1, "empty": 1, "leak": 1, "duplicate": 1, "too long (characters)": 1,
    }  # fmt: skip
    assert train["languages"] == {"deu": 7, "eng": 9, "fra": 8}
    assert train["directions"] == {
        "deu-eng": 7, "deu-fra": 6, "eng-deu": 7, "eng-fra": 7, "fra-deu": 6, "fra-eng": 7,
    }  # fmt: skip
    assert (manifest["dev"]["read"], manifest["dev"]["kept"]) == (3, 2)
    assert manifest["test"]["directions"] == {"deu-eng": 1, "eng-deu": 1}
    assert rows(folder) == [
        (2, "empty", ["deu"]),
        (2, "empty", ["deu"]),
        (3, "leak", ["eng"]),
        (4, "duplicate", ["eng", "fra"]),
        (5, "too long (characters)", ["deu"]),
        (7, "invalid UTF-8", ["fra"]),
    ]
    store = Store(folder / "train")
    assert store.by_id("train:3") is None
    assert [record.line for record in store] == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert not store.by_id("train:4").has(Direction("eng", "fra"))  # type: ignore[union-attr]
    assert told == []


def test_directions_name_the_languages(corpus: Path, tmp_path: Path) -> None:
    directions = [Direction("de", "en"), Direction("en", "de"), Direction("de", "nqo")]
    data = Data.model_validate(
        {"train": {"folder": str(corpus), "languages": ["eng", "deu"]}, "test": str(corpus)}
    )
    manifest = prepare(data, tmp_path / "corpus", directions)
    assert manifest["train"]["directions"] == {"de-en": 8, "en-de": 8, "de-nqo": 0}
    assert Store(tmp_path / "corpus" / "test").languages == ("de", "en")


def test_filters_can_be_off(corpus: Path, tmp_path: Path) -> None:
    filters = {"leaks": False, "duplicates": False, "max_chars": 5000}
    manifest = prepare(Data.model_validate({"train": str(corpus), "filters": filters}), tmp_path / "corpus")
    assert manifest["train"]["reasons"] == {"empty": 1, "invalid UTF-8": 1, "length ratio": 2}


def test_several_sources_and_formats(write: Write, tmp_path: Path) -> None:
    write("train.en", "one", "two"), write("train.de", "eins", "zwei")
    table = write("a.tsv", "one\teins", "three\tdrei", "torn")
    rows_ = write("b.jsonl", '{"deu": "vier", "eng": "four"}', "{")
    train: list[dict[str, Any]] = [
        {"files": {"en": str(tmp_path / "train.en"), "de": str(tmp_path / "train.de")}},
        {"tsv": str(table), "languages": ["en", "de"]},
        {"jsonl": str(rows_)},
    ]
    manifest = prepare(Data.model_validate({"train": train}), tmp_path / "corpus")
    assert manifest["train"]["reasons"] == {"duplicate": 1, "too few columns": 1, "not JSON": 1}
    assert (manifest["train"]["read"], manifest["train"]["kept"]) == (7, 4)
    store = Store(tmp_path / "corpus" / "train")
    assert [record.id for record in store] == ["train:1", "train:2", "a:2", "b:1"]
    assert store[3].texts == {"de": "vier", "en": "four"}


def test_a_leak_goes_in_all_sources_of_one_text(write: Write, tmp_path: Path) -> None:
    write("train.en", "a b", "c d"), write("train.de", "ä b", "ç d"), write("train.fr", "à b", "held out")
    write("test.en", "else"), write("test.fr", "Held out.")

    def files(split: str, *codes: str) -> dict[str, Any]:
        return {"files": {code: str(tmp_path / f"{split}.{code}") for code in codes}}

    train = [files("train", "en", "de"), files("train", "en", "fr")]
    data = Data.model_validate({"train": train, "test": files("test", "en", "fr")})
    manifest = prepare(data, tmp_path / "corpus")
    assert manifest["train"]["reasons"] == {"leak": 2}
    assert [record.id for record in Store(tmp_path / "corpus" / "train")] == ["train:1", "train#2:1"]


def test_wrong_language(write: Write, tmp_path: Path) -> None:
    write("train.en", "en one", "de two"), write("train.de", "de eins", "de zwei")
    data = Data.model_validate({"train": str(tmp_path), "filters": {"wrong_language": True}})
    manifest = prepare(data, tmp_path / "corpus", None, FakeIdentifier())
    assert manifest["train"]["reasons"] == {"wrong language": 1}


def test_progress_counts_on_over_the_splits(write: Write, tmp_path: Path) -> None:
    for code in ("en", "de"):
        write(f"train.{code}", *numbered(code, 2500))
        write(f"test.{code}", *numbered(f"test {code}", 1000))
    told: list[int] = []
    prepare(Data.model_validate({"train": str(tmp_path)}), tmp_path / "corpus", progress=told.append)
    assert told == [1000, 2000, 3000]


def test_nothing_stays_after_an_error(corpus: Path, write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "corpus"
    data = Data.model_validate({"train": str(corpus)})
    before = prepare(data, folder)
    write("c/train.fra", "one line")
    with pytest.raises(DataError, match="line counts differ"):
        prepare(data, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["corpus"]
    assert json.loads((folder / "manifest.json").read_text()) == before


def test_an_empty_split_is_an_error(write: Write, tmp_path: Path) -> None:
    write("train.en", "same", "one"), write("train.de", "same", "")
    with pytest.raises(DataError) as caught:
        prepare(Data.model_validate({"train": str(tmp_path)}), tmp_path / "corpus")
    assert "data.train: none of 2 lines is left (identical sides 1, empty 1)" in str(caught.value)


def test_is_current(corpus: Path, write: Write, tmp_path: Path) -> None:
    folder, hashes = tmp_path / "run" / "corpus", tmp_path / "run" / "hashes.json"
    data = Data.model_validate({"train": str(corpus)})
    assert not is_current(data, folder)
    prepare(data, folder, hashes=hashes)
    assert is_current(data, folder, hashes=hashes)
    assert not is_current(data, folder, [Direction("deu", "eng")])
    (folder / "dev" / "manifest.json").unlink()
    assert not is_current(data, folder)
    prepare(data, folder)
    write("c/test.deu", "Ein anderer Test")
    assert not is_current(data, folder, hashes=hashes)


def test_held_out_texts_for_a_base(corpus: Path) -> None:
    leaks = held_out(Data.model_validate({"train": str(corpus)}))
    assert len(leaks) == 7
    assert "EIN TEST" in leaks and "another!" in leaks
    assert "deutscher Satz 1" not in leaks

"""On real text: what is read is what stands in the files, and the leaks that are known are found."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dragoman.corpus.prepare import prepare
from dragoman.corpus.readers import read_source
from dragoman.corpus.store import Store
from dragoman.language.identify import make_identifier
from dragoman.language.language import Direction
from dragoman.recipe import Data, Source

from .conftest import Drops

DATA = Path(os.environ.get("DRAGOMAN_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def folder_of(name: str) -> Path:
    """A folder of real text, or skip the test and say so."""
    if not (DATA / name).is_dir():
        pytest.skip(f"real text {name} is not here (set DRAGOMAN_DATA)")
    return DATA / name


def english(*codes: str) -> list[Direction]:
    return [Direction("en", code) for code in codes]


def test_multi30k(tmp_path: Path) -> None:
    folder = folder_of("multi30k")
    test = {"folder": str(folder), "split": "test_2016_flickr"}
    data = Data.model_validate({"train": str(folder), "test": test})
    manifest = prepare(data, tmp_path / "corpus", english("de", "fr", "cs"))
    assert manifest["train"]["read"] == 28_989
    assert manifest["dev"]["kept"] == 1_014
    assert manifest["test"]["directions"] == {"en-de": 1_000, "en-fr": 1_000, "en-cs": 1_000}
    assert manifest["train"]["reasons"] == {"duplicate": 6, "length ratio": 2, "leak": 1}
    store = Store(tmp_path / "corpus" / "train")
    lines = {
        code: (folder / f"train.{code}").read_text().split("\n") for code in ("eng", "deu", "fra", "ces")
    }
    texts = {"en": lines["eng"][99], "de": lines["deu"][99], "fr": lines["fra"][99], "cs": lines["ces"][99]}
    record = store.by_id("train:100")
    assert record is not None and record.texts == texts
    assert store.by_id("train:15610") is None


def test_nllb_seed_has_languages_that_few_tools_know(tmp_path: Path) -> None:
    folder = folder_of("nllb_seed")
    data = Data.model_validate({"train": {"folder": str(folder), "lines": "1-1500"}, "dev": str(folder)})
    manifest = prepare(data, tmp_path / "corpus", english("nqo", "ps", "dik", "gn"))
    codes = {"bho", "crh", "dik", "en", "fur", "fuv", "gn", "knc", "mri", "nqo", "ps", "scn", "szl"}
    assert set(manifest["train"]["languages"]) == codes
    assert manifest["dev"]["kept"] == 500
    assert 1_400 < manifest["train"]["kept"] <= 1_500
    pair = next(Store(tmp_path / "corpus" / "train").pairs(Direction("nqo", "pbt")))
    assert pair.source == (folder / "train.nqo").read_text().split("\n")[0]


def test_files_that_are_no_text_are_not_read(drops: Drops) -> None:
    source = Source(folder=str(folder_of("tico19")), split="dev", lines="1")
    [record] = read_source(source, drops)
    assert set(record.texts) == {"ckb", "eng", "fuv", "hau", "lug", "mya", "pbt", "swh", "tgl", "zul"}


def test_bilingual_files_of_one_folder(drops: Drops) -> None:
    source = Source(folder=str(folder_of("tatoeba")), split="test.deu-eng", languages=["de", "en"])
    records = list(read_source(source, drops))
    assert records and all(set(record.texts) == {"de", "en"} for record in records)


def test_lines_in_the_wrong_language(tmp_path: Path) -> None:
    folder = folder_of("multi30k")
    texts = {code: (folder / f"train.{code}").read_text().split("\n")[:400] for code in ("eng", "deu")}
    texts["deu"][100:120] = texts["eng"][200:220]
    for code, lines in texts.items():
        (tmp_path / f"train.{code}").write_text("\n".join(lines) + "\n")
    data = Data.model_validate({"train": str(tmp_path), "filters": {"wrong_language": True}})
    prepare(data, tmp_path / "corpus", identifier=make_identifier("py3langid", ["eng", "deu"]))
    dropped = [json.loads(line) for line in (tmp_path / "corpus" / "dropped.jsonl").open()]
    german = [
        row["line"] for row in dropped if row["reason"] == "wrong language" and "deu" in row["languages"]
    ]
    assert set(range(101, 121)) & set(german) == set(german)
    assert len(german) >= 18
    assert len(dropped) <= len(german) + 2

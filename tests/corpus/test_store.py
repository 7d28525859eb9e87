"""The store gives back what was put in, and is not opened unless it is whole."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dragoman.corpus.store as store_module
from dragoman.corpus.pair import Record, SentencePair, pair_key
from dragoman.corpus.store import Store, write_store
from dragoman.errors import DataError
from dragoman.language.language import Direction

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
CODES = ["de", "en", "fr", "zh-Hant"]
SKIPS = [pair_key(a, b) for a, b in pairwise(CODES)]


@st.composite
def corpora(draw: st.DrawFn) -> list[Record]:
    rows = draw(
        st.lists(
            st.tuples(st.dictionaries(st.sampled_from(CODES), TEXT), TEXT, st.sets(st.sampled_from(SKIPS))),
            max_size=12,
        )
    )
    return [
        Record(f"train:{line}", texts, file, line, frozenset(skip))
        for line, (texts, file, skip) in enumerate(rows, 1)
    ]


@given(corpora())
def test_round_trip(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        manifest = write_store(Path(folder) / "train", records)
        store = Store(Path(folder) / "train")
        assert len(store) == manifest["records"] == len(records)
        assert list(store) == records
        assert set(store.languages) == {code for record in records for code in record.texts}
        for record in records:
            assert store.by_id(record.id) == record
        assert store.by_id("train:0") is None
        for source in CODES:
            for target in CODES:
                direction = Direction(source, target)
                has = [i for i, record in enumerate(records) if source != target and record.has(direction)]
                assert store.indices(direction).tolist() == has
                assert list(store.pairs(direction)) == [records[i].pair(direction) for i in has]
        assert store.directions() == sorted(
            {Direction(a, b) for a in CODES for b in CODES if len(store.indices(Direction(a, b)))}
        )


def some(count: int = 5) -> list[Record]:
    return [
        Record(f"a:{n}", {"deu": f"Satz {n}", "eng": f"sentence {n}"}, "a.tsv", n)
        for n in range(1, count + 1)
    ]


def test_numbers_are_mapped_from_disk_in_several_buffers(tmp_path: Path) -> None:
    count = 2 * store_module._BUFFER + 3
    write_store(tmp_path / "s", some(count))
    store = Store(tmp_path / "s")
    indices = store.indices(Direction("deu", "eng"))
    assert isinstance(indices, np.memmap) and indices.dtype == np.int64
    assert np.array_equal(indices, np.arange(count))
    assert store[count - 1].id == f"a:{count}"
    assert store.by_id("a:4099") == store[4098]


def test_codes_in_any_spelling(tmp_path: Path) -> None:
    write_store(tmp_path / "s", some())
    store = Store(tmp_path / "s")
    assert store.code("de") == "deu"
    assert len(store.indices(Direction("de", "en"))) == 5
    first = next(store.pairs(Direction("en", "deu")))
    assert first == SentencePair("sentence 1", "Satz 1", Direction("en", "deu"), "a:1", "a.tsv", 1)
    assert list(store.pairs(Direction("en", "fr"))) == []


def test_index_counts_from_the_end_too(tmp_path: Path) -> None:
    write_store(tmp_path / "s", some())
    store = Store(tmp_path / "s")
    assert store[-1] == store[4] == some()[4]
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"record {index} of 5"):
            store[index]


def test_travels_to_other_processes(tmp_path: Path) -> None:
    write_store(tmp_path / "s", some())
    assert list(pickle.loads(pickle.dumps(Store(tmp_path / "s")))) == some()


def test_ids_with_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "id_hash", lambda _: 7)
    write_store(tmp_path / "s", some())
    store = Store(tmp_path / "s")
    assert store.by_id("a:4") == some()[3]
    assert store.by_id("a:6") is None


def broken_off(error: BaseException) -> Iterator[Record]:
    yield from some()
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("bad text")])
def test_nothing_half_written_stays(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_store(tmp_path / "new", broken_off(error))
    assert list(tmp_path.iterdir()) == []
    write_store(tmp_path / "s", some(2))
    with pytest.raises(type(error)):
        write_store(tmp_path / "s", broken_off(error))
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    assert len(Store(tmp_path / "s")) == 2
    write_store(tmp_path / "s", some(3))
    assert len(Store(tmp_path / "s")) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be written \(No space left on device\); nothing was kept"):
        write_store(tmp_path / "s", broken_off(OSError(28, "No space left on device")))
    assert list(tmp_path.iterdir()) == []


def test_what_an_interrupted_run_left_is_replaced(tmp_path: Path) -> None:
    for left in ("s.part", "s.old"):
        (tmp_path / left / "pairs").mkdir(parents=True)
    write_store(tmp_path / "s", some())
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_incomplete_or_changed_store_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no complete corpus \(no manifest\.json\); make it again"):
        Store(tmp_path / "none")
    write_store(tmp_path / "s", some())
    manifest = tmp_path / "s" / "manifest.json"
    good = manifest.read_text()
    for text, message in [
        ("{", "cannot be read"),
        ("[]", "is not of format 1; make the corpus again"),
        (json.dumps({"format": 0}), "is not of format 1"),
    ]:
        manifest.write_text(text)
        with pytest.raises(DataError, match=message):
            Store(tmp_path / "s")
    manifest.write_text(good)
    with (tmp_path / "s" / "records.jsonl").open("a") as file:
        file.write("more\n")
    with pytest.raises(DataError, match=r"records\.jsonl: is not as it was written"):
        Store(tmp_path / "s")
    (tmp_path / "s" / "records.jsonl").unlink()
    with pytest.raises(DataError, match=r"records\.jsonl: is not as it was written"):
        Store(tmp_path / "s")

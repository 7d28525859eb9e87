"""The links of a corpus on disk: made once for a text and an aligner, taken by other stages and runs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from dragoman.align import agree
from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.errors import DataError
from dragoman.instruct import links as links_module
from dragoman.instruct.links import PairLinks, pair_links


def store_in(corpus: Path, last: str = "fahi") -> Store:
    """A few lines of two languages; ``last`` ends each."""
    texts = [{"de": f"bado cefi dogu {last}", "en": f"xbado xcefi xdogu x{last}"}] * 3
    write_store(corpus / "train", [Record(f"t:{k}", t, "toy", k) for k, t in enumerate(texts)])
    return Store(corpus / "train")


def run_store(run: Path, last: str = "fahi") -> Store:
    """The same as the corpus of a run."""
    run.mkdir(parents=True, exist_ok=True)
    (run / "recipe.yaml").touch()
    return store_in(run / "corpus", last)


def links_of(store: Store) -> PairLinks:
    return pair_links(store, store.directions()[0])


def never(*_: object) -> None:
    pytest.fail("made again")


def test_both_directions_share_what_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_in(tmp_path)
    first = links_of(store)
    monkeypatch.setattr(links_module, "_make", never)
    other = pair_links(store, store.directions()[1])
    assert other.folder == first.folder
    flipped = [(j, i, score) for i, j, score in first.cells(0, "de")]
    assert sorted(flipped) == other.cells(0, "en")


def test_other_text_or_another_aligner_gets_other_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = links_of(store_in(tmp_path)).folder
    assert links_of(store_in(tmp_path, "gejo")).folder != first
    assert links_of(store_in(tmp_path)).folder == first
    for where, name, value in ((agree, "WORDS", 1.0), (links_module, "LOW", 0.1), (links_module, "MADE", 99)):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, value)
            assert links_of(store_in(tmp_path)).folder != first


def test_a_corpus_that_is_made_anew_keeps_its_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = links_of(run_store(tmp_path / "runs" / "one"))
    assert first.folder.parent == tmp_path / "runs" / "one" / "links"
    shutil.rmtree(tmp_path / "runs" / "one" / "corpus")
    monkeypatch.setattr(links_module, "_make", never)
    assert links_of(run_store(tmp_path / "runs" / "one")).folder == first.folder


def test_a_run_takes_the_links_of_another_run_of_the_same_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = links_of(run_store(tmp_path / "one"))
    wanted = first.cells(0, "de")
    with monkeypatch.context() as patch:
        patch.setattr(links_module, "_make", never)
        second = links_of(run_store(tmp_path / "two"))
        assert second.folder.parent == tmp_path / "two" / "links"
        shutil.rmtree(tmp_path / "one")
        assert links_of(run_store(tmp_path / "two")).cells(0, "de") == wanted
        patch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
        third = links_of(run_store(tmp_path / "three"))
        assert third.cells(0, "de") == wanted
    with monkeypatch.context() as patch, pytest.raises(pytest.fail.Exception):
        patch.setattr(links_module, "_make", never)
        links_of(run_store(tmp_path / "four", "gejo"))


def test_what_is_half_made_is_not_taken(tmp_path: Path) -> None:
    folder = links_of(run_store(tmp_path / "one")).folder
    (folder / "manifest.json").unlink()
    second = links_of(run_store(tmp_path / "two"))
    assert len(second) == 3
    assert not list(tmp_path.rglob("*.part"))


def test_damaged_links_are_told(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    folder = links_of(store).folder
    whole = (folder / "score.npy").read_bytes()
    (folder / "score.npy").write_bytes(whole[:-4])
    with pytest.raises(DataError, match=r"the links are damaged .*; remove the folder, they are made again"):
        links_of(store)
    (folder / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(DataError, match="is not of format"):
        links_of(store)


def test_types_that_met_are_known_in_both_directions(tmp_path: Path) -> None:
    lines = [("bado cefi", "xbado xcefi"), ("bado dogu", "xbado xdogu"), ("cefi dogu", "xcefi xdogu")] * 4
    records = [Record(f"t:{k}", {"de": a, "en": b}, "toy", k) for k, (a, b) in enumerate(lines)]
    write_store(tmp_path / "train", records)
    links = links_of(Store(tmp_path / "train"))
    assert links.known("de", "Bado", "xbado") and links.known("en", "xbado", "bado")
    assert not links.known("de", "bado", "xdogu")
    assert not links.known("de", "xbado", "bado")

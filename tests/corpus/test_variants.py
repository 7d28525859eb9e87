"""Variants: revisions, machine output and other references of a line, from files or rows to the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.corpus.fingerprint import fingerprint
from dragoman.corpus.prepare import prepare
from dragoman.corpus.readers import read_source
from dragoman.corpus.store import Store
from dragoman.corpus.variants import MACHINE, REFERENCE, REVISION, Variant
from dragoman.errors import DataError
from dragoman.recipe import Data, Source
from dragoman.recipe_file import load_recipe

from .conftest import Drops, Write


def make(**values: object) -> Source:
    return Source.model_validate(values)


@pytest.fixture
def text(write: Write) -> Path:
    write("train.en", "One dog.", "Two dogs.", "Three dogs.")
    write("train.de", "Ein Hund.", "Zwei Hunde.", "Drei Hunde.")
    write("train.de.v1", "Ein Hunt.", "", "Drei Hunde.")
    write("train.de.v2", "Ein Hund!", "Zwei Hunde!", "Drei\x01Hunde.")
    write("mt.de", "Eine Hund.", "Zwei Hund.", "Drei Hund.")
    return write("other.de", "Ein Rüde.", "Zwei Rüden.", "Drei Rüden.").parent


def variants(**more: object) -> dict[str, object]:
    return {
        "deu": {
            "revisions": ["train.de.v1", "train.de.v2"],
            "machine": "mt.de",
            "references": "other.de",
            **more,
        }
    }


def test_files_of_a_folder(text: Path, drops: Drops) -> None:
    source = make(folder=str(text), languages=["en", "de"], variants=variants())
    first, second, _ = read_source(source, drops)
    assert first.variants == (
        Variant("de", REVISION, "Ein Hunt."),
        Variant("de", REVISION, "Ein Hund!"),
        Variant("de", MACHINE, "Eine Hund."),
        Variant("de", REFERENCE, "Ein Rüde."),
    )
    assert [v.text for v in second.variants] == ["Zwei Hunde!", "Zwei Hund.", "Zwei Rüden."], (
        "empty: left out"
    )


def test_store_keeps_them_under_the_corpus_codes(text: Path, tmp_path: Path) -> None:
    source = {"folder": str(text), "languages": ["eng", "deu"], "variants": variants()}
    prepare(Data.model_validate({"train": [source]}), tmp_path / "corpus")
    store = Store(tmp_path / "corpus" / "train")
    assert store[0].variants[0] == Variant("deu", REVISION, "Ein Hunt.")
    assert store.manifest["variants"] == {"deu": 3}
    assert [v.kind for v in store[2].variants] == [REVISION, MACHINE, REFERENCE], (
        "the second has a control character"
    )
    dropped = (tmp_path / "corpus" / "dropped.jsonl").read_text(encoding="utf-8")
    assert json.loads(dropped)["reason"] == "variant: control character"


def test_a_corpus_without_them_is_as_before(text: Path, tmp_path: Path) -> None:
    data = Data.model_validate({"train": [{"folder": str(text), "languages": ["en", "de"]}]})
    prepare(data, tmp_path / "corpus")
    assert "variants" not in (tmp_path / "corpus" / "train" / "records.jsonl").read_text(encoding="utf-8")
    assert "variants" not in Store(tmp_path / "corpus" / "train").manifest


def test_rows(write: Write, drops: Drops) -> None:
    rows = [{"src": "One dog.", "pe": "Ein Hund.", "mt": {"a": "Eine Hund."}}, {"src": "Two", "pe": "Zwei"}]
    path = write("rows.jsonl", *map(json.dumps, rows))
    source = make(jsonl=str(path), keys={"en": "src", "de": "pe"}, variants={"de": {"machine": "mt.a"}})
    first, second = read_source(source, drops)
    assert first.variants == (Variant("de", MACHINE, "Eine Hund."),) and not second.variants
    wrong = make(jsonl=str(path), keys={"en": "src", "de": "pe"}, variants={"de": {"machine": "mtt"}})
    with pytest.raises(
        DataError, match="no row has text under 'mtt', a variant of 'de'; the first row's keys are"
    ):
        list(read_source(wrong, drops))


def test_mistakes(text: Path, write: Write, drops: Drops) -> None:
    def told(**values: object) -> str:
        with pytest.raises(DataError) as caught:
            list(read_source(make(**values), drops))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    short = write("short.de", "Ein Hund.")
    base = {"folder": str(text), "languages": ["en", "de"]}
    said = told(**base, variants={"de": {"machine": short.name}})
    assert "line counts differ" in said and "short.de 1" in said
    assert "did you mean train.de.v2" in told(**base, variants={"de": {"revisions": "train.de.v3"}})
    assert "no text in 'fr'; found: en, de" in told(**base, variants={"fr": {"machine": "mt.de"}})
    table = write("pairs.tsv", "a\tb")
    assert "`variants` go with" in told(
        tsv=str(table), languages=["en", "de"], variants={"de": {"machine": "x"}}
    )


def test_a_held_out_variant_is_a_leak(text: Path, tmp_path: Path, write: Write) -> None:
    write("test.en", "Another dog.")
    write("test.de", "Zwei Rüden.")
    source = {"folder": str(text), "languages": ["en", "de"], "variants": variants()}
    test = {"folder": str(text), "split": "test", "languages": ["en", "de"]}
    counts = prepare(Data.model_validate({"train": [source], "test": test}), tmp_path / "corpus")["train"]
    assert counts["reasons"]["leak"] == 1 and counts["kept"] == 2


def test_their_content_counts_for_what_is_stale(text: Path) -> None:
    source = {"folder": str(text), "languages": ["en", "de"]}
    plain = fingerprint(Data.model_validate({"train": [source]}))
    data = Data.model_validate({"train": [{**source, "variants": variants()}]})
    before = fingerprint(data)
    (text / "mt.de").write_text("Anders\nAnders\nAnders\n", encoding="utf-8")
    assert len({plain, before, fingerprint(data)}) == 3


def test_paths_start_where_the_others_do(text: Path) -> None:
    recipe = text / "recipe.yaml"
    recipe.write_text(
        f"name: x\nbase: demo\ndata:\n  root: {text}\n  train:\n    - files: {{en: train.en, de: train.de}}\n"
        "      variants: {de: {machine: mt.de}}\nstages: [{name: s, steps: 1, tasks: {mt: {}}}]\n",
        encoding="utf-8",
    )
    source = load_recipe(recipe).data.train[0]
    assert source.variants["de"].machine == [str(text / "mt.de")]

"""Sources to records: folders, files, TSV; what is dropped, what is an error."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from dragoman.corpus.pair import Record
from dragoman.corpus.readers import read_source
from dragoman.errors import DataError
from dragoman.recipe import Data, Source

from .conftest import PACK, Drops, Write, numbered


def read(drops: Drops, **source: Any) -> list[Record]:
    return list(read_source(Source(**source), drops))


def test_folder_with_all_languages(write: Write, drops: Drops, tmp_path: Path) -> None:
    for code in ("eng", "deu", "zho_Hant"):
        write(f"train.{code}", *numbered(code, 3))
    for other in ("val.eng", "train.align", "train.vref", "train.id", "train.mt.eng", "train.eng.bak", "x"):
        write(other, "something else")
    records = read(drops, folder=str(tmp_path))
    assert [record.id for record in records] == ["train:1", "train:2", "train:3"]
    assert records[1].texts == {"deu": "deu 2", "eng": "eng 2", "zho_Hant": "zho_Hant 2"}
    assert (records[1].file, records[1].line) == (str(tmp_path / "train"), 2)
    assert drops == []


def test_folder_with_the_languages_asked_for_keeps_their_spelling(
    write: Write, drops: Drops, tmp_path: Path
) -> None:
    for code in ("eng", "deu", "fra"):
        write(f"dev.{code}", *numbered(code, 2))
    records = read(drops, folder=str(tmp_path), split="dev", languages=["de", "fra"])
    assert records[0].texts == {"de": "deu 1", "fra": "fra 1"}
    assert records[0].id == "dev:1"


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_compressed_folder_and_files(write: Write, drops: Drops, tmp_path: Path, ending: str) -> None:
    german = write(f"train.de{ending}", PACK[ending](b"eins\nzwei\n"))
    english = write("train.en", "one", "two")
    texts = [{"de": "eins", "en": "one"}, {"de": "zwei", "en": "two"}]
    assert [r.texts for r in read(drops, folder=str(tmp_path))] == texts
    files = read(drops, files={"de": str(german), "en": str(english)})
    assert [r.texts for r in files] == texts
    assert [r.id for r in files] == ["train:1", "train:2"]


def test_two_letter_endings_are_languages_where_codes_are_short(
    write: Write, drops: Drops, tmp_path: Path
) -> None:
    for code in ("en", "id", "ceb"):
        write(f"train.{code}", f"text in {code}")
    assert set(read(drops, folder=str(tmp_path))[0].texts) == {"en", "id", "ceb"}


def test_lines_are_chosen_and_keep_their_numbers(write: Write, drops: Drops, tmp_path: Path) -> None:
    write("train.en", *numbered("en", 9))
    write("train.de", *numbered("de", 9))
    records = read(drops, folder=str(tmp_path), lines="2-3,8-")
    assert [record.id for record in records] == ["train:2", "train:3", "train:8", "train:9"]
    assert records[2].texts == {"de": "de 8", "en": "en 8"}
    with pytest.raises(DataError, match=r"train: has 9 lines, so lines '10-' chooses none"):
        read(drops, folder=str(tmp_path), lines="10-")
    with pytest.raises(DataError, match="lines '9-1' is no range"):
        read(drops, folder=str(tmp_path), lines="9-1")


def test_unequal_line_counts_name_both_files_and_counts(write: Write, drops: Drops, tmp_path: Path) -> None:
    write("train.en", *numbered("en", 5))
    write("train.de", *numbered("de", 3))
    write("train.fr", *numbered("fr", 5))
    expected = r"line counts differ: \S*train\.de 3, \S*train\.en 5, \S*train\.fr 5; line i of every file"
    with pytest.raises(DataError, match=expected):
        read(drops, folder=str(tmp_path))
    with pytest.raises(DataError, match="line counts differ"):
        read(drops, folder=str(tmp_path), lines="1-2")
    write("train.de", b"")
    with pytest.raises(DataError, match=r"train\.de 0, \S*train\.en 5"):
        read(drops, folder=str(tmp_path))


def test_invalid_utf8_drops_the_side_and_the_line_only_if_no_pair_is_left(
    write: Write, drops: Drops, tmp_path: Path
) -> None:
    write("train.en", *numbered("en", 3))
    write("train.de", b"de 1\nde \xff\nde 3\n")
    write("train.fr", b"fr 1\nfr 2\nfr \xff\n")
    records = read(drops, folder=str(tmp_path))
    assert [sorted(record.texts) for record in records] == [["de", "en", "fr"], ["en", "fr"], ["de", "en"]]
    assert drops.rows == [(2, "invalid UTF-8", ("de",)), (3, "invalid UTF-8", ("fr",))]
    assert drops[0].file == str(tmp_path / "train.de")
    assert not drops[0].whole
    drops.clear()
    records = read(drops, folder=str(tmp_path), languages=["de", "fr"])
    assert [record.line for record in records] == [1]
    assert [drop.whole for drop in drops] == [True, True]


def test_one_language_must_be_named(write: Write, drops: Drops, tmp_path: Path) -> None:
    write("train.en", "a text")
    with pytest.raises(
        DataError, match="train has text in en alone, expected two languages; for text in one"
    ):
        read(drops, folder=str(tmp_path))
    assert read(drops, folder=str(tmp_path), languages=["en"])[0].texts == {"en": "a text"}


def test_folder_errors(write: Write, drops: Drops, tmp_path: Path) -> None:
    path = write("train.en", "x")
    write("train.de", "x")
    write("val.de", "x")
    for source, message in [
        ({"folder": str(tmp_path / "no")}, "no: no such folder; check the path"),
        ({"folder": str(path)}, "is a file; for single files use `files:`"),
        ({"folder": str(tmp_path), "split": "tset"}, "no files tset.<language>; splits found: train, val"),
        ({"folder": str(tmp_path), "languages": ["en", "fr"]}, "train has no text in 'fr'; found: de, en"),
        ({"folder": str(tmp_path), "languages": ["de", "deu"]}, "'de' and 'deu' are the same language"),
        ({"folder": str(tmp_path), "languages": ["de", "qqq"]}, "unknown language code 'qqq'"),
        ({"files": {"en": str(path), "de": str(tmp_path / "tran.de")}}, "did you mean train.de?"),
        ({"files": {"en": str(path), "de": str(tmp_path)}}, "is a directory, expected a text file"),
        ({"files": {"en": str(path), "eng": str(path)}}, "'en' and 'eng' are the same language"),
    ]:
        with pytest.raises(DataError) as caught:
            read(drops, **source)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"tsv": "a.tsv", "languages": ["de", "en"], "split": "dev"},
            "has `split` only beside folder or dataset",
        ),
        ({"folder": "x", "keys": {"de": "x"}}, "has `keys` only beside jsonl or dataset; take it out"),
        ({"jsonl": "x", "config": "de-en"}, "has `config` only beside dataset"),
        ({"files": {}}, "must name at least one file or column"),
        ({"tsv": "a.tsv", "languages": ["-"]}, "must name at least one file or column"),
    ],
)
def test_settings_that_do_not_belong_to_the_source(
    drops: Drops, source: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(drops, **source)


def test_ambiguous_code(write: Write, drops: Drops, tmp_path: Path) -> None:
    for code in ("zh-Hans", "zh-Hant", "en"):
        write(f"train.{code}", code)
    with pytest.raises(DataError, match="'zh' can mean zh-Hans or zh-Hant; write the one you want"):
        read(drops, folder=str(tmp_path), languages=["zh", "en"])
    write("test.deu", "x")
    write("test.de", "x")
    with pytest.raises(DataError, match="'de' and 'deu' are the same language"):
        read(drops, folder=str(tmp_path), split="test")


def test_empty_files(write: Write, drops: Drops, tmp_path: Path) -> None:
    write("train.en", b"")
    write("train.de", b"\xef\xbb\xbf")
    table = write("a.tsv", b"")
    with pytest.raises(DataError, match="train: is empty, expected one sentence per line"):
        read(drops, folder=str(tmp_path))
    with pytest.raises(DataError, match=r"a\.tsv: is empty"):
        read(drops, tsv=str(table), languages=["en", "de"])


def test_tsv(write: Write, drops: Drops) -> None:
    rows = [
        "de\tscore\ten",
        "eins\t0.5\tone",
        "zwei\t2",
        "",
        "drei\t0.1\tthree\tx",
        "vier\t1\tfour\r",
        b"\xff\t\t",
    ]
    records = read(drops, tsv=str(write("a.tsv", *rows)), languages=["de", "-", "en"])
    assert [(record.id, record.texts) for record in records] == [
        ("a:2", {"de": "eins", "en": "one"}),
        ("a:6", {"de": "vier", "en": "four"}),
    ]
    assert drops.rows == [
        (1, "header", ()),
        (3, "too few columns", ()),
        (4, "empty", ()),
        (5, "too many columns", ()),
        (7, "invalid UTF-8", ()),
    ]
    assert all(drop.whole for drop in drops)


def test_tsv_may_have_further_columns(write: Write, drops: Drops) -> None:
    path = write("a.tsv", "eins\tone\t0.5", "zwei\ttwo\t0.7", "drei\tthree")
    assert len(read(drops, tsv=str(path), languages=["de", "en"])) == 3
    assert [r.line for r in read(drops, tsv=str(path), languages=["de", "en"], lines="2")] == [2]


def test_checksums_are_compared_before_reading(write: Write, drops: Drops, tmp_path: Path) -> None:
    german, _ = write("train.de", "eins"), write("train.en", "one")
    write("train.fr", "un")
    right = hashlib.sha256(b"eins\n").hexdigest()
    source: dict[str, Any] = {"folder": str(tmp_path), "languages": ["de", "en"]}
    assert read(drops, **source, sha256={"train.de": right.upper(), "train.fr": "not read"})
    with pytest.raises(DataError, match=rf"{german}: SHA-256 is {right}, the recipe says 0000"):
        read_source(Source(**source, sha256={"train.de": "0000"}), drops)
    with pytest.raises(DataError, match=r"'train.ed' is no file of this source; found: train\.de, train\.en"):
        read(drops, **source, sha256={"train.ed": right})


def test_yaml_no_is_told(write: Write) -> None:
    text = "train: {files: {no: a.no, en: a.en}}"
    with pytest.raises(ValidationError, match="YAML reads no, on, yes as booleans; write 'no' in quotes"):
        Data.model_validate(yaml.safe_load(text))
    with pytest.raises(ValidationError, match="write 'no' in quotes"):
        Data.model_validate(yaml.safe_load("train: {folder: x, languages: [no, en]}"))

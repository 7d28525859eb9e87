"""Codes, names and directions."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from helpers import DATA
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.errors import DataError
from dragoman.language import language as module
from dragoman.language import tables
from dragoman.language.language import (
    Direction,
    LanguageError,
    canonical,
    known_codes,
    language,
    name_in,
    parse_direction,
    register,
    same_language,
    scripts_of,
)

FLORES = """
ace acm acq aeb afr ajp aka als amh apc arb ars ary arz asm ast awa ayr azb azj bak bam ban bel bem ben
bho bjn bod bos bug bul cat ceb ces cjk ckb crh cym dan deu dik dyu dzo ell eng epo est eus ewe fao fij
fin fon fra fur fuv gaz gla gle glg grn guj hat hau heb hin hne hrv hun hye ibo ilo ind isl ita jav jpn
kab kac kam kan kas kat kaz kbp kea khk khm kik kin kir kmb kmr knc kon kor lao lij lim lin lit lmo ltg
ltz lua lug luo lus lvs mag mai mal mar min mkd mlt mni mos mri mya nld nno nob npi nqo nso nus nya oci
ory pag pan pap pbt pes plt pol por prs quy ron run rus sag san sat scn shn sin slk slv smo sna snd som
sot spa srd srp ssw sun swe swh szl tam taq tat tel tgk tgl tha tir tpi tsn tso tuk tum tur twi tzm uig
ukr umb urd uzn vec vie war wol xho ydd yor yue zho zsm zul
"""
PROMPT_LANGUAGES = ("en", "de", "fr", "it", "nl", "ro", "cs")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("deu", "de"),
        ("DE", "de"),
        ("ger", "de"),
        ("deu_Latn", "de"),
        ("ces", "cs"),
        ("nqo", "nqo"),
        ("pbt", "pbt"),
        ("npi", "ne"),
        ("arb_Arab", "ar"),
        ("no", "nb"),
        ("iw", "he"),
        ("fil", "tl"),
        ("zho_Hant", "zh-Hant"),
        ("zh-hans", "zh-Hans"),
        ("pt_br", "pt-BR"),
        ("srp_Cyrl", "sr-Cyrl"),
        ("de-de-1996", "de-DE-1996"),
        ("und", "und"),
        ("other", "other"),
    ],
)
def test_canonical(code: str, expected: str) -> None:
    assert canonical(code) == expected


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("deu", "de-DE", True),
        ("no", "nob", True),
        ("no", "nn", False),
        ("nb", "nn", False),
        ("pbt", "ps", True),
        ("pbt", "pbu", False),
        ("zh-Hant", "zh-Hans", False),
        ("zh", "zh-Hant", True),
        ("pt-BR", "pt-PT", False),
        ("hr", "sh", True),
        ("hr", "sr", False),
        ("knc", "kr", True),
        ("und", "de", False),
        ("und", "und", True),
        ("other", "de", False),
    ],
)
def test_same_language(first: str, second: str, same: bool) -> None:
    assert same_language(first, second) is same and same_language(second, first) is same


@given(st.sampled_from(known_codes()))
def test_canonical_is_stable_and_the_same_language(code: str) -> None:
    assert canonical(code) == code and canonical(canonical(code)) == code
    found = language(code)
    assert found.key == code and found.name and found.own_name and len(found.script) == 4
    assert same_language(code, f"{code}-{found.script}")


def test_the_table_holds_flores_and_the_project_data() -> None:
    assert len(known_codes()) >= 470
    for code in FLORES.split():
        canonical(code)
    path = DATA / "languages.tsv"
    if not path.is_file():
        pytest.skip("the table of the real text is not here (set DRAGOMAN_DATA)")
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            assert same_language(row["code"], row["bcp47"])
            assert canonical(row["code"]) == canonical(row["bcp47"])


def test_no_code_means_two_languages() -> None:
    rows = tables._read("languages.tsv")
    spellings = [s for r in rows for s in {r["bcp47"], r["iso639_3"], *r["aliases"].split()}]
    assert len(spellings) == len(set(spellings))
    names = [r["name"] for r in rows]
    assert len(names) == len(set(names))


def test_neighbours_are_canonical() -> None:
    for group in tables.neighbours():
        assert len(group) > 1
        assert all(canonical(code) == code for code in group)


def test_codes_are_kept_as_given() -> None:
    german = language("deu")
    assert (german.code, german.key, german.name, german.own_name, german.script) == (
        "deu",
        "de",
        "German",
        "Deutsch",
        "Latn",
    )
    assert language("zho_Hant").script == "Hant" and language("zh").script == "Hans"
    assert scripts_of("sr") == ("Cyrl", "Latn") and scripts_of("sr-Latn") == ("Latn",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("de-en", ("de", "en")),
        ("deu-eng", ("deu", "eng")),
        ("zh-Hant-en", ("zh-Hant", "en")),
        ("en-zh-Hant", ("en", "zh-Hant")),
        ("de>en", ("de", "en")),
        ("de → en", ("de", "en")),
        ("pt-BR-de", ("pt-BR", "de")),
        ("deu_Latn-zho_Hans", ("deu_Latn", "zho_Hans")),
    ],
)
def test_parse_direction(text: str, expected: tuple[str, str]) -> None:
    direction = parse_direction(text)
    assert direction == Direction(*expected)
    assert direction.reversed() == Direction(*reversed(expected))


@given(st.sampled_from(known_codes()), st.sampled_from(known_codes()))
def test_directions_print_as_they_parse(source: str, target: str) -> None:
    assume(not same_language(source, target))
    direction = Direction(source, target)
    assert parse_direction(str(direction)) == direction
    assert parse_direction(f"{source}>{target}") == direction


@pytest.mark.parametrize("text", ["de-de", "de-deu", "zh-Hant>zh-Hant"])
def test_a_direction_has_two_languages(text: str) -> None:
    with pytest.raises(LanguageError, match=f"'{text}': one language twice"):
        parse_direction(text)


@pytest.mark.parametrize("text", ["de", "", "de-", "-en", "de-en-fr", "de>", "german to english"])
def test_wrong_directions(text: str) -> None:
    with pytest.raises(LanguageError, match=r"expected|ways"):
        parse_direction(text)


@pytest.mark.parametrize(
    ("code", "hint"), [("dee", "de (German)"), ("german", "de (German)"), ("Magyar", "hu (Hungarian)")]
)
def test_unknown_codes_name_the_nearest(code: str, hint: str) -> None:
    with pytest.raises(DataError) as error:
        language(code)
    assert hint in str(error.value) and "\n" not in str(error.value)
    assert isinstance(error.value, ValueError)


def test_not_a_tag() -> None:
    with pytest.raises(LanguageError, match="not BCP-47"):
        canonical("de-x-ü")


def test_register_and_own_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_registered", {})
    with pytest.raises(LanguageError):
        canonical("qaa")
    register("qaa", "Examplish", "examplais", "Grek")
    assert language("qaa") == module.Language("qaa", "Examplish", "examplais", "Grek", "qaa")
    assert name_in("qaa", "de") == "Examplish" and str(parse_direction("de-qaa")) == "de-qaa"
    with pytest.raises(LanguageError, match="2 to 8 letters"):
        register("q1", "X")
    with pytest.raises(LanguageError, match="ISO 15924"):
        register("qab", "X", script="latin")
    module._parse.cache_clear()
    own = tmp_path / "mine.tsv"
    own.write_text("code\tname\tscript\nqac\tThirdish\tCyrl\n", encoding="utf-8")
    monkeypatch.setenv(tables.EXTRA, str(own))
    tables.languages.cache_clear()
    try:
        assert language("qac").script == "Cyrl" and language("qac").own_name == "Thirdish"
        own.write_text("qac\tThirdish\n", encoding="utf-8")
        tables.languages.cache_clear()
        with pytest.raises(DataError, match="line 1: expected the columns"):
            tables.languages()
        monkeypatch.setenv(tables.EXTRA, str(tmp_path / "none.tsv"))
        with pytest.raises(DataError, match="cannot read"):
            tables.languages()
    finally:
        monkeypatch.delenv(tables.EXTRA)
        tables.languages.cache_clear()
        module._parse.cache_clear()


def test_names_in_prompt_languages() -> None:
    names = [name_in("deu", prompt) for prompt in PROMPT_LANGUAGES]
    assert names == ["German", "Deutsch", "allemand", "tedesco", "Duits", "germană", "němčina"]
    assert name_in("zh-Hant", "de") == "Chinesisch (traditionell)"
    assert name_in("zh-Hant") == "Traditional Chinese"
    assert name_in("de-AT", "fr") == "allemand"
    assert name_in("de", "hu") == "German" and name_in("hbo", "de") == "Ancient Hebrew"


def test_names_are_complete_and_distinct() -> None:
    rows = tables.names()
    assert len(rows) >= 350
    for prompt in PROMPT_LANGUAGES[1:]:
        names = [row[prompt] for row in rows.values()]
        assert len(names) == len(set(names)) and all(name == name.strip() for name in names)
    for code in ("de", "en", "cs", "zh", "uk", "bho", "dik", "fuv", "gn", "nqo", "pbt", "szl", "chr", "ht"):
        assert set(PROMPT_LANGUAGES[1:]) <= set(rows[code])

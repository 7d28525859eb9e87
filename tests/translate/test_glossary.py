"""Glossaries: files of terms, and terms in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.errors import DataError
from dragoman.translate.glossary import Glossary, read_glossary

TERMS = {
    "hospital": ("Krankenhaus", "Klinik"),
    "field hospital": ("Lazarett",),
    "field": ("Feld",),
    "US": ("USA",),
    "coronavirus disease": ("Coronavirus-Krankheit",),
}


def found(text: str, ignore_case: bool = False) -> list[str]:
    return [term for term, _ in Glossary(TERMS, ignore_case).find(text)]


def test_the_longest_term_at_word_borders() -> None:
    assert found("the field hospital, a hospital in the field") == ["field hospital", "hospital", "field"]
    assert found("hospitals, fieldwork, afield") == []
    assert found("(hospital) hospital-based") == ["hospital", "hospital"]
    assert found("coronavirus   disease") == ["coronavirus disease"]
    assert found("") == []


def test_case() -> None:
    assert found("Hospital HOSPITAL") == ["hospital", "hospital"]
    assert found("tell us of the US") == ["US"]
    assert found("tell us of the US", ignore_case=True) == ["US", "US"]


def test_demands() -> None:
    glossary = Glossary(TERMS)
    assert glossary.demands("a hospital and a hospital in the US") == (("Krankenhaus", "Klinik"), ("USA",))
    small = Glossary({"nurse": ("infirmière",)})
    assert small.demands("the nurse") == (("infirmière",),)
    assert small.demands("Nurse, come!") == (("infirmière", "Infirmière"),)
    assert small.demands("none") == ()


def test_scripts_without_spaces() -> None:
    glossary = Glossary({"東京": ("Tokyo",), "京": ("Hauptstadt",)})
    assert glossary.demands("私は東京に住む") == (("Tokyo",),)


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_bytes(
        "\ufeffhospital\tKrankenhaus|Klinik\tnoun\n\nhospital\tSpital\r\n a  b \t c  d \n".encode()
    )
    glossary = read_glossary(path)
    assert glossary.entries == {"hospital": ("Krankenhaus", "Klinik", "Spital"), "a b": ("c d",)}
    assert len(glossary) == 2
    assert glossary.digest != Glossary({"a": ("b",)}).digest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hospital\n", "line 1: expected `term<TAB>form`"),
        (b"a\tb\n\tKlinik\n", "line 2: expected"),
        (b"a\tb|\n", "line 1: expected"),
        (b"a\tb\ncaf\xe9\tb\n", "line 2: invalid UTF-8"),
        (b"\n", "holds no term"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "terms.tsv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_glossary(path)
    with pytest.raises(DataError, match="no such file"):
        read_glossary(tmp_path / "none.tsv")

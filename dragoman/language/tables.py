"""The data files beside this one, as plain rows; read once, when first needed."""

from __future__ import annotations

import csv
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from dragoman.errors import DataError

EXTRA = "DRAGOMAN_LANGUAGES"
"""Environment variable: a TSV of further languages with the columns code, name, own_name, script."""


class Row(NamedTuple):
    """A language; ``scripts`` begins with the usual one, ``macro`` is a wider code it also goes by."""

    code: str
    name: str
    own_name: str
    scripts: tuple[str, ...]
    macro: str = ""


def _read(name: str) -> list[dict[str, str]]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


@lru_cache(maxsize=1)
def languages() -> dict[str, Row]:
    """Every known spelling of a primary code -> its row (``languages.tsv``, then the user's own file)."""
    table: dict[str, Row] = {}
    for line in _read("languages.tsv"):
        row = Row(
            line["bcp47"], line["name"], line["own_name"], tuple(line["scripts"].split()), line["macro"]
        )
        for code in (line["bcp47"], line["iso639_3"], *line["aliases"].split()):
            table[code] = row
    return table | _own_languages()


def _own_languages() -> dict[str, Row]:
    path = os.environ.get(EXTRA)
    if not path:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot read the languages of {EXTRA}={path}: {error}; expected a UTF-8 TSV"
        ) from error
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not {"code", "name"} <= set(rows.fieldnames or ()):
        raise DataError(
            f"{path} line 1: expected the columns code, name (and own_name, script), separated by tabs"
        )
    return {
        row["code"]: Row(
            row["code"], row["name"], row.get("own_name") or row["name"], (row.get("script") or "Latn",)
        )
        for row in rows
    }


@lru_cache(maxsize=1)
def names() -> dict[str, dict[str, str]]:
    """Canonical code -> prompt language -> name (``language_names.tsv``)."""
    return {
        row["code"]: {key: value for key, value in row.items() if key != "code" and value}
        for row in _read("language_names.tsv")
    }


@lru_cache(maxsize=1)
def neighbours() -> tuple[frozenset[str], ...]:
    """Sets of canonical codes that identifiers take for each other (``confusable.tsv``)."""
    return tuple(frozenset(row["codes"].split()) for row in _read("confusable.tsv"))


@lru_cache(maxsize=1)
def scripts() -> dict[str, str]:
    """First word of a letter's Unicode name -> ISO 15924 code (``scripts.tsv``)."""
    return {row["letters"]: row["script"] for row in _read("scripts.tsv")}

"""Rows of JSONL files, and the texts that stand in rows of any kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dragoman.corpus.hub import Row
from dragoman.corpus.opening import Bad, decode, raw_lines
from dragoman.corpus.sources import ID, is_language, match_code, variant_places
from dragoman.corpus.variants import Place, Variant, row_variants
from dragoman.errors import DataError
from dragoman.recipe import Source

NESTED = "translation"
"""The object in which many data sets keep the languages of a row."""

MISSING, NO_TEXT = Bad("missing text"), Bad("not text")


def jsonl_rows(path: Path) -> Iterator[Row | Bad]:
    """The objects of a JSONL file, in order, a bad line as the reason why it is none."""
    for raw in raw_lines(path):
        text = decode(raw)
        if isinstance(text, Bad):
            yield text
            continue
        try:
            row = json.loads(text) if text.strip() else Bad("empty")
        except (ValueError, RecursionError):
            row = Bad("not JSON")
        yield row if isinstance(row, dict | Bad) else Bad("not a JSON object")


def _usable(value: Any) -> str | Bad:
    if value is None:
        return MISSING
    if not isinstance(value, str):
        return NO_TEXT
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, written as an escape
        return NO_TEXT
    return value


def _at(row: Row, key: str) -> Any:
    """What stands under a key; dots lead into nested objects, unless the key itself has dots."""
    if key in row:
        return row[key]
    value: Any = row
    for part in key.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


class RowTexts:
    """Finds the texts of a row: under `keys`, under the language's code, or in an object ``translation``.

    ``asked`` are the languages that the recipe names (`keys` or `languages`); with none, every key that is a
    known code counts, except ``id``: that is the row's number unless the recipe names it.
    """

    def __init__(self, source: Source, where: str) -> None:
        self.asked = source.languages or list(source.keys)
        self.where = where
        self._paths: dict[str, str] = {}
        for code in self.asked:
            if key := match_code(code, source.keys, where):
                self._paths[code] = source.keys[key]
        self._places = variant_places(source, self.asked)
        self._met: set[Place] = set()
        self._found: set[str] = set()
        self._keys: list[str] = []
        self._known: dict[str, bool] = {ID: False}

    def texts(self, row: Row) -> dict[str, str | Bad]:
        """Text by language code; a side that is absent or no text stands as the reason."""
        self._keys = self._keys or list(row)
        nested = row.get(NESTED)
        if not self.asked:
            where = nested if isinstance(nested, dict) else row
            return {
                code: _usable(value)
                for code, value in where.items()
                if self._is_code(code) and value is not None
            }
        sides = {}
        for code in self.asked:
            if code not in self._paths:
                self._look_for(code, row, nested)
            path = self._paths.get(code)
            sides[code] = _usable(_at(row, path)) if path else MISSING
            if sides[code] is not MISSING:
                self._found.add(code)
        return sides

    def variants(self, row: Row) -> list[Variant]:
        """Other texts of the row, as the source's `variants` name them."""
        values = {place: _usable(_at(row, place.name)) for place in self._places}
        self._met.update(place for place, value in values.items() if value is not MISSING)
        return list(row_variants(self._places, values))

    def _look_for(self, code: str, row: Row, nested: Any) -> None:
        """Find out under which key a language stands, once some row has it."""
        for place, prefix in ((row, ""), (nested, f"{NESTED}.")):
            if isinstance(place, dict):
                keys = [key for key in place if key == code or self._is_code(key)]
                if match := match_code(code, keys, self.where):
                    self._paths[code] = prefix + match
                    return

    def _is_code(self, key: str) -> bool:
        if key not in self._known:
            self._known[key] = is_language(key)
        return self._known[key]

    def check_found(self) -> None:
        """DataError if some language or variant asked for was in no row at all."""
        for code in self.asked:
            if code not in self._found:
                key = self._paths.get(code, code)
                raise DataError(
                    f"{self.where}: no row has text under {key!r} for {code!r}; "
                    f"the first row's keys are {', '.join(map(str, self._keys)) or 'none'}; set `keys`"
                )
        for place in self._places:
            if place not in self._met:
                raise DataError(
                    f"{self.where}: no row has text under {place.name!r}, a variant of {place.language!r}; "
                    f"the first row's keys are {', '.join(map(str, self._keys)) or 'none'}"
                )

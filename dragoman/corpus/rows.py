"""Rows of JSONL files and Hugging Face data sets, and the texts that stand in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dragoman.corpus.opening import Bad, decode, raw_lines
from dragoman.corpus.sources import ID, is_language, match_code
from dragoman.errors import DataError
from dragoman.recipe import Source

Row = dict[str, Any]

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
        """DataError if some language asked for was in no row at all."""
        for code in self.asked:
            if code not in self._found:
                key = self._paths.get(code, code)
                raise DataError(
                    f"{self.where}: no row has text under {key!r} for {code!r}; "
                    f"the first row's keys are {', '.join(map(str, self._keys)) or 'none'}; set `keys`"
                )


def dataset_rows(source: Source) -> Iterator[Row]:
    """The rows of a Hugging Face data set: saved by save_to_disk, a folder of files, or a hub id (streamed).

    DataError if the library is absent, the data set cannot be loaded or read, or has no such split.
    """
    try:
        import datasets
    except ImportError:
        raise DataError(
            f"dataset {source.dataset}: needs the package `datasets`; run pip install 'dragoman-mt[data]'"
        ) from None
    name = str(source.dataset)
    folder = Path(name).expanduser()
    if name.startswith((".", "/", "~")) and not folder.is_dir():
        raise DataError(f"{name}: no such folder; check the path, or give a hub id such as 'user/name'")
    saved = any((folder / file).exists() for file in ("dataset_dict.json", "state.json"))
    place = str(folder) if folder.is_dir() else name
    try:
        if saved:
            rows = datasets.load_from_disk(place)
        else:
            rows = datasets.load_dataset(place, source.config, split=source.split, streaming=True)
        if isinstance(rows, dict):
            if source.split not in rows:
                raise DataError(f"dataset {name}: no split {source.split!r}; found: {', '.join(rows)}")
            rows = rows[source.split]
        elif saved and rows.split is not None and str(rows.split) != source.split:
            raise DataError(f"dataset {name}: holds the split '{rows.split}' alone, not {source.split!r}")
        yield from rows
    except DataError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {str(error)[:300]}"
        raise DataError(f"dataset {name}: split {source.split!r} cannot be read ({told})") from error

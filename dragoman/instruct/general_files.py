"""Files of dialogues: which there are, and their rows, whether a JSON array or an object a line."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dragoman.corpus.hub import Row, dataset_rows
from dragoman.corpus.opening import Bad, check_file, plain_name, raw_pieces
from dragoman.corpus.rows import jsonl_rows
from dragoman.errors import DataError
from dragoman.recipe import Source

ENDINGS = (".json", ".jsonl")
LONGEST = 1 << 26
"""Characters of a row in a JSON array; a longer one is a bracket that is never closed."""
_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|"|[\[\]{}]', re.DOTALL)
_BETWEEN = re.compile(r"[\s,]*")
_BARE = re.compile(r'[^,"\[\]{}]+')
"""A value that is neither a string nor has brackets."""


class Numbered(NamedTuple):
    """A row, or why it is none, and the line that it begins in (of a data set: its number), from 1."""

    line: int
    row: Row | Bad


class Place(NamedTuple):
    """Where rows come from: a file, or a data set and its split."""

    name: str
    path: Path | None
    split: str = ""

    def rows(self) -> Iterator[Numbered]:
        """The rows, in order; DataError if the place cannot be read to its end."""
        if self.path is None:
            rows = dataset_rows(Source(dataset=self.name, split=self.split))
            return (Numbered(number, row) for number, row in enumerate(rows, 1))
        if _starts_array(self.path):
            return _Array(self.path).rows()
        return (Numbered(number, row) for number, row in enumerate(jsonl_rows(self.path), 1))


def places(files: list[str], split: str) -> list[Place]:
    """The files that a task's ``files`` stand for, each once, and its data sets.

    A folder is a data set if it holds one (saved, or Parquet files), else all its JSON files count. What is
    no path here is the id of a data set. DataError if a path is not there or a folder holds nothing.
    """
    found: dict[str, Place] = {}
    for name in files:
        path = Path(name).expanduser()
        if path.is_dir() and _is_dataset(path):
            new = [Place(str(path), None, split)]
        elif path.is_dir():
            new = [Place(str(file), file) for file in _json_files(path)]
        elif path.exists() or not _may_be_id(name):
            check_file(path)
            new = [Place(str(path), path)]
        else:
            new = [Place(name, None, split)]
        found |= {place.name: place for place in new}
    return list(found.values())


def place_files(place: Place) -> list[Path]:
    """The files whose content decides what a place holds; none for a data set on the hub."""
    if place.path is not None:
        return [place.path]
    folder = Path(place.name)
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _may_be_id(name: str) -> bool:
    return re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) is not None and not (
        plain_name(Path(name)).endswith(ENDINGS) or name.startswith(".")
    )


def _is_dataset(folder: Path) -> bool:
    saved = any((folder / name).exists() for name in ("dataset_dict.json", "state.json"))
    return saved or any(folder.rglob("*.parquet"))


def _json_files(folder: Path) -> list[Path]:
    files = sorted(
        path for path in folder.rglob("*") if plain_name(path).endswith(ENDINGS) and path.is_file()
    )
    if not files:
        raise DataError(f"{folder}: holds no *.json or *.jsonl file, plain, .gz, .xz or .zst; check `files`")
    return files


def _starts_array(path: Path) -> bool:
    return next((piece.lstrip()[:1] for piece in raw_pieces(path) if piece.strip()), b"") == b"["


class _Array:
    """Reads the rows of a JSON array one by one; memory holds a row and a piece of the file.

    A row that is no JSON is found by its brackets, so that the rows after it are still read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pieces = raw_pieces(path)
        # bytes that are no UTF-8 become half surrogates, which a row's texts must not hold
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text, self._at, self._line = "", 0, 1

    def rows(self) -> Iterator[Numbered]:
        """The rows of the array; DataError if it does not end or something follows it."""
        self._skip()
        self._at += 1  # the bracket
        while self._skip() != "]":
            line, end = self._line, self._end()
            text = self._text[self._at : end]
            self._advance(end)
            yield Numbered(line, _parsed(text))
        self._at += 1
        if self._skip(at_end=True):
            raise DataError(f"{self.path}:{self._line}: text behind the end of the JSON array; take it out")

    def _skip(self, at_end: bool = False) -> str:
        """Go to the next character that is neither white space nor a comma, and look at it."""
        while True:
            between = _BETWEEN.match(self._text, self._at)
            self._advance(between.end() if between else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                if at_end:
                    return ""
                raise self._cut(self._line)

    def _end(self) -> int:
        """Where the value that begins here ends."""
        if bare := _BARE.match(self._text, self._at):
            return bare.end()
        depth, place = 0, self._at
        while True:
            for match in _MARK.finditer(self._text, place):
                mark = match[0]
                if mark == '"':  # a string that goes on beyond what has been read
                    break
                place = match.end()
                depth += (mark in "{[") - (mark in "]}")
                if depth <= 0:
                    return place
            done = self._at
            if len(self._text) - done > LONGEST or not self._more():
                raise self._cut(self._line)
            place -= done

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Read another piece; what lies before the present place is let go."""
        piece = next(self._pieces, None)
        text = self._decoder.decode(piece or b"", final=piece is None)
        self._text, self._at = self._text[self._at :] + text, 0
        return piece is not None

    def _cut(self, line: int) -> DataError:
        return DataError(
            f"{self.path}:{line}: the JSON array does not end behind what begins here; fetch the file again, "
            "or close its brackets"
        )


def _parsed(text: str) -> Row | Bad:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Bad("not JSON")
    return value if isinstance(value, dict) else Bad("not a JSON object")

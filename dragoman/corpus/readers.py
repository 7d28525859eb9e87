"""Readers: from a source of the recipe to records, one line at a time, whatever the layout of the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from dragoman.corpus.drops import Drop, DropTo
from dragoman.corpus.hub import dataset_rows
from dragoman.corpus.opening import Bad, Lines, decode, raw_lines
from dragoman.corpus.pair import Record
from dragoman.corpus.rows import RowTexts, jsonl_rows
from dragoman.corpus.sources import (
    SKIP,
    aligned_files,
    check_settings,
    check_sha256,
    source_names,
    variant_places,
)
from dragoman.corpus.variants import Variant, place_path, row_variants
from dragoman.errors import DataError
from dragoman.recipe import Source


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes records of one source; what it cannot use goes to ``drop``.

    ``files`` names the file of each side where sides have files of their own; ``needed`` is the number of
    sides that a record must have: 2, or 1 for text in one language.
    """

    name: str
    file: str
    needed: int
    drop: DropTo
    files: Mapping[str, str]

    def record(
        self, line: int, sides: Mapping[str, str | Bad], variants: Iterable[Variant] = ()
    ) -> Record | None:
        """The record of a line; None if too few sides are usable."""
        id_ = f"{self.name}:{line}"
        texts = {code: text for code, text in sides.items() if not isinstance(text, Bad)}
        gone = len(texts) < self.needed
        for code, text in sides.items():
            if isinstance(text, Bad):
                self.drop(Drop(self.files.get(code, self.file), line, id_, text.reason, (code,), gone))
                if gone:
                    return None
        if gone:
            self.spoiled(line, "too few languages")
            return None
        kept = tuple([variant for variant in variants if variant.language in texts])
        return Record(id_, texts, self.file, line, variants=kept)

    def spoiled(self, line: int, reason: str) -> None:
        """Tell of a line that is lost in all its languages."""
        self.drop(Drop(self.file, line, f"{self.name}:{line}", reason, (), True))


def read_source(source: Source, drop: DropTo, name: str | None = None) -> Iterator[Record]:
    """The lines of a source as records, streaming; ids are ``<name>:<line>``.

    Text comes as it stands in the file; codes as the recipe spells them, else as the file does. Sides and
    lines that cannot be read go to ``drop``. ``name`` defaults to the split or the file's stem; where several
    sources are read together take :func:`~dragoman.corpus.sources.source_names`. DataError for anything wrong
    with a file, for checksums that differ and for files of unequal length.
    """
    check_settings(source)
    lines = Lines(source.lines, _place(source))
    check_sha256(source)
    name = name or source_names([source])[0]
    if source.tsv is not None:
        return _read_tsv(source, Path(source.tsv).expanduser(), lines, name, drop)
    if source.jsonl is not None or source.dataset is not None:
        return _read_rows(source, lines, name, drop)
    return _read_aligned(source, lines, name, drop)


def _place(source: Source) -> str:
    return (
        source.folder
        or source.tsv
        or source.jsonl
        or source.dataset
        or ", ".join((source.files or {}).values())
    )


def _check_choice(count: int, lines: Lines, file: str) -> None:
    """DataError if a file had no line, or none of those chosen."""
    if count == 0:
        raise DataError(f"{file}: is empty, expected one sentence per line")
    if count < lines.first:
        raise DataError(f"{file}: has {count:,} lines, so lines {lines.spec!r} chooses none; mend `lines`")


def _read_aligned(source: Source, lines: Lines, name: str, drop: DropTo) -> Iterator[Record]:
    files = aligned_files(source)
    place = (
        str(Path(source.folder).expanduser() / source.split)
        if source.folder
        else str(next(iter(files.values())))
    )
    maker = _Maker(name, place, min(2, len(files)), drop, {code: str(path) for code, path in files.items()})
    places = variant_places(source, files)
    paths = [*files.values(), *(place_path(source, place) for place in places)]
    streams = [raw_lines(path) for path in paths]
    number = 0
    for number, raw in enumerate(zip_longest(*streams), 1):
        if None in raw:
            counts = [
                number - 1 if r is None else number + sum(1 for _ in s)
                for r, s in zip(raw, streams, strict=True)
            ]
            told = ", ".join(f"{path} {count:,}" for path, count in zip(paths, counts, strict=True))
            raise DataError(f"line counts differ: {told}; line i of every file must be the same sentence")
        if number in lines:
            texts = [decode(line) for line in raw]
            others = dict(zip(places, texts[len(files) :], strict=True))
            sides = dict(zip(files, texts, strict=False))
            record = maker.record(number, sides, row_variants(places, others))
            if record is not None:
                yield record
    _check_choice(number, lines, place if len(files) > 1 else str(next(iter(files.values()))))


def _read_tsv(source: Source, path: Path, lines: Lines, name: str, drop: DropTo) -> Iterator[Record]:
    columns = [(index, code) for index, code in enumerate(source.languages) if code != SKIP]
    maker = _Maker(name, str(path), min(2, len(columns)), drop, {})
    number = width = 0
    for number, raw in enumerate(raw_lines(path), 1):
        if number > lines.last:
            break
        if number not in lines:
            continue
        text = decode(raw)
        cells = [] if isinstance(text, Bad) else text.split("\t")
        reason = text.reason if isinstance(text, Bad) else _row_fault(cells, source.languages, width, number)
        if reason:
            maker.spoiled(number, reason)
            continue
        width = width or len(cells)
        if record := maker.record(number, {code: cells[index] for index, code in columns}):
            yield record
    _check_choice(number, lines, str(path))


def _row_fault(cells: list[str], languages: list[str], width: int, number: int) -> str:
    """Why a row cannot be used, or ''. More cells than in the first row mean a stray tab."""
    if cells == [""]:
        return "empty"
    if len(cells) < len(languages):
        return "too few columns"
    if number == 1 and all(
        code in (SKIP, cell.strip()) for code, cell in zip(languages, cells, strict=False)
    ):
        return "header"
    return "too many columns" if width and len(cells) > width else ""


def _read_rows(source: Source, lines: Lines, name: str, drop: DropTo) -> Iterator[Record]:
    file = source.jsonl or source.dataset or ""
    rows = jsonl_rows(Path(file).expanduser()) if source.jsonl is not None else dataset_rows(source)
    reader = RowTexts(source, file)
    maker = _Maker(name, file, 1 if len(reader.asked) == 1 else 2, drop, {})
    number = 0
    for number, row in enumerate(rows, 1):
        if number > lines.last:
            break
        if number not in lines:
            continue
        if isinstance(row, Bad):
            maker.spoiled(number, row.reason)
        elif record := maker.record(number, reader.texts(row), reader.variants(row)):
            yield record
    _check_choice(number, lines, file)
    reader.check_found()

"""Variants: other texts of a line in one language, such as earlier revisions of its translation.

The text of the record is the last word: the last revision, the post-edit, one of several references.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dragoman.corpus.opening import check_file
from dragoman.recipe import Source

REVISION, MACHINE, REFERENCE = "revision", "machine", "reference"
"""Kinds: an earlier version by people, the oldest first; what a machine wrote and people mended; another
translation of equal standing."""
SETTINGS = {"revisions": REVISION, "machine": MACHINE, "references": REFERENCE}
"""The keys of `variants` in a recipe, and what they hold."""


class Variant(NamedTuple):
    """One other text of a line; ``kind`` is REVISION, MACHINE or REFERENCE."""

    language: str
    kind: str
    text: str


class Place(NamedTuple):
    """Where the variants of one kind stand: a file beside the text, or a key of its rows."""

    language: str
    kind: str
    name: str


def named_places(source: Source) -> list[Place]:
    """The places of a source's variants, in order, under the codes that `variants` uses."""
    return [
        Place(code, kind, name)
        for code, given in source.variants.items()
        for setting, kind in SETTINGS.items()
        for name in getattr(given, setting)
    ]


def place_path(source: Source, place: Place) -> Path:
    """The file of a place; a relative one of a folder source lies in the folder."""
    path = Path(place.name).expanduser()
    if source.folder is not None and not path.is_absolute():
        return Path(source.folder).expanduser() / path
    return path


def variant_files(source: Source) -> list[Path]:
    """The files of a source's variants; none where they are keys of rows. DataError if one is missing."""
    if source.folder is None and source.files is None:
        return []
    files = [place_path(source, place) for place in named_places(source)]
    for path in files:
        check_file(path)
    return files


def row_variants(places: Iterable[Place], values: Mapping[Place, object]) -> Iterator[Variant]:
    """The variants of a line from what stands in its places; empty ones and what is no text are left out."""
    for place in places:
        value = values.get(place)
        if isinstance(value, str) and value.strip():
            yield Variant(place.language, place.kind, value)

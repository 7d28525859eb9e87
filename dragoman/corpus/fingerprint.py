"""A hash of everything that decides what a corpus holds: the bytes of its files and the settings."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dragoman.corpus.artifact import FORMAT
from dragoman.corpus.opening import sha256_of
from dragoman.corpus.sources import aligned_files, source_files, split_sources
from dragoman.corpus.variants import named_places, variant_files
from dragoman.language.language import Direction
from dragoman.recipe import Data, Source


class FileHashes:
    """SHA-256 of files, kept in a JSON file so that an unchanged file (size and time) is read once.

    ``cache`` None keeps nothing.
    """

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._known: dict[str, list[Any]] = {}
        if cache is not None and cache.exists():
            try:
                self._known = dict(json.loads(cache.read_text(encoding="utf-8")))
            except ValueError:
                self._known = {}

    def of(self, path: Path) -> str:
        """The file's SHA-256."""
        place, stat = os.path.realpath(path), path.stat()  # resolve() of a link to itself is no OSError
        known = self._known.get(place)
        if known is None or known[:2] != [stat.st_size, stat.st_mtime_ns]:
            self._known[place] = known = [stat.st_size, stat.st_mtime_ns, sha256_of(path)]
        return str(known[2])

    def save(self) -> None:
        """Write the cache."""
        if self._cache is not None:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            part = self._cache.with_name(self._cache.name + ".part")
            part.write_text(json.dumps(self._known), encoding="utf-8")
            part.replace(self._cache)


def _source(source: Source, hashes: FileHashes) -> dict[str, Any]:
    """What of a source counts: settings, file names and contents, but not where the files lie."""
    places = {"url", "sha256", "folder", "files", "tsv", "jsonl"}
    settings = source.model_dump(exclude={*places, "variants"})
    if source.variants:
        settings["variants"] = [
            (place.language, place.kind, Path(place.name).name) for place in named_places(source)
        ]
    if source.folder is not None or source.files is not None:
        files = [(code, path.name, hashes.of(path)) for code, path in aligned_files(source).items()]
        files += [("", path.name, hashes.of(path)) for path in variant_files(source)]
    else:
        files = [("", path.name, hashes.of(path)) for path in source_files(source)]
        if source.dataset is not None and files:
            settings["dataset"] = Path(source.dataset).name
    return settings | {"read": files}


def fingerprint(
    data: Data,
    directions: Iterable[Direction] | None = None,
    identifier: str = "",
    cache: Path | None = None,
) -> str:
    """The hash of a corpus before it is made, 64 hexadecimal digits: if equal, it need not be made again.

    ``identifier`` is the name of the one that filters by language, if any. ``cache`` is where file hashes are
    kept. A data set on the hub counts by its id alone. DataError if a file is missing.
    """
    hashes = FileHashes(cache)
    sections = split_sources(data)
    told = {
        "format": FORMAT,
        "sources": {name: [_source(source, hashes) for source in read] for name, read in sections.items()},
        "filters": data.filters.model_dump(),
        "directions": None if directions is None else sorted(map(str, directions)),
        "identifier": identifier if data.filters.wrong_language else "",
    }
    hashes.save()
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

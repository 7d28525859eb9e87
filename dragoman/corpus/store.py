"""The store: the records of a split on disk, read by number, by id and by direction without loading them.

A folder with ``records.jsonl`` (a record per line), ``offsets.npy`` (where each line starts, and the end of
the last), ``ids.npy`` (a 64-bit hash of each id), ``pairs/<a>_<b>.npy`` (numbers of the records that have the
pair) and ``manifest.json``, which is written last: a folder without it, or with files of another size, is not
opened.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import IO, Any

import numpy as np

from dragoman.corpus.artifact import FORMAT, new_folder, read_manifest, write_manifest
from dragoman.corpus.pair import Record, SentencePair, pair_key
from dragoman.corpus.sources import match_code
from dragoman.corpus.variants import Variant
from dragoman.errors import DataError
from dragoman.language.language import Direction

_RECORDS, _OFFSETS, _IDS, _PAIRS = "records.jsonl", "offsets.npy", "ids.npy", "pairs"
_BUFFER = 4096
_JSON = json.JSONEncoder(ensure_ascii=False)


def id_hash(record_id: str) -> int:
    """The 64-bit hash under which an id is found."""
    return int.from_bytes(hashlib.blake2b(record_id.encode(), digest_size=8).digest(), "little")


class _Numbers:
    """A one-dimensional .npy file of 64-bit numbers that grows without being held in memory.

    The file is open only while a full buffer is added to it: there is one for every language pair.
    """

    def __init__(self, path: Path, dtype: str) -> None:
        self.path = path
        self._dtype = np.dtype(dtype)
        self._buffer = array("Q")
        self._count = 0
        with path.open("wb") as file:
            self._header(file)
            self._start = file.tell()

    def _header(self, file: IO[bytes]) -> None:
        shape = {"descr": self._dtype.str, "fortran_order": False, "shape": (self._count,)}
        np.lib.format.write_array_header_1_0(file, shape)

    def append(self, number: int) -> None:
        self._buffer.append(number)
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        with self.path.open("ab") as file:
            file.write(np.array(self._buffer, dtype=self._dtype).tobytes())
        self._count += len(self._buffer)
        self._buffer = array("Q")

    def finish(self) -> int:
        """Write what is left and the final length; returns that."""
        self._flush()
        with self.path.open("r+b") as file:
            self._header(file)
            if file.tell() != self._start:
                raise AssertionError("the header of a .npy file changed its size")
        return self._count


def _row(record: Record) -> bytes:
    row: dict[str, Any] = {"id": record.id, "texts": record.texts, "file": record.file, "line": record.line}
    if record.skip:
        row["skip"] = sorted(record.skip)
    if record.variants:
        row["variants"] = record.variants
    return _JSON.encode(row).encode() + b"\n"


def write_store(folder: Path, records: Iterable[Record]) -> dict[str, Any]:
    """Write records, in order, as a store; memory does not grow with their number. Returns the manifest.

    The folder appears only when it is complete. The manifest holds ``records`` (number), ``languages`` and
    ``pairs`` (number of records for each code and each :func:`pair_key`), ``variants`` (records by code, if
    there are any), ``bytes`` by file, and ``sha256`` of the records.
    """
    with new_folder(folder) as part:
        manifest = _write(part, records)
        write_manifest(part, manifest)
    return manifest


def _write(part: Path, records: Iterable[Record]) -> dict[str, Any]:
    (part / _PAIRS).mkdir()
    offsets, ids = _Numbers(part / _OFFSETS, "<u8"), _Numbers(part / _IDS, "<u8")
    pairs: dict[str, _Numbers] = {}
    languages: Counter[str] = Counter()
    variants: Counter[str] = Counter()
    digest = hashlib.sha256()
    position = count = 0
    with (part / _RECORDS).open("wb") as file:
        for count, record in enumerate(records, 1):
            row = _row(record)
            digest.update(row)
            file.write(row)
            offsets.append(position)
            ids.append(id_hash(record.id))
            position += len(row)
            languages.update(record.texts.keys())
            variants.update({variant.language for variant in record.variants})
            for key in _pair_keys(record):
                if key not in pairs:
                    pairs[key] = _Numbers(_pair_path(part, key), "<i8")
                pairs[key].append(count - 1)
    offsets.append(position)
    offsets.finish()
    ids.finish()
    return {
        "format": FORMAT,
        "records": count,
        "languages": dict(sorted(languages.items())),
        **({"variants": dict(sorted(variants.items()))} if variants else {}),
        "pairs": {key: numbers.finish() for key, numbers in sorted(pairs.items())},
        "bytes": {
            path.relative_to(part).as_posix(): path.stat().st_size for path in sorted(part.rglob("*.*"))
        },
        "sha256": digest.hexdigest(),
    }


def _pair_keys(record: Record) -> Iterator[str]:
    keys = (pair_key(*pair) for pair in combinations(sorted(record.texts), 2))
    return (key for key in keys if key not in record.skip)


def _pair_path(folder: Path, key: str) -> Path:
    return folder / _PAIRS / (key.replace(" ", "_") + ".npy")


class Store:
    """Reads a store. ``store[i]`` is a :class:`Record`; codes may be given in any spelling of the language.

    Only file positions are mapped, so a store of any size opens at once. Several processes may read it.
    DataError if the folder is not complete or was changed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        for name, size in self.manifest["bytes"].items():
            path = self.folder / name
            if not path.exists() or path.stat().st_size != size:
                raise DataError(f"{path}: is not as it was written; make the corpus again")
        self.languages: tuple[str, ...] = tuple(self.manifest["languages"])
        self._offsets = np.load(self.folder / _OFFSETS, mmap_mode="r")
        self._file = (self.folder / _RECORDS).open("rb", buffering=0)
        weakref.finalize(self, self._file.close)
        self._indices: dict[Direction, np.ndarray] = {}
        self._order: np.ndarray | None = None

    def __reduce__(self) -> tuple[type[Store], tuple[Path]]:
        return Store, (self.folder,)

    def __len__(self) -> int:
        return int(self.manifest["records"])

    def __getitem__(self, index: int) -> Record:
        if not -len(self) <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        index %= len(self)
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        row = json.loads(os.pread(self._file.fileno(), end - start, start).decode())
        variants = tuple([Variant(*variant) for variant in row.get("variants", ())])
        skip = frozenset(row.get("skip", ()))
        return Record(row["id"], row["texts"], row["file"], row["line"], skip, variants)

    def __iter__(self) -> Iterator[Record]:
        return (self[index] for index in range(len(self)))

    def code(self, code: str) -> str | None:
        """The store's own spelling of a language; None if it has no text in it."""
        return match_code(code, self.languages, str(self.folder))

    def indices(self, direction: Direction) -> np.ndarray:
        """Numbers of the records that have the direction, ascending, int64 [records]; empty if none has."""
        if direction not in self._indices:
            key = pair_key(self.code(direction.source) or "", self.code(direction.target) or "")
            has = key in self.manifest["pairs"]
            path = _pair_path(self.folder, key)
            self._indices[direction] = np.load(path, mmap_mode="r") if has else np.empty(0, dtype=np.int64)
        return self._indices[direction]

    def pairs(self, direction: Direction) -> Iterator[SentencePair]:
        """The sentence pairs of a direction, in order; they carry the direction as it is asked for."""
        source, target = self.code(direction.source), self.code(direction.target)
        if source is None or target is None:
            return
        own = Direction(source, target)
        for index in self.indices(direction):
            pair = self[int(index)].pair(own)
            yield SentencePair(pair.source, pair.target, direction, pair.id, pair.file, pair.line)

    def directions(self) -> list[Direction]:
        """Every direction that some record has, both ways, sorted."""
        pairs = (key.split(" ") for key in self.manifest["pairs"])
        return sorted(Direction(*codes) for pair in pairs for codes in (pair, pair[::-1]))

    def by_id(self, record_id: str) -> Record | None:
        """The record of an id; None if there is none. The first call sorts the hashes: 16 bytes a record."""
        if not len(self):
            return None
        hashes = np.load(self.folder / _IDS, mmap_mode="r")
        if self._order is None:
            self._order = np.argsort(hashes, kind="stable")
        wanted = np.uint64(id_hash(record_id))
        place = int(np.searchsorted(hashes, wanted, sorter=self._order))
        while place < len(hashes) and hashes[self._order[place]] == wanted:
            record = self[int(self._order[place])]
            if record.id == record_id:
                return record
            place += 1
        return None

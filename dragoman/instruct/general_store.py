"""Dialogues of files as examples on disk: read once, kept beside the corpus, drawn by number.

A folder ``dialogues/<hash>`` whose name tells the content of the files: ``examples.jsonl``, ``starts.npy``
(where each line starts, and the end of the last), ``dropped.jsonl`` (what could not be used: file, line,
reason) and ``manifest.json``, which is written last and says for each file its form and its counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dragoman.console import progress, say
from dragoman.corpus.artifact import FORMAT, alone, new_folder, read_manifest, write_manifest
from dragoman.corpus.drops import Drop, DropLog
from dragoman.corpus.fingerprint import FileHashes
from dragoman.corpus.opening import Bad
from dragoman.errors import DataError
from dragoman.instruct.general_files import Place, place_files, places
from dragoman.instruct.general_forms import FORMS, NO_ANSWER, Unusable, dialogues, form_of
from dragoman.prompt.example import Example

MADE = 1
"""Goes up when the same files would give other examples."""
_EXAMPLES, _STARTS, DROPPED = "examples.jsonl", "starts.npy", "dropped.jsonl"
_TOLD_EVERY = 1000
_JSON = json.JSONEncoder(ensure_ascii=False)


@dataclass
class FileCount:
    """What became of a file: its form, its rows, the examples made of them, the dialogues dropped."""

    file: str
    form: str = ""
    rows: int = 0
    examples: int = 0
    dropped: int = 0

    def __str__(self) -> str:
        lost = f", dropped {self.dropped:,}" if self.dropped else ""
        return f"{self.file}: {self.form}, {self.rows:,} rows, {self.examples:,} dialogues{lost}"


class Dialogues:
    """The examples of a complete folder; ``dialogues[i]`` is an :class:`Example`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder, "set of dialogues")
        self._starts = np.load(folder / _STARTS, mmap_mode="r")
        self._file = (folder / _EXAMPLES).open("rb", buffering=0)
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, index: int) -> Example:
        start, end = int(self._starts[index]), int(self._starts[index + 1])
        return Example.from_json(json.loads(os.pread(self._file.fileno(), end - start, start)))


def files_key(files: list[str], split: str, hashes: FileHashes) -> str:
    """A hash of the content of files and folders, and of the ids of data sets on the hub."""
    told: list[Any] = [MADE, FORMAT]
    for place in places(files, split):
        own = place_files(place)
        told.append([file_name(place) if own else place.name, place.split, [hashes.of(path) for path in own]])
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def open_dialogues(files: list[str], split: str, task: str, beside: Path) -> Dialogues:
    """The dialogues of ``files`` as examples of ``task``, made now unless ``beside/dialogues`` has them.

    Processes wait for the one that makes them. DataError if a file cannot be read, has rows of no known form,
    or nothing of all files can be used.
    """
    place = beside / "dialogues"
    with alone(place / ".lock"):
        hashes = FileHashes(place / "hashes.json")
        folder = place / f"{task}-{files_key(files, split, hashes)}"
        hashes.save()
        if not (folder / "manifest.json").exists():
            _make(places(files, split), task, folder)
    return Dialogues(folder)


def file_name(place: Place) -> str:
    """The last part of a place's name, by which its examples are called."""
    return Path(place.name).name


def _make(read: list[Place], task: str, folder: Path) -> None:
    counts: list[FileCount] = []
    with new_folder(folder) as part, progress(f" {task}") as advance:
        with DropLog(part / DROPPED) as log, (part / _EXAMPLES).open("wb") as file:
            starts, position = array("Q"), 0
            for place in read:
                counts.append(FileCount(place.name))
                for example in examples_of(place, task, counts[-1], log):
                    row = _JSON.encode(example.to_json()).encode() + b"\n"
                    file.write(row)
                    starts.append(position)
                    position += len(row)
                    if len(starts) % _TOLD_EVERY == 0:
                        advance(len(starts))
            starts.append(position)
            reasons = dict(log.reasons.most_common())
        if not position:
            told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items()) or "no rows"
            names = ", ".join(place.name for place in read)
            raise DataError(f"{names}: no dialogue can be used ({told}); look at the files")
        np.save(part / _STARTS, np.array(starts, np.uint64))
        manifest = {"format": FORMAT, "files": [asdict(count) for count in counts], "reasons": reasons}
        write_manifest(part, manifest)
    _tell(task, counts, reasons, folder)


def _tell(task: str, counts: Sequence[FileCount], reasons: dict[str, int], folder: Path) -> None:
    for count in counts:
        say(f" {task:<9} {count}")
    if reasons:
        told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
        say(f" {'':<9} {told} (written to {folder / DROPPED})")


def examples_of(place: Place, task: str, count: FileCount, log: DropLog) -> Iterator[Example]:
    """The examples of a place, called ``<file>:<row>``; what cannot be used goes to ``log``.

    The form is that of the first row that has one. DataError if no row has.
    """
    keys: list[str] = []
    name = file_name(place)

    def drop(line: int, reason: str, whole: bool = True) -> None:
        log(Drop(place.name, line, f"{name}:{count.rows}", reason, (), whole))
        count.dropped += whole

    for line, row in place.rows():
        count.rows += 1
        if isinstance(row, Bad):
            drop(line, row.reason)
            continue
        if not count.form:
            keys = keys or list(map(str, row))
            count.form = form_of(row) or ""
            if not count.form:
                drop(line, "in no known form")
                continue
        for number, found in enumerate(dialogues(row, count.form), 1):
            if isinstance(found, Unusable):
                drop(line, str(found))
                continue
            if found.shortened:
                drop(line, NO_ANSWER, False)
            count.examples += 1
            yield found.example(task, f"{name}:{count.rows}" + (f"/{number}" if number > 1 else ""))
    if count.rows and not count.form:
        known = "; ".join(f"{form} ({', '.join(wanted)})" for form, (wanted, _) in FORMS.items())
        raise DataError(
            f"{place.name}: no row is of a known form; the first row's keys are {', '.join(keys) or 'none'}, "
            f"known forms are {known}"
        )

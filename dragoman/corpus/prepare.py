"""From the recipe's `data` to stores on disk: read, leaks out, filters, store; in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dragoman.corpus.artifact import FORMAT, new_folder, read_manifest, write_manifest
from dragoman.corpus.drops import Drop, DropLog, DropTo
from dragoman.corpus.filters import Sieve
from dragoman.corpus.fingerprint import fingerprint
from dragoman.corpus.pair import Record, pair_key
from dragoman.corpus.readers import read_source
from dragoman.corpus.sources import line_files, source_names, split_sources
from dragoman.corpus.spelling import Spelling, written_codes
from dragoman.corpus.split import REASON, Leaks, leaked_lines
from dragoman.corpus.store import Store, write_store
from dragoman.errors import DataError
from dragoman.language.identify import Identifier
from dragoman.language.language import Direction
from dragoman.recipe import Data, Source

DROPPED = "dropped.jsonl"
Progress = Callable[[int], None]
_PROGRESS_EVERY = 1000


class _Intake:
    """Reads the sources of a split one after another; ``lines`` counts what was read, bad lines too."""

    def __init__(
        self, sources: Sequence[Source], spelling: Spelling, drop: DropTo, progress: Progress
    ) -> None:
        self.lines = 0
        self.sources = sources
        self._spelling = spelling
        self._drop = drop
        self._progress = progress

    def records(self, leaked: frozenset[tuple[str, int]] = frozenset()) -> Iterator[Record]:
        """Records under the corpus's own codes; those of ``leaked`` (file, line) are dropped."""
        for source, name in zip(self.sources, source_names(self.sources), strict=True):
            files = line_files(source) if leaked else []
            for record in read_source(source, self._bad, name):
                self._count()
                if any((file, record.line) in leaked for file in files):
                    codes = tuple(record.texts)
                    self._drop(Drop(record.file, record.line, record.id, REASON, codes, True))
                else:
                    yield self._spelling.record(record)

    def _bad(self, drop: Drop) -> None:
        if drop.whole:
            self._count()
        self._drop(drop)

    def _count(self) -> None:
        self.lines += 1
        if self.lines % _PROGRESS_EVERY == 0:
            self._progress(self.lines)


def prepare(
    data: Data,
    folder: Path,
    directions: Sequence[Direction] | None = None,
    identifier: Identifier | None = None,
    progress: Progress | None = None,
    *,
    hashes: Path | None = None,
) -> dict[str, Any]:
    """Read, filter and store ``data`` as ``folder/{train,dev,test}/``; returns the manifest of the folder.

    Train loses the lines that leak and what the filters refuse; dev and test only texts that are none (empty,
    NUL, unreadable). ``directions`` are those that will be used: their codes name the languages, and pair
    filters look at their pairs alone. ``progress`` is told the number of lines read, every thousand lines.
    ``hashes`` is a file that keeps the hashes of text files between calls.

    Beside the stores stand ``dropped.jsonl`` and ``manifest.json``: ``fingerprint``, and for each split
    ``read`` and ``kept`` (lines), ``dropped`` (lines gone in all languages), ``reasons`` (rows of
    dropped.jsonl by reason), ``languages`` and ``directions`` (lines that have them). DataError for bad text,
    or if a split is left empty.
    """
    sections = split_sources(data)
    name = str(getattr(identifier, "name", ""))
    manifest: dict[str, Any] = {"format": FORMAT, "fingerprint": fingerprint(data, directions, name, hashes)}
    spelling = Spelling(written_codes(directions, sections))
    leaks = Leaks()
    with new_folder(folder) as part:
        with DropLog(part / DROPPED) as log:
            done = 0
            for section in ("test", "dev", "train"):
                if not sections[section]:
                    continue
                intake = _Intake(sections[section], spelling, log, _later(progress, done))
                if section == "train":
                    sieve = Sieve(data.filters, log, _pairs(directions, spelling), identifier)
                    records = _training(intake, leaks if data.filters.leaks else None, log)
                else:
                    sieve = Sieve(None, log)
                    records = _remembered(intake.records(), leaks)
                write_store(part / section, sieve.keep(records))
                manifest[section] = _counts(section, part / section, intake.lines, log, directions)
                done += intake.lines
                log.restart()
        write_manifest(part, manifest)
    return manifest


def _later(progress: Progress | None, done: int) -> Progress:
    """Progress that counts on from the splits before."""
    return (lambda lines: progress(done + lines)) if progress is not None else (lambda _: None)


def _pairs(directions: Sequence[Direction] | None, spelling: Spelling) -> frozenset[str] | None:
    if directions is None:
        return None
    return frozenset(pair_key(spelling.code(d.source), spelling.code(d.target)) for d in directions)


def _training(intake: _Intake, leaks: Leaks | None, drop: DropTo) -> Iterator[Record]:
    if leaks is None or not len(leaks):
        return intake.records()
    return leaks.without(intake.records(frozenset(leaked_lines(intake.sources, leaks))), drop)


def _remembered(records: Iterable[Record], leaks: Leaks) -> Iterator[Record]:
    """The records, each of which is held out from now on."""
    for record in records:
        leaks.add(record)
        yield record


def _counts(
    section: str, folder: Path, read: int, log: DropLog, directions: Sequence[Direction] | None
) -> dict[str, Any]:
    """What the manifest says of a split; DataError if nothing is left of it."""
    store = Store(folder)
    reasons = dict(log.reasons.most_common())
    if not len(store):
        told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
        raise DataError(
            f"data.{section}: none of {read:,} lines is left ({told}); look at the text or `filters`"
        )
    return {
        "read": read,
        "kept": len(store),
        "dropped": read - len(store),
        "reasons": reasons,
        "languages": store.manifest["languages"],
        "directions": {str(d): len(store.indices(d)) for d in directions or store.directions()},
    }


def is_current(
    data: Data,
    folder: Path,
    directions: Sequence[Direction] | None = None,
    identifier: str = "",
    hashes: Path | None = None,
) -> bool:
    """True if ``folder`` holds what :func:`prepare` would make now; it compares content, not times."""
    try:
        manifest = read_manifest(folder)
        for section in ("train", "dev", "test"):
            if section in manifest:
                Store(folder / section)
    except DataError:
        return False
    return manifest["fingerprint"] == fingerprint(data, directions, identifier, hashes)


def held_out(data: Data) -> Leaks:
    """The texts of dev and test, which a base must not be pre-trained on either."""
    sections = split_sources(data)
    sources = sections["dev"] + sections["test"]
    return Leaks(record for source in sources for record in read_source(source, lambda _: None))

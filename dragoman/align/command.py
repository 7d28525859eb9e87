"""``dragoman align``: text in, links out; training, saving, loading, scoring."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

from dragoman.align.aligner import Aligner, Settings
from dragoman.align.gold import check_gold, score
from dragoman.align.jit import announced
from dragoman.align.lines import Origin, read_pairs, read_sides
from dragoman.align.pharaoh import Gold, Link, read_gold
from dragoman.align.result import Links
from dragoman.align.saved import load, save
from dragoman.align.segment import cut_line
from dragoman.align.shards import draw, spooled
from dragoman.console import Advance, progress, say
from dragoman.errors import DataError

SHARD = 100_000
"""Pairs that are linked at once where a trained aligner is applied."""

Pair = tuple[bytes, bytes]


@dataclass
class Job:
    """What the command line asks for."""

    text: Origin
    settings: Settings
    symmetrize: str | None = None
    output: str = "-"
    also: list[Origin] = field(default_factory=list)
    scores: Path | None = None
    units: Path | None = None
    gold: Path | None = None
    load: Path | None = None
    save: Path | None = None
    sample: int | None = None
    seed: int = 1
    threads: int = 1


def align_command(job: Job) -> None:
    """Do it; links go to the output, everything else is said on standard error."""
    start = time.monotonic()
    if job.load is not None and (job.also or job.sample):
        raise DataError("--also and --sample are for training; take them out beside --load")
    gold = read_gold(job.gold) if job.gold is not None else None
    with announced():
        warm(job.settings)
    with _Outputs(job) as outputs, spooled(job.text, job.sample is not None) as text:
        if job.load is None and job.sample is None:
            aligner = _all_at_once(job, text, outputs)
        else:
            aligner = _loaded(job, job.load) if job.load else _from_sample(job, text)
            _in_shards(aligner, text, outputs)
        if gold is not None and job.gold is not None:
            check_gold(job.gold, gold, outputs.lengths)
        if job.save is not None:
            save(aligner, job.save)
    _report(aligner, outputs, gold, time.monotonic() - start)


def warm(settings: Settings) -> None:
    """Run everything once on a few words, so that whatever must be compiled is compiled now."""
    few = ["a b", "b c a"]
    aligner = Aligner()
    aligner.settings = settings
    aligner.train_align(few, few)


def _all_at_once(job: Job, text: Origin, outputs: _Outputs) -> Aligner:
    """Train on the text and what comes with it, all in memory."""
    aligner = _new(job)
    sides = read_sides(text)
    outputs.see(*sides)
    _learn_too(sides, job)
    with _told(aligner) as tell:
        found = aligner.train_align(*sides, tell)
    outputs.write(found, outputs.count)
    return aligner


def _learn_too(sides: tuple[list[bytes], list[bytes]], job: Job) -> None:
    """Put the text of --also behind both sides."""
    for origin in job.also:
        for side, more in zip(sides, read_sides(origin), strict=True):
            side.extend(more)


def _from_sample(job: Job, text: Origin) -> Aligner:
    """Train on some lines of the text, drawn by the seed, and on what comes with it."""
    aligner = _new(job)
    kept, seen = draw(read_pairs(text), job.sample or 1, job.seed)
    say(f" align      learns from {len(kept):,} of {seen:,} pairs, drawn with seed {job.seed}")
    sides = [one for one, _ in kept], [two for _, two in kept]
    _learn_too(sides, job)
    with _told(aligner) as tell:
        aligner.train(*sides, tell)
    return aligner


def _in_shards(aligner: Aligner, text: Origin, outputs: _Outputs) -> None:
    """Link the text part by part; links are written as they come."""
    pairs = read_pairs(text)
    with progress(" align      pairs") as advance:
        while shard := list(islice(pairs, SHARD)):
            sides = [one for one, _ in shard], [two for _, two in shard]
            outputs.see(*sides)
            outputs.write(aligner.align(*sides), len(shard))
            advance(outputs.count)


def _loaded(job: Job, path: Path) -> Aligner:
    """A saved aligner, with what the command line says of the links to be made."""
    aligner = load(path, job.threads)
    given = {"symmetrize": job.symmetrize, "threshold": job.settings.threshold}
    aligner.link_as(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    return aligner


def _new(job: Job) -> Aligner:
    aligner = Aligner(threads=job.threads)
    aligner.settings = job.settings
    return aligner


@contextmanager
def _told(aligner: Aligner) -> Iterator[Advance]:
    with progress(f" align      {aligner.passes()} passes, pairs") as advance:
        yield advance


class _Outputs:
    """The files that are written, complete or not at all; and what is counted on the way."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.count = 0
        self.linked = 0
        self.lengths: list[tuple[int, int]] = []
        self.found: list[list[Link]] = []
        self._files: dict[str, IO[str]] = {}
        self._places: list[tuple[Path, Path]] = []
        self._texts: list[Pair] = []

    def __enter__(self) -> _Outputs:
        wanted = {"links": self._job.output, "scores": self._job.scores, "units": self._job.units}
        for name, place in wanted.items():
            if place == "-":
                self._files[name] = sys.stdout
            elif place is not None:
                path = Path(place)
                plain = path.is_file() or not path.exists()
                part = path.with_name(path.name + ".part") if plain else path
                self._places.append((part, path))
                self._files[name] = part.open("w", encoding="utf-8", newline="\n")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for file in self._files.values():
            if file is sys.stdout:
                file.flush()
            else:
                file.close()
        for part, path in self._places:
            if part == path:
                continue
            if kind is None:
                part.replace(path)
            else:
                part.unlink(missing_ok=True)

    def see(self, source: list[bytes], target: list[bytes]) -> None:
        """The next lines of the text to be linked; their words are counted where gold is given."""
        self.count += len(source)
        if self._job.gold is not None:
            sides = zip(source, target, strict=True)
            self.lengths.extend((len(one.split()), len(two.split())) for one, two in sides)
        if self._job.units is not None:
            self._texts.extend(zip(source, target, strict=True))

    def write(self, found: Links, count: int) -> None:
        """The links of the next ``count`` lines."""
        found = found.head(count)
        self.linked += len(found.source)
        self._files["links"].writelines(line + "\n" for line in found.pharaoh())
        if "scores" in self._files:
            self._files["scores"].writelines(line + "\n" for line in found.score_lines())
        if "units" in self._files:
            texts, self._texts = self._texts[:count], self._texts[count:]
            units = (found.units or found).pharaoh()
            for (one, two), links in zip(texts, units, strict=True):
                sides = (b" ".join(cut_line(side.decode("utf-8"))[0]).decode("utf-8") for side in (one, two))
                self._files["units"].write("\t".join((*sides, links)) + "\n")
        if self._job.gold is not None:
            self.found.extend(found)


def _report(aligner: Aligner, outputs: _Outputs, gold: list[Gold] | None, seconds: float) -> None:
    settings = aligner.settings
    counts = f"{outputs.count:,} pairs, {outputs.linked:,} links in {seconds:.1f} s"
    say(f" align      {settings.model}, {settings.symmetrize}: {counts}")
    if aligner.entries:
        say(f" align      learnt from {aligner.pairs:,} pairs, table of {aligner.entries:,} pairs of words")
    for name, language in (("source", aligner.source), ("target", aligner.target)):
        if language.cut:
            say(f" align      {name} text was cut into units ({language.cut}); links are between words, "
                "--units FILE has those between units")  # fmt: skip
    if aligner.too_long:
        limit = f"more than {settings.longest} words on a side"
        say(f" align      {aligner.too_long:,} pairs with {limit} have no links")
    if gold is not None:
        say(f" align      {score(outputs.found, gold)}")

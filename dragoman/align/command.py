"""``dragoman align``: text in, links out; training, saving, loading, scoring."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from dragoman.align.aligner import Aligner, Settings, Symmetry
from dragoman.align.bitext import LONGEST
from dragoman.align.given import given_links
from dragoman.align.gold import check_gold, score
from dragoman.align.jit import announced
from dragoman.align.lines import STDIN, Origin, check_words, read_pairs, read_sides
from dragoman.align.outputs import Outputs, check_places
from dragoman.align.pharaoh import Gold, read_gold
from dragoman.align.saved import load, save
from dragoman.align.shards import draw, spooled
from dragoman.console import Advance, progress, say
from dragoman.errors import DataError

SHARD = 100_000
"""Pairs that are linked at once where a trained aligner is applied."""


@dataclass
class Job:
    """What the command line asks for. ``training``: the options given that say how to learn."""

    text: Origin
    settings: Settings
    symmetrize: Symmetry | None = None
    output: str = "-"
    also: list[Origin] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    scores: Path | None = None
    units: Path | None = None
    gold: Path | None = None
    load: Path | None = None
    save: Path | None = None
    sample: int | None = None
    seed: int = 1
    threads: int = 1
    training: list[str] = field(default_factory=list)


def align_command(job: Job) -> None:
    """Do it; links go to the output, everything else is said on standard error.

    What can be told to be wrong before anything is learnt or written is told then.
    """
    start = time.monotonic()
    _check(job)
    gold = read_gold(job.gold) if job.gold is not None else None
    twice = gold is not None or job.sample is not None or bool(job.links)
    with spooled(job.text, twice) as text:
        lengths = _lengths(text) if gold is not None or job.links else []
        if gold is not None and job.gold is not None:
            check_gold(job.gold, gold, lengths)
        with announced():
            links = given_links(job.links, job.symmetrize, lengths) if job.links else None
        with Outputs(job.output, job.scores, job.units, gold is not None) as outputs:
            if links is not None:
                outputs.write_lines(links)
                aligner = None
            else:
                aligner = _aligned(job, text, outputs)
        _report(aligner, outputs, gold, time.monotonic() - start)


def _check(job: Job) -> None:
    """DataError for options that do not go together, and for files that cannot be written."""
    if job.load is not None and job.training:
        raise DataError(
            f"{', '.join(job.training)}: how to learn; a saved aligner has learnt, take it out beside --load"
        )
    here: dict[str, object] = {"load": job.load, "save": job.save, "scores": job.scores, "units": job.units}
    here["threshold"] = job.settings.threshold
    other = [*job.training, *(f"--{name}" for name, value in here.items() if value is not None)]
    if job.links and other:
        raise DataError(f"{', '.join(other)}: for links that are made here; take it out beside --links")
    wanted = {"output": job.output, "scores": job.scores, "units": job.units, "save": job.save}
    texts = [name for origin in (job.text, *job.also) for name in origin]
    if texts.count(STDIN) > 1:
        raise DataError("standard input (-) is named twice, but can be read once; give a file for the other")
    check_places(wanted, [*texts, job.gold, job.load, *job.links])


def _lengths(text: Origin) -> list[tuple[int, int]]:
    """The words of both sides of each line."""
    return [(len(one.split()), len(two.split())) for one, two in read_pairs(text)]


def _aligned(job: Job, text: Origin, outputs: Outputs) -> Aligner:
    """Learn or load, link, and save."""
    loaded = _loaded(job, job.load) if job.load else None
    whole = loaded is None and job.sample is None
    with announced():
        warm(loaded.settings if loaded else job.settings, apart=not whole)
    if whole:
        aligner = _all_at_once(job, text, outputs)
    else:
        aligner = loaded or _from_sample(job, text)
        _in_shards(aligner, text, outputs)
    if job.save is not None:
        save(aligner, job.save)
    return aligner


def warm(settings: Settings, apart: bool = False) -> None:
    """Run everything once on a few words, so that whatever must be compiled is compiled now.

    ``apart``: linking will be apart from learning.
    """
    few = ["a b", "b c a"]
    aligner = Aligner()
    aligner.settings = replace(settings, longest=LONGEST)
    aligner.train_align(few, few)
    if apart:
        aligner.align(few, few)


def _all_at_once(job: Job, text: Origin, outputs: Outputs) -> Aligner:
    """Train on the text and what comes with it, all in memory."""
    aligner = _new(job)
    sides = read_sides(text)
    outputs.see(*sides)
    _learn_too(sides, job)
    _check_words(job, sides)
    with _told(aligner) as tell:
        found = aligner.train_align(*sides, tell)
    outputs.write(found, outputs.count, _cut(aligner))
    return aligner


def _learn_too(sides: tuple[list[bytes], list[bytes]], job: Job) -> None:
    """Put the text of --also behind both sides."""
    for origin in job.also:
        for side, more in zip(sides, read_sides(origin), strict=True):
            side.extend(more)


def _check_words(job: Job, sides: tuple[list[bytes], list[bytes]]) -> None:
    """DataError where nothing can be learnt, unless the user says that the text is in words."""
    if job.settings.segment != "words":
        check_words(job.text, sides)


def _from_sample(job: Job, text: Origin) -> Aligner:
    """Train on some lines of the text, drawn by the seed, and on what comes with it."""
    aligner = _new(job)
    kept, seen = draw(read_pairs(text), job.sample or 1, job.seed)
    say(f" align      learns from {len(kept):,} of {seen:,} pairs, drawn with seed {job.seed}")
    sides = [one for one, _ in kept], [two for _, two in kept]
    _learn_too(sides, job)
    _check_words(job, sides)
    with _told(aligner) as tell:
        aligner.train(*sides, tell)
    return aligner


def _in_shards(aligner: Aligner, text: Origin, outputs: Outputs) -> None:
    """Link the text part by part; links are written as they come."""
    pairs = read_pairs(text)
    with progress(" align      pairs") as advance:
        while shard := list(islice(pairs, SHARD)):
            sides = [one for one, _ in shard], [two for _, two in shard]
            outputs.see(*sides)
            outputs.write(aligner.align(*sides), len(shard), _cut(aligner))
            advance(outputs.count)


def _loaded(job: Job, path: Path) -> Aligner:
    """A saved aligner, with what the command line says of the links to be made."""
    aligner = load(path, job.threads)
    aligner.link_as(job.symmetrize, job.settings.threshold)
    return aligner


def _cut(aligner: Aligner) -> tuple[bool, bool]:
    return bool(aligner.source.cut), bool(aligner.target.cut)


def _new(job: Job) -> Aligner:
    aligner = Aligner(threads=job.threads)
    aligner.settings = job.settings
    return aligner


@contextmanager
def _told(aligner: Aligner) -> Iterator[Advance]:
    with progress(f" align      {aligner.passes()} passes, pairs") as advance:
        yield advance


def _report(aligner: Aligner | None, outputs: Outputs, gold: list[Gold] | None, seconds: float) -> None:
    counts = f"{outputs.count:,} pairs, {outputs.linked:,} links in {seconds:.1f} s"
    if aligner is None:
        say(f" align      links as given: {counts}")
    else:
        settings = aligner.settings
        say(f" align      {settings.model}, {settings.symmetrize}: {counts}")
        _tell(aligner, outputs.too_long)
    if gold is not None:
        say(f" align      {score(outputs.found, gold)}")


def _tell(aligner: Aligner, too_long: int) -> None:
    """What was learnt from, what was cut, what was left out."""
    if aligner.entries:
        say(f" align      learnt from {aligner.pairs:,} pairs, table of {aligner.entries:,} pairs of words")
    for name, language in (("source", aligner.source), ("target", aligner.target)):
        if language.cut == "none":
            say(f" align      {name} text has nothing to cut: no script without spaces")
        elif language.cut:
            say(f" align      {name} text was cut into units ({language.cut}); links are between words, "
                "--units FILE has those between units")  # fmt: skip
    if too_long:
        limit = f"more than {aligner.settings.longest} words on a side"
        say(f" align      {too_long:,} pairs with {limit} have no links (--longest)")

"""``dragoman align`` as the command line shows it; the work is in command.py, which is loaded when it is
called."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = (
    "dragoman align text.de text.en > links",
    "dragoman align text.de text.en --save aligner --output links --scores scores",
    "dragoman align new.tsv --load aligner > new.links",
    "dragoman align test.fr test.en --also train.fr train.en --gold test.align --output links",
    "dragoman align text.fr text.en --links forward --links reverse -s grow-diag-final-and > links",
)
TRAINING = ("model", "also", "stem", "segment", "longest", "sample", "seed")
"""Options that say how to learn."""

Symmetry = Literal[
    "agree", "forward", "reverse", "intersect", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"
]


def align(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(help="text; with no TARGET: source, tab or ' ||| ', target; - is stdin")
    ],
    target: Annotated[str | None, typer.Argument(help="the other side, line by line")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="file of links; - is standard output")] = "-",
    also: Annotated[
        tuple[str, str] | None, typer.Option(help="two more files to learn from, not linked")
    ] = None,
    model: Annotated[
        Literal["hmm", "diagonal"],
        typer.Option(help="hmm: most accurate; diagonal: fastest, what fast_align does"),
    ] = "hmm",
    symmetrize: Annotated[
        Symmetry | None,
        typer.Option(
            "--symmetrize", "-s", help="how two directions become one (default: agree, or as saved)"
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="all links of at least this posterior (default: 0.4 for agree, else best links)"),
    ] = None,
    links: Annotated[
        list[Path] | None,
        typer.Option(help="links another program made, to score or (given twice: forward, reverse) combine"),
    ] = None,
    scores: Annotated[Path | None, typer.Option(help="file for the score of each link")] = None,
    gold: Annotated[Path | None, typer.Option(help="gold links: print precision, recall, F and AER")] = None,
    save: Annotated[Path | None, typer.Option(help="file that keeps what was learnt")] = None,
    load: Annotated[
        Path | None, typer.Option(help="link with an aligner that was saved; learn nothing")
    ] = None,
    stem: Annotated[
        int, typer.Option(min=0, help="hmm: characters at the beginning that related words share")
    ] = 5,
    segment: Annotated[
        Literal["auto", "words", "units"], typer.Option(help="cut text of scripts without spaces?")
    ] = "auto",
    units: Annotated[
        Path | None, typer.Option(help="TSV of both sides as cut, and links between the units")
    ] = None,
    longest: Annotated[
        int, typer.Option(min=1, help="pairs with more words (or units) on a side get no links")
    ] = 400,
    sample: Annotated[
        int | None, typer.Option(min=1, help="learn from so many pairs, link all in parts")
    ] = None,
    seed: Annotated[int, typer.Option(help="seed of the sample")] = 1,
    threads: Annotated[int | None, typer.Option(min=1, help="threads (default: as many as cores)")] = None,
) -> None:
    """Link the words of parallel text: Pharaoh links (0-0 1-2), a line for each line."""
    with _uncollected():
        from dragoman.align.aligner import Settings
        from dragoman.align.command import Job, align_command
        from dragoman.align.lines import Origin

        given = [f"--{name}" for name in TRAINING if _is_given(context, name)]
        align_command(Job(
            Origin(source, target), Settings(model, symmetrize or "agree", threshold, stem, longest, segment),
            symmetrize, output, [Origin(*also)] if also else [], links or [], scores, units, gold, load, save,
            sample, seed, threads or _cores(), given,
        ))  # fmt: skip


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage that refers to itself: there is none here, and to look for it takes a tenth of
    the time of a small text."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"

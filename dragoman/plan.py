"""The dry run: what a run would do, step by step with its counts, without touching the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman.instruct.mixture import Mixture
from dragoman.interacting import directions_asked, rows_asked, state_of
from dragoman.loading import check_base
from dragoman.probing import STEP, key_of, lines_of, looked_into
from dragoman.recipe import Recipe, Stage
from dragoman.rows import systems_of
from dragoman.run import Run
from dragoman.tune.stage import make_mixture, start_of


def plan(recipe: Recipe, folder: Path) -> list[str]:
    """A line for each step: what it is made of, how long it is, and whether it is done, stale or to do.

    A corpus that is not there yet is read and filtered into a temporary folder, for the counts. Raises what
    the run itself would raise before its first stage.
    """
    encoder = check_base(Run(recipe, folder).base, recipe)
    with readable(recipe, folder) as run:
        run.done.read()
        run.check(encoder)
        state = "done" if run.text.folder.parent == folder else "to do"
        counts = run.text.counts(where=state == "done")
        lines = [f"run       {folder}, base {run.base}", f"corpus    {counts}: {state}"]
        for stage in recipe.stages:
            mixture = make_mixture(recipe, stage, run.text.train, encoder)
            key = run.keys.stage(stage)
            lines.append(
                f"{stage.name:<9} {_length(stage, mixture)}, from {start_of(recipe, stage)}: "
                f"{run.done.state(f'stage:{stage.name}', key)}"
            )
        if run.text.test is None:
            return [*lines, "evaluate  nothing: the recipe has neither data.test nor data.dev"]
        directions, most = run.test_directions(), recipe.evaluate.lines
        count = sum(len(run.text.test.indices(d)[:most]) for d in directions)
        for system in systems_of(recipe):
            key = run.keys.system(system)
            lines.append(
                f"translate {system.name}: {len(directions)} directions, {count:,} lines: "
                f"{run.done.state(f'translate:{system.name}', key)}"
            )
        supervised = set(run.supervised())
        seen = sum(direction in supervised for direction in directions)
        lines.append(f"evaluate  {seen} directions supervised, {len(directions) - seen} zero-shot")
        if text := lines_of(run):
            rows, state = looked_into(recipe), run.done.state(STEP, key_of(run))
            lines.append(f"probe     {', '.join(rows)}: {len(text)} language pairs: {state}")
        for row in rows_asked(recipe):
            asked = f"{len(directions_asked(run))} directions"
            lines.append(f"dialogues {row.name}: {asked}: {state_of(run, row)}")
    return lines


@contextmanager
def readable(recipe: Recipe, folder: Path) -> Iterator[Run]:
    """The run with a corpus to read: its own if that is current, else one made for the moment."""
    run = Run(recipe, folder)
    if folder.is_dir() and run.text.is_current():
        yield run
        return
    with TemporaryDirectory(prefix="dragoman-") as place:
        run = Run(recipe, folder, Path(place))
        run.text.prepare(keep=False)
        yield run


def _length(stage: Stage, mixture: Mixture) -> str:
    """Items by task, and the length of a stage in steps or epochs."""
    items = " + ".join(f"{name} ({task.size:,} items)" for name, task in mixture.tasks.items())
    if stage.steps is not None:
        return f"{items}, {stage.steps:,} steps"
    length = f"{stage.epochs:g} epochs"
    if stage.batch_examples:
        steps = round(mixture.epoch_draws * float(stage.epochs or 0) / stage.batch_examples)
        length += f", about {steps:,} steps"
    return f"{items}, {length}"

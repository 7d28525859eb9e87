"""The look inside as a step of a run: what `evaluate.probe` asks for, into ``probe.json`` for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.console import progress, say
from dragoman.evaluate.probe.command import told, write_all
from dragoman.evaluate.probe.look import look_inside
from dragoman.evaluate.probe.result import FILE, FILES
from dragoman.evaluate.probe.text import PairLines, draw_lines
from dragoman.language.language import Direction
from dragoman.recipe import Recipe
from dragoman.rows import systems_of

if TYPE_CHECKING:
    from dragoman.run import Run

STEP = "probe"


def looked_into(recipe: Recipe) -> dict[str, str]:
    """Rows whose weights are looked into, each with its stage: those named, else one for each stage."""
    rows = {row.name: row.stage for row in systems_of(recipe) if row.kind == "model"}
    if recipe.evaluate.probe is not None and recipe.evaluate.probe.systems is not None:
        return {name: rows[name] for name in recipe.evaluate.probe.systems}
    first: dict[str, str] = {}
    for name, stage in rows.items():
        first.setdefault(stage, name)
    return {name: stage for stage, name in first.items()}


def lines_of(run: Run) -> dict[Direction, PairLines]:
    """The test lines to look at; DataError if a language pair has too few. Empty if nothing is asked for."""
    spec, test = run.recipe.evaluate.probe, run.text.test
    if spec is None or test is None:
        return {}
    wanted = [] if isinstance(spec.directions, str) else spec.directions
    return draw_lines(test, wanted, spec.lines, run.recipe.seed, str(test.folder))


def key_of(run: Run) -> str:
    """Hash of everything that the step depends on."""
    return run.keys.probe(looked_into(run.recipe))


def probe(run: Run) -> None:
    """Look inside, unless that is not asked for or is done; an old look that is not asked for goes."""
    path = run.folder / FILE
    if run.recipe.evaluate.probe is None:
        if run.done.drop(STEP):
            for name in FILES:
                (run.folder / name).unlink(missing_ok=True)
        return
    key = key_of(run)
    if run.done.state(STEP, key) == "done" and path.exists():
        say(" probe     done before")
        return
    text, recipe = lines_of(run), run.recipe
    models = {name: run.model_of(stage) for name, stage in looked_into(recipe).items()}
    with progress(" probe") as advance:
        results = look_inside(
            models, text, recipe.model.model_copy(update={"dtype": "float32"}), recipe.seed,
            tell=lambda name, done, total: advance(done, name, total),
        )  # fmt: skip
    for line in told(results):
        say(f" probe     {line}")
    write_all(run.folder, results)
    run.done.finish(STEP, key)

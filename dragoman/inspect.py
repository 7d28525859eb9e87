"""``dragoman inspect``: what a recipe's examples look like, token by token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from dragoman.errors import RecipeError
from dragoman.instruct.mixture import Mixture
from dragoman.loading import check_base
from dragoman.plan import readable
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example
from dragoman.prompt.view import coloured, legend, summary
from dragoman.recipe import Recipe, Stage
from dragoman.run import Run
from dragoman.tune.stage import make_mixture


def inspect_recipe(recipe: Recipe, runs: Path, stage: str | None, count: int, epoch: int) -> None:
    """Print ``count`` groups of each stage's mixture (or of one stage's), coloured; nothing is tuned.

    Word links of a current corpus, which the run would make, are made and kept with it.
    """
    chosen = [s for s in recipe.stages if stage in (None, s.name)]
    if not chosen:
        known = ", ".join(s.name for s in recipe.stages)
        raise RecipeError(f"--stage {stage}: no such stage; known: {known}")
    folder = runs / recipe.name
    encoder = check_base(Run(recipe, folder).base, recipe)
    console = Console(highlight=False, soft_wrap=True)
    with readable(recipe, folder) as run:
        console.print(legend())
        for one in chosen:
            _show(console, run, one, encoder, count, epoch)


def _show(console: Console, run: Run, stage: Stage, encoder: Encoder, count: int, epoch: int) -> None:
    mixture = make_mixture(run.recipe, stage, run.text.train, encoder)
    mixture.seek({name: task.size * epoch for name, task in mixture.tasks.items()})
    items = ", ".join(f"{name} {task.size:,} items" for name, task in mixture.tasks.items())
    console.print(f"\n[bold]{stage.name}[/bold]  {items}")
    skipped = mixture.material.skipped
    for group in _drawn(mixture, count):
        for example in (row for drawn in group for row in encoder.rows(drawn)):
            before = dict(encoder.dropped)
            encoded = encoder.encode(example)
            console.print(
                f"\n{example.task}  {example.direction or ''}  {example.id}  {example.kind}", style="bold"
            )
            if encoded is None:
                reasons = [name for name, n in encoder.dropped.items() if n > before.get(name, 0)]
                console.print(f"dropped: {', '.join(reasons)}")
            else:
                console.print(coloured(encoder, encoded))
                console.print(summary(encoded), style="dim")
    for why, number in skipped.most_common():
        console.print(f"\npassed over {number:,}: {why}", style="dim")
    skipped.clear()


def _drawn(mixture: Mixture, count: int) -> Iterator[list[Example]]:
    """``count`` groups, one by one, past items that their task cannot use; an epoch is looked at, at most."""
    found = 0
    for _ in range(max(count, sum(task.size for task in mixture.tasks.values()))):
        if found == count:
            return
        for group in mixture.draw(1):
            found += 1
            yield group

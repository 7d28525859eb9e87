"""``dragoman inspect``: what a recipe's examples look like, token by token."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from dragoman.prompt.view import coloured, legend, summary
from dragoman.recipe import Recipe, Stage
from dragoman.run import Run
from dragoman.tune.model import load_tokenizer
from dragoman.tune.stage import make_encoder, make_mixture


def inspect_recipe(recipe: Recipe, runs: Path, stage: str | None, count: int, epoch: int) -> None:
    """Print ``count`` groups of each stage's mixture (or of one stage's), coloured by weight."""
    from dragoman.errors import RecipeError

    run = Run(recipe, runs / recipe.name)
    run.folder.mkdir(parents=True, exist_ok=True)
    run.prepare_corpus()
    encoder = make_encoder(recipe, load_tokenizer(run.base))
    chosen = [s for s in recipe.stages if stage in (None, s.name)]
    if not chosen:
        raise RecipeError(
            f"--stage {stage}: no such stage; known: {', '.join(s.name for s in recipe.stages)}"
        )
    console = Console(highlight=False, soft_wrap=True)
    console.print(legend())
    for one in chosen:
        _show(console, run, one, encoder, count, epoch)


def _show(console: Console, run: Run, stage: Stage, encoder: object, count: int, epoch: int) -> None:
    from dragoman.prompt.encode import Encoder

    assert isinstance(encoder, Encoder)
    mixture = make_mixture(run.recipe, stage, run.train, encoder)
    mixture.seek({name: task.size * epoch for name, task in mixture.tasks.items()})
    items = ", ".join(f"{name} {task.size:,} items" for name, task in mixture.tasks.items())
    console.print(f"\n[bold]{stage.name}[/bold]  {items}")
    for group in mixture.draw(count):
        for example in group:
            encoded = encoder.encode(example)
            console.print(f"\n{example.task}  {example.direction or ''}  {example.id}", style="bold")
            if encoded is None:
                console.print(f"dropped: {dict(encoder.dropped)}")
            else:
                console.print(coloured(encoder, encoded))
                console.print(summary(encoded), style="dim")

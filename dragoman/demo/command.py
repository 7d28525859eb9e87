"""``dragoman demo``: the phrasebook as files, then the same run that a recipe of one's own gets."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from dragoman.console import say
from dragoman.demo.phrasebook import DEMO_SPLITS, Phrasebook
from dragoman.evaluate.results import Results
from dragoman.recipe_file import load_recipe
from dragoman.run import Run

TEXT = "phrasebook"


def demo_run(runs: Path, seed: int = 1, overrides: Sequence[str] = ()) -> Results | None:
    """Write the phrasebook's demo lines and run the demo's recipe on them; seed 1 is ``runs/demo``."""
    name = "demo" if seed == 1 else f"demo-seed{seed}"
    text = runs / "demo-text"
    if not (text / TEXT).is_dir():
        lines = sum(count for _, count in DEMO_SPLITS.values())
        say(f" text      writing {lines:,} phrasebook lines to {text / TEXT}")
        part = text / f"{TEXT}.part"
        Phrasebook().write_folder(part, DEMO_SPLITS)
        part.rename(text / TEXT)
    with resources.as_file(resources.files("dragoman.demo") / "recipe.yaml") as path:
        recipe = load_recipe(path, [f"name={name}", f"seed={seed}", f"data.root={text / TEXT}", *overrides])
    return Run(recipe, runs / recipe.name).go()

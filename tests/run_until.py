"""What a test lets another process do: run a recipe until some point, and end there as a machine does.

The point is ``<what>:<number>``, after the number-th call: ``step`` (an optimiser step), ``translate`` (a
direction), ``store`` (a split of the corpus), ``save`` (a stage's model), ``results``; or ``none``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import dragoman.corpus.prepare
import dragoman.evaluate.again
import dragoman.run
import dragoman.tune.stage
from dragoman.recipe_file import load_recipe
from dragoman.run import Run
from dragoman.tune.loop import Interrupted, Loop

POINTS = {
    "step": (Loop, "_one"),
    "translate": (dragoman.run, "write_outputs"),
    "store": (dragoman.corpus.prepare, "write_store"),
    "save": (dragoman.tune.stage, "save_model"),
    "results": (dragoman.evaluate.again, "write_results"),
}


def run_until(recipe: Path, runs: Path, point: str = "none", number: int = signal.SIGKILL) -> None:
    """Run, and send this process a signal after the call that the point names."""
    torch.set_num_threads(1)
    what, _, count = point.partition(":")
    if what in POINTS:
        owner, name = POINTS[what]
        setattr(owner, name, _ended(getattr(owner, name), int(count), number))
    settings = load_recipe(recipe)
    try:
        Run(settings, runs / settings.name).go()
    except Interrupted:
        os._exit(130)


def _ended(call: Callable[..., Any], count: int, number: int) -> Callable[..., Any]:
    calls = 0

    def counted(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        made = call(*args, **more)
        if calls == count:
            os.kill(os.getpid(), number)
        return made

    return counted

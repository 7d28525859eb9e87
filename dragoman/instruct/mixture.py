"""A stage's mixture: which task comes next, which of its items, and with which randomness.

Each task draws from (seed, stage, task, epoch), so adding a task does not change another's samples. Where
stages name a stream, it stands for the stage: they draw alike. The order of tasks is fixed by their shares
alone. Where a mixture stands is one counter per task.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from dragoman.errors import RecipeError
from dragoman.instruct.align import Align
from dragoman.instruct.conflict import Conflict
from dragoman.instruct.constrained import Constrained
from dragoman.instruct.general import General
from dragoman.instruct.hint import Hint
from dragoman.instruct.interactive.task import Interactive
from dragoman.instruct.mono import Mono
from dragoman.instruct.mt import Mt
from dragoman.instruct.revise import Revise
from dragoman.instruct.task import Material, Task, stream_seed
from dragoman.prompt.example import Example
from dragoman.recipe import TaskSpec

TASKS: dict[str, Callable[[TaskSpec, Material], Task]] = {
    "mt": Mt,
    "mono": Mono,
    "conflict": Conflict,
    "align": Align,
    "hint": Hint,
    "revise": Revise,
    "constrained": Constrained,
    "general": General,
    "interactive": Interactive,
}


class Mixture:
    """Draws groups of examples from several tasks by share, for ever; the state is ``counts``."""

    def __init__(
        self, specs: dict[str, TaskSpec], material: Material, seed: int, stage: str, stream: str | None = None
    ) -> None:
        self.specs, self.seed, self.stream = specs, seed, stream or stage
        self.material = material
        self.tasks = {name: TASKS[name](spec, material) for name, spec in specs.items()}
        self.counts = dict.fromkeys(specs, 0)
        self._orders: dict[str, tuple[int, np.ndarray]] = {}
        for name, task in self.tasks.items():
            if task.size == 0:
                raise RecipeError(
                    f"stage {stage!r}: task {name} has no training line; check directions and filters"
                )

    @property
    def epoch_draws(self) -> float:
        """Draws of the whole mixture in which the first task goes through its items once."""
        first = next(iter(self.specs))
        total = sum(spec.share for spec in self.specs.values())
        return self.tasks[first].size * total / self.specs[first].share

    def draw(self, count: int) -> list[list[Example]]:
        """The next ``count`` groups; an item that its task cannot use gives none."""
        groups = (self._next() for _ in range(count))
        return [group for group in groups if group]

    def position(self) -> dict[str, int]:
        """How many items of each task have been drawn."""
        return dict(self.counts)

    def seek(self, counts: dict[str, int]) -> None:
        """Go to a position."""
        self.counts = dict(counts)

    def _next(self) -> list[Example]:
        # the task that is furthest behind its share; ties go to the one named first
        name = min(self.counts, key=lambda n: (self.counts[n] + 1) / self.specs[n].share)
        number = self.counts[name]
        self.counts[name] += 1
        task = self.tasks[name]
        epoch, place = divmod(number, task.size)
        seed = stream_seed(self.seed, self.stream, name, epoch)
        rng = random.Random(seed ^ (place * 0x9E3779B97F4A7C15))
        return task.make(int(self._order(name, epoch, seed)[place]), rng)

    def _order(self, name: str, epoch: int, seed: int) -> np.ndarray:
        """The permutation of a task's items in an epoch; only the latest is kept."""
        known = self._orders.get(name)
        if known is None or known[0] != epoch:
            known = (epoch, np.random.default_rng(seed).permutation(self.tasks[name].size))
            self._orders[name] = known
        return known[1]

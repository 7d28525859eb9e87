"""Task ``general``: dialogues of files (Alpaca, ShareGPT, `messages`, Self-Instruct), mixed in at a share.

They keep a model able to follow instructions that are no translations. ``learn`` says which answers are
learned; an answer that its file marks as context (a span or a weight of 0) stays context.
"""

from __future__ import annotations

import random
from dataclasses import replace

from dragoman.errors import RecipeError
from dragoman.instruct.general_store import open_dialogues
from dragoman.instruct.task import Material
from dragoman.prompt.example import Example
from dragoman.prompt.weights import as_context, matters
from dragoman.recipe import TaskSpec


class General:
    """One example for each dialogue of the files; nothing of it is drawn."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        if not spec.files:
            raise RecipeError("task general: give `files`: a JSON or JSONL file, a folder, or a data set")
        self.last = spec.learn == "last"
        self.dialogues = open_dialogues(spec.files, spec.split, "general", material.store.folder.parent)
        self.size = len(self.dialogues)

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """One example."""
        example = self.dialogues[item]
        return [only_last(example) if self.last else example]


def only_last(example: Example) -> Example:
    """The example with nothing to learn before its last learned answer."""
    learned = max(place for place, turn in enumerate(example.turns) if matters(turn))
    return replace(
        example,
        turns=tuple(turn if k >= learned else as_context(turn) for k, turn in enumerate(example.turns)),
    )

"""Task ``mt``: translate one line; optionally after a few worked examples of the same direction."""

from __future__ import annotations

import random

from dragoman.corpus.pair import Record
from dragoman.instruct.task import Material, PairItems, task_directions
from dragoman.language.language import Direction
from dragoman.prompt.example import Example, Turn, assistant, user
from dragoman.recipe import TaskSpec


class Mt:
    """A user turn with the instruction and the source; an assistant turn, learned whole."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.items = PairItems(material.store, task_directions(spec, material.store, "mt"))
        self.size = self.items.size

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """One example."""
        record, direction = self.items[item]
        example = mt_example(record, direction, self.material)
        if not self.spec.shots:
            return [example]
        shots = [shot for _ in range(self.spec.shots) for shot in self._shot(direction, record.id, rng)]
        return [
            Example(
                (*shots, *example.turns), "mt", direction, record.id, prompt_language=example.prompt_language
            )
        ]

    def _shot(self, direction: Direction, not_id: str, rng: random.Random) -> tuple[Turn, ...]:
        indices = self.material.store.indices(direction)
        for _ in range(8):  # a shot must not be the line itself; a corpus of one line has none
            record = self.material.store[int(indices[rng.randrange(len(indices))])]
            if record.id != not_id:
                answer = assistant(record.texts[direction.target], 0.0)
                return (
                    user(self.material.instruction("mt", direction), record.texts[direction.source]),
                    answer,
                )
        return ()


def mt_example(record: Record, direction: Direction, material: Material, group: str = "") -> Example:
    """The plain translation example of a line in a direction."""
    instruction = material.instruction("mt", direction)
    turns = (user(instruction, record.texts[direction.source]), assistant(record.texts[direction.target]))
    return Example(turns, "mt", direction, record.id, group, material.prompt_language(direction))

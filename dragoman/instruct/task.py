"""What a task is: numbered items (a line in a direction), each of which makes one group of examples."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.language.language import Direction, same_language
from dragoman.prompt.example import Example
from dragoman.prompt.templates import Template
from dragoman.recipe import TaskSpec

if TYPE_CHECKING:
    from dragoman.corpus.store import Store


@dataclass
class Material:
    """What tasks draw from. ``prompt_target``: instructions stand in the target's language."""

    store: Store
    template: Template
    prompt_target: bool = False
    skipped: Counter[str] = field(default_factory=Counter)

    def instruction(self, task: str, direction: Direction, **values: str) -> str:
        """The instruction of a task for a direction, in the prompt language of the run; ``values`` fill its
        placeholders."""
        return self.template.instruction(task, direction, self.prompt_language(direction), **values)

    def prompt_language(self, direction: Direction) -> str:
        """The language of the template's words for a direction."""
        return direction.target if self.prompt_target else "en"


class Task(Protocol):
    """A way to make examples. Items are numbered from 0; ``make`` depends on item and randomness."""

    size: int

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """The group of one item: examples that share an optimiser step; empty if the item cannot be used."""
        ...


class PairItems:
    """The lines of several directions under one numbering, without a list of them."""

    def __init__(self, store: Store, directions: Sequence[Direction]) -> None:
        self.store, self.directions = store, list(directions)
        self._indices = [store.indices(direction) for direction in self.directions]
        self._ends = (
            np.cumsum([len(indices) for indices in self._indices]) if self._indices else np.zeros(1, int)
        )
        self.size = int(self._ends[-1])

    def __getitem__(self, item: int) -> tuple[Record, Direction]:
        """The record and the direction of an item."""
        which, line = self._place(item)
        return self.store[int(self._indices[which][line])], self.directions[which]

    def line(self, item: int) -> int:
        """The number of an item among the lines of its direction."""
        return self._place(item)[1]

    def _place(self, item: int) -> tuple[int, int]:
        which = int(np.searchsorted(self._ends, item, side="right"))
        return which, item - (int(self._ends[which - 1]) if which else 0)


def task_directions(spec: TaskSpec, store: Store, name: str) -> list[Direction]:
    """The directions of a task, each once, in the codes of the store; RecipeError if one has no line."""
    known = [Direction(a, b) for a in store.languages for b in store.languages if a != b]
    if spec.directions == "all":
        return [d for d in known if len(store.indices(d))]
    if spec.directions == "english":
        english = [d for d in known if any(same_language(code, "en") for code in d)]
        return [d for d in english if len(store.indices(d))]
    found: dict[Direction, None] = {}
    for wanted in spec.directions:
        match = [
            d
            for d in known
            if same_language(d.source, wanted.source) and same_language(d.target, wanted.target)
        ]
        if not match or not len(store.indices(match[0])):
            raise RecipeError(
                f"task {name}: no training line for direction {wanted}; the text has: "
                f"{', '.join(store.languages)}"
            )
        found[match[0]] = None
    return list(found)


def stream_seed(*parts: object) -> int:
    """A 64-bit seed from (seed, stage, task, epoch, ...): each combination has a stream of its own."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")

"""Examples to batches: groups sorted by length inside a window, cut by examples or tokens, shapes rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dragoman.prompt.encode import Encoded
from dragoman.tune.tree import Tree, alike, grow

ROUND = 8  # lengths are rounded up to this, so that kernels are reused
Group = Sequence[Encoded]  # examples that share a step: a pair and its negative, all assertions about a pair


@dataclass
class Batch:
    """The examples of one forward pass, right-padded or as a tree.

    ids: [B, T], or [1, N] of a tree (the last token of the longest row is never an input, so it is not here);
    rows, columns: [N] place in ``ids`` of the state that predicts each learned token; targets: [N]; weights:
    [N] signed; example: [N] which example of ``tasks`` each belongs to; tokens: real tokens of all examples.
    """

    ids: Tensor
    tree: Tree | None
    rows: Tensor
    columns: Tensor
    targets: Tensor
    weights: np.ndarray
    example: np.ndarray
    tasks: list[str]
    tokens: int

    @property
    def padded(self) -> int:
        """Tokens that are computed, padding included."""
        return self.ids.numel()


def rounded(length: int) -> int:
    """Length rounded up to a multiple of ROUND."""
    return -(-length // ROUND) * ROUND


def group_length(group: Group) -> int:
    """Length of the longest example of a group."""
    return max(len(encoded.ids) for encoded in group)


def collate(examples: Sequence[Encoded], pad: int, share: bool = False) -> Batch:
    """Examples to one batch. ``share``: as a tree, without padding; what they begin with alike stands there
    once, if that saves much.
    """
    tree = grow(examples, pad) if share else None
    places, targets, weights, owner = [], [], [], []
    for row, encoded in enumerate(examples):
        weight = np.asarray(encoded.weights, dtype=np.float32)
        learned = np.flatnonzero(weight)
        places.append(learned - 1)
        targets.append(np.asarray(encoded.ids, dtype=np.int64)[learned])
        weights.append(weight[learned])
        owner.append(np.full(len(learned), row))
    example, columns = np.concatenate(owner), np.concatenate(places)
    if tree is not None:
        rows, columns = np.zeros_like(example), columns + tree.starts[example]
    else:
        rows = example
    return Batch(
        _padded(examples, pad) if tree is None else tree.ids,
        tree,
        torch.from_numpy(rows),
        torch.from_numpy(columns),
        torch.from_numpy(np.concatenate(targets)),
        np.concatenate(weights),
        example,
        [encoded.task for encoded in examples],
        sum(len(e.ids) for e in examples),
    )


def _padded(examples: Sequence[Encoded], pad: int) -> Tensor:
    """The ids of examples without their last ones, as a rectangle."""
    ids = np.full((len(examples), rounded(max(len(e.ids) for e in examples) - 1)), pad, dtype=np.int64)
    for row, encoded in enumerate(examples):
        ids[row, : len(encoded.ids) - 1] = encoded.ids[:-1]
    return torch.from_numpy(ids)


@dataclass
class Window:
    """Steps of one window, each a list of groups, and where its text began in the stream."""

    steps: list[list[Group]]
    start: dict[str, int]
    number: int


def cut_steps(
    groups: list[Group], examples: int | None, tokens: int, order: np.random.Generator
) -> list[list[Group]]:
    """Groups sorted by length, cut into steps of ``examples`` groups or ``tokens`` padded tokens, shuffled.

    Each task is sorted by itself and spread over all steps, so that a step holds the mixture: a task whose
    examples are longer would otherwise have steps of its own, in which its loss counts as a whole one. A
    single group that is larger than ``tokens`` is a step of its own.
    """
    steps: list[list[Group]] = []
    step: list[Group] = []
    longest = 0
    for index in spread(groups):
        group = groups[index]
        rows = sum(len(g) for g in step) + len(group)
        longest = max(longest, group_length(group))
        full = len(step) >= examples if examples else rows * rounded(longest) > tokens
        if step and full:
            steps.append(step)
            step, longest = [], group_length(group)
        step.append(group)
    if step:
        steps.append(step)
    return [steps[i] for i in order.permutation(len(steps))]


def spread(groups: Sequence[Group]) -> list[int]:
    """Places of groups in an order in which each task goes from its shortest to its longest, all in step."""
    by_task: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        by_task.setdefault(group[0].task, []).append(index)
    quantile: dict[int, float] = {}
    for places in by_task.values():
        places.sort(key=lambda i: group_length(groups[i]))
        quantile |= {index: (rank + 0.5) / len(places) for rank, index in enumerate(places)}
    return sorted(quantile, key=lambda i: quantile[i])


def micro_batches(step: Sequence[Group], tokens: int, share: bool = False) -> Iterator[list[Encoded]]:
    """The examples of a step, cut so that one forward pass holds at most ``tokens`` padded tokens.

    ``share``: passes are trees, so what counts are ids, those that a group begins with once. A group stays
    together unless it alone is too large.
    """
    parts = [part for group in step for part in _whole(group, tokens, share)]
    parts.sort(key=group_length)
    rows: list[Encoded] = []
    held = 0
    for part in parts:
        held += computed(part) if share else len(part)
        if rows and (held if share else held * rounded(group_length(part))) > tokens:
            yield rows
            rows, held = [], computed(part) if share else len(part)
        rows.extend(part)
    if rows:
        yield rows


def _whole(group: Group, tokens: int, share: bool) -> list[Group]:
    """A group that fits into a pass, or each of its examples."""
    size = computed(group) if share else len(group) * rounded(group_length(group))
    return [group] if size <= tokens else [[encoded] for encoded in group]


def computed(group: Group) -> int:
    """Ids of a group, those that all of it begins with counted once."""
    first, *others = (np.asarray(encoded.ids) for encoded in group)
    same = min((alike(first, other) for other in others), default=0)
    return len(first) + sum(map(len, others)) - len(others) * same


class StepStream:
    """Endless steps drawn from a mixture; where it stands is a small state that :meth:`restore` takes back.

    ``draw(n)`` gives the usable groups of n draws, perhaps fewer; ``position`` and ``seek`` read and set the
    mixture's counters. A step has ``examples`` groups, or else ``tokens`` padded tokens; steps are cut from a
    window of ``window`` times as much, sorted by length.
    """

    def __init__(
        self,
        draw: Callable[[int], list[Group]],
        position: Callable[[], dict[str, int]],
        seek: Callable[[dict[str, int]], None],
        examples: int | None,
        tokens: int,
        window: int,
        seed: int,
    ) -> None:
        self._draw, self._position, self._seek = draw, position, seek
        self.examples, self.tokens, self.window, self.seed = examples, tokens, window, seed
        self._at = 0
        self._current: Window | None = None
        self._number = 0

    def __iter__(self) -> Iterator[list[Group]]:
        while True:
            if self._current is None:
                self._current = self._fill()
            while self._at < len(self._current.steps):
                step = self._current.steps[self._at]
                self._at += 1
                yield step
            self._current, self._at, self._number = None, 0, self._number + 1

    def _fill(self) -> Window:
        start = dict(self._position())
        groups: list[Group] = []
        size = 0
        wanted = self.window * (self.examples or self.tokens)
        while size < wanted:
            need = wanted - size if self.examples else 64
            new = self._draw(min(need, 1024))
            groups += new
            size += len(new) if self.examples else sum(rounded(group_length(g)) * len(g) for g in new)
        order = np.random.default_rng([self.seed, 7, self._number])
        return Window(cut_steps(groups, self.examples, self.tokens, order), start, self._number)

    def fill(self) -> int:
        """Draw a window, without going on; the number of its steps."""
        return len(self._fill().steps)

    def state(self) -> dict[str, object]:
        """Where the next step stands: the window's number and start in the mixture, and its next step."""
        start = self._current.start if self._current is not None else dict(self._position())
        return {"window": self._number, "start": start, "at": self._at}

    def restart(self) -> None:
        """Begin again, from where the mixture stands."""
        self._current, self._at, self._number = None, 0, 0

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state; the window is made again, which is exact because drawing is."""
        self._number = int(state["window"])
        self._seek(dict(state["start"]))
        self._at = int(state["at"])
        self._current = self._fill()

"""What there is to decode for a request, and batches of it by token budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dragoman.translate.automaton import Automaton
from dragoman.translate.forward import Job
from dragoman.translate.state import Hypothesis


@dataclass(eq=False, slots=True)
class Item:
    """A distinct request of a window.

    ``cost``: tokens of a row, the longest prompt and as much again for the output; ``automaton``: of the
    demand that must be met; ``found``: the hypotheses, when it has been decoded.
    """

    job: Job
    cost: int
    automaton: Automaton | None = None
    found: list[Hypothesis] = field(default_factory=list)


def batches(items: Sequence[Item], beam: int, tokens: int) -> Iterator[list[Item]]:
    """Items by falling length, as many together as ``tokens`` allow; at least one."""
    batch: list[Item] = []
    rows = cost = 0
    for item in sorted(items, key=lambda item: -item.cost):
        more = len(item.job.contexts) * beam
        if batch and (rows + more) * cost > tokens:
            yield batch
            batch, rows = [], 0
        cost = item.cost if not batch else cost
        batch.append(item)
        rows += more
    if batch:
        yield batch

"""What a search takes and gives, and what a score processor sees of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from dragoman.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """``ids`` without the end token; ``score`` = ``log_prob`` / length ** length_penalty (the end token
    counts);
    ``finished``: it ended by itself, not by ``max_new_tokens``."""

    ids: list[int]
    score: float
    log_prob: float
    finished: bool


class Contrasts(NamedTuple):
    """The next log-probabilities under further prompts: ``log_probs`` [n, vocabulary]; ``row`` [n] is the row
    of the scores that each belongs to, ``weight`` [n] that of its prompt."""

    log_probs: Tensor
    row: Tensor
    weight: Tensor


@dataclass(slots=True)
class State:
    """What a score processor sees. All tensors have one entry for each row of the scores it is given."""

    step: int
    """Tokens chosen so far."""
    tokens: Tensor
    """Those tokens [rows, step]."""
    sequence: Tensor
    """Index of the row's job in the list that was given to :func:`search`."""
    room: Tensor
    """Tokens that may still be chosen, this one included."""
    parents: Tensor | None
    """The row of the step before that this row continues; None at the first step."""
    total: Tensor
    """Log-probability of the row so far; -inf if it is no longer followed."""
    chosen: Tensor
    """All False; a processor sets the rows whose candidates it has chosen itself (see :data:`Processor`)."""
    contrasts: Contrasts | None = None
    """The scores under the further prompts of the jobs, if they have any."""


Processor = Callable[[Tensor, State], Tensor]
"""Maps log-probabilities [rows, vocabulary] to scores of the same shape; -inf forbids a token.

A processor may leave a sequence no more candidates than the search follows, and as many that end it: if it
sets ``chosen`` for the rows of that sequence, all that end count, whatever their rank. Without any candidate
the sequence is closed.
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to search. ``stop_ids`` end a hypothesis; the ``n_best`` <= ``beam`` hypotheses are returned."""

    stop_ids: tuple[int, ...]
    beam: int = 1
    n_best: int = 1
    length_penalty: float = 1.0
    early_stopping: bool = False

    def __post_init__(self) -> None:
        if self.beam < 1 or not 1 <= self.n_best <= self.beam:
            raise RecipeError(f"decoding: beam {self.beam}, n_best {self.n_best}; give 1 <= n_best <= beam")


def hypothesis(ids: list[int], score: float, log_prob: float, stops: tuple[int, ...]) -> Hypothesis:
    """A hypothesis of ids that may end with an end token."""
    finished = bool(ids) and ids[-1] in stops
    return Hypothesis(ids[:-1] if finished else ids, score, log_prob, finished)

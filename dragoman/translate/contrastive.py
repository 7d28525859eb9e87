"""Contrastive decoding: prefer what is likely under the real prompt and unlikely under a misleading one.

After Sennrich, Vamvas and Mohammadshahi (2024, ContraDecode). Their score of a token is log(p(y | real) -
sum over contrasts of lambda * p(y | contrast)): probabilities are subtracted, so a token that the
misleading prompts like better can never be chosen. That is the form `difference`. The form `ratio`
subtracts log-probabilities, log p(y | real) - sum of lambda * log p(y | contrast), brought back to a
distribution over the vocabulary, so that scores of hypotheses of different length stay comparable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dragoman.errors import RecipeError
from dragoman.language.language import Direction, same_language

if TYPE_CHECKING:
    from torch import Tensor

    from dragoman.translate.state import Contrasts, State

Form = Literal["difference", "ratio"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """How strongly to contrast, and with what.

    ``source``: weight of the prompts with a random other source, shared out over ``sources`` of them.
    ``language``: weight of each prompt that names a wrong target: English, and the source language.
    Both as published.
    """

    source: float = 0.0
    language: float = 0.0
    sources: int = 1
    form: Form = "difference"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.source < 0 or self.language < 0 or self.sources < 1:
            raise RecipeError(
                "contrast: weights below 0 or no sources; give weights of 0 or more, 1 or more sources"
            )
        if self.form not in ("difference", "ratio"):
            raise RecipeError(f"contrast: form {self.form!r} is unknown; use difference or ratio")

    @property
    def active(self) -> bool:
        """True if anything is contrasted."""
        return self.source > 0 or self.language > 0


def wrong_directions(direction: Direction) -> list[Direction]:
    """Directions into English and into the source language, where that is not the right target."""
    wrong: list[Direction] = []
    for target in ("en", direction.source):
        if not any(same_language(target, known) for known in (direction.target, *(d.target for d in wrong))):
            wrong.append(Direction(direction.source, target))
    return wrong


def other_sources(source: str, pool: Sequence[str], number: int, seed: int) -> list[str]:
    """Up to ``number`` sources from ``pool`` that differ from ``source``.

    The choice hangs on the seed, the source and the pool alone, so neither order nor batching changes it.
    """
    digest = hashlib.blake2b(f"{seed}\0{source}".encode(), digest_size=8).digest()
    start = int.from_bytes(digest, "big") % max(len(pool), 1)
    chosen: list[str] = []
    for text in (*pool[start:], *pool[:start]):
        if len(chosen) == number:
            break
        if text != source and text not in chosen:
            chosen.append(text)
    return chosen


class Contrasting:
    """The score processor: joins what the real and the misleading prompts say of each row."""

    def __init__(self, form: Form = "difference") -> None:
        self.form = form

    def __call__(self, scores: Tensor, state: State) -> Tensor:
        """Scores [rows, vocabulary], at most 0."""
        return scores if state.contrasts is None else combine(scores, state.contrasts, self.form)


def combine(real: Tensor, contrasts: Contrasts, form: Form) -> Tensor:
    """Log-probabilities under the real prompts [rows, vocabulary] against those under the misleading ones.

    Where no token is likelier under the real prompt than under the weighted contrasts, the real prompt alone
    decides that step. A row without contrasts stays what it is.
    """
    factor = contrasts.weight[:, None]
    if form == "ratio":
        return real.index_add(0, contrasts.row, contrasts.log_probs * factor).log_softmax(dim=-1)
    gain = real.exp().index_add_(0, contrasts.row, contrasts.log_probs.exp() * factor)
    helps = (gain > 0).any(dim=-1, keepdim=True)
    return gain.clamp_(min=0).log_().where(helps, real)

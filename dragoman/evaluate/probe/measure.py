"""The numbers of one layer, from one vector for each sentence and one for each translation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

NEAR_ZERO = 1e-6
"""A centred vector that is shorter than this share of what it was before has no direction: rounding is all
that is left of it."""
CHUNK = 2048
"""Sentences that are compared with all others at once."""


class Score(NamedTuple):
    """What is measured in one layer.

    ``paired``: mean cosine of a sentence and its translation; ``shuffled``: mean cosine of a sentence and
    another's translation; ``margin``: the first less the second; ``error``: standard error of the margin over
    sentences; ``forward``, ``back``: retrieval in percent, source to target and target to source.
    """

    paired: float
    shuffled: float
    margin: float
    error: float
    forward: float
    back: float


def groups(texts: Sequence[str]) -> Tensor:
    """A number for each text, the same for equal texts, int64 [texts]."""
    seen: dict[str, int] = {}
    return torch.tensor([seen.setdefault(text, len(seen)) for text in texts], dtype=torch.int64)


def directions_of(vectors: Tensor) -> Tensor:
    """Vectors [sentences, width] less their mean, at length 1, float64; a vector at the mean becomes 0.

    So the cosine of two of them is their product, and 0 if one has no direction.
    """
    vectors = vectors.double()
    centred = vectors - vectors.mean(0)
    length = centred.norm(dim=1, keepdim=True)
    known = length > NEAR_ZERO * vectors.norm(dim=1, keepdim=True)
    return torch.where(known, centred / length.clamp(min=torch.finfo(torch.float64).tiny), 0.0)


def measure(source: Tensor, target: Tensor, same_source: Tensor, same_target: Tensor) -> Score:
    """The score of one layer: ``source`` and ``target`` are [sentences, width], row i answers row i.

    ``same_source``, ``same_target`` [sentences] number the texts (:func:`groups`). Each side is centred by
    its own mean. A non-pair is a sentence with the translation of a line that differs from its own on both
    sides; the mean over all of them is what random derangements of the lines give on average. A sentence is
    retrieved if its own translation is nearer than every other text: a tie is a miss.
    """
    one, two = directions_of(source), directions_of(target)
    own = (one * two).sum(1)
    count = len(own)
    other_mean = torch.zeros(count, dtype=torch.float64)
    others = total = 0.0
    best_of_source = torch.empty(count, dtype=torch.float64)
    best_of_target = torch.full((count,), -torch.inf, dtype=torch.float64)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        cosines = one[part] @ two.T
        alike_source = same_source[part, None] == same_source[None]
        alike_target = same_target[part, None] == same_target[None]
        away = ~(alike_source | alike_target)
        sums, numbers = (cosines * away).sum(1), away.sum(1)
        other_mean[part] = sums / numbers.clamp(min=1)
        total, others = total + float(sums.sum()), others + float(numbers.sum())
        best_of_source[part] = cosines.masked_fill(alike_target, -torch.inf).amax(1)
        rest = cosines.masked_fill(alike_source, -torch.inf).amax(0)
        best_of_target = torch.maximum(best_of_target, rest)
    paired, shuffled = float(own.mean()), total / max(others, 1.0)
    error = float((own - other_mean).std() / count**0.5) if count > 1 else 0.0
    forward, back = (100 * float((own > best).double().mean()) for best in (best_of_source, best_of_target))
    return Score(paired, shuffled, paired - shuffled, error, forward, back)

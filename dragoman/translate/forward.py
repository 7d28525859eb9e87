"""The forward pass of a decoding batch: padding, positions, the shared prefix, the cache, who leaves the
batch.

Three numberings are in use. A *sequence* is a source to translate; a *context* is one prompt of a sequence
(the real one, or one to contrast with); a *row* of the model's batch is one context of one hypothesis.
Contexts stand with all real prompts first, in the order of the sequences; the rows of a context lie side by
side, one for each hypothesis.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dragoman.errors import ModelError
from dragoman.translate.cache import make_cache, move_rows, select_rows

SHARE_FROM = 8
"""Shortest common prefix, in tokens, that is worth a forward pass of its own."""
ROUND = 8
"""Prompts are padded to a multiple of this, so that few shapes occur and kernels are used again."""


@dataclass(frozen=True, slots=True)
class Job:
    """A sequence to decode. ``contexts[0]`` holds the ids of the real prompt, further ones those of prompts
    to contrast with; ``weights`` has one number for each (1 for the real one, negative for a contrast)."""

    contexts: tuple[Sequence[int], ...]
    weights: tuple[float, ...] = (1.0,)
    max_new_tokens: int = 256


class Rows:
    """The rows of one batch and their cache. ``width`` is the number of hypotheses of each sequence."""

    def __init__(self, model: Any, jobs: Sequence[Job], share: bool = True) -> None:
        for job in jobs:
            if len(job.contexts) != len(job.weights) or not all(job.contexts) or job.max_new_tokens < 1:
                raise ModelError(
                    "a sequence to decode needs contexts of 1 or more ids, a weight each, and room"
                )
        order = [(b, k) for k in range(max(len(job.contexts) for job in jobs)) for b in range(len(jobs))]
        order = [(b, k) for b, k in order if k < len(jobs[b].contexts)]
        self.model = model
        self.device = model.device
        self.prompts = [list(jobs[b].contexts[k]) for b, k in order]
        self.sequence = torch.tensor([b for b, _ in order], device=self.device)
        self.weights = torch.tensor([jobs[b].weights[k] for b, k in order], device=self.device)
        self.room = max(job.max_new_tokens for job in jobs)
        self.sequences, self.width, self.steps = len(jobs), 1, 0
        self.cache = make_cache(model.config)
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        accepted = inspect.signature(base.forward).parameters
        self.takes_positions = "position_ids" in accepted
        self.keep_last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self.share = share and self._window() >= max(map(len, self.prompts)) + ROUND + self.room

    @property
    def contrasts(self) -> bool:
        """True if any sequence has a context besides the real prompt."""
        return len(self.sequence) > self.sequences

    def _window(self) -> int:
        """Distance over which attention is the same with and without padding between prefix and prompt."""
        config = self.model.config.get_text_config(decoder=True)
        limits = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
        return min((limit for limit in limits if limit), default=2**62)

    def prefill(self) -> Tensor:
        """Read the prompts; returns the logits [contexts, vocabulary] of the first new token."""
        common = _common(self.prompts) if self.share and len(self.prompts) > 1 else 0
        if common >= SHARE_FROM:
            ids = torch.tensor([self.prompts[0][:common]], device=self.device)
            self._forward(ids, None, torch.arange(common, device=self.device)[None])
            select_rows(self.cache, ids.new_zeros(len(self.prompts)))
        else:
            common = 0
        rest = [prompt[common:] for prompt in self.prompts]
        longest = max(map(len, rest))
        columns = longest if len(rest) == 1 else -(-longest // ROUND) * ROUND
        ids = torch.tensor([[0] * (columns - len(r)) + r for r in rest], device=self.device)
        lengths = torch.tensor([len(r) for r in rest], device=self.device)
        place = torch.arange(columns, device=self.device)[None] - columns + lengths[:, None]  # < 0: padding
        self.mask = torch.cat((ids.new_ones(len(rest), common), (place >= 0).long()), dim=1)
        self.padded = not bool((place >= 0).all())
        logits = self._forward(ids, self.mask if self.padded else None, place.clamp(min=0) + common)
        self.columns, self.next = common + columns, lengths + common
        self._lay_out()
        return logits

    def step(self, tokens: Tensor) -> Tensor:
        """Append ``tokens`` [sequences, width]; returns the next logits [contexts * width, vocabulary]."""
        ids = tokens[self.sequence].view(-1, 1) if self.contrasts else tokens.view(-1, 1)
        self.steps += 1
        mask = self.row_mask[:, : self.columns + self.steps] if self.padded else None
        return self._forward(ids, mask, self.row_next + (self.steps - 1))

    def select(self, parents: Tensor, keep: Tensor | None = None) -> None:
        """Hypothesis j of sequence b becomes the old ``parents[b, j]`` (b in the old numbering); ``keep``
        [fewer] names the sequences that stay, in ascending order, and renumbers them."""
        contexts = torch.arange(len(self.sequence), device=self.device)
        rows = contexts[:, None] * self.width + parents[self.sequence]
        resized = keep is not None or parents.shape[1] != self.width
        if keep is not None:
            number = torch.full((self.sequences,), -1, device=self.device)
            number[keep] = torch.arange(len(keep), device=self.device)
            left = (number[self.sequence] >= 0).nonzero().squeeze(1)
            rows, self.sequence = rows[left], number[self.sequence[left]]
            self.weights, self.mask, self.next = self.weights[left], self.mask[left], self.next[left]
            self.sequences = len(keep)
        self.width = parents.shape[1]
        if resized:
            select_rows(self.cache, rows.flatten())
            self._lay_out()
        else:
            move_rows(self.cache, rows.flatten(), self.columns)

    def _lay_out(self) -> None:
        """Masks and positions by row: all hypotheses of a context have the same."""
        mask = self.mask.repeat_interleave(self.width, dim=0)
        self.row_mask = torch.cat((mask, mask.new_ones(len(mask), self.room)), dim=1)
        self.row_next = self.next.repeat_interleave(self.width)[:, None]

    def _forward(self, ids: Tensor, mask: Tensor | None, positions: Tensor) -> Tensor:
        extra = {"position_ids": positions} if self.takes_positions else {}
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=self.cache,
            use_cache=True,
            **extra,
            **self.keep_last,
        )
        return out.logits[:, -1].float()


def _common(prompts: Sequence[Sequence[int]]) -> int:
    """Length of the longest common prefix that leaves every prompt an id of its own."""
    ordered = sorted(map(list, prompts))
    first, last = ordered[0], ordered[-1]  # what these two share, all share
    length = min(map(len, prompts)) - 1
    return next((i for i in range(length) if first[i] != last[i]), length)

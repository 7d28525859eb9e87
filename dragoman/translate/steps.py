"""What greedy and beam search share: the rows, the scores of a step, who leaves the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dragoman.translate.forward import Job, Rows
from dragoman.translate.state import Contrasts, Processor, Settings, State

LEAVE = 0.25
"""Finished sequences leave the batch once they are this share of it; 0.1 to 0.5 cost about the same time."""


class Steps:
    """Sequences of the batch are numbered 0..n-1; ``live`` maps them to jobs, ``open`` says which go on."""

    def __init__(
        self, model: Any, jobs: Sequence[Job], settings: Settings, processors: Sequence[Processor]
    ) -> None:
        self.rows = Rows(model, jobs)
        self.settings, self.processors = settings, processors
        device = self.rows.device
        self.limit = torch.tensor([job.max_new_tokens for job in jobs], device=device)
        self.live = torch.arange(len(jobs), device=device)
        self.open = torch.ones(len(jobs), dtype=torch.bool, device=device)
        self.chosen = torch.zeros_like(self.open)
        self.jobs, self.longest = len(jobs), self.rows.room
        self.parents: Tensor | None = None
        self.stops: Tensor | None = None

    def is_stop(self, tokens: Tensor, vocabulary: int) -> Tensor:
        """True where a token ends a hypothesis (a table look-up)."""
        if self.stops is None:
            self.stops = torch.zeros(vocabulary, dtype=torch.bool, device=tokens.device)
            self.stops[list(self.settings.stop_ids)] = True
        return self.stops[tokens]

    def scores(self, logits: Tensor, step: int, tokens: Tensor, total: Tensor) -> Tensor:
        """Next scores [sequences, width, vocabulary], given ``tokens`` [sequences, width, step] and their
        log-probabilities ``total`` [sequences, width]; sets ``chosen`` [sequences] if there are
        processors."""
        rows = self.rows
        log_probs = logits.log_softmax(dim=-1)
        real = rows.sequences * rows.width
        scores = log_probs[:real]
        shape = (rows.sequences, rows.width, scores.shape[-1])
        if not self.processors:
            return scores.view(shape)
        state = State(
            step=step,
            tokens=tokens.flatten(0, 1),
            sequence=self.live.repeat_interleave(rows.width),
            room=(self.limit[self.live] - step).repeat_interleave(rows.width),
            parents=self.parents,
            total=total.flatten(),
            chosen=torch.zeros(real, dtype=torch.bool, device=rows.device),
            contrasts=self.contrasts(log_probs[real:]) if rows.contrasts else None,
        )
        for processor in self.processors:
            scores = processor(scores, state)
        self.chosen = state.chosen.view(shape[:2]).any(dim=1)
        return scores.view(shape)

    def contrasts(self, log_probs: Tensor) -> Contrasts:
        """Log-probabilities [rows of further contexts, vocabulary] with the rows they belong to."""
        rows = self.rows
        owner = rows.sequence[rows.sequences :, None] * rows.width
        row = (owner + torch.arange(rows.width, device=rows.device)).flatten()
        return Contrasts(log_probs, row, rows.weights[rows.sequences :].repeat_interleave(rows.width))

    def leave(self) -> Tensor | None:
        """Numbers of the sequences that stay, if enough have finished to make the others move up."""
        still = self.open.nonzero().squeeze(1)
        return still if len(still) <= (1 - LEAVE) * len(self.open) else None

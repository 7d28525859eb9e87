"""Greedy search: the best token at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from dragoman.translate.choose import top
from dragoman.translate.state import Hypothesis, hypothesis
from dragoman.translate.steps import Steps


class Greedy(Steps):
    """One hypothesis for each job."""

    def run(self) -> list[list[Hypothesis]]:
        """Decode all jobs."""
        device = self.rows.device
        tokens = torch.zeros(self.jobs, self.longest, dtype=torch.long, device=device)
        log_prob = torch.zeros(self.jobs, device=device)
        length = torch.zeros(self.jobs, dtype=torch.long, device=device)
        logits = self.rows.prefill()
        for step in range(self.longest):
            total = log_prob[self.live, None].where(self.open[:, None], -torch.inf)
            scores = self.scores(logits, step, tokens[self.live, None, :step], total)
            best, token = (found.view(-1) for found in top(scores, 1))
            tokens[self.live, step] = token
            log_prob[self.live] += best.where(self.open, 0)
            self.open &= best > -torch.inf  # else processors left nothing to choose
            length[self.live] += self.open
            self.open &= ~self.is_stop(token, scores.shape[-1]) & (self.limit[self.live] > step + 1)
            if not self.open.any():
                break
            logits = self.advance(token)
        return self.results(tokens.tolist(), log_prob.tolist(), length.tolist())

    def advance(self, token: Tensor) -> Tensor:
        """Let the finished go, then one step of the others."""
        number = torch.arange(len(token), device=token.device)
        keep = self.leave()
        if keep is not None:
            self.rows.select(torch.zeros_like(token)[:, None], keep)
            token, number, self.live, self.open = token[keep], keep, self.live[keep], self.open[keep]
        self.parents = number
        return self.rows.step(token[:, None])

    def results(
        self, tokens: list[list[int]], log_probs: list[float], lengths: list[int]
    ) -> list[list[Hypothesis]]:
        penalty, stops = self.settings.length_penalty, self.settings.stop_ids
        return [
            [hypothesis(ids[:size], value / max(size, 1) ** penalty, value, stops)]
            for ids, value, size in zip(tokens, log_probs, lengths, strict=True)
        ]

"""Beam search: the ``beam`` best running hypotheses at every step, the ``beam`` best finished ones of a job.

It follows the library's ``generate(num_beams=..., early_stopping=False)`` step by step, so that the two give
the same hypotheses on the same settings: the score of a hypothesis is its log-probability divided by its
length (end token included) to the power of ``length_penalty``; a sequence is done when it has ``beam``
finished hypotheses and the best running one, at its present length, scores below the worst of them; at
``max_new_tokens`` running hypotheses compete as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dragoman.errors import RecipeError
from dragoman.translate.choose import pick, settle, top
from dragoman.translate.state import Hypothesis, hypothesis
from dragoman.translate.steps import Steps

NEVER = -1.0e9
"""Score of what must not be chosen (the library's value)."""


class Beam(Steps):
    """``beam`` hypotheses for each job."""

    def run(self) -> list[list[Hypothesis]]:
        """Decode all jobs."""
        beam, device = self.settings.beam, self.rows.device
        self.keep = max(2, 1 + len(self.settings.stop_ids)) * beam
        self.running = torch.zeros(self.jobs, 1, 0, dtype=torch.long, device=device)
        self.total = torch.zeros(self.jobs, 1, device=device)
        self.done = torch.zeros(self.jobs, beam, self.longest, dtype=torch.long, device=device)
        self.done_score = torch.full((self.jobs, beam), NEVER, device=device)
        self.done_length = torch.zeros(self.jobs, beam, dtype=torch.long, device=device)
        logits = self.rows.prefill()
        if self.keep > logits.shape[-1]:
            raise RecipeError(
                f"decoding: beam {beam} is too large for {logits.shape[-1]} tokens; give a smaller one"
            )
        for step in range(self.longest):
            parents, token = self.extend(logits, step)
            if not self.open.any():
                break
            logits = self.advance(parents, token)
        return self.results()

    def extend(self, logits: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """File what has finished, go on with the ``beam`` best others; returns parents and tokens."""
        total = self.total.where((self.total > NEVER / 2) & self.open[:, None], -torch.inf)
        scores = self.scores(logits, step, self.running, total)
        value, parent, token = self.candidates(scores)
        over = self.is_stop(token, scores.shape[-1]) | (self.limit[self.live] <= step + 1)[:, None]
        self.file(value, parent, token, over, step)
        total, best = (value + over * NEVER).topk(self.settings.beam, dim=-1)
        if self.rows.width == self.settings.beam:
            order = settle(parent.gather(1, best))
            total, best = total.gather(1, order), best.gather(1, order)
        self.total, parents, token = total, parent.gather(1, best), token.gather(1, best)
        self.running = torch.cat((pick(self.running, parents), token[:, :, None]), dim=-1)
        self.close(step)
        return parents, token

    def candidates(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The best continuations, best first: log-probability, parent and token, each [sequences, keep]."""
        value, token = top(scores, min(self.keep, scores.shape[-1]))
        value = value + self.total[:, :, None]
        value, place = value.flatten(1).topk(self.keep, dim=-1)
        return value, place // token.shape[-1], token.flatten(1).gather(1, place)

    def file(self, value: Tensor, parent: Tensor, token: Tensor, over: Tensor, step: int) -> None:
        """Keep the best finished hypotheses; of a step only the ``beam`` best candidates count, or those that
        a processor has chosen."""
        beam = self.settings.beam
        width = self.keep if self.processors and self.chosen.any() else beam
        ended = over[:, :width] & self.open[:, None]
        if width > beam:
            ended[:, beam:] &= self.chosen[:, None]
        if not ended.any():
            return
        fresh = (value[:, :width] / (step + 1) ** self.settings.length_penalty).where(ended, NEVER)
        ids = torch.zeros(len(fresh), width, self.longest, dtype=torch.long, device=fresh.device)
        ids[:, :, :step] = pick(self.running, parent[:, :width])
        ids[:, :, step] = token[:, :width]
        merged = torch.cat((self.done_score[self.live], fresh), dim=1)
        score, chosen = merged.topk(beam, dim=-1)
        length = torch.cat((self.done_length[self.live], ended * (step + 1)), dim=1)  # 0: not a hypothesis
        self.done[self.live] = pick(torch.cat((self.done[self.live], ids), dim=1), chosen)
        self.done_score[self.live] = score
        self.done_length[self.live] = length.gather(1, chosen)

    def close(self, step: int) -> None:
        """Close the sequences whose running hypotheses cannot improve on the finished ones."""
        worst = self.done_score[self.live, -1]  # stays NEVER until the list is full
        best = self.total.amax(dim=1) / (step + 1) ** self.settings.length_penalty
        self.open &= best > worst
        if self.settings.early_stopping:
            self.open &= worst <= NEVER / 2
        self.open &= self.limit[self.live] > step + 1

    def advance(self, parents: Tensor, token: Tensor) -> Tensor:
        """Reorder the cache, let finished sequences go, then one step of the others."""
        old = torch.arange(len(parents), device=parents.device)[:, None] * self.rows.width + parents
        keep = self.leave()
        self.rows.select(parents, keep)
        if keep is not None:
            old, token, self.running = old[keep], token[keep], self.running[keep]
            self.total, self.live, self.open = self.total[keep], self.live[keep], self.open[keep]
        self.parents = old.flatten()
        return self.rows.step(token)

    def results(self) -> list[list[Hypothesis]]:
        penalty, stops, n_best = self.settings.length_penalty, self.settings.stop_ids, self.settings.n_best
        columns = (self.done.tolist(), self.done_score.tolist(), self.done_length.tolist())
        return [
            [
                hypothesis(ids[:size], score, score * size**penalty, stops)
                for ids, score, size in zip(*job, strict=True)
                if size
            ][:n_best]
            or [Hypothesis([], float("-inf"), float("-inf"), False)]  # processors left nothing to choose
            for job in zip(*columns, strict=True)
        ]

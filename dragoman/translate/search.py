"""Greedy and beam search over Hugging Face causal LMs, in batches, with contrast and score processors.

Beam search follows the library's ``generate(num_beams=..., early_stopping=False)`` step by step, so that
the two give the same hypotheses on the same settings: the score of a hypothesis is its log-probability
divided by its length (end token included) to the power of ``length_penalty``; a sequence is done when it
has ``beam`` finished hypotheses and the best running one, at its present length, scores below the worst of
them; at ``max_new_tokens`` running hypotheses compete as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dragoman.errors import RecipeError
from dragoman.translate.choose import pick, settle, top
from dragoman.translate.contrastive import Form, combine
from dragoman.translate.forward import Job, Rows

NEVER = -1.0e9
"""Score of what must not be chosen (the library's value)."""
LEAVE = 0.25
"""Finished sequences leave the batch once they are this share of it; 0.1 to 0.5 cost about the same time."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """``ids`` without the end token; ``score`` = ``log_prob`` / length ** length_penalty (the end token
    counts);
    ``finished``: it ended by itself, not by ``max_new_tokens``."""

    ids: list[int]
    score: float
    log_prob: float
    finished: bool


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


Processor = Callable[[Tensor, State], Tensor]
"""Maps log-probabilities [rows, vocabulary] to scores of the same shape; -inf forbids a token."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to search. ``stop_ids`` end a hypothesis; the ``n_best`` <= ``beam`` hypotheses are returned."""

    stop_ids: tuple[int, ...]
    beam: int = 1
    n_best: int = 1
    length_penalty: float = 1.0
    early_stopping: bool = False
    form: Form = "difference"

    def __post_init__(self) -> None:
        if self.beam < 1 or not 1 <= self.n_best <= self.beam:
            raise RecipeError(f"decoding: beam {self.beam}, n_best {self.n_best}; give 1 <= n_best <= beam")


def search(
    model: Any, jobs: Sequence[Job], settings: Settings, processors: Sequence[Processor] = ()
) -> list[list[Hypothesis]]:
    """Decode all jobs as one batch; returns the ``n_best`` hypotheses of each job, best first.

    The model must be in evaluation mode. With ``beam`` 1 the search is greedy.
    """
    if not jobs:
        return []
    kind = _Greedy if settings.beam == 1 else _Beam
    return kind(model, jobs, settings, processors).run()


class _Search:
    """What both searches share. Sequences of the batch are numbered 0..n-1; ``live`` maps them to jobs."""

    def __init__(
        self, model: Any, jobs: Sequence[Job], settings: Settings, processors: Sequence[Processor]
    ) -> None:
        self.rows = Rows(model, jobs)
        self.settings, self.processors = settings, processors
        device = self.rows.device
        self.limit = torch.tensor([job.max_new_tokens for job in jobs], device=device)
        self.live = torch.arange(len(jobs), device=device)
        self.open = torch.ones(len(jobs), dtype=torch.bool, device=device)
        self.jobs, self.longest = len(jobs), self.rows.room
        self.parents: Tensor | None = None
        self.stops: Tensor | None = None

    def is_stop(self, tokens: Tensor, vocabulary: int) -> Tensor:
        """True where a token ends a hypothesis (a table look-up)."""
        if self.stops is None:
            self.stops = torch.zeros(vocabulary, dtype=torch.bool, device=tokens.device)
            self.stops[list(self.settings.stop_ids)] = True
        return self.stops[tokens]

    def scores(self, logits: Tensor, step: int, tokens: Tensor) -> Tensor:
        """Next scores [sequences, width, vocabulary]; ``tokens`` [sequences, width, step] so far."""
        rows = self.rows
        scores = logits.view(len(rows.sequence), rows.width, -1).log_softmax(dim=-1)
        if rows.contrasts:
            scores = combine(scores, rows.weights, rows.sequence, rows.sequences, self.settings.form)
        if not self.processors:
            return scores
        shape = scores.shape
        sequence = self.live.repeat_interleave(rows.width)
        room = (self.limit[self.live] - step).repeat_interleave(rows.width)
        state = State(step, tokens.flatten(0, 1), sequence, room, self.parents)
        for processor in self.processors:
            scores = processor(scores.view(-1, shape[-1]), state).view(shape)
        return scores

    def leave(self) -> Tensor | None:
        """Numbers of the sequences that stay, if enough have finished to make the others move up."""
        still = self.open.nonzero().squeeze(1)
        return still if len(still) <= (1 - LEAVE) * len(self.open) else None


class _Greedy(_Search):
    """The best token at every step."""

    def run(self) -> list[list[Hypothesis]]:
        device = self.rows.device
        tokens = torch.zeros(self.jobs, self.longest, dtype=torch.long, device=device)
        log_prob = torch.zeros(self.jobs, device=device)
        length = torch.zeros(self.jobs, dtype=torch.long, device=device)
        logits = self.rows.prefill()
        for step in range(self.longest):
            scores = self.scores(logits, step, tokens[self.live, None, :step])
            best, token = (found.view(-1) for found in top(scores, 1))
            tokens[self.live, step] = token
            log_prob[self.live] += best * self.open
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
            [_hypothesis(ids[:size], value / size**penalty, value, stops)]
            for ids, value, size in zip(tokens, log_probs, lengths, strict=True)
        ]


class _Beam(_Search):
    """The ``beam`` best running hypotheses at every step, and the ``beam`` best finished ones of each job."""

    def run(self) -> list[list[Hypothesis]]:
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
        scores = self.scores(logits, step, self.running)
        value, parent, token = self.candidates(scores)
        over = self.is_stop(token, scores.shape[-1]) | (self.limit[self.live] <= step + 1)[:, None]
        self.file(value, parent, token, over, step)
        total, chosen = (value + over * NEVER).topk(self.settings.beam, dim=-1)
        if self.rows.width == self.settings.beam:
            order = settle(parent.gather(1, chosen))
            total, chosen = total.gather(1, order), chosen.gather(1, order)
        self.total, parents, token = total, parent.gather(1, chosen), token.gather(1, chosen)
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
        """Keep the best finished hypotheses; of a step, only the ``beam`` best candidates may count."""
        beam = self.settings.beam
        ended = over[:, :beam] & self.open[:, None]
        if not ended.any():
            return
        fresh = (value[:, :beam] / (step + 1) ** self.settings.length_penalty).where(ended, NEVER)
        ids = torch.zeros(len(fresh), beam, self.longest, dtype=torch.long, device=fresh.device)
        ids[:, :, :step] = pick(self.running, parent[:, :beam])
        ids[:, :, step] = token[:, :beam]
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
                _hypothesis(ids[:size], score, score * size**penalty, stops)
                for ids, score, size in zip(*job, strict=True)
                if size
            ][:n_best]
            or [Hypothesis([], float("-inf"), float("-inf"), False)]  # processors left nothing to choose
            for job in zip(*columns, strict=True)
        ]


def _hypothesis(ids: list[int], score: float, log_prob: float, stops: tuple[int, ...]) -> Hypothesis:
    finished = bool(ids) and ids[-1] in stops
    return Hypothesis(ids[:-1] if finished else ids, score, log_prob, finished)

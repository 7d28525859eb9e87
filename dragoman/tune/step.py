"""One optimiser step: scales that make the sum of token losses the objective, forward and backward, accumulation.

The objective of a step is  L = mean over learned tokens of (task weight x span weight x -log p)
                              + alpha x mean over unlearned tokens of (... x -log(1 - p)),
the means taken over all micro-batches and processes of the step (``tokens``), or over its examples of the mean over
their tokens (``examples``). No negative in a step gives 0 for the second term.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from dragoman.errors import ModelError
from dragoman.prompt.encode import Encoded
from dragoman.recipe import Objective
from dragoman.tune.batch import Batch, Group, collate, micro_batches
from dragoman.tune.loss import Head, signed_loss
from dragoman.tune.model import causal_lm, find_head, low_precision, share_prefix


@dataclass
class StepResult:
    """Sums over a step (this process's share until :meth:`reduce`)."""

    loss: float = 0.0
    positive: float = 0.0  # sum of -log p over learned tokens
    negative: float = 0.0  # sum of -log(1 - p) over unlearned tokens
    positive_tokens: int = 0
    negative_tokens: int = 0
    examples: int = 0
    tokens: int = 0
    padded: int = 0
    by_task: Counter[str] = field(default_factory=Counter)  # share of the objective, by task


@dataclass(frozen=True)
class Counts:
    """What the means of a step are taken over, by sign."""

    positive_tokens: int
    negative_tokens: int
    positive_examples: int
    negative_examples: int


def count_step(examples: Sequence[Encoded]) -> Counts:
    """Learned and unlearned tokens, and examples that have any, summed over processes."""
    signs = [np.sign(encoded.weights) for encoded in examples]
    local = [
        sum(int((s > 0).sum()) for s in signs),
        sum(int((s < 0).sum()) for s in signs),
        sum(bool((s > 0).any()) for s in signs),
        sum(bool((s < 0).any()) for s in signs),
    ]
    if dist.is_initialized():
        total = torch.tensor(local)
        dist.all_reduce(total)
        local = total.tolist()
    return Counts(*local)


def token_scales(
    batch: Batch, counts: Counts, objective: Objective, task_weights: dict[str, float]
) -> np.ndarray:
    """Signed factor of each token's loss, so that the plain sum over the step is the objective. [N] float32"""
    factor = np.array([task_weights.get(task, 1.0) for task in batch.tasks], dtype=np.float64)[batch.example]
    scales = batch.weights.astype(np.float64) * factor
    for sign, tokens, examples, weight in (
        (1, counts.positive_tokens, counts.positive_examples, 1.0),
        (-1, counts.negative_tokens, counts.negative_examples, objective.alpha),
    ):
        mine = np.sign(batch.weights) == sign
        if not mine.any():
            continue
        if objective.normalise == "tokens":
            scales[mine] *= weight / tokens
        else:
            per_example = np.bincount(batch.example[mine], minlength=len(batch.tasks))
            scales[mine] *= weight / (examples * per_example[batch.example[mine]])
    return scales.astype(np.float32)


class Stepper:
    """Runs the forward and backward passes of a step on one model.

    ``share``: compute the tokens that all rows of a batch begin with once (exact; checked by :meth:`check_sharing`).
    """

    def __init__(
        self, model: Any, pad: int, objective: Objective, task_weights: dict[str, float], batch_tokens: int,
        compute_bf16: bool = False, share: bool = True,
    ) -> None:
        self.model, self.pad, self.objective = model, pad, objective
        self.task_weights, self.batch_tokens, self.compute_bf16 = task_weights, batch_tokens, compute_bf16
        self.head: Head = find_head(model, compute_bf16)
        self.device = self.head.weight.device
        self.body: nn.Module = causal_lm(model).base_model
        self.share = share

    def hidden(self, batch: Batch) -> Tensor:
        """States [N, D] that predict the learned tokens of a batch."""
        ids = batch.ids.to(self.device)
        shift = len(batch.prefix)
        if shift:
            first = self.body(input_ids=batch.prefix[None].to(self.device), use_cache=True)
            cache = share_prefix(first.past_key_values, len(ids))
            states = self.body(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state
        else:
            states = self.body(input_ids=ids, use_cache=False).last_hidden_state
        flat = batch.rows * states.shape[1] + batch.columns - shift
        return states.reshape(-1, states.shape[-1])[flat.to(self.device)]

    def losses(self, batch: Batch, scales: np.ndarray) -> tuple[Tensor, Tensor]:
        """The batch's part of the objective, and the unscaled loss of each learned token."""
        with low_precision(self.device, self.compute_bf16):
            hidden = self.hidden(batch)
            targets = batch.targets.to(self.device)
            return signed_loss(hidden, self.head, targets, torch.from_numpy(scales).to(self.device))

    def run(self, groups: Sequence[Group]) -> StepResult:
        """Forward and backward over the groups of this process; gradients are left in the parameters."""
        mine = list(groups)
        if dist.is_initialized():
            mine = mine[dist.get_rank() :: dist.get_world_size()]
        flat = [encoded for group in mine for encoded in group]
        counts = count_step(flat)
        result = StepResult()
        for rows in micro_batches(mine, self.batch_tokens):
            batch = collate(rows, self.pad, self.share)
            scales = token_scales(batch, counts, self.objective, self.task_weights)
            with low_precision(self.device, self.compute_bf16):
                total, losses = self.losses(batch, scales)
                total.backward()
            self._add(result, batch, scales, losses.cpu().numpy())
        if dist.is_initialized():
            self._reduce(result)
        return result

    def _add(self, result: StepResult, batch: Batch, scales: np.ndarray, losses: np.ndarray) -> None:
        positive = batch.weights > 0
        part = np.abs(scales) * losses
        result.loss += float(part.sum())
        result.positive += float(losses[positive].sum())
        result.negative += float(losses[~positive].sum())
        result.positive_tokens += int(positive.sum())
        result.negative_tokens += int((~positive).sum())
        result.examples += len(batch.tasks)
        result.tokens += batch.tokens
        result.padded += batch.padded
        by_row = np.bincount(batch.example, weights=part, minlength=len(batch.tasks))
        for task, value in zip(batch.tasks, by_row, strict=True):
            result.by_task[task] += float(value)

    def _reduce(self, result: StepResult) -> None:
        """Sum gradients and figures over processes: the scales already hold the counts of the whole step."""
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        for parameter in parameters:
            if parameter.grad is None:  # this process had no row in the step
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
        dist.all_reduce(flat)
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = part.view_as(parameter)
        names = sorted({*self.task_weights, "mt", "conflict", "mono"})
        fields = ("loss", "positive", "negative", "positive_tokens", "negative_tokens", "examples", "tokens", "padded")
        figures = torch.tensor(
            [float(getattr(result, f)) for f in fields] + [result.by_task[n] for n in names], dtype=torch.float64
        )
        dist.all_reduce(figures)
        values = figures.tolist()
        for name, value in zip(fields, values, strict=False):
            setattr(result, name, type(getattr(result, name))(value))
        result.by_task = Counter(dict(zip(names, values[len(fields) :], strict=True)))

    @torch.no_grad()
    def check_sharing(self, examples: Sequence[Encoded]) -> bool:
        """Turn sharing off unless it gives the losses of the plain way (ALiBi, odd caches, checkpointing)."""
        if not self.share or len(examples) < 2:
            return self.share
        plain, shared = collate(examples, self.pad), collate(examples, self.pad, True)
        if not len(shared.prefix):
            return self.share
        was_training = self.model.training
        self.model.eval()
        try:
            wanted = self.losses(plain, plain.weights)[1]
            found = self.losses(shared, shared.weights)[1]
            tolerance = 0.1 if self.compute_bf16 or self.head.weight.dtype != torch.float32 else 2e-3
            self.share = bool(torch.allclose(wanted, found, atol=tolerance, rtol=tolerance))
        except (AttributeError, TypeError, ValueError, RuntimeError):
            self.share = False  # this architecture's cache is not made of plain keys and values
        finally:
            self.model.train(was_training)
        return self.share

    def clip(self, limit: float) -> float:
        """Clip the gradient; its norm before. ModelError if it is not a number."""
        norm = float(nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.requires_grad], limit))
        if not np.isfinite(norm):
            raise ModelError(f"gradient norm is {norm}")
        return norm

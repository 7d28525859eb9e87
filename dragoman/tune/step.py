"""One optimiser step: scales that make the sum of token losses the objective; forward and backward passes.

The objective of a step is  L = mean over learned tokens of (task weight x span weight x -log p)
                              + alpha x mean over unlearned tokens of (... x -log(1 - p)),
the means taken over all micro-batches and processes of the step (``tokens``), or over its examples of the
mean over their tokens (``examples``). No negative in a step gives 0 for the second term.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from dragoman.prompt.encode import Encoded
from dragoman.recipe import Objective
from dragoman.tune import parallel
from dragoman.tune.attend import attending
from dragoman.tune.batch import Batch, Group, collate, micro_batches
from dragoman.tune.loss import Head, signed_loss
from dragoman.tune.model import causal_lm, find_head
from dragoman.tune.precision import low_precision
from dragoman.tune.slices import whole

if TYPE_CHECKING:
    from dragoman.tune.divide import Divided


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
    by_task: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # shares of the loss
    nats: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # -log p of learned answers
    answers: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # how many were learned


SUMS = (
    "loss", "positive", "negative", "positive_tokens", "negative_tokens", "examples", "tokens", "padded",
)  # fmt: skip


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
    return Counts(*map(int, parallel.total(local)))


def token_scales(
    batch: Batch, counts: Counts, objective: Objective, task_weights: dict[str, float]
) -> np.ndarray:
    """Signed factors [N] of the tokens' losses with which the plain sum over a step is the objective."""
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

    ``share``: lay batches out as trees, without padding, so that what examples begin with alike is computed
    once (exact; checked by :meth:`check_sharing`).
    """

    def __init__(
        self,
        model: Any,
        pad: int,
        objective: Objective,
        task_weights: dict[str, float],
        batch_tokens: int,
        compute_bf16: bool = False,
        share: bool = True,
    ) -> None:
        self.model, self.pad, self.objective = model, pad, objective
        self.task_weights, self.batch_tokens, self.compute_bf16 = task_weights, batch_tokens, compute_bf16
        self.head: Head = find_head(model, compute_bf16)
        self.device = self.head.weight.device
        self.body: nn.Module = causal_lm(model).base_model
        self.config = causal_lm(model).config.get_text_config()
        self.share = share
        self.divided: Divided | None = None

    def divide(self, device: torch.device) -> None:
        """Divide the model among the processes, on this device."""
        from dragoman.tune.divide import Divided

        self.divided, self.device = Divided(self.model, device), device
        self.head = self._head()

    def whole(self) -> AbstractContextManager[None]:
        """Where the model is used otherwise than by :meth:`run`; all processes enter it."""
        return nullcontext() if self.divided is None else self.divided.whole()

    def _head(self) -> Head:
        """The head with its weights as they are now: gathered, or slices."""
        layer = causal_lm(self.model).get_output_embeddings()
        return replace(self.head, weight=layer.weight, bias=getattr(layer, "bias", None))

    def hidden(self, batch: Batch) -> Tensor:
        """States [N, D] that predict the learned tokens of a batch."""
        ids = batch.ids.to(self.device)
        places = {} if batch.tree is None else {"position_ids": batch.tree.positions.to(self.device)}
        with self._attention(batch):
            states = self.body(input_ids=ids, use_cache=False, **places).last_hidden_state
        flat = batch.rows * states.shape[1] + batch.columns
        return states.reshape(-1, states.shape[-1])[flat.to(self.device)]

    def _attention(self, batch: Batch) -> AbstractContextManager[None]:
        """The model attends as the batch is laid out."""
        return attending(self.config, batch.tree and batch.tree.to(self.device))

    def losses(self, batch: Batch, scales: np.ndarray) -> tuple[Tensor, Tensor]:
        """The batch's part of the objective, and the unscaled loss of each learned token."""

        def work() -> tuple[Tensor, Tensor]:
            targets = batch.targets.to(self.device)
            factors = torch.from_numpy(scales).to(self.device)
            return signed_loss(self.hidden(batch), self._head(), targets, factors)

        with low_precision(self.device, self.compute_bf16):
            return work() if self.divided is None else self.divided.gathered(work)

    def run(self, groups: Sequence[Group]) -> StepResult:
        """Forward and backward over the groups of this process; gradients are left in the parameters."""
        mine = groups[parallel.rank() :: parallel.processes()]
        flat = [encoded for group in mine for encoded in group]
        counts = count_step(flat)
        result = StepResult()
        for rows, factor in self._passes(mine, groups):
            batch = collate(rows, self.pad, self.share)
            scales = token_scales(batch, counts, self.objective, self.task_weights) * np.float32(factor)
            # a backward pass that recomputes activations runs the attention again
            with low_precision(self.device, self.compute_bf16), self._attention(batch):
                total, losses = self.losses(batch, scales)
                total.backward()
            if factor:
                self._add(result, batch, scales, losses.cpu().numpy())
        if parallel.processes() > 1:
            self._reduce(result)
        return result

    def _passes(self, mine: Sequence[Group], groups: Sequence[Group]) -> list[tuple[list[Encoded], float]]:
        """The examples of each pass, and a factor of their losses.

        Processes that divide a model compute it in step: one that has fewer passes than another adds some of
        the shortest example with a factor of 0.
        """
        passes = [(rows, 1.0) for rows in micro_batches(mine, self.batch_tokens, self.share)]
        if self.divided is None:
            return passes
        missing = max(parallel.gather(len(passes))) - len(passes)
        shortest = min((encoded for group in groups for encoded in group), key=lambda e: len(e.ids))
        return passes + [([shortest], 0.0)] * missing

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
        count = len(batch.tasks)
        nats = np.bincount(batch.example[positive], weights=losses[positive], minlength=count)
        learned = np.bincount(batch.example[positive], minlength=count) > 0
        for task, share, surprise, one in zip(batch.tasks, by_row, nats, learned, strict=True):
            result.by_task[task] += float(share)
            result.nats[task] += float(surprise)
            result.answers[task] += int(one)

    def _reduce(self, result: StepResult) -> None:
        """Sum gradients and figures over processes: the scales already hold the counts of the whole step."""
        if self.divided is None:
            parallel.sum_gradients([p for p in self.model.parameters() if p.requires_grad])
        names = sorted({*self.task_weights, "mt", "conflict", "mono"})
        kinds = result.by_task, result.nats, result.answers
        values = parallel.total(
            [*(getattr(result, name) for name in SUMS), *(kind.get(n, 0.0) for kind in kinds for n in names)]
        )
        for name, value in zip(SUMS, values, strict=False):
            setattr(result, name, type(getattr(result, name))(value))
        for number, kind in enumerate(kinds):
            first = len(SUMS) + number * len(names)
            found = zip(names, values[first : first + len(names)], strict=True)
            kind.update({name: value for name, value in found if value})

    @torch.no_grad()
    def check_sharing(self, examples: Sequence[Encoded]) -> bool:
        """Turn sharing off unless it gives the states of the plain way (ALiBi, caches of another kind)."""
        if not self.share:
            return False
        examples = [*examples, *examples]  # so that something is shared
        plain, shared = collate(examples, self.pad), collate(examples, self.pad, True)
        was_training = self.model.training
        self.model.eval()
        try:
            with low_precision(self.device, self.compute_bf16):
                wanted, found = self.hidden(plain).float(), self.hidden(shared).float()
            exact = self.head.weight.dtype == torch.float32 and not self.compute_bf16
            self.share = bool((found - wanted).norm() <= (1e-4 if exact else 3e-2) * wanted.norm())
        except (AttributeError, TypeError, ValueError, RuntimeError):
            self.share = False  # this architecture does not let its attention be exchanged
        finally:
            self.model.train(was_training)
        return self.share

    def clip(self, limit: float) -> float:
        """Clip the gradient to a norm; returns its norm before, which is not finite after an overflow."""
        norm = nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.requires_grad], limit)
        return float(whole(norm))

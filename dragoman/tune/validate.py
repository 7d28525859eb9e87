"""The dev loss of a model: what a validation can measure without decoding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example
from dragoman.tune.batch import collate, micro_batches
from dragoman.tune.step import Stepper


@torch.no_grad()
def dev_loss(stepper: Stepper, encoder: Encoder, examples: Sequence[Example], tokens: int = 8192) -> float:
    """Mean -log p over the tokens of examples that have a weight, each counted as 1; nan if none fits."""
    encoded = [e for e in encoder.encode_many(list(examples)) if e is not None]
    total, count = 0.0, 0
    for rows in micro_batches([[e] for e in encoded], tokens):
        batch = collate(rows, stepper.pad)
        _, losses = stepper.losses(batch, np.ones_like(batch.weights))
        total += float(losses.sum())
        count += len(losses)
    return total / count if count else float("nan")

"""Several processes that tune one model (``torchrun``): sums over them; in a single process nothing happens.

Every process takes its share of a step's groups; it holds the whole model, or a part of it (divide.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from dragoman.errors import ModelError

T = TypeVar("T")

BUCKET = 16 * 2**20  # numbers in one message: a copy of this many is made, not of all gradients


def rank() -> int:
    """Number of this process, counted from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def processes() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """True in the one process that writes files."""
    return rank() == 0


def barrier() -> None:
    """Wait for all processes."""
    if dist.is_initialized():
        dist.barrier()


def total(values: Sequence[float]) -> list[float]:
    """Each value summed over processes, in float64."""
    if not dist.is_initialized():
        return list(values)
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return tensor.tolist()


def gather(value: T) -> list[T]:
    """The values of all processes, in their order."""
    if not dist.is_initialized():
        return [value]
    values: list[T] = [value] * processes()
    dist.all_gather_object(values, value)
    return values


@contextmanager
def together() -> Iterator[None]:
    """All processes leave this block together: what fails in one is a ModelError in the others."""
    failure = None
    try:
        yield
    except Exception as error:
        failure = error
    reasons = gather(None if failure is None else str(failure))
    if failure is not None:
        raise failure
    if told := [reason for reason in reasons if reason is not None]:
        raise ModelError(told[0])


def sum_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replace each gradient by its sum over processes; one that is absent here counts as 0."""
    if not dist.is_initialized():
        return
    bucket: list[Tensor] = []
    for parameter in parameters:
        if parameter.grad is None:  # this process had no row in the step
            parameter.grad = torch.zeros_like(parameter)
        fits = not bucket or bucket[0].dtype == parameter.grad.dtype
        if bucket and (not fits or sum(g.numel() for g in bucket) + parameter.numel() > BUCKET):
            _sum(bucket)
            bucket = []
        bucket.append(parameter.grad)
    _sum(bucket)


def _sum(gradients: Sequence[Tensor]) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))

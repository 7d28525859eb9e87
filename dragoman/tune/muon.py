"""Muon for the matrices of a small base, in the precision that the processor is good at.

The method: https://kellerjordan.github.io/posts/muon. `torch.optim.Muon` multiplies in bfloat16 whatever the
processor: without units for it one step of a base of 4M parameters takes 8 seconds, in float32 0.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

TIMES = 5  # iterations of `orthogonal`
A, B, C = 3.4445, -4.7750, 2.0315  # its polynomial, as published


def orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """``matrix`` [m, n] with its singular values brought near 1 (0.7 to 1.2), by Newton and Schulz."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(dtype)
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(TIMES):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, each step made orthogonal; that of a tall matrix [m, n] is sqrt(m / n) longer."""

    def __init__(
        self, params: Iterable[Tensor], lr: float, weight_decay: float, momentum: float, dtype: torch.dtype
    ) -> None:
        self.dtype = dtype
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One step; parameters without a gradient stay."""
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                mean = state.setdefault("momentum_buffer", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - momentum)
                update = orthogonal(weight.grad.lerp(mean, momentum), self.dtype)
                longer = max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5
                weight.mul_(1 - rate * group["weight_decay"])
                weight.add_(update, alpha=-rate * longer)

"""Muon: the step of torch's own, in any precision."""

from __future__ import annotations

import pytest
import torch

from dragoman.tune.muon import Muon, orthogonal

SHAPES = [(24, 64), (64, 24), (32, 32)]


@pytest.mark.parametrize("shape", SHAPES)
def test_in_bfloat16_it_is_torchs_own(shape: tuple[int, int]) -> None:
    start = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    theirs, ours = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    peer = torch.optim.Muon([theirs], lr=0.01, weight_decay=0.1, momentum=0.95)
    muon = Muon([ours], lr=0.01, weight_decay=0.1, momentum=0.95, dtype=torch.bfloat16)
    for step in range(4):
        gradient = torch.randn(*shape, generator=torch.Generator().manual_seed(10 + step))
        theirs.grad, ours.grad = gradient.clone(), gradient.clone()
        peer.step()
        muon.step()
    assert torch.equal(theirs, ours)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_directions_of_a_step_are_equally_long(shape: tuple[int, int]) -> None:
    """Singular values end near 1, as the published polynomial has it; their vectors stay."""
    left, _ = torch.linalg.qr(torch.randn(shape[0], min(shape), generator=torch.Generator().manual_seed(2)))
    right, _ = torch.linalg.qr(torch.randn(shape[1], min(shape), generator=torch.Generator().manual_seed(3)))
    matrix = left @ torch.diag(torch.linspace(1, 5, min(shape))) @ right.T
    made = left.T @ orthogonal(matrix, torch.float32) @ right
    values = made.diagonal()
    assert values.min() > 0.6 and values.max() < 1.3
    assert (made - values.diag()).abs().max() < 1e-4


def test_a_weight_without_gradient_stays() -> None:
    weight = torch.nn.Parameter(torch.ones(4, 4))
    Muon([weight], lr=0.1, weight_decay=0.1, momentum=0.95, dtype=torch.float32).step()
    assert torch.equal(weight, torch.ones(4, 4))

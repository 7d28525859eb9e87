"""The loss against the textbook formulas in float64; chunks, softcap, scale, bias and frozen parts."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dragoman.tune.loss import Head, signed_loss

RELATIVE = (
    3e-6  # of loss and gradient in float32, with p or 1 - p down to 1e-12: half the last digit of the gap
)
VOCABULARY = 37


def textbook(logits: Tensor, targets: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of |scale| x loss, and the losses -log p or -log(1 - p), straight from the definition.

    1 - p is the sum of the other probabilities, and log1p takes the side that keeps its digits: near 1 even
    float64 has no room for 1e-12.
    """
    probabilities = logits.softmax(-1)
    own = torch.nn.functional.one_hot(targets, logits.shape[1]).bool()
    p, rest = (probabilities * own).sum(-1), (probabilities * ~own).sum(-1)
    log_p = torch.where(p < 0.5, p.log(), torch.log1p(-rest))
    log_rest = torch.where(rest < 0.5, rest.log(), torch.log1p(-p))
    losses = -torch.where(scales < 0, log_rest, log_p)
    return (losses * scales.abs()).sum(), losses


def logits_with(gap: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits [1, V], exact in float32, whose target is ``gap`` (about) above the logsumexp of the others."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, VOCABULARY, generator=generator)
    target = torch.tensor([seed % VOCABULARY])
    others = logits.clone()
    others[0, target] = -math.inf
    logits[0, target] = gap + others.logsumexp(-1)
    return logits, target


def gradients(
    hidden: Tensor, head: Head, targets: Tensor, scales: Tensor, chunk: int | None = None
) -> list[Tensor]:
    """Loss, losses and the gradients of states, weight and bias."""
    hidden = hidden.clone().requires_grad_()
    weight = head.weight.clone().requires_grad_()
    bias = None if head.bias is None else head.bias.clone().requires_grad_()
    own = Head(weight, bias, head.scale, head.softcap)
    total, losses = signed_loss(hidden, own, targets, scales, chunk)
    total.backward()
    found = [total.detach(), losses, hidden.grad, weight.grad, None if bias is None else bias.grad]
    return [tensor for tensor in found if tensor is not None]


def far(found: Tensor, wanted: Tensor) -> float:
    """Largest relative error over elements."""
    return float(((found.double() - wanted) / wanted).abs().max())


GAP = math.log(1e12)


@pytest.mark.parametrize("gap", [-GAP, -20.0, -5.0, -0.5, 0.0, 0.5, 5.0, 10.0, 15.0, 20.0, GAP])
@pytest.mark.parametrize("scale", [1.0, -1.0, 0.37, -0.05])
def test_value_and_gradient_are_the_textbook_s(gap: float, scale: float) -> None:
    for seed in range(20):
        logits, target = logits_with(gap, seed)
        scales = torch.tensor([scale])
        wide = logits.double().requires_grad_()
        wanted, _ = textbook(wide, target, scales)
        (wanted_gradient,) = torch.autograd.grad(wanted, wide)
        total, _, gradient, *_ = gradients(logits, Head(torch.eye(VOCABULARY)), target, scales)
        assert far(total, wanted.detach()) < RELATIVE
        assert far(gradient, wanted_gradient) < RELATIVE


def test_a_mixture_of_signs() -> None:
    torch.manual_seed(1)
    logits = torch.randn(50, VOCABULARY) * 2
    targets = torch.randint(0, VOCABULARY, (50,))
    scales = torch.where(torch.rand(50) < 0.5, -1.0, 1.0) * torch.rand(50)
    wide = logits.double().requires_grad_()
    wanted, wanted_losses = textbook(wide, targets, scales)
    (gradient,) = torch.autograd.grad(wanted, wide)
    total, losses, found, *_ = gradients(logits, Head(torch.eye(VOCABULARY)), targets, scales)
    assert far(total, wanted.detach()) < RELATIVE
    assert far(losses, wanted_losses.detach()) < RELATIVE
    assert torch.allclose(found.double(), gradient, rtol=RELATIVE, atol=1e-9)


def test_gradient_moves_from_zero_to_its_bound_with_p() -> None:
    """Unlikelihood pushes hardest where p is 1, likelihood where p is 0; a clamp would give 0 there."""
    for sign, gaps in ((-1.0, (-GAP, -3.0, 3.0, GAP)), (1.0, (GAP, 3.0, -3.0, -GAP))):
        norms = [
            float(gradients(*_with_head(logits_with(gap)), torch.tensor([sign]))[2].norm()) for gap in gaps
        ]
        assert all(low < high for low, high in pairwise(norms))
        assert norms[0] < 1e-11 and norms[-1] > 1.0


def _with_head(made: tuple[Tensor, Tensor]) -> tuple[Tensor, Head, Tensor]:
    return made[0], Head(torch.eye(VOCABULARY)), made[1]


def random_case(count: int = 23, width: int = 12) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """States, weight, targets, scales of both signs."""
    torch.manual_seed(5)
    hidden, weight = torch.randn(count, width), torch.randn(VOCABULARY, width) * 0.3
    scales = torch.where(torch.arange(count) % 3 == 0, -0.3, 0.7) / count
    return hidden, weight, torch.randint(0, VOCABULARY, (count,)), scales


@pytest.mark.parametrize("chunk", [1, 5, 22, 23, 1000])
def test_chunks_change_nothing(chunk: int) -> None:
    hidden, weight, targets, scales = random_case()
    head = Head(weight, torch.randn(VOCABULARY))
    whole = gradients(hidden, head, targets, scales, 10**6)
    for found, wanted in zip(gradients(hidden, head, targets, scales, chunk), whole, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("with_bias", [False, True])
def test_softcap_scale_and_bias(softcap: float | None, scale: float, with_bias: bool) -> None:
    hidden, weight, targets, scales = random_case()
    bias = torch.randn(VOCABULARY) if with_bias else None
    tensors = [t.double().requires_grad_() for t in (hidden, weight, bias) if t is not None]
    logits = tensors[0] @ tensors[1].T
    if with_bias:
        logits = logits + tensors[2]
    logits = logits * scale
    if softcap is not None:
        logits = softcap * torch.tanh(logits / softcap)
    total, losses = textbook(logits, targets, scales)
    wanted = [total.detach(), losses.detach(), *torch.autograd.grad(total, tensors)]
    found = gradients(hidden, Head(weight, bias, scale, softcap), targets, scales, 7)
    for mine, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(mine.double(), theirs, rtol=1e-5, atol=1e-7)


def test_no_token_gives_zero_and_a_gradient_of_zero() -> None:
    hidden = torch.randn(0, 8, requires_grad=True)
    head = Head(torch.randn(VOCABULARY, 8, requires_grad=True))
    total, losses = signed_loss(hidden, head, torch.zeros(0, dtype=torch.long), torch.zeros(0))
    total.backward()
    assert float(total.detach()) == 0.0 and len(losses) == 0
    assert hidden.grad is not None and hidden.grad.shape == (0, 8)


def test_frozen_head_gets_no_gradient_and_costs_none() -> None:
    hidden, weight, targets, scales = random_case()
    wanted = gradients(hidden, Head(weight), targets, scales)[2]
    states = hidden.clone().requires_grad_()
    total, _ = signed_loss(states, Head(weight), targets, scales)
    total.backward()
    assert weight.grad is None and not weight.requires_grad
    assert torch.equal(states.grad, wanted)  # type: ignore[arg-type]


def test_without_gradient_the_losses_are_the_same() -> None:
    hidden, weight, targets, scales = random_case()
    wanted = gradients(hidden, Head(weight), targets, scales)
    with torch.no_grad():
        total, losses = signed_loss(
            hidden.requires_grad_(), Head(weight.requires_grad_()), targets, scales, 4
        )
    assert torch.allclose(losses, wanted[1], rtol=1e-6) and torch.allclose(total, wanted[0], rtol=1e-6)
    assert not total.requires_grad


def test_alpha_zero_keeps_the_sign_of_what_is_logged() -> None:
    """A negative token whose scale is -0.0 is still measured by -log(1 - p)."""
    logits, target = logits_with(5.0)
    _, losses = signed_loss(logits, Head(torch.eye(VOCABULARY)), target, torch.tensor([-0.0]))
    assert float(losses) == pytest.approx(math.log1p(math.exp(5.0)), rel=1e-5)


def test_bfloat16_states_are_multiplied_in_float32() -> None:
    """On a CPU; the logits never pass through bfloat16, the gradients end in it."""
    hidden, weight, targets, scales = (t.bfloat16() if t.is_floating_point() else t for t in random_case())
    states, head = hidden.clone().requires_grad_(), Head(weight.clone().requires_grad_())
    total, losses = signed_loss(states, head, targets, scales)
    total.backward()
    wide = gradients(hidden.float(), Head(weight.float()), targets, scales.float())
    assert torch.allclose(losses, wide[1], rtol=1e-5)
    assert states.grad is not None and states.grad.dtype == torch.bfloat16
    assert torch.allclose(states.grad.float(), wide[2], rtol=1e-2, atol=1e-5)
    assert head.weight.grad is not None and head.weight.grad.dtype == torch.bfloat16


def test_the_whole_matrix_is_never_held() -> None:
    """Of 1,000 tokens x 20,000 words (80 MB) no tensor is larger than a chunk of 16 MB."""
    count, words = 1000, 20_000
    hidden = torch.randn(count, 4, requires_grad=True)
    head = Head(torch.randn(words, 4, requires_grad=True))
    with Largest() as watch:
        total, _ = signed_loss(hidden, head, torch.randint(0, words, (count,)), torch.ones(count))
        total.backward()
    assert 0 < watch.bytes <= 16 * 2**20


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that any operation returns."""

    bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple) else (out,):
            if isinstance(tensor, Tensor):
                self.bytes = max(self.bytes, tensor.numel() * tensor.element_size())
        return out

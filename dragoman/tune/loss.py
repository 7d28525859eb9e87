"""One loss for both signs: likelihood and unlikelihood of learned tokens, without a tokens x vocabulary
matrix.

For token y with logits z, let q be the softmax over the *other* tokens and gap = z_y - logsumexp(z_others).
Then

    log p = logsigmoid(gap)        log(1 - p) = logsigmoid(-gap)

and both gradients point along d = q - e_y: likelihood with scale (1 - p), unlikelihood with scale -p. Nothing
is clamped, and nothing is divided by 1 - p, so that float32 is enough at both ends of the scale. Unlikelihood
is due to Welleck et al. 2020 (arXiv 1908.04319); its use on conflicting instructions to arXiv 2403.14399.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, pad

CHUNK_BYTES = {"cpu": 4 * 2**20, "cuda": 512 * 2**20}
CHUNK_TOKENS = 128  # at least: products of fewer rows run at less than full speed
ROUND = 32  # tokens are filled up to a multiple of this, so that kernels are reused


@dataclass(frozen=True)
class Head:
    """What turns hidden states into logits: ``softcap((hidden @ weight.T + bias) * scale)``.

    weight: [V, D]; bias: [V] or None; scale: factor on the raw logits (Cohere, Granite); softcap: Gemma's
    bound c, as in ``c * tanh(z / c)``. ``low_precision``: a card multiplies in bfloat16 (logits still leave
    in float32).
    """

    weight: Tensor
    bias: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None
    low_precision: bool = False

    def logits(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """float32 logits [N, V] of hidden states [N, D]; ``weight`` is this head's, of the dtype of
        ``hidden``.
        """
        if hidden.dtype == torch.float32:
            z = hidden @ weight.T
        else:
            z = torch.mm(hidden, weight.T, out_dtype=torch.float32)
        if self.bias is not None:
            z += self.bias.detach().float()
        if self.scale != 1.0:
            z *= self.scale
        if self.softcap is not None:
            z = self.softcap * torch.tanh(z / self.softcap)
        return z

    def operands(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Detached states and weight in the dtype that products are made in: float32, but on a card."""
        dtype = hidden.dtype if hidden.is_cuda else torch.float32
        if self.low_precision and hidden.is_cuda:
            dtype = torch.bfloat16
        return hidden.detach().to(dtype), self.weight.detach().to(dtype)


class _SignedLoss(torch.autograd.Function):
    """Loss and its gradients in one pass over chunks of tokens; the gradients wait for backward."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        scales: Tensor,
        head: Head,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        states, w = head.operands(hidden)
        _, for_weight, for_bias, *_ = ctx.needs_input_grad
        losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if for_weight else None
        grad_bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None and for_bias else None
        for part in _chunks(len(targets), chunk):
            h = states[part]
            losses[part], grad = _loss_and_gradient(head.logits(h, w), targets[part], scales[part], head)
            if grad_bias is not None:
                grad_bias += grad.sum(dim=0)
            grad = grad.to(w.dtype)
            grad_hidden[part] = (grad @ w).to(hidden.dtype)
            if grad_weight is not None and w.dtype == torch.float32:
                grad_weight.addmm_(grad.T, h)
            elif grad_weight is not None:
                grad_weight += (grad.T @ h).float()
        ctx.grads = (grad_hidden, grad_weight, grad_bias)  # type: ignore[attr-defined]
        ctx.mark_non_differentiable(losses)
        return (losses * scales.abs()).sum(), losses

    @staticmethod
    def backward(ctx, grad_total, _grad_losses):  # type: ignore[no-untyped-def,override]
        # handed over, not copied: that of the weight is as large as the vocabulary
        grads, ctx.grads = ctx.grads, None
        if grads is None:
            raise RuntimeError("the signed loss can be backpropagated once")
        # autograd casts each to the dtype of what it belongs to
        return *(grad if grad is None else grad.mul_(grad_total) for grad in grads), None, None, None, None


def _chunks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


def _gap(z: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """gap [n]; then, written over ``z``, the other tokens' exp(z - max) [n, V], and its sum [n, 1]."""
    index = targets[:, None]
    own = z.gather(1, index)
    z.scatter_(1, index, float("-inf"))
    top = z.amax(dim=1, keepdim=True)
    others = z.sub_(top).exp_()
    total = others.sum(dim=1, keepdim=True)
    return (own - top - total.log()).squeeze(1), others, total


def _signs(scales: Tensor) -> Tensor:
    """+1 or -1: a scale of -0.0 (alpha 0) is still that of a token to unlearn, whose loss is -log(1 - p)."""
    return torch.where(scales.signbit(), -1.0, 1.0)


def _loss_and_gradient(z: Tensor, targets: Tensor, scales: Tensor, head: Head) -> tuple[Tensor, Tensor]:
    """Unscaled loss [n] of each token and d(scaled loss)/d(raw logits) [n, V], which overwrites ``z``."""
    bend = 1.0 - (z / head.softcap).square() if head.softcap is not None else None
    gap, others, total = _gap(z, targets)
    sign = _signs(scales)
    push = scales * torch.sigmoid(-sign * gap)  # along d = q - e_y; negative for unlikelihood
    grad = others.mul_(push[:, None] / total)
    grad.scatter_(1, targets[:, None], -push[:, None])
    if bend is not None:
        grad.mul_(bend)
    if head.scale != 1.0:
        grad.mul_(head.scale)
    return -logsigmoid(sign * gap), grad


def token_losses(hidden: Tensor, head: Head, targets: Tensor, scales: Tensor, chunk: int) -> Tensor:
    """The unscaled loss [N] of each token, -log p, or -log(1 - p) where its scale is negative."""
    states, weight = head.operands(hidden)
    sign = _signs(scales)
    losses = [
        -logsigmoid(sign[part] * _gap(head.logits(states[part], weight), targets[part])[0])
        for part in _chunks(len(targets), chunk)
    ]
    return torch.cat(losses)


def signed_loss(
    hidden: Tensor, head: Head, targets: Tensor, scales: Tensor, chunk: int | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of |scale| x loss over tokens, and the unscaled loss of each token (detached).

    hidden: [N, D] states that predict the targets; targets: [N] ids; scales: [N], > 0 learns (-log p), < 0
    unlearns (-log(1 - p)). The caller divides by counts beforehand, so gradients of several calls add up to
    the step's. No token gives 0 with a gradient of 0. ``chunk``: tokens whose logits are held at a time.
    """
    if len(targets) == 0:
        return hidden.sum() * 0.0, torch.zeros(0, device=hidden.device)
    if chunk is None:
        limit = CHUNK_BYTES.get(hidden.device.type, CHUNK_BYTES["cpu"])
        chunk = max(CHUNK_TOKENS, limit // (4 * head.weight.shape[0]))
    count, rest = len(targets), -len(targets) % ROUND
    hidden, targets, scales = (
        pad(hidden, (0, 0, 0, rest)),
        pad(targets, (0, rest)),
        pad(scales.float(), (0, rest)),
    )
    with torch.autocast(hidden.device.type, enabled=False):  # the head says itself what it multiplies in
        if not torch.is_grad_enabled():
            losses = token_losses(hidden, head, targets, scales, chunk)
            return (losses * scales.abs()).sum(), losses[:count]
        total, losses = _SignedLoss.apply(hidden, head.weight, head.bias, targets, scales, head, chunk)
    return total, losses[:count]

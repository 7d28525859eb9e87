"""One loss for both signs: likelihood and unlikelihood of the learned tokens, without the tokens x vocabulary matrix.

For token y with logits z, let q be the softmax over the *other* tokens and gap = z_y - logsumexp(z_others). Then

    log p = logsigmoid(gap)        log(1 - p) = logsigmoid(-gap)

and both gradients point along d = q - e_y: likelihood with scale (1 - p), unlikelihood with scale -p. Nothing is
clamped, and nothing is divided by 1 - p, so that float32 is enough at both ends of the scale. Unlikelihood is due to
Welleck et al. 2020 (arXiv 1908.04319); its use on conflicting instructions to arXiv 2403.14399.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

CHUNK_BYTES = {"cpu": 16 * 2**20, "cuda": 512 * 2**20}


@dataclass(frozen=True)
class Head:
    """What turns hidden states into logits: ``softcap(hidden @ weight.T + bias) * scale``, in that order reversed.

    weight: [V, D]; bias: [V] or None; scale: factor on the raw logits (Cohere, Granite); softcap: Gemma's bound c, as
    in ``c * tanh(z / c)``. ``low_precision`` multiplies in bfloat16 (logits still leave in float32).
    """

    weight: Tensor
    bias: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None
    low_precision: bool = False

    def logits(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """float32 logits [N, V] of hidden states [N, D]; ``weight`` is this head's, in the dtype of ``hidden``."""
        if hidden.dtype == torch.float32:
            z = hidden @ weight.T
        elif hidden.is_cuda:
            z = torch.mm(hidden, weight.T, out_dtype=torch.float32)
        else:
            z = hidden.float() @ weight.T.float()
        if self.bias is not None:
            z += self.bias.float()
        if self.scale != 1.0:
            z *= self.scale
        if self.softcap is not None:
            z = self.softcap * torch.tanh(z / self.softcap)
        return z


class _SignedLoss(torch.autograd.Function):
    """Loss and its gradients in one pass over chunks of tokens; the gradients wait for backward."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        scales: Tensor,
        head: Head,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.bfloat16 if head.low_precision and hidden.is_cuda else hidden.dtype
        w = weight.detach().to(dtype)
        need_weight = weight.requires_grad
        losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if need_weight else None
        for start in range(0, len(targets), chunk):
            part = slice(start, start + chunk)
            h = hidden[part].detach().to(dtype)
            z = head.logits(h, w)
            losses[part], grad = _loss_and_gradient(z, targets[part], scales[part], head)
            grad = grad.to(dtype)
            grad_hidden[part] = (grad @ w).to(hidden.dtype)
            if grad_weight is not None and dtype == torch.float32:
                grad_weight.addmm_(grad.T, h)
            elif grad_weight is not None:
                grad_weight += (grad.T @ h).float()
        ctx.save_for_backward(grad_hidden, grad_weight)  # type: ignore[arg-type]
        ctx.weight_dtype = weight.dtype  # type: ignore[attr-defined]
        ctx.mark_non_differentiable(losses)
        return (losses * scales.abs()).sum(), losses

    @staticmethod
    def backward(ctx, grad_total, _grad_losses):  # type: ignore[no-untyped-def,override]
        grad_hidden, grad_weight = ctx.saved_tensors
        grad_hidden = grad_hidden * grad_total.to(grad_hidden.dtype)
        if grad_weight is not None:
            grad_weight = (grad_weight * grad_total).to(ctx.weight_dtype)
        return grad_hidden, grad_weight, None, None, None, None


def _loss_and_gradient(z: Tensor, targets: Tensor, scales: Tensor, head: Head) -> tuple[Tensor, Tensor]:
    """Unscaled loss [n] of each token and d(scaled loss)/d(raw logits) [n, V], which is written over ``z``."""
    bend = 1.0 - (z / head.softcap).square() if head.softcap is not None else None
    index = targets[:, None]
    own = z.gather(1, index)
    z.scatter_(1, index, float("-inf"))
    top = z.amax(dim=1, keepdim=True)
    q = z.sub_(top).exp_()
    total = q.sum(dim=1, keepdim=True)
    gap = (own - top - total.log()).squeeze(1)
    sign = torch.where(scales < 0, -1.0, 1.0)
    loss = -logsigmoid(sign * gap)
    push = scales * torch.sigmoid(-sign * gap)  # along d = q - e_y; negative for unlikelihood
    grad = q.mul_(push[:, None] / total)
    grad.scatter_(1, index, -push[:, None])
    if bend is not None:
        grad.mul_(bend)
    return loss, grad.mul_(head.scale) if head.scale != 1.0 else grad


def signed_loss(
    hidden: Tensor, head: Head, targets: Tensor, scales: Tensor, chunk: int | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of |scale| x loss over tokens, and the unscaled loss of each token (detached).

    hidden: [N, D] states that predict the targets; targets: [N] ids; scales: [N], > 0 learns (-log p), < 0 unlearns
    (-log(1 - p)). The caller divides by counts beforehand, so gradients of several calls add up to the step's.
    No token gives 0 with a gradient of 0.
    """
    if len(targets) == 0:
        return hidden.sum() * 0.0, torch.zeros(0, device=hidden.device)
    if chunk is None:
        limit = CHUNK_BYTES.get(hidden.device.type, CHUNK_BYTES["cpu"])
        chunk = max(16, limit // (4 * head.weight.shape[0]))
    total, losses = _SignedLoss.apply(hidden, head.weight, targets, scales.float(), head, chunk)
    return total, losses

"""Attention over a tree of examples (``tree.py``), for models that call `transformers`' attention by name.

Pieces of a part attend to themselves causally and to the whole path before them. On a CPU both are computed
apart by torch's flash kernel and merged: with log-sums l1, l2 of the scores and outputs o1, o2, the output
is ``lerp(o1, o2, sigmoid(l2 - l1))`` and the log-sum ``logaddexp(l1, l2)``. The kernel's backward pass,
given the merged output and log-sum, gives each side's share of the gradient, as in ring attention (arXiv
2310.01889). The keys of the path are never copied for each piece. Elsewhere, and where a window or dropout
is asked for, each part is one ordinary call with a mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from dragoman.tune.tree import Part, Tree

NAME = "dragoman_tree"
_REFUSED = ("softcap", "s_aux", "position_bias", "head_mask")  # what other kernels add to the scores
_LAYERS = {"full_attention", "sliding_attention"}
_current: Tree | None = None  # a backward pass that recomputes reads it too, from another thread
_windows: set[int | None] = set()  # that the model has told :func:`attend` of


@contextmanager
def attending(config: Any, tree: Tree | None) -> Iterator[None]:
    """A model of this configuration attends along the tree; None leaves it as it is.

    ValueError if it has layers that look at less than all before them and do not tell of it: on short
    examples they would not be found out.
    """
    global _current
    if tree is None:
        yield
        return
    from transformers import AttentionInterface

    layers = set(getattr(config, "layer_types", None) or ["sliding_attention"])
    if not layers <= _LAYERS:
        raise ValueError(f"layers of kind {min(layers - _LAYERS)} cannot attend along a tree")
    AttentionInterface.register(NAME, attend)
    name, before = config._attn_implementation, _current
    config._attn_implementation, _current = NAME, tree
    _windows.clear()
    try:
        yield
    finally:
        config._attn_implementation, _current = name, before
    window = getattr(config, "sliding_window", None)
    if window is not None and "sliding_attention" in layers and window not in _windows:
        raise ValueError("the attention is not told of the model's window")


def attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None,
    dropout: float = 0.0, scaling: float | None = None, sliding_window: int | None = None, **more: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Output [1, N, heads, dim] of query, key, value [1, heads, N, dim]; ValueError for what it cannot do."""
    if _current is None or len(query) != 1 or any(more.get(name) is not None for name in _REFUSED):
        raise ValueError("this attention cannot be computed along a tree")
    _windows.add(sliding_window)
    windowed = sliding_window is not None and any(_length(part) > sliding_window for part in _current.parts)
    plain = not dropout and not windowed and query.shape[-1] == value.shape[-1]
    merged = plain and query.device.type == "cpu"
    q, k, v = (x[0].transpose(0, 1).to(_dtype(x, merged)) for x in (query, key, value))
    if k.shape[1] != q.shape[1]:
        k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
    scale = scaling if scaling is not None else q.shape[-1] ** -0.5
    if merged:
        return _Merged.apply(q, k, v, _current, scale)[None].to(value.dtype), None
    return _masked(q, k, v, _current, dropout, scale, sliding_window if windowed else None)[None], None


def _dtype(x: Tensor, merged: bool) -> torch.dtype:
    """The dtype to attend in: that of autocast, but float32 for the CPU's kernel, whose backward pass takes
    several times as long in bfloat16.
    """
    device = x.device.type
    if merged and x.dtype != torch.float64:
        return torch.float32
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


@contextmanager
def _own_precision() -> Iterator[None]:
    """Full precision: the kernel makes many small products; to convert the operands of each takes longer."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _length(part: Part) -> int:
    """Ids from the root to the end of the longest piece."""
    return part.before + max(part.lengths)


def _block(x: Tensor, part: Part) -> Tensor:
    """The rows [N, heads, dim] of a part as a padded block [pieces, heads, longest, dim]."""
    rows = x[part.span] if part.cells is None else x.reshape(len(x), -1).index_select(0, part.cells)
    return rows.view(len(part.lengths), max(part.lengths), *x.shape[1:]).transpose(1, 2)


def _unblock(block: Tensor, part: Part) -> Tensor:
    """A padded block [pieces, heads, longest, dim] back to rows [n, heads, dim]."""
    rows = block.transpose(1, 2).flatten(0, 1)
    return rows if part.own is None else rows.index_select(0, part.own)


def _path(x: Tensor, part: Part) -> Tensor:
    """The rows of a part's path as [1, heads, ids, dim]."""
    rows = x[part.path[0]] if len(part.path) == 1 else torch.cat([x[span] for span in part.path])
    return rows.transpose(0, 1)[None]


def _masked(
    q: Tensor, k: Tensor, v: Tensor, tree: Tree, dropout: float, scale: float, window: int | None
) -> Tensor:
    """One call for each part; the keys of the path stand before each piece's own."""
    outputs = []
    for part in tree.parts:
        keys, values = _block(k, part), _block(v, part)
        mask = None
        if part.path:
            pieces = len(part.lengths)
            keys = torch.cat([_path(k, part).expand(pieces, -1, -1, -1), keys], dim=2)
            values = torch.cat([_path(v, part).expand(pieces, -1, -1, -1), values], dim=2)
        if part.path or window is not None:
            mask = _mask(part, window, q.device)
        block = scaled_dot_product_attention(
            _block(q, part), keys, values, mask, dropout, is_causal=mask is None, scale=scale
        )
        outputs.append(_unblock(block, part))
    filled = len(q) - tree.parts[-1].span.stop
    return torch.cat([*outputs, v.new_zeros(filled, *v.shape[1:])])


def _mask(part: Part, window: int | None, device: torch.device) -> Tensor:
    """True where an id of a piece sees one of the path or the piece: [longest, before + longest]."""
    longest = max(part.lengths)
    mask = torch.ones(longest, part.before + longest, dtype=torch.bool, device=device).tril(part.before)
    return mask if window is None else mask.triu(part.before - window + 1)


class _Merged(torch.autograd.Function):
    """Attention of pieces to themselves and to their path, merged."""

    @staticmethod
    @_own_precision()
    def forward(ctx, q, k, v, tree, scale):  # type: ignore[no-untyped-def,override]  # as autograd calls it
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        output, logsum = torch.zeros_like(q), q.new_zeros(q.shape[:2], dtype=torch.float32)
        for part in tree.parts:
            block, total = flash(_block(q, part), _block(k, part), _block(v, part), 0.0, True, scale=scale)
            own, total = _unblock(block, part), _unblock(total[..., None], part)[..., 0]
            if part.path:
                queries = q[part.span].transpose(0, 1)[None]
                block, before = flash(queries, _path(k, part), _path(v, part), 0.0, False, scale=scale)
                before = before[0].transpose(0, 1)
                share = torch.sigmoid(before - total)[..., None].to(own.dtype)
                own = torch.lerp(own, block[0].transpose(0, 1), share)
                total = torch.logaddexp(total, before)
            output[part.span], logsum[part.span] = own, total
        ctx.save_for_backward(q, k, v, output, logsum)
        ctx.tree, ctx.scale = tree, scale
        return output

    @staticmethod
    @_own_precision()
    def backward(ctx, grad):  # type: ignore[no-untyped-def,override]  # as autograd calls it
        q, k, v, output, logsum = ctx.saved_tensors
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
        grad = grad.contiguous()
        grads = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for part in ctx.tree.parts:
            blocks = [_block(x, part) for x in (grad, q, k, v, output)]
            if part.own is not None:
                blocks[0] = _block(grad, part) * _is_own(part, grad)
            total = _block(logsum[..., None], part)[..., 0]
            found = flash(*blocks, total, 0.0, True, scale=ctx.scale)
            for sums, block in zip(grads, found, strict=True):
                sums[part.span] += _unblock(block, part)
            if not part.path:
                continue
            g, queries, own = (x[part.span].transpose(0, 1)[None] for x in (grad, q, output))
            total = logsum[part.span].T[None]
            found = flash(g, queries, _path(k, part), _path(v, part), own, total, 0.0, False, scale=ctx.scale)
            grads[0][part.span] += found[0][0].transpose(0, 1)
            for sums, block in zip(grads[1:], found[1:], strict=True):
                rows = block[0].transpose(0, 1).split([span.stop - span.start for span in part.path])
                for span, piece in zip(part.path, rows, strict=True):
                    sums[span] += piece
        return *grads, None, None


def _is_own(part: Part, like: Tensor) -> Tensor:
    """1 for the cells of a part's block that are no padding, else 0: [pieces, 1, longest, 1]."""
    lengths = torch.tensor(part.lengths)[:, None]
    return (torch.arange(max(part.lengths)) < lengths).to(like.dtype)[:, None, :, None]

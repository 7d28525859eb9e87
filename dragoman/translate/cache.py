"""A key-value cache that grows in place: a step writes its own column and copies nothing else.

The library's dynamic cache concatenates all keys and values at every step, and beam search then copies them
again to reorder them. Here a layer has room to spare; a step writes one column, and a beam step moves only
the columns after the prompt, because the hypotheses of one sequence share the columns before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DummyLayer, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from dragoman.errors import ModelError

ROOM = 48
"""Columns to spare when a buffer is made; it grows by half whenever it is full."""


class GrowingLayer(DynamicLayer):
    """Keys and values of one layer, each a view [rows, heads, length, width] of a larger buffer.

    Layers with a sliding window are kept whole too: their mask hides what lies outside the window.
    ``spare`` is shared by all layers of a cache and holds buffers to copy into: memory that is touched for
    the first time costs ten times the copy itself.
    """

    def __init__(self, spare: list[Tensor]) -> None:
        super().__init__()
        self.spare = spare
        self.buffers: list[Tensor] = []
        self.rows = self.length = 0

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append columns; returns all keys and all values."""
        start, end = self.length, self.length + key_states.shape[-2]
        if not self.buffers:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self.rows = key_states.shape[0]
            self.buffers = [_buffer(new, self.rows, end + ROOM) for new in (key_states, value_states)]
        elif end > self.buffers[0].shape[-2]:
            wider = [_buffer(old, self.rows, end + end // 2) for old in self.buffers]
            for old, new in zip(self.buffers, wider, strict=True):
                new[:, :, :start] = old[: self.rows, :, :start]
            self.buffers = wider
        for buffer, new in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[: self.rows, :, start:end] = new
        self.length = end
        return self._view()

    def select(self, rows: Tensor) -> None:
        """Row i becomes the old row ``rows[i]``; the number of rows may change."""
        for index, old in enumerate(self.buffers):
            new = self._take(old, len(rows))
            source = old[: self.rows, :, : self.length]
            torch.index_select(source, 0, rows, out=new[: len(rows), :, : self.length])
            self.buffers[index] = new
            self.spare.append(old)
        self.rows = len(rows)
        if self.buffers:
            self._view()

    def move(self, rows: Tensor, sources: Tensor, start: int) -> None:
        """Columns from ``start`` on of each of ``rows`` become those of the row in ``sources``."""
        for buffer in self.buffers:
            part = buffer[:, :, start : self.length]
            part.index_copy_(0, rows, part.index_select(0, sources))

    def _take(self, like: Tensor, rows: int) -> Tensor:
        for index, buffer in enumerate(self.spare):
            if buffer.shape[0] >= rows and buffer.shape[1:] == like.shape[1:]:
                return self.spare.pop(index)
        return _buffer(like, rows, like.shape[-2])

    def _view(self) -> tuple[Tensor, Tensor]:
        self.keys, self.values = (buffer[: self.rows, :, : self.length] for buffer in self.buffers)
        return self.keys, self.values


def _buffer(like: Tensor, rows: int, length: int) -> Tensor:
    """Unset memory with the heads and width of ``like`` [*, heads, *, width]."""
    return like.new_empty(rows, like.shape[1], length, like.shape[-1])


def make_cache(config: Any) -> DynamicCache:
    """An empty cache for a model's configuration; ModelError if a layer keeps other things than these."""
    cache = DynamicCache(config=config)
    spare: list[Tensor] = []
    for index, layer in enumerate(cache.layers):
        if type(layer) in (DynamicLayer, DynamicSlidingWindowLayer):
            cache.layers[index] = GrowingLayer(spare)
        elif not isinstance(layer, DummyLayer):
            raise ModelError(
                f"layer {index} of this {config.model_type} model keeps a {type(layer).__name__}; "
                "search needs attention layers (full or with a sliding window): take another base"
            )
    return cache


def select_rows(cache: DynamicCache, rows: Tensor) -> None:
    """Row i of every layer becomes the old row ``rows[i]``."""
    for layer in cache.layers:
        if isinstance(layer, GrowingLayer):
            layer.select(rows)


def move_rows(cache: DynamicCache, rows: Tensor, start: int) -> None:
    """As :func:`select_rows`, where the number of rows stays and old and new rows agree before column
    ``start``."""
    moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero().squeeze(1)
    if not len(moved):
        return
    sources = rows[moved]
    for layer in cache.layers:
        if isinstance(layer, GrowingLayer):
            layer.move(moved, sources, start)

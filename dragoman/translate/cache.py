"""A key-value cache that grows in place: a step writes its own column and copies nothing else.

The library's dynamic cache concatenates all keys and values at every step, and beam search then copies them again to
reorder them. Here a layer has room to spare; a step writes one column, and a beam step moves only the columns after
the prompt, because the hypotheses of one sequence share the columns before.
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
    """Keys and values of one layer, each a view [rows, heads, length, width] of a longer buffer.

    Layers with a sliding window are kept whole too: their mask hides what lies outside the window.
    """

    def __init__(self) -> None:
        super().__init__()
        self.buffers: tuple[Tensor, Tensor] | None = None
        self.length = 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append columns; returns all keys and all values."""
        end = self.length + key_states.shape[-2]
        if self.buffers is None:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self.buffers = _room(key_states, end + ROOM), _room(value_states, end + ROOM)
        elif end > self.buffers[0].shape[-2]:
            keys, values = self.buffers
            self.buffers = _room(keys, end + end // 2), _room(values, end + end // 2)
            self._fill(keys[:, :, : self.length], values[:, :, : self.length], 0)
        self._fill(key_states, value_states, self.length)
        return self._view(end)

    def select(self, rows: Tensor, start: int) -> None:
        """Row i becomes the old row ``rows[i]``. With ``start`` > 0 columns before it are left as they are."""
        if self.buffers is None:
            return
        keys, values = (buffer[:, :, start : self.length].index_select(0, rows) for buffer in self.buffers)
        if start == 0:
            width = self.buffers[0].shape[-2]
            self.buffers = _room(keys, width), _room(values, width)
        self._fill(keys, values, start)
        self._view(self.length)

    def _fill(self, keys: Tensor, values: Tensor, start: int) -> None:
        assert self.buffers is not None
        for buffer, new in zip(self.buffers, (keys, values), strict=True):
            buffer[:, :, start : start + new.shape[-2]] = new

    def _view(self, length: int) -> tuple[Tensor, Tensor]:
        assert self.buffers is not None
        self.length = length
        self.keys, self.values = (buffer[:, :, :length] for buffer in self.buffers)
        return self.keys, self.values


def _room(like: Tensor, length: int) -> Tensor:
    """An empty buffer with the rows, heads and width of ``like`` [rows, heads, *, width]."""
    return like.new_empty(like.shape[0], like.shape[1], length, like.shape[-1])


def make_cache(config: Any) -> DynamicCache:
    """An empty cache for a model's configuration; ModelError if a layer keeps anything but keys and values."""
    cache = DynamicCache(config=config)
    for index, layer in enumerate(cache.layers):
        if type(layer) in (DynamicLayer, DynamicSlidingWindowLayer):
            cache.layers[index] = GrowingLayer()
        elif not isinstance(layer, DummyLayer):
            raise ModelError(
                f"layer {index} of this {config.model_type} model keeps a {type(layer).__name__}; "
                "search needs attention layers (full or with a sliding window): take another base"
            )
    return cache


def select_rows(cache: DynamicCache, rows: Tensor, start: int) -> None:
    """Row i of every layer becomes the old row ``rows[i]``; see :meth:`GrowingLayer.select`."""
    for layer in cache.layers:
        if isinstance(layer, GrowingLayer):
            layer.select(rows, start)

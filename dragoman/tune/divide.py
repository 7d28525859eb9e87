"""A model whose weights, gradients and moments are divided among the processes of a run (torch's FSDP2).

Each process holds a slice of the rows of every tensor. A layer is gathered when it is computed, and its
gradient is summed and cut up again; what is no layer (embeddings, norms, head) is gathered for a whole pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from dragoman.errors import ModelError
from dragoman.tune.parallel import processes

T = TypeVar("T")


class _Root(nn.Module):
    """Around the model, so that weights used outside its own forward (the head's) are gathered too."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, work: Callable[[], T]) -> T:
        return work()


class Divided:
    """Divides a model, which may lie on the CPU, over the devices of all processes.

    Afterwards its parameters are slices (DTensor), except inside :meth:`gathered` and :meth:`whole`.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.device = device
        mesh = init_device_mesh(device.type, (processes(),))
        for layer in layers_of(model):
            fully_shard(layer, mesh=mesh)
        root = fully_shard(_Root(model), mesh=mesh)
        self.root, self._parts = root, [m for m in root.modules() if isinstance(m, FSDPModule)]
        for part in self._parts:  # losses are scaled already: gradients are summed, not averaged
            part.set_force_sum_reduction_for_comms(True)
            part.set_gradient_divide_factor(1.0)
        self.gathered(lambda: None)  # a first call settles which module is the outermost
        self.root.reshard()

    def gathered(self, work: Callable[[], T]) -> T:
        """Do the work of a pass; all processes must do it together, and the backward pass too."""
        return cast(T, self.root(work))

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Hold all weights whole in every process, for what is not done by all in step; no training."""
        for part in self._parts:
            part.set_reshard_after_forward(False, recurse=False)
            part.unshard()
        try:
            yield
        finally:
            if hasattr(
                self.root, "reset_iter_state"
            ):  # forget passes that not all processes made (torch 2.13)
                self.root.reset_iter_state()
            for part in self._parts:
                part.reshard()
                part.set_reshard_after_forward(part is not self.root, recurse=False)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """The layers of a model: the members of the list that holds the most weights."""

    def weights(layers: nn.Module) -> int:
        return sum(p.numel() for p in layers.parameters())

    lists = [m for m in model.modules() if isinstance(m, nn.ModuleList)]
    if not lists:
        raise ModelError(f"model.sharding: {type(model).__name__} has no list of layers; use sharding: none")
    return list(max(lists, key=weights))

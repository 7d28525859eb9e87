"""Tensors that are cut into rows: among processes (DTensor), and among the files of a checkpoint.

``weights.safetensors`` holds whole tensors. Processes that divide a model each write a file of their own,
``weights-00001-of-00002.safetensors`` and so on: the tensors of the files, one below the other, are whole.
Any number of processes can read them, whatever the number that wrote them. A tensor of one number stands
whole in each file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from dragoman.tune.parallel import is_main, processes, rank


def is_slice(tensor: Any) -> bool:
    """True for a tensor of which each process holds some rows."""
    return hasattr(tensor, "to_local")  # a DTensor; its module takes seconds to import


def local(tensor: Any) -> Tensor:
    """This process's rows of a divided tensor, in the same memory; any other tensor as it is."""
    return tensor.to_local() if is_slice(tensor) else tensor


def rows_of(tensor: Tensor) -> tuple[int, int]:
    """Which rows of the whole tensor this process holds: from the first, up to the second."""
    count = tensor.shape[0] if tensor.dim() else 1
    if not is_slice(tensor):
        return 0, count
    start = min(rank() * -(-count // processes()), count)  # torch.chunk's way
    return start, start + local(tensor).shape[0]


def cut_like(tensor: Any, rows: Tensor) -> Tensor:
    """This process's rows as a tensor that is divided as another one is."""
    if not is_slice(tensor):
        return rows
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(
        rows, tensor.device_mesh, tensor.placements, shape=tensor.shape, stride=tensor.stride()
    )


def whole(tensor: Any) -> Tensor:
    """The tensor of all rows; all processes must ask for it."""
    return tensor.full_tensor() if is_slice(tensor) else tensor


@torch.no_grad()
def collect(parameters: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    """Whole tensors on the CPU, in the process that writes files (the others get none); all must call it."""
    found = {}
    for name, parameter in parameters.items():
        one = whole(parameter)
        if is_main():
            found[name] = one.detach().cpu()
    return found


def file_name(name: str, divided: bool) -> str:
    """The file of this process: ``weights.safetensors``, or one of several."""
    stem, ending = name.split(".")
    return f"{stem}-{rank() + 1:05d}-of-{processes():05d}.{ending}" if divided else name


class Rows:
    """The tensors of a checkpoint's file, or of its several files, read row by row."""

    def __init__(self, folder: Path, name: str) -> None:
        stem, ending = name.split(".")
        paths = sorted([*folder.glob(name), *folder.glob(f"{stem}-*-of-*.{ending}")])
        self._files = [safe_open(path, framework="pt") for path in paths]
        self.names = list(self._files[0].keys()) if self._files else []

    def shape(self, name: str) -> list[int]:
        """Of the whole tensor."""
        shapes = [file.get_slice(name).get_shape() for file in self._files]
        return [sum(shape[0] for shape in shapes), *shapes[0][1:]] if shapes[0] else []

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Tensor:
        """The rows from ``start`` up to ``stop`` (None: the end); a tensor of one number as it is."""
        if not self.shape(name):
            return self._files[0].get_tensor(name)
        pieces, offset = [], 0
        for file in self._files:
            rows = file.get_slice(name)
            count = rows.get_shape()[0]
            low, high = max(start - offset, 0), count if stop is None else min(stop - offset, count)
            if low < high:
                pieces.append(rows[low:high])
            offset += count
        if len(pieces) == 1:
            return pieces[0]
        return torch.cat(pieces) if pieces else self._files[0].get_slice(name)[0:0]

"""Checkpoints: weights, optimiser, place in the data, best-so-far. No pickles.

A checkpoint is a folder ``step-0000200`` written beside and renamed; its manifest, with the SHA-256 of every
file, is written last. One whose hashes do not fit is passed over for the one before. Random streams need no
room in it: each step's follows from the seed and the step (see loop.py).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dragoman.errors import ModelError
from dragoman.tune.folder import write_folder
from dragoman.tune.model import trainable

MANIFEST = "manifest.json"
WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"


class Stateful(Protocol):
    """An optimiser: what it knows of each weight, by name."""

    @property
    def state(self) -> Any: ...


def step_folder(folder: Path, step: int) -> Path:
    """The folder of a step's checkpoint."""
    return folder / f"step-{step:07d}"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checked(folder: Path, write: Callable[[Path], None]) -> None:
    """:func:`write_folder` with a manifest of hashes, which :func:`is_whole` compares."""

    def write_and_hash(part: Path) -> None:
        write(part)
        hashes = {path.name: file_hash(path) for path in sorted(part.iterdir())}
        (part / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")

    write_folder(folder, write_and_hash)


def is_whole(folder: Path) -> bool:
    """True if every file of the folder has the hash that its manifest names."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all(file_hash(folder / name) == wanted for name, wanted in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False


def save_weights(folder: Path, model: nn.Module) -> None:
    """Write the tuned tensors alone."""
    write_checked(folder, lambda part: save_file(_tensors(model), part / WEIGHTS))


@torch.no_grad()
def load_weights(folder: Path, model: nn.Module) -> None:
    """Copy saved tensors into the model's tuned parameters; ModelError names what does not fit."""
    tensors = load_file(folder / WEIGHTS)
    parameters = trainable(model)
    if set(parameters) != set(tensors):
        odd = sorted(set(parameters) ^ set(tensors))[0]
        raise ModelError(f"{folder} does not fit the model: {odd} is in one and not in the other")
    for name, parameter in parameters.items():
        if parameter.shape != tensors[name].shape:
            shapes = f"{list(tensors[name].shape)} and not {list(parameter.shape)}"
            raise ModelError(f"{folder} does not fit the model: {name} is {shapes}")
        parameter.copy_(tensors[name])


def save_checkpoint(
    folder: Path, model: nn.Module, optimizer: Stateful | None, state: dict[str, Any]
) -> None:
    """Write everything that going on exactly needs; ``state`` must be JSON.

    A stage that is done needs no ``optimizer``.
    """

    def write(part: Path) -> None:
        save_file(_tensors(model), part / WEIGHTS)
        if optimizer is not None:
            save_file(_optimizer_tensors(model, optimizer), part / OPTIMIZER)
        (part / STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")

    write_checked(folder, write)


def load_checkpoint(folder: Path, model: nn.Module, optimizer: Stateful) -> dict[str, Any]:
    """Restore model and optimiser (if it is there); returns the state."""
    load_weights(folder, model)
    if (folder / OPTIMIZER).exists():
        _restore_optimizer(model, optimizer, load_file(folder / OPTIMIZER))
    return json.loads((folder / STATE).read_text(encoding="utf-8"))


def latest_checkpoint(folder: Path, say: Callable[[str], None]) -> Path | None:
    """The newest whole checkpoint under ``folder``; damaged ones are named and passed over."""
    for path in reversed(_checkpoints(folder)):
        if is_whole(path):
            return path
        say(f"checkpoint {path} is damaged (its hashes do not fit); taking the one before")
    return None


def keep_newest(folder: Path, step: int, count: int = 2) -> None:
    """Delete all but the newest checkpoints up to ``step``, and whatever a cut-off write left.

    Later ones are damaged: otherwise the run would have gone on from them.
    """
    found = _checkpoints(folder)
    upto = [path for path in found if path <= step_folder(folder, step)]
    left = [path for path in folder.glob("step-*.*") if path.suffix in (".part", ".old")]
    for path in [*upto[:-count], *found[len(upto) :], *left]:
        shutil.rmtree(path, ignore_errors=True)


def _checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first; a name with an ending is a write that was cut off."""
    return sorted(path for path in folder.glob("step-*") if not path.suffix)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """The tuned tensors by name, contiguous and on the CPU."""
    return {name: p.detach().cpu().contiguous() for name, p in trainable(model).items()}


def _optimizer_tensors(model: nn.Module, optimizer: Stateful) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, parameter in trainable(model).items():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensor = value if isinstance(value, Tensor) else torch.tensor(value)
            tensors[f"{key}|{name}"] = tensor.detach().cpu().contiguous()
    return tensors


def _restore_optimizer(model: nn.Module, optimizer: Stateful, tensors: dict[str, Tensor]) -> None:
    parameters = trainable(model)
    for joined, tensor in tensors.items():
        key, name = joined.split("|", 1)
        parameter = parameters[name]
        # a fused optimiser keeps its step counter beside the weights too
        optimizer.state[parameter][key] = tensor.to(parameter.device, copy=True)

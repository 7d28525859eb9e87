"""Checkpoints: weights, optimiser, place in the data, best-so-far. No pickles.

A checkpoint is a folder ``step-0000200`` written beside and renamed; its manifest, with the SHA-256 of every
file, is written last. One whose hashes do not fit is passed over for the one before. Random streams need no
room in it: each step's follows from the seed and the step (see loop.py). All processes of a run call these
functions together; the first one writes, and each of them its slices where the model is divided (slices.py).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from dragoman.errors import ModelError
from dragoman.tune import parallel
from dragoman.tune.folder import replace_folder, telling_full
from dragoman.tune.model import trainable
from dragoman.tune.slices import Rows, cut_like, file_name, is_slice, local, rows_of

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


def write_checked(folder: Path, write: Callable[[Path], list[str]]) -> None:
    """Let each process fill a folder beside ``folder``, then put it in its place, with a manifest of hashes.

    ``write`` gives the names of its files. If it fails in one process nothing of it stays, and all of them
    raise; a full disk is a ModelError.
    """
    part = folder.with_name(folder.name + ".part")
    try:
        with parallel.together(), telling_full(folder):
            if parallel.is_main():
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir(parents=True)
        hashes: dict[str, str] = {}
        with parallel.together(), telling_full(folder):
            hashes = {name: file_hash(part / name) for name in write(part)}
        hashes = {name: found for own in parallel.gather(hashes) for name, found in own.items()}
        with parallel.together(), telling_full(folder):
            if parallel.is_main():
                (part / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
                replace_folder(part, folder)
    except Exception:
        if parallel.is_main():
            shutil.rmtree(part, ignore_errors=True)
        raise


def is_whole(folder: Path) -> bool:
    """True if every file of the folder has the hash that its manifest names; processes share the files."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        mine = sorted(hashes.items())[parallel.rank() :: parallel.processes()]
        whole = bool(hashes) and all(file_hash(folder / name) == wanted for name, wanted in mine)
    except (OSError, ValueError, AttributeError):
        whole = False
    return all(parallel.gather(whole))


def save_weights(folder: Path, model: nn.Module) -> None:
    """Write the tuned tensors alone."""
    write_checked(folder, lambda part: _write_tensors(part, WEIGHTS, _tensors(model)))


@torch.no_grad()
def load_weights(folder: Path, model: nn.Module) -> None:
    """Copy saved tensors into the model's tuned parameters; ModelError names what does not fit."""
    saved = Rows(folder, WEIGHTS)
    parameters = trainable(model)
    if set(parameters) != set(saved.names):
        odd = sorted(set(parameters) ^ set(saved.names))[0]
        raise ModelError(f"{folder} does not fit the model: {odd} is in one and not in the other")
    for name, parameter in parameters.items():
        if list(parameter.shape) != saved.shape(name):
            shapes = f"{saved.shape(name)} and not {list(parameter.shape)}"
            raise ModelError(f"{folder} does not fit the model: {name} is {shapes}")
        local(parameter).copy_(saved.read(name, *rows_of(parameter)))


def save_checkpoint(
    folder: Path, model: nn.Module, optimizer: Stateful | None, state: dict[str, Any]
) -> None:
    """Write everything that going on exactly needs; ``state`` must be JSON.

    A stage that is done needs no ``optimizer``.
    """

    def write(part: Path) -> list[str]:
        written = _write_tensors(part, WEIGHTS, _tensors(model))
        if optimizer is not None:
            written += _write_tensors(part, OPTIMIZER, _optimizer_tensors(model, optimizer))
        if not parallel.is_main():
            return written
        (part / STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
        return [*written, STATE]

    write_checked(folder, write)


def load_checkpoint(folder: Path, model: nn.Module, optimizer: Stateful) -> dict[str, Any]:
    """Restore model and optimiser (if it is there); returns the state."""
    load_weights(folder, model)
    _restore_optimizer(model, optimizer, Rows(folder, OPTIMIZER))
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
    """The tuned tensors by name."""
    return {name: parameter.detach() for name, parameter in trainable(model).items()}


def _write_tensors(part: Path, name: str, tensors: dict[str, Tensor]) -> list[str]:
    """This process's file, if it has one to write; its name."""
    divided = any(map(is_slice, tensors.values()))
    if not (divided or parallel.is_main()):
        return []
    file = file_name(name, divided)
    save_file({key: local(tensor).cpu().contiguous() for key, tensor in tensors.items()}, part / file)
    return [file]


def _optimizer_tensors(model: nn.Module, optimizer: Stateful) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, parameter in trainable(model).items():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensor = value if isinstance(value, Tensor) else torch.tensor(value)
            tensors[f"{key}|{name}"] = tensor.detach()
    return tensors


def _restore_optimizer(model: nn.Module, optimizer: Stateful, saved: Rows) -> None:
    parameters = trainable(model)
    for joined in saved.names:
        key, name = joined.split("|", 1)
        parameter = parameters[name]
        whole = saved.shape(joined) == list(parameter.shape)
        rows = saved.read(joined, *(rows_of(parameter) if whole else ()))
        # a fused optimiser keeps its step counter beside the weights too
        mine = rows.to(local(parameter).device, copy=True)
        optimizer.state[parameter][key] = cut_like(parameter, mine) if whole else mine

"""Checkpoints: weights, optimiser, place in the data, every random stream, best-so-far. No pickles.

A checkpoint is a folder ``step-000200`` written beside and renamed; its manifest, with the SHA-256 of every file, is
written last. One whose hashes do not fit is passed over for the one before.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dragoman.errors import ModelError
from dragoman.tune.model import replace_folder, trainable

MANIFEST = "manifest.json"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checked(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a folder beside ``folder``, hash it, rename it. A full disk leaves nothing behind."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        write(part)
        hashes = {path.name: file_hash(path) for path in sorted(part.iterdir())}
        (part / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
        replace_folder(part, folder)
    except Exception as error:
        shutil.rmtree(part, ignore_errors=True)
        # safetensors reports a full disk as an error of its own, with the system's words in it
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise ModelError(
                f"disk full while writing {folder}; the checkpoint before it is whole; free space and run again"
            ) from error
        raise


def is_whole(folder: Path) -> bool:
    """True if every file of the folder has the hash that its manifest names."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all(file_hash(folder / name) == wanted for name, wanted in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The tuned tensors by name, contiguous and on the CPU."""
    return {name: p.detach().cpu().contiguous() for name, p in trainable(model).items()}


@torch.no_grad()
def load_weights(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy tensors into the model's tuned parameters; ModelError names what does not fit."""
    parameters = trainable(model)
    if set(parameters) != set(tensors):
        odd = sorted(set(parameters) ^ set(tensors))[0]
        raise ModelError(f"checkpoint does not fit the model: {odd} is in one and not in the other")
    for name, parameter in parameters.items():
        parameter.copy_(tensors[name])


def save_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Write everything that going on exactly needs; ``state`` must be JSON."""

    def write(part: Path) -> None:
        save_file(weights_of(model), part / "weights.safetensors")
        save_file(_optimizer_tensors(model, optimizer), part / "optimizer.safetensors")
        save_file(_random_streams(), part / "random.safetensors")
        (part / "state.json").write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")

    write_checked(folder, write)


def load_checkpoint(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore model, optimiser and random streams; returns the state."""
    load_weights(model, load_file(folder / "weights.safetensors"))
    _restore_optimizer(model, optimizer, load_file(folder / "optimizer.safetensors"))
    streams = load_file(folder / "random.safetensors")
    torch.set_rng_state(streams["cpu"])
    if torch.cuda.is_available() and "cuda" in streams:
        torch.cuda.set_rng_state(streams["cuda"])
    return json.loads((folder / "state.json").read_text(encoding="utf-8"))


def latest_checkpoint(folder: Path, say: Callable[[str], None]) -> Path | None:
    """The newest whole checkpoint under ``folder``; damaged ones are named and passed over."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        if path.suffix:  # .part or .old: a write that was cut off
            continue
        if is_whole(path):
            return path
        say(f"checkpoint {path} is damaged (its hashes do not fit); taking the one before")
    return None


def keep_newest(folder: Path, count: int) -> None:
    """Delete all but the newest checkpoints and whatever a cut-off write left."""
    whole = [path for path in sorted(folder.glob("step-*")) if not path.suffix]
    left = [path for path in folder.glob("step-*.*") if path.suffix in (".part", ".old")]
    for path in whole[:-count] + left:
        shutil.rmtree(path, ignore_errors=True)


def _optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, parameter in trainable(model).items():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensor = value if isinstance(value, Tensor) else torch.tensor(value)
            tensors[f"{key}|{name}"] = tensor.detach().cpu().contiguous()
    return tensors


def _restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = trainable(model)
    for joined, tensor in tensors.items():
        key, name = joined.split("|", 1)
        parameter = parameters[name]
        # a step counter lives where its optimiser put it: beside the weights for a fused one
        optimizer.state[parameter][key] = tensor.clone() if key == "step" and parameter.device.type == "cpu" else (
            tensor.to(parameter.device)
        )


def _random_streams() -> dict[str, Tensor]:
    streams = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        streams["cuda"] = torch.cuda.get_rng_state()
    return streams

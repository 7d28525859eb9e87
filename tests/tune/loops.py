"""What several tests of the loop do: crash a run at a step, look at what it left, damage it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from helpers import tiny_model

from dragoman.recipe import Lora
from dragoman.tune.loop import Loop, Progress
from dragoman.tune.model import add_lora

from .toy import VOCABULARY, weights

STEPS = 12  # of make_stage, with a checkpoint every 4
Tensors = dict[str, torch.Tensor]


class Crash(BaseException):
    """The process ends without another word."""


def at_step(step: int, act: Callable[[], Any]) -> Callable[[Progress], None]:
    """A ``tell`` that acts once a step is done, before anything is saved."""
    return lambda progress: act() if progress.step == step else None


def crash() -> None:
    raise Crash


def run(loop: Loop) -> Tensors:
    """Run to the end; the weights."""
    loop.run()
    return weights(loop.model)


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lora_model(dropout: float = 0.3) -> Any:
    """Adapters with dropout: training that consumes randomness."""
    return add_lora(tiny_model("llama", VOCABULARY), Lora(rank=4, dropout=dropout))

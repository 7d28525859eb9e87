"""metrics.jsonl: a row for each step and each validation; steps that are run again lose their first rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dragoman.tune.folder import telling_full
from dragoman.tune.step import StepResult

NAME = "metrics.jsonl"


class MetricLog:
    """Appends rows to ``metrics.jsonl`` in a folder; ``on`` is False in processes that write nothing."""

    def __init__(self, folder: Path, stage: str, on: bool = True) -> None:
        self.path, self.stage, self.on = folder / NAME, stage, on

    def step(self, step: int, result: StepResult, device: torch.device, **figures: float) -> None:
        """The row of an optimiser step; ``figures`` are rate, gradient norm and speed."""
        row = {
            "loss": round(result.loss, 6),
            "loss_positive": _mean(result.positive, result.positive_tokens),
            "loss_negative": _mean(result.negative, result.negative_tokens),
            "tasks": {task: round(value, 6) for task, value in sorted(result.by_task.items())},
            "nats": {
                task: _mean(result.nats[task], int(n)) for task, n in sorted(result.answers.items()) if n
            },
            "learned_tokens": result.positive_tokens,
            "unlearned_tokens": result.negative_tokens,
            "examples": result.examples,
            "tokens": result.tokens,
            "padded_tokens": result.padded,
            **figures,
            "memory_mb": memory_mb(device),
        }
        self._write(step, row)

    def validation(self, step: int, scores: Mapping[str, float]) -> None:
        """The row of a validation."""
        self._write(step, {"validation": dict(scores)})

    def forget_after(self, step: int) -> None:
        """Drop the rows of later steps, which will be run again, and a line that a kill cut off."""
        if not self.on or not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line)
            except (ValueError, KeyError, TypeError):
                continue
        part = self.path.with_name(NAME + ".part")
        part.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        part.replace(self.path)

    def _write(self, step: int, row: dict[str, Any]) -> None:
        if self.on:
            with telling_full(self.path), self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"stage": self.stage, "step": step, **row}) + "\n")


def late_nats(folder: Path, task: str) -> float | None:
    """Mean -log p of a task's answers over the last quarter of a stage's steps; None if it had none."""
    path = folder / NAME
    found: list[float] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            nats = json.loads(line).get("nats", {}).get(task)
        except (ValueError, AttributeError):
            continue  # a damaged log is no reason not to use the model
        if nats is not None:
            found.append(nats)
    late = found[-max(1, len(found) // 4) :]
    return sum(late) / len(late) if late else None


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 6) if count else None


def memory_mb(device: torch.device) -> int:
    """Peak memory in MB: of the card, or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, but bytes on a Mac
    return peak // 2**20 if sys.platform == "darwin" else peak // 2**10

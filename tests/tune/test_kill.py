"""kill -9 at any moment, also while a checkpoint is written: the run goes on to the same weights."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from .worker_loop import STEPS, stage_to_end

UNTIMED = (
    "stage",
    "step",
    "loss",
    "loss_positive",
    "loss_negative",
    "tasks",
    "learning_rate",
    "gradient_norm",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """Processes that start in no time: all imports are done before they are forked."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([stage_to_end.__module__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield context


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, server: Any) -> Path:
    """The folder of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    run_to_end(server, folder)
    return folder


def run(server: Any, folder: Path, kill: Callable[[], bool], every: int = 3) -> bool:
    """Run until done, or kill -9 as soon as ``kill`` says so; True if it was killed."""
    process = server.Process(target=stage_to_end, args=(folder, every))
    process.start()
    while process.is_alive():
        if kill():
            process.kill()
            process.join()
            return process.exitcode == -9
    return False


def run_to_end(server: Any, folder: Path, every: int = 3) -> None:
    """Begin or go on, and nothing stops it."""
    process = server.Process(target=stage_to_end, args=(folder, every))
    process.start()
    process.join()
    assert process.exitcode == 0


def rows(folder: Path) -> list[dict[str, Any]]:
    path = folder / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def assert_same(folder: Path, whole: Path) -> None:
    """The same weights bit for bit, and the same log: each step once, with the same figures."""
    found, wanted = (load_file(f / "final.safetensors") for f in (folder, whole))
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    logs = [[{key: row[key] for key in UNTIMED} for row in rows(f)] for f in (folder, whole)]
    assert [row["step"] for row in logs[0]] == list(range(1, STEPS + 1))
    assert logs[0] == logs[1]


def test_killed_at_random_steps(tmp_path: Path, server: Any, whole: Path) -> None:
    """Also before the first checkpoint, and again and again."""
    rng = random.Random(7)
    killed = [run(server, tmp_path, Logged(tmp_path, steps)) for steps in (1, *rng.sample(range(1, 9), 4))]
    assert all(killed) and not (tmp_path / "final.safetensors").exists()
    run_to_end(server, tmp_path)
    assert "goes on at step" in (tmp_path / "said.txt").read_text()
    assert_same(tmp_path, whole)


class Logged:
    """True once a process has logged a number of steps; going on first shortens the log to the checkpoint."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.path, self.steps = folder / "metrics.jsonl", steps
        self.least = self.count()

    def count(self) -> int:
        return self.path.read_bytes().count(b"\n") if self.path.exists() else 0

    def __call__(self) -> bool:
        time.sleep(0.001)
        count = self.count()
        self.least = min(self.least, count)
        return count >= self.least + self.steps


def test_killed_while_a_checkpoint_is_written(tmp_path: Path, server: Any, whole: Path) -> None:
    """Until three deaths have each left a half-written checkpoint behind."""
    torn = 0
    for _ in range(12):
        writing = Writing(tmp_path / "checkpoints")
        assert run(server, tmp_path, writing, every=1)
        torn += writing()
        if torn == 3:
            break
    assert torn == 3, "killed in the middle of writing"
    run_to_end(server, tmp_path, every=1)
    assert not list((tmp_path / "checkpoints").glob("*.part"))
    assert_same(tmp_path, whole)


class Writing:
    """True while a checkpoint is half written, other than what an earlier death has left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left = self.parts()

    def parts(self) -> set[int]:
        try:
            return {part.stat().st_ino for part in self.folder.glob("*.part") if any(part.iterdir())}
        except FileNotFoundError:
            return set()

    def __call__(self) -> bool:
        return bool(self.parts() - self.left)

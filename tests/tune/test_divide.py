"""Weights, gradients and moments divided among two gloo processes: the same steps, exact resume."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dragoman.tune.checkpoint import is_whole

from . import worker_divide
from .loops import checkpoints, flip, log
from .toy import same_weights
from .worker_divide import Case, joined, one_step

Run = Callable[..., list[int]]
CASES: dict[str, Case] = {
    "llama": {},
    "one group": {"groups": 1},  # a process has no row of its own
    "uneven rows": {"more": 1, "groups": 3},
    "tied": {"kind": "qwen3"},
    "gemma3": {"kind": "gemma3"},
    "bloom": {"kind": "bloom"},
    "adapters": {"lora": True},
    "recomputed": {"recompute": True},
    "adapters recomputed": {"lora": True, "recompute": True},
    "bfloat16 products": {"compute": "bfloat16"},
    "bfloat16 weights, adapters": {"dtype": "bfloat16", "lora": True},
}


@pytest.fixture(scope="module")
def two() -> Iterator[Run]:
    """Do some work in two processes that are joined; their exit codes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([worker_divide.__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patch.setenv("OMP_NUM_THREADS", "1")

        def run(folder: Path, work: Callable[..., None], *arguments: Any, of: int = 2) -> list[int]:
            (folder / "meeting").unlink(missing_ok=True)
            crew = [
                context.Process(target=joined, args=(number, folder, work, arguments, of))
                for number in range(of)
            ]
            for process in crew:
                process.start()
            while any(process.is_alive() for process in crew):
                multiprocessing.connection.wait([p.sentinel for p in crew if p.is_alive()])
                if any(process.exitcode for process in crew):
                    for process in crew:  # as torchrun does: the others would wait for what is gone
                        process.kill()
            return [process.exitcode for process in crew]

        yield run


def final(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "final.safetensors")


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory, two: Run) -> Path:
    """The folder of a divided run that was never stopped."""
    folder = tmp_path_factory.mktemp("divided")
    assert two(folder, worker_divide.stage, {}) == [0, 0]
    return folder


def test_a_divided_step_is_a_step_of_one_process(tmp_path: Path, two: Run) -> None:
    """Objective, figures, gradients and their norm; every kind of model that is tested elsewhere."""
    assert two(tmp_path, worker_divide.steps, list(CASES.values())) == [0, 0]
    for number in range(2):
        answers = torch.load(tmp_path / f"found{number}.pt", weights_only=False)
        for name, (result, found, norm) in zip(CASES, answers, strict=True):
            whole, wanted, wanted_norm = one_step(CASES[name], False)
            near = 2e-2 if "bfloat16" in name else 1e-6
            assert result.loss == pytest.approx(whole.loss, rel=near), name
            assert dict(result.by_task) == pytest.approx(dict(whole.by_task), rel=near), name
            for figure in ("positive_tokens", "negative_tokens", "examples", "tokens"):
                assert getattr(result, figure) == getattr(whole, figure), name
            assert found.keys() == wanted.keys(), name
            size = max(float(gradient.abs().max()) for gradient in wanted.values())
            for key in wanted:
                assert float((found[key] - wanted[key]).abs().max()) <= 3 * near * size, (name, key)
            assert norm == pytest.approx(wanted_norm, rel=3 * near), name


def test_a_divided_run_ends_as_one_process_does(tmp_path: Path, two: Run, divided: Path) -> None:
    """Twelve steps of Adam; each process holds half of every tensor, and writes it."""
    assert two(tmp_path, worker_divide.stage, {"divide": False}, of=1) == [0]
    assert (divided / "share.txt").read_text() == "0.5"
    found, wanted = final(divided), final(tmp_path)
    assert found.keys() == wanted.keys()
    losses = [(a["loss"], b["loss"]) for a, b in zip(log(divided), log(tmp_path), strict=True)]
    assert all(a == pytest.approx(b, abs=2e-6) for a, b in losses)
    assert all(torch.allclose(found[name], wanted[name], atol=2e-5) for name in wanted)
    last = divided / "checkpoints" / "step-0000012"
    assert sorted(path.name for path in last.iterdir()) == [
        "manifest.json", "state.json", "weights-00001-of-00002.safetensors",
        "weights-00002-of-00002.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize("cut", ["0:6", "1:6", "1:9"])
def test_going_on_is_exact(tmp_path: Path, two: Run, divided: Path, cut: str) -> None:
    """One process dies; started again the run ends with the same bits."""
    assert 9 in two(tmp_path, worker_divide.stage, {}, cut)
    assert two(tmp_path, worker_divide.stage, {}) == [0, 0]
    last = (int(cut[2:]) - 1) // 4 * 4
    assert (tmp_path / "said.txt").read_text() == f"stage toy goes on at step {last} of 12"
    assert same_weights(final(tmp_path), final(divided))
    assert [row["step"] for row in log(tmp_path)] == list(range(1, 13))


def test_a_damaged_part_is_passed_over_by_all(tmp_path: Path, two: Run, divided: Path) -> None:
    two(tmp_path, worker_divide.stage, {}, "1:10")
    assert checkpoints(tmp_path) == ["step-0000004", "step-0000008"]
    flip(tmp_path / "checkpoints" / "step-0000008" / "optimizer-00002-of-00002.safetensors")
    assert two(tmp_path, worker_divide.stage, {}) == [0, 0]
    said = (tmp_path / "said.txt").read_text()
    assert "step-0000008 is damaged" in said and said.endswith("goes on at step 4 of 12")
    assert same_weights(final(tmp_path), final(divided))


def test_another_number_of_processes_goes_on(tmp_path: Path, two: Run, divided: Path) -> None:
    """From two to one, to three, and back: what was written by any number is read by any other."""
    two(tmp_path, worker_divide.stage, {}, "1:6")
    for cut, of, divide in (("0:10", 1, False), ("2:11", 3, True)):
        two(tmp_path, worker_divide.stage, {"divide": divide}, cut, of=of)
    shutil.copytree(tmp_path / "checkpoints", tmp_path / "seen")
    assert two(tmp_path, worker_divide.stage, {}) == [0, 0]
    found, wanted = final(tmp_path), final(divided)
    assert all(torch.allclose(found[name], wanted[name], atol=2e-5) for name in wanted)


@pytest.mark.parametrize("case", [{"lora": True}, {"kind": "qwen3"}, {"more": 1}])
def test_best_weights_and_adapters(tmp_path: Path, two: Run, case: Case) -> None:
    """The weights that a rule chose come back; adapters and tied weights are saved and found again."""
    settings = {**case, "stage": {"best": "loss", "validate_every": 3}, "validate": True}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    assert two(whole, worker_divide.stage, settings) == [0, 0]
    best = load_file(next((whole / "best").iterdir()) / "weights-00001-of-00002.safetensors")
    assert next((whole / "best").iterdir()).name == "step-0000006"
    two(cut, worker_divide.stage, settings, "1:11")
    assert two(cut, worker_divide.stage, settings) == [0, 0]
    assert same_weights(final(cut), final(whole))
    for name, rows in best.items():
        assert torch.equal(final(whole)[name][: len(rows)], rows)


def test_a_full_disk_of_one_process_ends_both(tmp_path: Path, two: Run, divided: Path) -> None:
    assert two(tmp_path, worker_divide.full_disk, {}) == [0, 0]
    for number in range(2):
        told = (tmp_path / f"error{number}.txt").read_text()
        assert "disk full while writing" in told and "step-0000008; what was written before is whole" in told
    assert checkpoints(tmp_path) == ["step-0000004"]
    assert is_whole(tmp_path / "checkpoints" / "step-0000004")
    assert two(tmp_path, worker_divide.stage, {}) == [0, 0]
    assert same_weights(final(tmp_path), final(divided))

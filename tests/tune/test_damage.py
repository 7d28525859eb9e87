"""Damaged checkpoints, full disks, losses that are no number: a clear end, and the last good state stays."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny_model

from dragoman.errors import ModelError
from dragoman.prompt.encode import Encoder
from dragoman.tune import checkpoint
from dragoman.tune.checkpoint import is_whole
from dragoman.tune.loop import Interrupted

from .loops import STEPS, Crash, Tensors, at_step, checkpoints, crash, flip, log, run
from .toy import VOCABULARY, make_loop, make_stage, same_weights

DAMAGES: dict[str, Callable[[Path], None]] = {
    "a bit of the weights": lambda folder: flip(folder / "weights.safetensors"),
    "a bit of the optimiser": lambda folder: flip(folder / "optimizer.safetensors"),
    "the state cut short": lambda folder: (folder / "state.json").write_text("{"),
    "a file gone": lambda folder: (folder / "optimizer.safetensors").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "an empty manifest": lambda folder: (folder / "manifest.json").write_text(""),
    "empty": lambda folder: [path.unlink() for path in folder.iterdir()] and None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over(
    tmp_path: Path, encoder: Encoder, whole: Tensors, damage: str
) -> None:
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(10, crash)).run()
    assert checkpoints(tmp_path) == ["step-0000004", "step-0000008"]
    DAMAGES[damage](tmp_path / "checkpoints" / "step-0000008")
    said: list[str] = []
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage(), say=said.append)), whole)
    assert "step-0000008 is damaged" in said[0] and "taking the one before" in said[0]
    assert said[1] == "stage toy goes on at step 4 of 12"
    assert all(is_whole(path) for path in (tmp_path / "checkpoints").iterdir())


def test_a_damaged_checkpoint_does_not_push_out_a_whole_one(tmp_path: Path, encoder: Encoder) -> None:
    """Two whole ones are kept, whatever lies damaged beyond them."""
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(10, crash)).run()
    flip(tmp_path / "checkpoints" / "step-0000008" / "weights.safetensors")
    stop = at_step(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        make_loop(tmp_path, encoder, make_stage(), tell=stop).run()
    assert checkpoints(tmp_path) == ["step-0000004", "step-0000005"]


def test_all_damaged_begins_again(tmp_path: Path, encoder: Encoder, whole: Tensors) -> None:
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(10, crash)).run()
    for path in (tmp_path / "checkpoints").iterdir():
        flip(path / "weights.safetensors")
    said: list[str] = []
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage(), say=said.append)), whole)
    assert len(said) == 2
    assert [row["step"] for row in log(tmp_path)] == list(range(1, STEPS + 1))


def test_a_checkpoint_of_another_model_or_length_is_refused(tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(6, crash)).run()
    with pytest.raises(ModelError, match=r"does not fit the model: model.embed_tokens.weight is \[400, 32\]"):
        make_loop(tmp_path, encoder, make_stage(), tiny_model("llama", VOCABULARY, hidden=64)).run()
    with pytest.raises(ModelError, match=r"lm_head.weight is in one and not in the other"):
        make_loop(tmp_path, encoder, make_stage(), tiny_model("qwen3", VOCABULARY)).run()
    with pytest.raises(ModelError, match=r"has 12 steps, this one 20; delete"):
        make_loop(tmp_path, encoder, make_stage(steps=20)).run()


FULL = {
    "of the system": OSError(errno.ENOSPC, "No space left on device"),
    "of safetensors": RuntimeError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    ),
}


@pytest.mark.parametrize("kind", FULL)
def test_a_full_disk_ends_clearly_and_keeps_the_last_checkpoint(
    tmp_path: Path, encoder: Encoder, whole: Tensors, monkeypatch: Any, kind: str
) -> None:
    save, saved = checkpoint.save_file, 0

    def fill(tensors: Any, path: Path) -> None:
        nonlocal saved
        saved += 1
        save(tensors, path)
        if saved == 4:  # the optimiser of the second checkpoint
            flip(path)
            raise FULL[kind]

    monkeypatch.setattr(checkpoint, "save_file", fill)
    with pytest.raises(ModelError, match=r"disk full while writing .*step-0000008; .*free space"):
        make_loop(tmp_path, encoder, make_stage()).run()
    assert checkpoints(tmp_path) == ["step-0000004"]
    assert is_whole(tmp_path / "checkpoints" / "step-0000004")
    monkeypatch.undo()
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage())), whole)


def test_a_disk_that_is_full_for_the_log_too(tmp_path: Path, encoder: Encoder, whole: Tensors) -> None:
    """/dev/full takes no byte; once it is gone the run goes on from its last checkpoint."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def fill() -> None:
        (tmp_path / "metrics.jsonl").unlink()
        (tmp_path / "metrics.jsonl").symlink_to("/dev/full")

    with pytest.raises(ModelError, match=r"disk full while writing .*metrics.jsonl; .*free space"):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(6, fill)).run()
    (tmp_path / "metrics.jsonl").unlink()
    assert checkpoints(tmp_path) == ["step-0000004"]
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage())), whole)


def test_another_error_while_saving_is_not_called_a_full_disk(
    tmp_path: Path, encoder: Encoder, monkeypatch: Any
) -> None:
    def fail(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(PermissionError):
        make_loop(tmp_path, encoder, make_stage()).run()
    assert checkpoints(tmp_path) == []


@pytest.mark.parametrize("where", ["weights", "gradient"])
def test_a_loss_that_is_no_number_ends_clearly(tmp_path: Path, encoder: Encoder, where: str) -> None:
    model = tiny_model("llama", VOCABULARY)

    def spoil() -> None:
        parameter = model.model.layers[0].mlp.up_proj.weight
        if where == "weights":
            parameter.data[0, 0] = float("nan")
        else:
            parameter.register_hook(lambda gradient: gradient * float("inf"))

    loop = make_loop(tmp_path, encoder, make_stage(), model, tell=at_step(6, spoil))
    what = "loss is nan" if where == "weights" else "gradient norm is (nan|inf)"
    with pytest.raises(ModelError, match=rf"stage toy, step 7: the {what}; .*lower learning_rate or alpha"):
        loop.run()
    assert checkpoints(tmp_path) == ["step-0000004"]
    assert is_whole(tmp_path / "checkpoints" / "step-0000004")
    assert log(tmp_path)[-1]["step"] == 6


def test_a_far_too_high_rate_ends_clearly(tmp_path: Path, encoder: Encoder, whole: Tensors) -> None:
    """From the start, when nothing is saved yet; and on the way, when the last checkpoint serves again."""
    wild = make_stage(learning_rate=1e30, warmup=0)
    told = r"stage toy, step \d+: the (loss|gradient norm) is (nan|inf); {}; lower learning_rate or alpha"
    with pytest.raises(ModelError, match=told.format("no checkpoint was written yet")):
        make_loop(tmp_path / "new", encoder, wild).run()
    assert not (tmp_path / "new" / "checkpoints").exists()
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(6, crash)).run()
    with pytest.raises(ModelError, match=told.format("the last checkpoint is whole")):
        make_loop(tmp_path, encoder, wild).run()
    assert checkpoints(tmp_path) == ["step-0000004"]
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage())), whole)

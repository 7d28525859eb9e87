"""A run that was cut off or asked to stop goes on to the weights of one that never was."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from dragoman.prompt.encode import Encoder
from dragoman.tune.loop import Interrupted, Loop, Progress

from .loops import STEPS, Crash, Tensors, at_step, checkpoints, crash, log, lora_model, run
from .toy import make_encoder, make_loop, make_stage, same_weights


@pytest.mark.parametrize("step", [1, 3, 4, 5, 8, 11])
def test_a_run_that_crashed_goes_on_exactly(
    tmp_path: Path, encoder: Encoder, whole: Tensors, step: int
) -> None:
    """At a step before the first checkpoint, at one, and after it."""
    said: list[str] = []
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(step, crash)).run()
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage(), say=said.append)), whole)
    last = (step - 1) // 4 * 4
    assert said == ([f"stage toy goes on at step {last} of 12"] if last else [])
    assert [row["step"] for row in log(tmp_path)] == list(range(1, STEPS + 1)), "each step once"


@pytest.mark.parametrize("settings", [{"batch_examples": 8}, {"tasks": {"conflict": {}, "mono": {}}}])
def test_going_on_is_exact_with_adapters_and_dropout(
    tmp_path: Path, tokenizer: Any, settings: dict[str, Any]
) -> None:
    stage = make_stage(**settings)
    wanted = run(make_loop(tmp_path / "whole", make_encoder(tokenizer), stage, lora_model()))
    with pytest.raises(Crash):
        make_loop(
            tmp_path / "cut", make_encoder(tokenizer), stage, lora_model(), tell=at_step(6, crash)
        ).run()
    torch.rand(3)  # another process has another history
    found = run(make_loop(tmp_path / "cut", make_encoder(tokenizer), stage, lora_model()))
    assert same_weights(found, wanted)
    other = run(make_loop(tmp_path / "no", make_encoder(tokenizer), stage, lora_model(dropout=0.0)))
    assert not same_weights(other, wanted), "dropout did something"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("step", [1, 6, 12])
def test_asked_to_stop_it_saves_and_leaves(
    tmp_path: Path, encoder: Encoder, whole: Tensors, number: signal.Signals, step: int
) -> None:
    """Also in its last step: the request must not be lost between two stages."""
    before = signal.getsignal(number)
    stop = at_step(step, lambda: os.kill(os.getpid(), number))
    with pytest.raises(
        Interrupted, match=rf"{number.name}: stage toy stopped at step {step} of 12; .*checkpoint"
    ):
        make_loop(tmp_path, encoder, make_stage(), tell=stop).run()
    assert signal.getsignal(number) == before
    assert checkpoints(tmp_path)[-1] == f"step-{step:07d}"
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage())), whole)


def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path, encoder: Encoder, whole: Tensors) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(6, twice)).run()
    assert checkpoints(tmp_path) == ["step-0000004"]
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage())), whole)


def test_a_finished_stage_does_nothing_more(tmp_path: Path, encoder: Encoder, whole: Tensors) -> None:
    make_loop(tmp_path, encoder, make_stage()).run()
    before = (tmp_path / "metrics.jsonl").read_bytes()
    told: list[Progress] = []
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage(), tell=told.append)), whole)
    assert not told and (tmp_path / "metrics.jsonl").read_bytes() == before
    shutil.rmtree(tmp_path / "checkpoints")
    assert same_weights(run(make_loop(tmp_path, encoder, make_stage())), whole), "or all of it again"


def test_what_was_dropped_is_counted_over_a_stop(tmp_path: Path, tokenizer: Any) -> None:
    def loop(name: str, **more: Any) -> Loop:
        encoder = make_encoder(tokenizer, max_length=48)
        return make_loop(tmp_path / name, encoder, make_stage(batch_examples=8), **more)

    whole = loop("whole")
    whole.run()
    assert whole.source.dropped["longer than max_length"] > 0
    with pytest.raises(Crash):
        loop("cut", tell=at_step(6, crash)).run()
    again = loop("cut")
    again.run()
    assert again.source.dropped == whole.source.dropped


def test_a_cut_off_line_of_the_log_is_dropped(tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(6, crash)).run()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "toy", "step": 4, "lo')
    make_loop(tmp_path, encoder, make_stage()).run()
    assert [row["step"] for row in log(tmp_path)] == list(range(1, STEPS + 1))

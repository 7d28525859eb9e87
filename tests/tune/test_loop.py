"""The tuning loop: going on, stopping, damage, full disks, the best weights, kept steps, the log."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_model

from dragoman.errors import ModelError, RecipeError
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Lora, Stage
from dragoman.tune import checkpoint
from dragoman.tune.checkpoint import is_whole
from dragoman.tune.loop import Interrupted, Loop, Progress
from dragoman.tune.model import add_lora

from .toy import VOCABULARY, make_encoder, make_loop, make_stage, same_weights, weights

STEPS = 12  # of make_stage, with a checkpoint every 4
Tensors = dict[str, torch.Tensor]


class Crash(BaseException):
    """The process ends without another word."""


def at_step(step: int, act: Callable[[], Any]) -> Callable[[Progress], None]:
    """A ``tell`` that acts once a step is done, before anything is saved."""
    return lambda progress: act() if progress.step == step else None


def crash() -> None:
    raise Crash


def lora_model(dropout: float = 0.3) -> Any:
    """Adapters with dropout: training that consumes randomness."""
    return add_lora(tiny_model("llama", VOCABULARY), Lora(rank=4, dropout=dropout))


def run(loop: Loop) -> Tensors:
    """Run to the end; the weights."""
    loop.run()
    return weights(loop.model)


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


@pytest.fixture(scope="module")
def whole(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Tensors:
    """The weights of a run that was never stopped."""
    return run(make_loop(tmp_path_factory.mktemp("whole"), make_encoder(tokenizer), make_stage()))


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


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


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


def scripted(
    rule: str, values: list[float], seen: list[Tensors] | None = None
) -> Callable[[Any, int], dict[str, float]]:
    """A validation with given scores, one for each two steps; it draws random numbers, as decoding may."""

    def validate(model: Any, step: int) -> dict[str, float]:
        assert not model.training and not torch.is_inference_mode_enabled()
        torch.rand(step)
        if seen is not None:
            seen.append(weights(model))
        return {rule: values[step // 2 - 1], "other": float(step)}

    return validate


RULES: list[tuple[str, list[float], int]] = [
    ("loss", [3, 2, 1, 1, 2, 3], 3),
    ("chrf", [1, 5, 4, 5, 2, 3], 2),
    ("zero_shot_otr", [90, 80, 70, 60, 50, 40], 6),
    ("zero_shot_chrf", [9, 8, 7, 6, 5, 4], 1),
]


@pytest.mark.parametrize(("rule", "values", "wanted"), RULES)
def test_the_stage_ends_with_the_best_weights(
    tmp_path: Path, encoder: Encoder, rule: Any, values: list[float], wanted: int
) -> None:
    """The lowest or highest value; of equal ones the first. The card gets that step and its scores."""
    seen: list[Tensors] = []
    stage = make_stage(best=rule, validate_every=2)
    loop = make_loop(tmp_path, encoder, stage, validate=scripted(rule, values, seen))
    assert same_weights(run(loop), seen[wanted - 1])
    assert loop.state.model_step == 2 * wanted
    assert loop.state.model_scores == {rule: values[wanted - 1], "other": 2.0 * wanted}
    assert loop.state.step == STEPS


@pytest.mark.parametrize("step", [1, 3, 5, 6, 7, 8, 9, 11])
def test_the_best_weights_survive_a_crash(tmp_path: Path, tokenizer: Any, step: int) -> None:
    """Wherever the crash falls between a validation and a checkpoint; later validations may be worse."""
    values = [5.0, 3.0, 1.0, 2.0, 4.0, 6.0]
    stage = make_stage(best="loss", validate_every=2, checkpoint_every=3)
    validate = scripted("loss", values)
    wanted = run(make_loop(tmp_path / "whole", make_encoder(tokenizer), stage, validate=validate))
    with pytest.raises(Crash):
        make_loop(
            tmp_path / "cut", make_encoder(tokenizer), stage, validate=validate, tell=at_step(step, crash)
        ).run()
    loop = make_loop(tmp_path / "cut", make_encoder(tokenizer), stage, validate=validate)
    assert same_weights(run(loop), wanted)
    assert [path.name for path in (tmp_path / "cut" / "best").iterdir()] == ["step-0000006"]
    again = make_loop(tmp_path / "cut", make_encoder(tokenizer), stage, validate=validate)
    assert same_weights(run(again), wanted), "and a finished stage gives them again"
    steps = [row["step"] for row in log(tmp_path / "cut") if "validation" in row]
    assert steps == [2, 4, 6, 8, 10, 12]


def test_best_weights_that_are_damaged_are_not_taken(tmp_path: Path, encoder: Encoder) -> None:
    stage = make_stage(best="loss", validate_every=2)
    validate = scripted("loss", [1, 2, 3, 4, 5, 6])
    make_loop(tmp_path, encoder, stage, validate=validate).run()
    flip(tmp_path / "best" / "step-0000002" / "weights.safetensors")
    with pytest.raises(ModelError, match=r"best.*is damaged; delete"):
        make_loop(tmp_path, encoder, stage, validate=validate).run()


@pytest.mark.parametrize("stop_at", [None, 5])
def test_patience_ends_a_stage_early(tmp_path: Path, encoder: Encoder, stop_at: int | None) -> None:
    """Two validations without a better value; counted on over a stop."""
    stage = make_stage(best="loss", validate_every=2, patience=2)
    validate = scripted("loss", [3, 2, 4, 5, 1, 0])
    if stop_at:
        with pytest.raises(Crash):
            make_loop(tmp_path, encoder, stage, validate=validate, tell=at_step(stop_at, crash)).run()
    loop = make_loop(tmp_path, encoder, stage, validate=validate)
    state = loop.run()
    assert (state.step, state.model_step) == (8, 4)
    assert make_loop(tmp_path, encoder, stage, validate=validate).run() == state


def test_a_score_that_is_no_number_is_left_out(tmp_path: Path, encoder: Encoder) -> None:
    nan = float("nan")
    loop = make_loop(
        tmp_path, encoder, make_stage(validate_every=6), validate=lambda *_: {"loss": nan, "chrf": 1.0}
    )
    loop.run()
    assert [row["validation"] for row in log(tmp_path) if "validation" in row] == [{"chrf": 1.0}] * 2
    with pytest.raises(ModelError, match=r"best: loss cannot be measured here; known: chrf"):
        make_loop(
            tmp_path / "best",
            encoder,
            make_stage(best="loss"),
            validate=lambda *_: {"loss": nan, "chrf": 1.0},
        ).run()


def test_rules_that_cannot_hold_are_refused_before_the_first_step(tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(RecipeError, match=r"stage toy: best: loss needs text in data.dev"):
        make_loop(tmp_path, encoder, make_stage(best="loss"))
    with pytest.raises(RecipeError, match=r"keep_steps 13 is none of its steps, 1 to 12"):
        make_loop(tmp_path, encoder, stage_with(epochs=1, batch_examples=30, keep_steps=[3, 13]))


def test_validation_does_not_change_the_training(tmp_path: Path, tokenizer: Any) -> None:
    """However often, and though it draws random numbers: dropout's are those of the step."""
    plain = run(make_loop(tmp_path / "a", make_encoder(tokenizer), make_stage(), lora_model()))
    stage = make_stage(validate_every=2)
    validate = scripted("loss", [1.0] * 6)
    found = make_loop(tmp_path / "b", make_encoder(tokenizer), stage, lora_model(), validate=validate)
    assert same_weights(run(found), plain)


def test_kept_steps(tmp_path: Path, tokenizer: Any) -> None:
    """The weights of that moment, also when the run goes on past them."""
    kept: dict[int, Tensors] = {}
    stage = make_stage(keep_steps=[3, 12])

    def loop(**more: Any) -> Loop:
        made = make_loop(tmp_path / "long", make_encoder(tokenizer), stage, **more)
        made.keep = lambda step: kept.update({step: weights(made.model)})
        return made

    with pytest.raises(Crash):
        loop(tell=at_step(6, crash)).run()
    found = run(loop())
    assert set(kept) == {3, 12} and same_weights(kept[12], found)
    assert same_weights(
        run(make_loop(tmp_path / "short", make_encoder(tokenizer), make_stage(steps=3))), kept[3]
    )


def test_rows_of_the_log(tmp_path: Path, encoder: Encoder) -> None:
    make_loop(
        tmp_path, encoder, make_stage(tasks={"conflict": {}, "mono": {}}, batch_examples=8, window=1)
    ).run()
    for row in log(tmp_path):
        assert row["stage"] == "toy" and row["learned_tokens"] >= row["unlearned_tokens"]
        assert row["unlearned_tokens"] > 0
        assert row["loss_positive"] > 0 and row["loss_negative"] > 0 and row["gradient_norm"] > 0
        assert set(row["tasks"]) == {"mt", "conflict", "mono"}
        assert sum(row["tasks"].values()) == pytest.approx(row["loss"], abs=1e-4)
        assert row["pairs_per_second"] > 0 and row["memory_mb"] > 50 and row["padded_tokens"] > 0
    rates = [row["learning_rate"] for row in log(tmp_path)]
    assert rates[0] == pytest.approx(1e-3) and rates[-1] == pytest.approx(3e-3)


def test_a_cut_off_line_of_the_log_is_dropped(tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(Crash):
        make_loop(tmp_path, encoder, make_stage(), tell=at_step(6, crash)).run()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "toy", "step": 4, "lo')
    make_loop(tmp_path, encoder, make_stage()).run()
    assert [row["step"] for row in log(tmp_path)] == list(range(1, STEPS + 1))


def stage_with(**length: Any) -> Stage:
    return make_stage(**{"steps": None, **length})


@pytest.mark.parametrize(
    "settings",
    [{"batch_examples": 10}, {"batch_tokens": 1024, "window": 8}, {"tasks": {"mt": {}, "mono": {}}}],
)
def test_epochs_are_passes_over_the_pairs(tmp_path: Path, encoder: Encoder, settings: dict[str, Any]) -> None:
    """Two passes over 360 pairs, about: whatever a step holds, and whatever other tasks are mixed in."""
    loop = make_loop(tmp_path, encoder, stage_with(epochs=2, **settings))
    loop.run()
    seen = sum(row["examples"] for row in log(tmp_path))
    assert seen == pytest.approx(2 * loop.source.mixture.epoch_draws, rel=0.08)


def test_epochs_do_not_count_what_is_dropped(tmp_path: Path, tokenizer: Any) -> None:
    """Two passes over the pairs that fit, though many are too long."""
    full = make_loop(tmp_path / "a", make_encoder(tokenizer), stage_with(epochs=2, batch_examples=10))
    lengths = sorted(len(g[0].ids) for g in full.source.draw(360))
    short = make_encoder(tokenizer, max_length=lengths[90])
    fit = sum(length <= lengths[90] for length in lengths) / 360
    part = make_loop(tmp_path / "b", short, stage_with(epochs=2, batch_examples=10))
    assert full.steps == 72 and fit < 0.6
    assert part.steps == pytest.approx(72 * fit, rel=0.15)


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

"""Validation, the best weights, patience, kept steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dragoman.errors import ModelError, RecipeError
from dragoman.prompt.encode import Encoder
from dragoman.tune.loop import Loop

from .loops import STEPS, Crash, Tensors, at_step, crash, flip, log, lora_model, run
from .toy import make_encoder, make_loop, make_stage, same_weights, stage_with, weights


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

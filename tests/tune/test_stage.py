"""A stage as a whole: where it starts, what it was tuned on, going on, dev loss, learning rates."""

from __future__ import annotations

import json
import math
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import MemoryStore, tiny_model, toy_records

from dragoman.instruct.mt import mt_example
from dragoman.instruct.task import Material
from dragoman.language.language import parse_direction
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Recipe
from dragoman.tune.batch import collate
from dragoman.tune.loop import Progress
from dragoman.tune.model import load_model, read_card
from dragoman.tune.schedule import learning_rate, warmup_steps
from dragoman.tune.stage import last_scores, run_stage, start_of, tuned_directions
from dragoman.tune.validate import dev_loss

from .loops import Crash, at_step, crash
from .toy import VOCABULARY, make_recipe, make_stage, make_stepper, make_store, same_weights, stored, tune


def names(recipe: Recipe, stage: int, store: Any = None) -> list[str]:
    return [str(d) for d in tuned_directions(recipe, recipe.stages[stage], store or make_store(4))]


def test_tuned_directions_follow_the_line_of_starts() -> None:
    def stage(name: str, task: str, directions: list[str], **more: Any) -> dict[str, Any]:
        spec = {"directions": directions, **more.pop("spec", {})}
        return {"name": name, "steps": 5, "tasks": {task: spec}, **more}

    recipe = make_recipe(
        "base",
        [
            stage("one", "mt", ["de-en"], keep_steps=[2]),
            stage("two", "conflict", ["en-de", "en-fr"]),
            stage("aside", "mt", ["fr-en"], start="base"),
            stage("early", "conflict", ["fr-de", "de-fr"], start="one@2", spec={"positives": False}),
            {"name": "text", "steps": 5, "tasks": {"mono": {}}, "start": "two"},
            stage("hints", "hint", ["de-fr"], start="base"),
            stage("words", "align", ["de-fr"], start="base"),
        ],
    )
    assert names(recipe, 0) == ["de-en"]
    assert names(recipe, 1) == ["de-en", "en-de", "en-fr"]
    assert names(recipe, 2) == ["fr-en"]
    assert names(recipe, 3) == ["de-en"], "an unlearned direction is not one that was tuned on"
    assert names(recipe, 4) == ["de-en", "en-de", "en-fr"]
    assert names(recipe, 5) == ["de-fr"] and names(recipe, 6) == [], "an assertion is no translation"
    starts = [start_of(recipe, stage) for stage in recipe.stages]
    assert starts == ["base", "one", "base", "one@2", "two", "base", "base"]


def test_directions_stand_in_the_codes_of_the_text() -> None:
    recipe = make_recipe("base", [{"name": "s", "steps": 1, "tasks": {"mt": {"directions": ["deu-eng"]}}}])
    assert names(recipe, 0) == ["de-en"]
    assert names(recipe, 0, MemoryStore(toy_records(3, ("en", "de")))) == ["de-en"]


@pytest.mark.parametrize("lora", [False, True])
def test_a_stage_that_was_cut_off_ends_in_the_same_files(
    tmp_path: Path, bases: dict[str, str], lora: bool
) -> None:
    """Before and after its first checkpoint; kept steps too."""
    more = {"model": {"lora": {"rank": 4, "dropout": 0.2}}} if lora else {}
    stage = {"name": "s", "steps": 6, "checkpoint_every": 2, "keep_steps": [3], "tasks": {"conflict": {}}}
    recipe = make_recipe(bases["llama"], [stage], **more)
    _, wanted = tune(recipe, tmp_path / "whole")
    for cut in (1, 5):
        folder = tmp_path / str(cut) / "s"
        with pytest.raises(Crash):
            run_stage(
                recipe, recipe.stages[0], recipe.base, make_store(), folder, tell=at_step(cut, crash)  # type: ignore[arg-type]
            )  # fmt: skip
        _, found = tune(recipe, tmp_path / str(cut))
        for name in ("model", "model@3"):
            assert same_weights(stored(found.with_name(name)), stored(wanted.with_name(name)))


def test_the_card_is_that_of_the_best_weights(tmp_path: Path, bases: dict[str, str]) -> None:
    """The loss here rises by 1 each validation: the first weights are the best."""
    stage = {"name": "s", "steps": 6, "best": "loss", "validate_every": 2, "tasks": {"mt": {}}}
    recipe = make_recipe(bases["llama"], [stage])
    said: list[Progress] = []
    done = run_stage(
        recipe, recipe.stages[0], recipe.base, make_store(), tmp_path / "s",  # type: ignore[arg-type]
        lambda *_: lambda model, step: {"loss": float(step)}, said.append,
    )  # fmt: skip
    card = read_card(done.model)
    assert (card["step"], card["dev_scores"], done.scores) == (2, {"loss": 2.0}, {"loss": 2.0})
    assert "2 steps" in (done.model / "README.md").read_text()
    assert done.steps == 6 and last_scores(tmp_path / "s") == {"loss": 6.0}
    assert [progress.step for progress in said] == [1, 2, 3, 4, 5, 6] and said[2].scores == {"loss": 2.0}


def test_what_was_dropped_is_told_once(tmp_path: Path, bases: dict[str, str]) -> None:
    """Too long, or without a possible negative; the same in the card and in the result, also after a stop."""
    records = [
        record._replace(texts={**record.texts, "de": record.texts["en"]}) if i % 3 == 0 else record
        for i, record in enumerate(toy_records(30))
    ]
    stage = {"name": "s", "steps": 4, "batch_examples": 12, "checkpoint_every": 1, "tasks": {"conflict": {}}}
    prompt = {"template": "plain", "max_length": 48}
    recipe = make_recipe(bases["llama"], [stage], prompt=prompt)

    def go(name: str, **more: Any) -> dict[str, int]:
        store: Any = MemoryStore(records)
        done = run_stage(recipe, recipe.stages[0], recipe.base, store, tmp_path / name, **more)
        assert read_card(done.model)["dropped_examples"] == done.dropped
        return done.dropped

    wanted = go("whole")
    assert set(wanted) == {"longer than max_length", "conflict: every wrong instruction would be right"}
    with pytest.raises(Crash):
        go("cut", tell=at_step(3, crash))
    assert go("cut") == wanted


def test_a_stage_that_is_done_keeps_little(tmp_path: Path, bases: dict[str, str]) -> None:
    """One checkpoint without the optimiser, from which the model can be saved once more."""
    stage = {"name": "s", "steps": 6, "checkpoint_every": 2, "tasks": {"mt": {}}}
    recipe = make_recipe(bases["llama"], [stage])
    _, folder = tune(recipe, tmp_path)
    (last,) = (tmp_path / "s" / "checkpoints").iterdir()
    assert last.name == "step-0000006"
    assert {path.name for path in last.iterdir()} == {"weights.safetensors", "state.json", "manifest.json"}
    before = stored(folder)
    shutil.rmtree(folder)
    _, again = tune(recipe, tmp_path)
    assert same_weights(stored(again), before)


def test_no_scores_where_nothing_was_validated(tmp_path: Path) -> None:
    assert last_scores(tmp_path) == {}
    (tmp_path / "metrics.jsonl").write_text('{"stage": "s", "step": 1, "loss": 2.0}\n')
    assert last_scores(tmp_path) == {}


def test_weights_of_tasks_reach_the_loss(tmp_path: Path, bases: dict[str, str]) -> None:
    """A conflict's positives weigh what `mt` weighs, or without `mt` what `conflict` weighs."""
    found = {}
    for name, tasks in {
        "plain": {"conflict": {}},
        "double": {"conflict": {"weight": 2}},
        "mixed": {"conflict": {"weight": 2}, "mt": {"weight": 3, "share": 1e-9}},
    }.items():
        stage = {"name": "s", "steps": 1, "batch_examples": 6, "window": 1, "tasks": tasks}
        _, folder = tune(make_recipe(bases["llama"], [stage]), tmp_path / name)
        row = json.loads((folder.parent / "metrics.jsonl").read_text().splitlines()[0])
        found[name] = row["tasks"]["mt"], row["tasks"]["conflict"]
    positive, negative = found["plain"]
    assert found["double"] == pytest.approx((2 * positive, 2 * negative), rel=1e-2)
    assert found["mixed"] == pytest.approx((3 * positive, 2 * negative), rel=1e-2)


def test_dev_loss_is_the_mean_of_what_is_learned(encoder: Encoder) -> None:
    model = tiny_model("llama", VOCABULARY)
    stepper = make_stepper(model)
    material = Material(make_store(8), encoder.template)  # type: ignore[arg-type]
    examples = [mt_example(record, parse_direction("de-en"), material) for record in make_store(8).records]
    total, count = 0.0, 0
    with torch.no_grad():
        for example in examples:
            encoded = encoder.encode(example)
            assert encoded is not None
            batch = collate([encoded], 2)
            losses = stepper.losses(batch, batch.weights)[1]
            total, count = total + float(losses.sum()), count + len(losses)
    for tokens in (1, 100_000):
        assert dev_loss(stepper, encoder, examples, tokens) == pytest.approx(total / count, rel=1e-5)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert math.isnan(dev_loss(stepper, encoder, []))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant", "inverse-sqrt"])
@pytest.mark.parametrize("warmup", [0, 0.1, 25])
def test_learning_rates(schedule: Any, warmup: float) -> None:
    """Up in a line, never 0, the peak at the end of the warm-up, then never up again."""
    stage = make_stage(steps=200, learning_rate=2.0, schedule=schedule, warmup=warmup)
    warm = warmup_steps(stage, 200)
    assert warm == {0: 0, 0.1: 20, 25: 25}[warmup]
    rates = [learning_rate(stage, step, 200) for step in range(200)]
    assert all(0 < rate <= 2.0 for rate in rates)
    assert rates[:warm] == pytest.approx([2.0 * (step + 1) / (warm + 1) for step in range(warm)])
    assert rates[warm] == pytest.approx(2.0)
    after = rates[warm:]
    assert all(later <= earlier for earlier, later in pairwise(after))
    end = {"cosine": 0.001, "linear": 0.02, "constant": 2.0}.get(schedule, 1.0)
    assert rates[-1] <= end
    if schedule == "linear":
        middle = warm + (200 - warm) // 2
        assert rates[middle] == pytest.approx(1.0, rel=0.02)
    if schedule == "inverse-sqrt" and warm:
        assert rates[4 * warm] == pytest.approx(1.0)


def test_a_model_folder_is_whole_or_not_there(tmp_path: Path, bases: dict[str, str]) -> None:
    """Saved again over an older one; nothing but the folder itself stays."""
    stage = {"name": "s", "steps": 2, "tasks": {"mt": {}}}
    recipe = make_recipe(bases["llama"], [stage])
    _, folder = tune(recipe, tmp_path)
    first = stored(folder)
    (folder / "stray").write_text("x")
    _, folder = tune(recipe, tmp_path)
    assert same_weights(stored(folder), first) and not (folder / "stray").exists()
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("*.old"))
    shutil.rmtree(folder)
    tune(recipe, tmp_path)
    assert load_model(str(folder)).config.vocab_size == VOCABULARY

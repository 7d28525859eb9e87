"""A stage of a recipe, from the model it starts with to the model folder it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.corpus.store import Store
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material, task_directions
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.recipe import Model, Recipe, Stage
from dragoman.tune import parallel
from dragoman.tune.card import model_card, readme
from dragoman.tune.loop import Loop, Progress, Validate
from dragoman.tune.metrics import late_nats
from dragoman.tune.model import (
    add_lora,
    check_fit,
    load_model,
    load_tokenizer,
    recompute_activations,
    resolve_device,
    save_model,
    trainable,
)
from dragoman.tune.precision import bfloat16_pays, remarks
from dragoman.tune.slices import collect
from dragoman.tune.source import Source
from dragoman.tune.step import Stepper

PAIR_TASKS = ("mt", "conflict", "hint", "interactive")  # their directions count as tuned on: they learn pairs
MakeValidate = Callable[[Any, Encoder, Stepper], Validate]


@dataclass
class StageResult:
    """What a stage left: its model folder, the steps it ran, the drops of its encoder, the last scores."""

    model: Path
    steps: int
    dropped: dict[str, int]
    scores: dict[str, float]


def tuned_directions(recipe: Recipe, upto: Stage, store: Store) -> list[Direction]:
    """Directions that the stages up to ``upto`` (along its ``start`` line) learn pairs of."""
    by_name = {stage.name: stage for stage in recipe.stages}
    order = [stage.name for stage in recipe.stages]
    found: dict[Direction, None] = {}
    stage: Stage | None = upto
    while stage is not None:
        for name, spec in stage.tasks.items():
            if name in PAIR_TASKS and (name != "conflict" or spec.positives):
                found |= dict.fromkeys(task_directions(spec, store, name))
        start = start_of(recipe, stage)
        stage = by_name.get(start.split("@")[0]) if start in order or "@" in start else None
    return sorted(found)


def start_of(recipe: Recipe, stage: Stage) -> str:
    """The name of what a stage starts from: another stage, or `base`."""
    if stage.start is not None:
        return stage.start
    place = [s.name for s in recipe.stages].index(stage.name)
    return recipe.stages[place - 1].name if place else "base"


def make_encoder(recipe: Recipe, tokenizer: Any) -> Encoder:
    """The encoder of a recipe's prompt section."""
    return Encoder(tokenizer, load_template(recipe.prompt, tokenizer), recipe.prompt.max_length)


def make_mixture(recipe: Recipe, stage: Stage, store: Store, encoder: Encoder) -> Mixture:
    """The mixture of a stage."""
    material = Material(store, encoder.template, recipe.prompt.language == "target")
    seed = recipe.seed if stage.seed is None else stage.seed
    return Mixture(stage.tasks, material, seed, stage.name, stage.stream)


GUESSED = 0.65
"""Nats of an assertion above which its answer counts as guessed; a coin has log 2."""


def run_stage(
    recipe: Recipe,
    stage: Stage,
    start: str,
    store: Store,
    folder: Path,
    make_validate: MakeValidate | None = None,
    tell: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda text: None,
    identifier_folder: Path | None = None,
) -> StageResult:
    """Tune the model in ``start`` by one stage; its weights end in ``folder/model``.

    A stage that was cut off goes on from its last checkpoint. Steps of ``keep_steps`` end in
    ``folder/model@N``. ``identifier_folder`` is copied beside the weights, so that the model carries the
    judge of its languages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for remark in remarks(recipe.model, resolve_device(recipe.model.device)) if parallel.is_main() else ():
        say(f"stage {stage.name}: {remark}")
    tokenizer = load_tokenizer(start)
    encoder = make_encoder(recipe, tokenizer)
    seed = recipe.seed if stage.seed is None else stage.seed
    divided = recipe.model.sharding == "full" and parallel.processes() > 1
    on_cpu = recipe.model.model_copy(update={"device": "cpu"})
    model = _load(start, on_cpu if divided else recipe.model, seed)
    check_fit(model, tokenizer, recipe.prompt.max_length)
    mixture = make_mixture(recipe, stage, store, encoder)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    weights = {name: spec.weight for name, spec in stage.tasks.items()}
    # a conflict's positives are labelled mt
    weights.setdefault("mt", weights.get("conflict", 1.0))
    stepper = Stepper(
        model, pad, stage.objective, weights, stage.batch_tokens,
        bfloat16_pays(recipe.model.compute, resolve_device(recipe.model.device)),
        share=not recipe.model.activation_checkpointing,
    )  # fmt: skip
    if divided:
        stepper.divide(resolve_device(recipe.model.device))
    source = Source(mixture, encoder)
    directions = tuned_directions(recipe, stage, store)

    def save(target: Path, step: int, scores: dict[str, float]) -> None:
        tuned = collect(trainable(model)) if divided else {}
        if not parallel.is_main():
            return
        whole = model
        if divided:
            whole = _load(start, on_cpu, seed)
            for name, parameter in trainable(whole).items():
                parameter.data = tuned[name]
        card = model_card(recipe, stage, step, directions, store, scores, dict(source.dropped))
        save_model(target, whole, tokenizer, card, readme(card), identifier_folder)

    loop = Loop(
        stage, model, source, folder, stepper, seed,
        make_validate(model, encoder, stepper) if make_validate else None,
        lambda step: save(folder / f"model@{step}", step, {}), tell, say,
    )  # fmt: skip
    state = loop.run()
    if parallel.is_main():
        _tell_guessing(stage, folder, say)
    save(folder / "model", state.model_step, state.model_scores)
    loop.tidy()
    return StageResult(folder / "model", state.step, dict(source.dropped), state.model_scores)


def _tell_guessing(stage: Stage, folder: Path, say: Callable[[str], None]) -> None:
    """Say if assertions were not learnt; of a placebo nothing else is expected."""
    spec = stage.tasks.get("align")
    if spec is None or spec.placebo:
        return
    if (nats := late_nats(folder, "align")) is not None and nats > GUESSED:
        say(
            f"stage {stage.name}: True and False were not learnt ({nats:.2f} nats an assertion at its end, "
            "guessing has 0.69): give more steps, more assertions a pair, or a base that knows more"
        )


def _load(start: str, settings: Model, seed: int) -> Any:
    """The model that a stage starts with, its adapters included."""
    model: Any = load_model(start, settings)
    if settings.activation_checkpointing:
        recompute_activations(model)
    return model if settings.lora is None else add_lora(model, settings.lora, seed)


def last_scores(folder: Path) -> dict[str, float]:
    """The scores of the last validation that a stage logged; empty if there was none."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return {}
    found: dict[str, float] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found = json.loads(line).get("validation", found)
        except (ValueError, AttributeError):
            continue  # a damaged log is no reason not to use the model
    return found

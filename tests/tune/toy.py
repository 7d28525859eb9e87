"""Toy corpora, stages and steps for the tests of tuning; also run by subprocesses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from helpers import MemoryStore, tiny_model, toy_records
from safetensors import safe_open

from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.language.language import parse_direction
from dragoman.prompt.encode import Encoded, Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Decoding, Objective, Recipe, Stage, TaskSpec
from dragoman.recipe_file import parse_recipe
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request
from dragoman.tune.batch import Group
from dragoman.tune.loop import Loop, Validate
from dragoman.tune.source import Source
from dragoman.tune.stage import run_stage
from dragoman.tune.step import Stepper

VOCABULARY = 400
KINDS = ["llama", "mistral", "qwen3", "gemma3", "bloom"]
LANGUAGES = ("en", "de", "fr")


def make_store(count: int = 60, languages: Sequence[str] = LANGUAGES) -> MemoryStore:
    """Numbered lines."""
    return MemoryStore(toy_records(count, languages))


def make_tokenizer() -> Any:
    """Learned from toy lines and the words of a prompt, which many small tokenizers lack."""
    prompt = Path(__file__).parents[2] / "dragoman" / "prompt" / "templates.yaml"
    texts = [text for record in toy_records(200) for text in record.texts.values()]
    return learn_tokenizer([*texts, *prompt.read_text(encoding="utf-8").splitlines()[:12]], VOCABULARY)


def make_encoder(tokenizer: Any, template: str = "plain", max_length: int = 512) -> Encoder:
    """An encoder with a named template."""
    return Encoder(tokenizer, load_template(template, tokenizer), max_length)


def make_mixture(
    store: MemoryStore, encoder: Encoder, tasks: dict[str, dict[str, Any]], seed: int = 1, stage: str = "toy"
) -> Mixture:
    """A mixture of tasks by name and settings."""
    specs = {name: TaskSpec(**settings) for name, settings in tasks.items()}
    return Mixture(specs, Material(store, encoder.template), seed, stage)  # type: ignore[arg-type]


def make_groups(
    encoder: Encoder, count: int, tasks: dict[str, dict[str, Any]] | None = None, lines: int = 60
) -> list[Group]:
    """Encoded groups of the toy corpus; a pair and its negative unless tasks are named."""
    source = Source(make_mixture(make_store(lines), encoder, tasks or {"conflict": {}}), encoder)
    groups: list[Group] = []
    while len(groups) < count:
        groups += source.draw(count - len(groups))
    return groups


def make_stepper(model: Any, objective: Objective | None = None, **settings: Any) -> Stepper:
    """A stepper with weights of 1 and room for everything in one forward pass."""
    settings = {"task_weights": {}, "batch_tokens": 100_000, "share": False, **settings}
    return Stepper(model, 2, objective or Objective(), **settings)


def make_stage(**settings: Any) -> Stage:
    """A short stage on the toy corpus."""
    defaults = {
        "name": "toy", "tasks": {"mt": {}}, "steps": 12, "batch_tokens": 512, "window": 4,
        "learning_rate": 3e-3, "checkpoint_every": 4, "schedule": "constant", "warmup": 2,
    }  # fmt: skip
    return Stage(**{**defaults, **settings})


def stage_with(**length: Any) -> Stage:
    return make_stage(**{"steps": None, **length})


def make_loop(
    folder: Path,
    encoder: Encoder,
    stage: Stage,
    model: Any = None,
    lines: int = 60,
    seed: int = 1,
    divide: torch.device | None = None,
    **more: Any,
) -> Loop:
    """A loop over the toy corpus; ``divide``: where the processes divide the model."""
    model = model if model is not None else tiny_model("llama", VOCABULARY)
    specs = {name: spec.model_dump() for name, spec in stage.tasks.items()}
    source = Source(make_mixture(make_store(lines), encoder, specs, seed, stage.name), encoder)
    stepper = Stepper(model, 2, stage.objective, {}, stage.batch_tokens)
    if divide is not None:
        stepper.divide(divide)
    folder.mkdir(parents=True, exist_ok=True)
    return Loop(stage, model, source, folder, stepper, seed, **more)


def gradients(model: Any) -> dict[str, torch.Tensor]:
    """The gradients that a step has left, by name, and the model without them."""
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """Distance of two sets of gradients, relative to the second."""
    assert first.keys() == second.keys()
    away = sum(float((first[name] - second[name]).square().sum()) for name in second)
    return (away / sum(float(tensor.square().sum()) for tensor in second.values())) ** 0.5


def weights(model: Any) -> dict[str, torch.Tensor]:
    """A copy of a model's parameters."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def same_weights(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def weighted(encoded: Encoded, weight: float) -> Encoded:
    """The same example with its learned tokens weighted otherwise."""
    return dataclasses.replace(encoded, weights=[weight if w else 0.0 for w in encoded.weights])


def write_base(folder: Path, kind: str, tokenizer: Any, hidden: int = 32, seed: int = 0) -> str:
    """A folder with a tiny base and its tokenizer."""
    tiny_model(kind, VOCABULARY, hidden, seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def make_recipe(base: str, stages: Sequence[dict[str, Any]], **more: Any) -> Recipe:
    """A recipe around stages of the toy corpus."""
    defaults = {"learning_rate": 3e-3, "batch_tokens": 512, "window": 4, "schedule": "constant"}
    return parse_recipe(
        {
            "name": "toy",
            "base": base,
            "data": {"train": "nowhere"},
            "prompt": {"template": "plain"},
            "stages": [{**defaults, **stage} for stage in stages],
            **more,
        }
    )


def tune(recipe: Recipe, folder: Path, store: MemoryStore | None = None, stage: int = 0) -> tuple[Any, Path]:
    """Run one stage of a recipe from the base; the tuned model as it stood in memory, and its folder."""
    grasped: list[Any] = []

    def make_validate(model: Any, encoder: Encoder, stepper: Stepper) -> Validate:
        grasped.append(model)
        return lambda model, step: {"loss": 1.0 / step}

    start = recipe.base if stage == 0 else str(folder / recipe.stages[stage - 1].name / "model")
    chosen = recipe.stages[stage]
    done = run_stage(recipe, chosen, start, store or make_store(), folder / chosen.name, make_validate)  # type: ignore[arg-type]
    return grasped[0], done.model


def translate(model: Any, tokenizer: Any, sources: Sequence[str], direction: str = "en-de") -> list[str]:
    """Greedy translations."""
    translator = Translator(model, make_encoder(tokenizer), Decoding(max_new_tokens=40))
    asked = [Request(source, parse_direction(direction)) for source in sources]
    return [translation.text for translation in translator.translate(asked)]


def stored(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a folder's weights."""
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

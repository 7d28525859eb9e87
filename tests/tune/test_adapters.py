"""Adapters and tied embeddings: merged is applied, tied stays tied, the seed decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_model

from dragoman.errors import ModelError
from dragoman.recipe import Lora
from dragoman.tune.model import (
    add_lora,
    load_model,
    read_card,
    recompute_activations,
)

from .toy import (
    KINDS,
    VOCABULARY,
    difference,
    gradients,
    make_encoder,
    make_groups,
    make_recipe,
    make_stepper,
    stored,
    tune,
)

TIED = {"qwen3", "gemma3", "bloom"}
LORA = {"lora": {"rank": 4, "alpha": 16, "dropout": 0.0}}
IDS = torch.tensor([[1, 5, 90, 33, 254, 17, 8]])


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.eval()(input_ids=IDS).logits


@pytest.mark.parametrize("kind", KINDS)
def test_tied_embeddings_stay_tied(kind: str, tmp_path: Path, bases: dict[str, str]) -> None:
    """In memory and in the file, where they stand once; others stay apart."""
    for settings in ({}, {"model": LORA}):
        recipe = make_recipe(bases[kind], [{"name": "mt", "steps": 2, "tasks": {"mt": {}}}], **settings)
        _, folder = tune(recipe, tmp_path / ("lora" if settings else "full"))
        model = load_model(str(folder))
        embeddings, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        assert (embeddings.data_ptr() == head.data_ptr()) == (kind in TIED)
        assert sum(tensor.shape == head.shape for tensor in stored(folder).values()) == 2 - (kind in TIED)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_merged_is_the_adapter_applied(kind: str, tmp_path: Path, bases: dict[str, str]) -> None:
    """Logits within 1e-5; the bare adapter beside the weights gives the same on its base."""
    from peft import PeftModel

    stage = {"name": "mt", "steps": 6, "tasks": {"mt": {}}, "learning_rate": 0.02}
    model, folder = tune(make_recipe(bases[kind], [stage], model=LORA), tmp_path)
    base = load_model(bases[kind])
    applied, untouched = logits(model), logits(base)
    assert float((applied - untouched).abs().max()) > 1e-3, "it learned something"
    assert torch.allclose(logits(load_model(str(folder))), applied, atol=1e-5, rtol=1e-5)
    bare = PeftModel.from_pretrained(base, folder / "adapter")
    assert torch.allclose(logits(bare), applied, atol=1e-6, rtol=1e-6)
    frozen = {name: p for name, p in model.named_parameters() if "lora" not in name}
    assert all(not p.requires_grad and p.grad is None for p in frozen.values())


def test_an_adapter_is_not_spoiled_by_saving(tmp_path: Path, bases: dict[str, str], tokenizer: Any) -> None:
    """Kept steps are merged in a copy: tuning goes on with the adapter."""
    stage = {"name": "mt", "steps": 4, "tasks": {"mt": {}}}
    plain, _ = tune(make_recipe(bases["llama"], [stage], model=LORA), tmp_path / "a")
    kept, folder = tune(
        make_recipe(bases["llama"], [{**stage, "keep_steps": [2]}], model=LORA), tmp_path / "b"
    )
    assert torch.equal(logits(plain), logits(kept))
    early = load_model(str(folder.with_name("model@2")))
    assert not torch.allclose(logits(early), logits(kept), atol=1e-5)
    assert read_card(folder.with_name("model@2"))["step"] == 2


def test_the_next_stage_starts_from_the_merged_model(tmp_path: Path, bases: dict[str, str]) -> None:
    stages = [{"name": name, "steps": 2, "tasks": {"mt": {}}} for name in ("one", "two")]
    recipe = make_recipe(bases["llama"], stages, model=LORA)
    _, first = tune(recipe, tmp_path, stage=0)
    model, second = tune(recipe, tmp_path, stage=1)
    base = logits(model.get_base_model()) if not hasattr(model, "disable_adapter") else None
    with model.disable_adapter():
        base = logits(model)
    assert torch.equal(base, logits(load_model(str(first))))
    assert not torch.equal(logits(load_model(str(second))), base)


def test_adapters_follow_from_the_seed(tmp_path: Path, bases: dict[str, str]) -> None:
    """Whatever was drawn before: a stage that is killed before its first checkpoint starts the same again."""
    stage = {"name": "mt", "steps": 2, "tasks": {"mt": {}}}
    found = []
    for run, seed in enumerate((1, 1, 2)):
        torch.rand(run + 1)
        model, _ = tune(make_recipe(bases["llama"], [stage], model=LORA, seed=seed), tmp_path / str(run))
        found.append(logits(model))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


@pytest.mark.parametrize("targets", [["lm_head"], ["embed_tokens", "q_proj"], ["nothing"]])
def test_adapters_on_head_or_embeddings_are_refused(targets: list[str]) -> None:
    """They would untie tied ones, and the loss reads the head's own weight."""
    with pytest.raises(ModelError, match=r"model.lora.targets \['"):
        add_lora(tiny_model("qwen3", VOCABULARY), Lora(targets=targets))


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("kind", ["llama", "gemma3", "bloom"])
def test_activation_checkpointing_changes_no_gradient(kind: str, lora: bool, tokenizer: Any) -> None:
    groups = make_groups(make_encoder(tokenizer), 4)

    def found(checkpointing: bool) -> dict[str, torch.Tensor]:
        model = tiny_model(kind, VOCABULARY)
        if checkpointing:
            recompute_activations(model)
        model = add_lora(model, Lora(rank=4, dropout=0.0)) if lora else model
        model.train()
        make_stepper(model).run(groups)
        return gradients(model)

    assert difference(found(True), found(False)) < 1e-5

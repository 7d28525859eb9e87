"""Models of several architectures: train, save, reload, translate; precision; what their heads do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_config, tiny_model

from dragoman.errors import ModelError
from dragoman.tune.loss import signed_loss
from dragoman.tune.model import (
    find_head,
    load_model,
    load_tokenizer,
)

from .toy import (
    KINDS,
    VOCABULARY,
    difference,
    gradients,
    make_recipe,
    make_store,
    make_tokenizer,
    stored,
    translate,
    tune,
    weights,
    write_base,
)

SOURCES = [record.texts["en"] for record in make_store(6).records]
IDS = torch.tensor([[1, 5, 90, 33, 254, 17, 8]])


@pytest.mark.parametrize("kind", KINDS)
def test_train_save_reload_translate(
    kind: str, tmp_path: Path, bases: dict[str, str], tokenizer: Any
) -> None:
    """The reloaded model has the weights and gives the translations of the one that was trained."""
    before = weights(load_model(bases[kind]))
    recipe = make_recipe(bases[kind], [{"name": "mt", "steps": 4, "tasks": {"conflict": {}}}])
    model, folder = tune(recipe, tmp_path)
    again = load_model(str(folder))
    after = weights(again)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in weights(model).items())
    assert sum(not torch.equal(after[name], before[name]) for name in after) > len(after) * 0.8, (
        "all is tuned"
    )
    assert translate(model, tokenizer, SOURCES) == translate(again, load_tokenizer(str(folder)), SOURCES)
    assert again.config.use_cache is False and json.loads((folder / "config.json").read_text())["use_cache"]
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.safetensors", "config.json", "tokenizer.json", "dragoman.json", "README.md"}
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


def test_bfloat16_weights(tmp_path: Path, bases: dict[str, str]) -> None:
    """Tuned and saved as such; the loss stays near that of float32."""
    stage = {"name": "mt", "steps": 3, "tasks": {"conflict": {}}}
    losses = {}
    for dtype in ("float32", "bfloat16"):
        recipe = make_recipe(bases["llama"], [stage], model={"dtype": dtype, "device": "cpu"})
        _, folder = tune(recipe, tmp_path / dtype)
        assert {str(tensor.dtype) for tensor in stored(folder).values()} == {f"torch.{dtype}"}
        rows = (folder.parent / "metrics.jsonl").read_text().splitlines()
        losses[dtype] = json.loads(rows[0])["loss"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


def test_products_in_bfloat16_leave_the_setting_alone(tmp_path: Path, bases: dict[str, str]) -> None:
    before = torch.get_float32_matmul_precision()
    recipe = make_recipe(
        bases["llama"], [{"name": "mt", "steps": 2, "tasks": {"mt": {}}}], model={"compute": "bfloat16"}
    )
    _, folder = tune(recipe, tmp_path)
    assert torch.get_float32_matmul_precision() == before
    assert {tensor.dtype for tensor in stored(folder).values()} == {torch.float32}


def other_model(kind: str) -> Any:
    """Architectures whose heads do more than multiply."""
    import transformers as t

    size = tiny_config("llama", VOCABULARY).to_dict()
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    common = {name: size[name] for name in (*names, "num_key_value_heads", "max_position_embeddings")}
    common |= {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3}
    torch.manual_seed(0)
    if kind == "gemma2":
        return t.Gemma2ForCausalLM(t.Gemma2Config(**common, head_dim=8, final_logit_softcapping=0.4))
    if kind == "cohere":
        return t.CohereForCausalLM(t.CohereConfig(**common, logit_scale=0.0625))
    if kind == "granite":
        return t.GraniteForCausalLM(t.GraniteConfig(**common, logits_scaling=8.0))
    if kind == "phi":
        return t.PhiForCausalLM(t.PhiConfig(**common))
    return t.GPT2LMHeadModel(t.GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4))


@pytest.mark.parametrize("kind", ["gemma2", "cohere", "granite", "phi", "gpt2"])
def test_heads_with_softcap_scale_or_bias(kind: str) -> None:
    """The gradient of the loss through them, bias included, is that of the model's own logits."""
    model = other_model(kind).train(False)
    head = find_head(model)
    assert (head.softcap is not None) == (kind == "gemma2")
    assert (head.scale != 1.0) == (kind in ("cohere", "granite"))
    assert (head.bias is not None) == (kind == "phi")
    if head.bias is not None:
        torch.nn.init.normal_(head.bias)
    targets, scales = IDS[0, 1:], torch.tensor([1.0, -0.5, 1.0, 0.3, -1.0, 1.0])
    hidden = model.base_model(input_ids=IDS[:, :-1]).last_hidden_state[0]
    total, _ = signed_loss(hidden, head, targets, scales)
    total.backward()
    found = gradients(model)
    log_p = model(input_ids=IDS[:, :-1]).logits[0].float().log_softmax(-1).gather(1, targets[:, None])[:, 0]
    wanted = (scales.abs() * torch.where(scales > 0, -log_p, -torch.log1p(-log_p.exp()))).sum()
    wanted.backward()
    assert float(total.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    assert difference(found, gradients(model)) < 1e-4


def test_logits_that_are_no_projection_are_refused(monkeypatch: Any) -> None:
    model = tiny_model("llama", VOCABULARY)
    forward = type(model.lm_head).forward
    monkeypatch.setattr(model.lm_head, "forward", lambda x: forward(model.lm_head, x).square())
    with pytest.raises(ModelError, match="logits are not a projection"):
        find_head(model)
    with pytest.raises(ModelError, match="no output embeddings"):
        find_head(model.model)


def test_the_toy_corpus_is_learned(tmp_path: Path) -> None:
    """Eight lines by heart: the loss falls, and greedy decoding gives exactly the training lines."""
    tokenizer, store = make_tokenizer(), make_store(8)
    base = write_base(tmp_path / "base", "llama", tokenizer, hidden=64)
    stage = {
        "name": "mt", "steps": 200, "tasks": {"mt": {"directions": ["en-de"]}},
        "learning_rate": 4e-3, "schedule": "cosine", "batch_examples": 8,
    }  # fmt: skip
    _, folder = tune(make_recipe(base, [stage]), tmp_path, store)
    rows = [json.loads(line) for line in (folder.parent / "metrics.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[0] > 5 and losses[-1] < 0.1
    found = translate(load_model(str(folder)), tokenizer, [record.texts["en"] for record in store.records])
    assert found == [record.texts["de"] for record in store.records]

"""Models of several architectures: train, save, reload, translate; adapters; what may not be loaded."""

from __future__ import annotations

import errno
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_config, tiny_model
from safetensors import safe_open

from dragoman.errors import ModelError
from dragoman.recipe import Lora, Model
from dragoman.tune.loss import signed_loss
from dragoman.tune.model import (
    add_lora,
    check_fit,
    find_head,
    load_model,
    load_tokenizer,
    read_card,
    recompute_activations,
    resolve_device,
    save_model,
)

from .toy import (
    VOCABULARY,
    difference,
    gradients,
    make_encoder,
    make_groups,
    make_recipe,
    make_stepper,
    make_store,
    make_tokenizer,
    translate,
    tune,
    weights,
    write_base,
)

KINDS = ["llama", "mistral", "qwen3", "gemma3", "bloom"]
TIED = {"qwen3", "gemma3", "bloom"}
IDS = torch.tensor([[1, 5, 90, 33, 254, 17, 8]])
SOURCES = [record.texts["en"] for record in make_store(6).records]
LORA = {"lora": {"rank": 4, "alpha": 16, "dropout": 0.0}}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> dict[str, str]:
    """A folder for each architecture."""
    folder = tmp_path_factory.mktemp("bases")
    return {kind: write_base(folder / kind, kind, tokenizer) for kind in KINDS}


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.eval()(input_ids=IDS).logits


def stored(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a folder's weights."""
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


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


def test_only_pickled_weights_are_not_loaded(tmp_path: Path, bases: dict[str, str]) -> None:
    """And not even opened: a pickle may run code."""
    folder = Path(bases["llama"])
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (marker,))

    torch.save({"model.embed_tokens.weight": Evil()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"base .* cannot be loaded: .*safetensors"):
        load_model(str(tmp_path))
    assert not marker.exists()


def test_code_of_a_model_folder_is_not_run(tmp_path: Path, bases: dict[str, str]) -> None:
    folder = Path(bases["llama"])
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(ModelError, match=r"base .* cannot be loaded"):
        load_model(str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_what_is_no_base_is_one_clear_line(tmp_path: Path, bases: dict[str, str]) -> None:
    with pytest.raises(ModelError, match=r"cannot be loaded \(no such folder here; a hub id") as error:
        load_model(str(tmp_path / "nowhere"))
    assert "\n" not in str(error.value)
    torn = tmp_path / "torn"
    torn.mkdir()
    for path in Path(bases["llama"]).iterdir():
        content = path.read_bytes()
        (torn / path.name).write_bytes(content[:-100] if path.suffix == ".safetensors" else content)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(torn))
    with pytest.raises(ModelError, match=r"tokenizer of .* cannot be loaded"):
        load_tokenizer(str(tmp_path / "nowhere"))


def test_retries_without_a_network_are_not_told_one_by_one(monkeypatch: Any, caplog: Any) -> None:
    from transformers import AutoTokenizer

    def fail(*_: Any, **__: Any) -> None:
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s")
        raise OSError("no network")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", fail)
    with pytest.raises(ModelError, match="no network"):
        load_tokenizer("some/model")
    assert not caplog.records


def test_missing_weights_are_not_made_up(tmp_path: Path, bases: dict[str, str]) -> None:
    """The library would fill them with random numbers and only log it."""
    from safetensors.torch import save_file

    for path in Path(bases["llama"]).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tensors = stored(Path(bases["llama"]))
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"1 are missing, such as model.layers.1.mlp.up_proj.weight"):
        load_model(str(tmp_path))


def test_a_tokenizer_or_length_that_does_not_fit(tokenizer: Any) -> None:
    check_fit(tiny_model("llama", VOCABULARY), tokenizer, 512)
    with pytest.raises(
        ModelError, match=r"tokenizer has \d+ tokens, the model 300; they do not belong together"
    ):
        check_fit(tiny_model("llama", 300), tokenizer, 512)
    with pytest.raises(ModelError, match=r"prompt.max_length 1,000 is more than the model's 512 positions"):
        check_fit(tiny_model("llama", VOCABULARY), tokenizer, 1000)
    check_fit(tiny_model("bloom", VOCABULARY), tokenizer, 100_000)


def test_devices() -> None:
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ModelError, match=r"model.device 'gpu': expected auto, cpu, cuda"):
        resolve_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="no CUDA card is visible"):
            load_model_on("cuda:1")


def load_model_on(device: str) -> torch.device:
    return resolve_device(Model(device=device).device)


def test_card_and_readme(tmp_path: Path, bases: dict[str, str]) -> None:
    stage = {"name": "mt", "steps": 2, "tasks": {"mt": {"directions": ["en-de", "de-en"]}}}
    _, folder = tune(make_recipe(bases["llama"], [stage]), tmp_path)
    card = read_card(folder)
    assert (card["name"], card["stage"], card["step"], card["base"]) == ("toy", "mt", 2, bases["llama"])
    assert card["template"] == "plain" and card["prompt"]["max_length"] == 512
    assert card["tuned_directions"] == [["de", "en"], ["en", "de"]]
    assert card["training_pairs"] == {"de-en": 60, "en-de": 60}
    assert ["fr", "de"] in card["directions"] and len(card["directions"]) == 6
    assert card["languages"] == {"de": "German", "en": "English", "fr": "French"}
    assert card["dev_scores"] == {"loss": 0.5} and card["dropped_examples"] == {}
    assert card["recipe"]["stages"][0]["steps"] == 2, "the whole recipe"
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "| en-de | 60 |" in text and "| loss | 0.50 |" in text
    assert "Zero-shot directions (no stage was tuned on them): de-fr, en-fr, fr-de, fr-en." in text
    head = text.split("---")[1]
    assert 'language: ["de", "en", "fr"]' in head


def test_identifier_travels_with_the_model(tmp_path: Path, tokenizer: Any) -> None:
    judge = tmp_path / "judge"
    judge.mkdir()
    (judge / "identifier.json").write_text("{}")
    save_model(tmp_path / "model", tiny_model("llama", VOCABULARY), tokenizer, {}, identifier=judge)
    assert (tmp_path / "model" / "identifier" / "identifier.json").read_text() == "{}"
    save_model(
        tmp_path / "other", tiny_model("llama", VOCABULARY), tokenizer, {}, identifier=tmp_path / "none"
    )
    assert not (tmp_path / "other" / "identifier").exists()


def test_a_full_disk_leaves_the_model_that_was_there(
    tmp_path: Path, tokenizer: Any, monkeypatch: Any
) -> None:
    folder = tmp_path / "model"
    save_model(folder, tiny_model("llama", VOCABULARY), tokenizer, {"step": 1})
    monkeypatch.setattr(
        type(tokenizer), "save_pretrained", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))
    )
    with pytest.raises(ModelError, match=r"disk full while writing .*model; .*free space"):
        save_model(folder, tiny_model("llama", VOCABULARY, seed=1), tokenizer, {"step": 2})
    assert read_card(folder) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_card_that_is_none(tmp_path: Path, content: str) -> None:
    assert read_card(tmp_path) == {}
    (tmp_path / "dragoman.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelError, match="not a model card"):
        read_card(tmp_path)


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

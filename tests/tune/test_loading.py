"""What may be loaded and what not; the model folder and its card."""

from __future__ import annotations

import errno
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_model

from dragoman.errors import ModelError
from dragoman.recipe import Model
from dragoman.tune.model import (
    check_fit,
    load_model,
    load_tokenizer,
    read_card,
    resolve_device,
    save_model,
)

from .toy import (
    VOCABULARY,
    make_recipe,
    stored,
    tune,
)


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
    with pytest.raises(ModelError, match=r"torn': damaged weights \(.*\); delete it and make it again"):
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

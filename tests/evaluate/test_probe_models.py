"""Hidden states: what is pooled, that padding does not matter, which models are read and how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import tiny_model, toy_records
from tinyrun import write_base

from dragoman.errors import DataError, ModelError
from dragoman.evaluate.probe.look import look_inside
from dragoman.evaluate.probe.states import TOO_LONG, TOO_SHORT, Reading, batches, pooled_states
from dragoman.evaluate.probe.text import PairLines, draw_lines
from dragoman.language.language import Direction
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Lora, Model
from dragoman.tune.model import add_lora, load_model, save_model

KINDS = ("llama", "mistral", "qwen3", "gemma3", "bloom")
EN_DE = Direction("en", "de")
CPU = Model(device="cpu")


def text(count: int = 24, pairs: Sequence[Direction] = (EN_DE,)) -> dict[Direction, PairLines]:
    return draw_lines(toy_records(count), pairs, count, 1, "toy")


def values(results: Any) -> list[float]:
    return [number for row in results.rows for number in (row.paired, row.shuffled, row.forward, row.back)]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder for each kind of model."""
    place = tmp_path_factory.mktemp("bases")
    return {kind: str(write_base(place / kind, kind)) for kind in KINDS}


# -- states -------------------------------------------------------------------------------------------------


class Stub:
    """Two layers: the state of id i is (i, 1), then 2 i after a sum over what came before."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.base_model = self
        self.shapes: list[tuple[int, ...]] = []

    def eval(self) -> Stub:
        return self

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **more: Any) -> Any:
        self.shapes.append(tuple(input_ids.shape))
        first = torch.stack((input_ids.double(), torch.ones(input_ids.shape)), -1)
        first = torch.where(attention_mask.bool()[..., None], first, torch.nan)  # padding must not be touched
        return SimpleNamespace(hidden_states=(first, 2 * first.cumsum(1)))


def test_the_mean_of_all_tokens_but_the_first_by_hand() -> None:
    stub = Stub()
    done: list[int] = []
    found = pooled_states(stub, [[9, 1, 3], [5, 4], [9, 1, 3, 8, 0]], 6, done.append)
    assert found.dtype == torch.float32 and found.shape == (2, 3, 2)
    assert found[0].tolist() == [[2, 1], [4, 1], [3, 1]]
    # after the first token: 10, 13 | 9 | 10, 13, 21, 21, twice; and the number of tokens so far, twice
    assert found[1].tolist() == [[23, 5], [18, 4], [32.5, 7]]
    assert stub.shapes == [(2, 3), (1, 5)] and done == [2, 3]


def test_batches_hold_their_budget() -> None:
    lengths = [5, 1, 9, 3, 3, 20, 2]
    found = list(batches(lengths, 12))
    assert sorted(i for batch in found for i in batch) == list(range(7))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 12 for batch in found)
    assert found[0] == [1, 6, 3, 4] and found[-1] == [5]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_32_is_32_batches_of_1(kind: str) -> None:
    """And both are the means of what the whole model says of a sentence alone."""
    model = tiny_model(kind, 300, layers=3)
    random = torch.Generator().manual_seed(2)
    lengths = torch.randint(2, 40, (32,), generator=random).tolist()
    rows = [torch.randint(3, 300, (length,), generator=random).tolist() for length in lengths]
    together, alone = pooled_states(model, rows, 10**6), pooled_states(model, rows, 1)
    assert together.shape == (4, 32, 32)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    for place in (0, 7, 31):
        out = model(input_ids=torch.tensor([rows[place]]), output_hidden_states=True)
        wanted = torch.stack([layer[0, 1:].mean(0) for layer in out.hidden_states])
        torch.testing.assert_close(alone[:, place], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_each_kind(kind: str, bases: dict[str, str]) -> None:
    """Every layer has a row; the numbers do not depend on the budget."""
    found = [look_inside({"base": bases[kind]}, text(), CPU, 1, budget) for budget in (64, 4096)]
    assert [row.layer for row in found[0].rows] == [0, 1, 2]
    assert values(found[0]) == pytest.approx(values(found[1]), abs=1e-4)
    about = found[0].systems["base"]
    assert about["kind"].startswith(kind[:5]) and (about["layers"], about["width"]) == (2, 32)
    assert len(about["fingerprint"]) == 64 and "dtype:float32" in found[0].signature


def test_a_sentence_and_itself_in_a_real_model(bases: dict[str, str]) -> None:
    """Equal text on both sides, called two languages: everything is found in every layer."""
    same = {EN_DE: PairLines([line._replace(target=line.source) for line in text()[EN_DE].lines], 24)}
    for row in look_inside({"base": bases["llama"]}, same, CPU).rows:
        assert row.paired == pytest.approx(1) and (row.forward, row.back) == (100, 100)


def test_models_with_other_layers_and_tokenizers_side_by_side(bases: dict[str, str], tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    tokenizer = learn_tokenizer(["zero one two three"], 290, "bpe")
    tiny_model("llama", len(tokenizer), hidden=16, layers=5).save_pretrained(deep)
    tokenizer.save_pretrained(deep)
    pairs = [EN_DE, Direction("fr", "de")]
    found = look_inside({"flat": bases["qwen3"], "deep": str(deep)}, text(24, pairs), CPU)
    assert [(name, found.layers(name)) for name in found.names] == [("flat", 2), ("deep", 5)]
    assert found.pairs == ["en-de", "fr-de"] and len(found.rows) == 2 * (3 + 6)
    alone = look_inside({"flat": bases["qwen3"]}, text(24, pairs), CPU)
    assert [row for row in found.rows if row.system == "flat"] == alone.rows


# -- adapters -----------------------------------------------------------------------------------------------


def test_tuned_with_lora_merged_and_bare(bases: dict[str, str], tmp_path: Path) -> None:
    """A folder that Dragoman saved and a bare adapter without a tokenizer: the same numbers, not the base."""
    from transformers import AutoTokenizer

    adapted = add_lora(load_model(bases["llama"]), Lora(rank=4))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    save_model(tmp_path / "merged", adapted, AutoTokenizer.from_pretrained(bases["llama"]), {"stage": "mt"})
    adapted.save_pretrained(tmp_path / "bare")
    sources = {name: str(tmp_path / name) for name in ("merged", "bare")} | {"base": bases["llama"]}
    found = look_inside(sources, text(), CPU)
    merged, bare, base = (
        torch.tensor([[row.paired, row.shuffled] for row in found.rows if row.system == name])
        for name in sources
    )
    torch.testing.assert_close(merged, bare, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(merged[1:], base[1:], atol=1e-3) and torch.equal(bare[0], base[0])
    assert found.systems["merged"]["stage"] == "mt"
    assert len({about["fingerprint"] for about in found.systems.values()}) == 3


def test_an_adapter_whose_base_is_gone(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(ModelError, match="names no base"):
        Reading(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "models/gone"}))
    with pytest.raises(ModelError, match="models/gone"):
        Reading(str(tmp_path))


# -- text to ids --------------------------------------------------------------------------------------------

HOSTILE = "one </s> two <s><pad> ### Response: <unk> three"


@pytest.mark.parametrize("kind", ["byte-bpe", "bpe", "unigram"])
@pytest.mark.parametrize("first", [True, False], ids=["with a first token", "without"])
def test_text_cannot_become_a_control_token(kind: Any, first: bool, tmp_path: Path) -> None:
    """Plain text: behind the tokenizer's first token where it has one, without a template or an end."""
    from tokenizers import processors

    texts = [side for record in toy_records(40) for side in record.texts.values()]
    tokenizer = learn_tokenizer(texts, 320, kind)
    if not first:
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A")
    tiny_model("llama", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    reading = Reading(str(tmp_path))
    control = reading.encoder.safe.vocabulary.control
    for sentence in (HOSTILE, "one two", "zwei  ▁ drei", "<|im_end|>"):
        (ids,) = reading.encode([sentence])
        assert isinstance(ids, list)
        own = ids[1:] if first else ids
        assert not control.intersection(own), sentence
        assert reading.encoder.safe.vocabulary.text(own).decode().removeprefix(" ") == sentence
        assert not first or ids[0] == tokenizer.bos_token_id


def test_lines_that_one_model_cannot_read_are_left_out_for_all(bases: dict[str, str], tmp_path: Path) -> None:
    short = Path(write_base(tmp_path / "short"))
    config = json.loads((short / "config.json").read_text())
    (short / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 24}))
    known = text()[EN_DE]
    lines = [*known.lines, known.lines[0]._replace(source="one two three four five " * 9)]
    found = look_inside(
        {"long": bases["llama"], "short": str(short)}, {EN_DE: PairLines(lines, 25)}, CPU
    )  # fmt: skip
    assert found.text["en-de"] == {"read": 25, "lines": len(known.lines), "left_out": {TOO_LONG: 1}}
    assert {row.lines for row in found.rows} == {len(known.lines)}
    assert [row for row in found.rows if row.system == "long"] == (
        look_inside({"long": bases["llama"]}, {EN_DE: known}, CPU).rows
    )
    long = {EN_DE: PairLines([lines[-1], lines[-1]._replace(target="ein zwei")], 2)}
    with pytest.raises(DataError, match="2 longer than a model reads"):
        look_inside({"short": str(short)}, long, CPU)


def test_a_sentence_of_one_token_has_nothing_behind_its_first(tmp_path: Path) -> None:
    from tokenizers import processors

    tokenizer = learn_tokenizer(["one two"], 270)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A")
    tiny_model("llama", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert Reading(str(tmp_path)).encode(["x"]) == [TOO_SHORT]


# -- what is no model ---------------------------------------------------------------------------------------


def test_what_is_no_causal_model(tmp_path: Path, bases: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="models/none"):
        Reading("models/none")
    base = write_base(tmp_path / "t5")
    (base / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(ModelError, match="t5 is no causal language model"):
        Reading(str(base))
    (base / "config.json").write_text('{"model_type": "never heard of"}')
    with pytest.raises(ModelError, match="configuration cannot be loaded"):
        Reading(str(base))


def test_the_fingerprint_is_of_content(bases: dict[str, str], tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(bases["llama"], tmp_path / "copy")
    assert Reading(str(copy)).fingerprint() == Reading(bases["llama"]).fingerprint()
    (copy / "dragoman.json").write_text("{}")
    (copy / "README.md").write_text("hello")
    assert Reading(str(copy)).fingerprint() == Reading(bases["llama"]).fingerprint()
    tiny_model("llama", 400, seed=3).save_pretrained(copy)
    assert Reading(str(copy)).fingerprint() != Reading(bases["llama"]).fingerprint()

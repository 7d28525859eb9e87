"""Pre-training of small bases: it learns, packs exactly, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dragoman.errors import ModelError
from dragoman.tune.pretrain import (
    MUON_TIMES,
    MuonAdamW,
    Pretrainer,
    Pretraining,
    attention_heads,
    new_llama,
    pack,
)


class Words:
    """What a LLaMA asks of a tokenizer."""

    bos_token_id, eos_token_id, pad_token_id = 1, 2, 0

    def __len__(self) -> int:
        return 40


@pytest.fixture
def model() -> Any:
    return new_llama(Words(), 64, 64, 2, seed=3)


@pytest.fixture
def rows() -> torch.Tensor:
    """Each row counts upwards from somewhere: the next token follows from the last."""
    starts = torch.randint(3, 40, (64, 1), generator=torch.Generator().manual_seed(1))
    return ((starts + torch.arange(16)) % 37 + 3).int()


def settings(**more: Any) -> Pretraining:
    return Pretraining(
        **({"steps": 12, "batch": 8, "warm_up": 2, "plain": True, "checkpoint_every": 4} | more)
    )


def test_pack_loses_only_the_last_short_row() -> None:
    documents = [np.arange(5), np.arange(10, 17), np.arange(20, 23)]
    rows = pack(documents, 4, seed=1)
    stream = np.concatenate(documents)[:12].reshape(3, 4)
    assert sorted(rows.tolist()) == sorted(stream.tolist())
    assert torch.equal(rows, pack(documents, 4, seed=1))


def test_pack_says_when_there_is_too_little() -> None:
    with pytest.raises(ModelError, match="3 tokens do not fill a row of 4"):
        pack([np.arange(3)], 4, seed=1)


def test_it_learns(model: Any, rows: torch.Tensor) -> None:
    told: list[tuple[int, float]] = []
    steps = Pretrainer(
        model, rows, settings(steps=60), tell=lambda step, loss, speed: told.append((step, loss))
    ).run()
    with torch.no_grad():
        after = float(model(input_ids=rows.long(), labels=rows.long()).loss)
    assert steps == 60 and told[-1][0] == 60
    assert after < 1.0 < np.log(37)


def test_matrices_of_the_layers_get_muon_and_the_rest_adamw(model: Any) -> None:
    muon, adamw = MuonAdamW(model, 1e-3, torch.float32).parts
    counts = [sum(len(group["params"]) for group in part.param_groups) for part in (muon, adamw)]
    assert counts == [
        2 * 7,
        1 + 2 * 2 + 1,
    ]  # seven matrices a layer; embeddings, two norms a layer, last norm
    assert muon.param_groups[0]["lr"] == pytest.approx(MUON_TIMES * 1e-3)


def test_interrupted_and_resumed_is_uninterrupted(rows: torch.Tensor, tmp_path: Path) -> None:
    whole = new_llama(Words(), 64, 64, 2, seed=3)
    Pretrainer(whole, rows, settings()).run()

    class Cut(Exception):
        pass

    cut = new_llama(Words(), 64, 64, 2, seed=3)
    first = Pretrainer(cut, rows, settings(), tmp_path)
    one_step = first._one_step

    def until_seven(done: float) -> torch.Tensor:
        if first.step == 7:
            raise Cut
        return one_step(done)

    first._one_step = until_seven  # type: ignore[method-assign]
    with pytest.raises(Cut):
        first.run()
    again = new_llama(Words(), 64, 64, 2, seed=9)
    second = Pretrainer(again, rows, settings(), tmp_path)
    assert second.run() == 12
    for (name, a), b in zip(whole.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_time_ends_it(model: Any, rows: torch.Tensor) -> None:
    assert Pretrainer(model, rows, settings(steps=10**9, minutes=1e-3)).run() < 10**5


def test_a_loss_that_is_not_a_number_ends_it(model: Any, rows: torch.Tensor) -> None:
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="not a number at step 12"):
        Pretrainer(model, rows, settings()).run()


def test_heads_are_as_many_as_their_size_says() -> None:
    assert new_llama(Words(), 64, 64, 2, seed=3, head=16).config.num_attention_heads == 4
    assert new_llama(Words(), 64, 64, 2, seed=3).config.num_attention_heads == 2, "at least two"
    assert attention_heads(160, 64) == 2, "as many as fit, then a little larger"


@pytest.mark.parametrize(("hidden", "head"), [(160, 0), (160, -16), (100, 32), (90, 64)])
def test_heads_that_do_not_fit_are_named(hidden: int, head: int) -> None:
    with pytest.raises(ModelError, match=f"hidden size {hidden} does not divide .* of about {head}"):
        attention_heads(hidden, head)

"""Contrast: the formula by hand, batched search beside a naive one, and the prompts that are contrasted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dragoman.errors import RecipeError
from dragoman.language.language import Direction
from dragoman.translate.contrastive import Contrast, Contrasting, combine, other_sources, wrong_directions
from dragoman.translate.search import Job, Settings, search
from dragoman.translate.state import Contrasts

from .toy import STOP, naive_beam, prompts


def test_difference_by_hand() -> None:
    # two sequences; the first has two contrasts with weight 0.5, the second none
    real = [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]
    contrasts = [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2]]
    others = Contrasts(torch.tensor(contrasts).log(), torch.tensor([0, 0]), torch.tensor([-0.5, -0.5]))
    scores = combine(torch.tensor(real).log(), others, "difference")
    # 0.5 - 0.4 - 0.3 < 0: never chosen; 0.3 - 0.05 - 0.1 = 0.15; 0.2 - 0.05 - 0.1 = 0.05
    wanted = torch.tensor([[-math.inf, math.log(0.15), math.log(0.05)], [math.log(p) for p in real[1]]])
    assert torch.allclose(scores, wanted, atol=1e-6)


def test_difference_falls_back_where_no_token_gains() -> None:
    real = torch.tensor([[0.5, 0.5]]).log()
    scores = combine(real, Contrasts(real, torch.tensor([0]), torch.tensor([-1.5])), "difference")
    assert torch.allclose(scores, real)


def test_ratio_by_hand() -> None:
    real, other = torch.tensor([[0.5, 0.3, 0.2]]).log(), torch.tensor([[0.8, 0.1, 0.1]]).log()
    scores = combine(real, Contrasts(other, torch.tensor([0]), torch.tensor([-1.0])), "ratio")[0]
    # 0.5 / 0.8, 0.3 / 0.1, 0.2 / 0.1, brought to a sum of 1
    ratios = torch.tensor([0.625, 3.0, 2.0])
    assert torch.allclose(scores.exp(), ratios / ratios.sum(), atol=1e-6)


def jobs_with(asked: list[list[int]], weight: float) -> list[Job]:
    """Each sequence with none, one or two other prompts to contrast with."""
    jobs = []
    for i, ids in enumerate(asked):
        others = [asked[(i + k) % len(asked)] for k in range(1, 1 + i % 3)]
        jobs.append(Job((ids, *others), (1.0, *(-weight for _ in others)), 8))
    return jobs


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_no_weight_is_no_contrast(trained: Callable[[str], Any], beam: int, form: Any) -> None:
    model, asked = trained("llama"), prompts(12)
    with torch.inference_mode():
        found = search(model, jobs_with(asked, 0.0), Settings((STOP,), beam), [Contrasting(form)])
        plain = search(model, [Job((ids,), max_new_tokens=8) for ids in asked], Settings((STOP,), beam))
    for (one, *_), (other, *_) in zip(found, plain, strict=True):
        assert one.ids == other.ids
        assert one.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.parametrize("kind", ["llama", "bloom"])
@pytest.mark.parametrize("beam", [1, 3])
def test_equals_a_naive_search(trained: Callable[[str], Any], kind: str, beam: int) -> None:
    model = trained(kind)
    jobs = jobs_with(prompts(6), 0.4)
    with torch.inference_mode():
        found = search(model, jobs, Settings((STOP,), beam), [Contrasting()])
        naive = [naive_beam(model, job.contexts, job.weights, beam, 8) for job in jobs]
        plain = [naive_beam(model, job.contexts[:1], job.weights[:1], beam, 8)[0] for job in jobs]
    assert [one[0].ids for one in found] == [ids for ids, _ in naive]
    for (one, *_), (_, score) in zip(found, naive, strict=True):
        assert one.score == pytest.approx(score, abs=1e-4)
    assert [ids for ids, _ in naive] != plain  # the contrast has an effect


@pytest.mark.parametrize("beam", [1, 4])
def test_batch_equals_singles(trained: Callable[[str], Any], beam: int) -> None:
    model, jobs = trained("qwen3"), jobs_with(prompts(32), 0.3)
    with torch.inference_mode():
        together = search(model, jobs, Settings((STOP,), beam), [Contrasting()])
        alone = [search(model, [job], Settings((STOP,), beam), [Contrasting()])[0] for job in jobs]
    for (one, *_), (other, *_) in zip(together, alone, strict=True):
        assert one.ids == other.ids
        assert one.score == pytest.approx(other.score, abs=1e-4)


def test_wrong_directions_are_english_and_the_source() -> None:
    assert wrong_directions(Direction("de", "fr")) == [Direction("de", "en"), Direction("de", "de")]
    assert wrong_directions(Direction("de", "en")) == [Direction("de", "de")]
    assert wrong_directions(Direction("eng", "fr")) == [Direction("eng", "en")]


def test_other_sources_hang_on_seed_source_and_pool_alone() -> None:
    pool = [f"line {i}" for i in range(20)]
    first = other_sources("line 3", pool, 2, seed=1)
    assert first == other_sources("line 3", pool, 2, seed=1)
    assert len(set(first)) == 2
    assert "line 3" not in first
    chosen = {tuple(other_sources("line 3", pool, 1, seed)) for seed in range(20)}
    assert len(chosen) > 5
    assert other_sources("line 3", ["line 3"], 1, 1) == []
    assert other_sources("line 3", [], 1, 1) == []
    assert other_sources("line 3", ["line 3", "line 4", "line 4"], 3, 1) == ["line 4"]


def test_wrong_settings() -> None:
    for wrong in ({"source": -0.1}, {"language": -1.0}, {"sources": 0}, {"form": "product"}):
        with pytest.raises(RecipeError, match="contrast: "):
            Contrast(**wrong)

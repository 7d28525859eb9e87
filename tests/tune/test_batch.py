"""Batches: budgets, sorting inside windows, shapes, every group once an epoch, and where a stream stands."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

from dragoman.errors import ModelError
from dragoman.prompt.encode import Encoded, Encoder
from dragoman.tune.batch import (
    ROUND,
    Group,
    StepStream,
    collate,
    cut_steps,
    group_length,
    micro_batches,
    rounded,
)
from dragoman.tune.source import BARREN, Source

from .toy import make_encoder, make_mixture, make_store


def row(length: int, learned: int = 3, first: int = 5, name: str = "") -> Encoded:
    """An example of a length whose last tokens are learned."""
    ids = [1, *(first + i % 90 for i in range(length - 1))]
    return Encoded(ids, [0.0] * (length - learned) + [1.0] * learned, "mt", "", name)


def group_of(lengths: list[int]) -> Group:
    return [row(length) for length in lengths]


def many_groups(count: int = 500) -> list[Group]:
    """Pairs of several lengths, some alone."""
    rng = np.random.default_rng(3)
    return [group_of([int(n), int(n) + 2][: 1 + i % 2]) for i, n in enumerate(rng.integers(8, 120, count))]


@pytest.mark.parametrize("tokens", [256, 1000, 4096])
def test_steps_keep_the_token_budget(tokens: int) -> None:
    steps = cut_steps(many_groups(), None, tokens, np.random.default_rng(0))
    for step in steps:
        rows = sum(len(group) for group in step)
        assert rows * rounded(max(map(group_length, step))) <= tokens or len(step) == 1
    full = sum(sum(map(group_length, step)) for step in steps) / (tokens * len(steps))
    assert full > 0.4 or tokens < 500, "no room is wasted"


@pytest.mark.parametrize(("examples", "tokens"), [(24, 10**9), (None, 4096)])
def test_every_step_holds_the_mixture_though_one_task_is_longer(examples: int | None, tokens: int) -> None:
    rng = np.random.default_rng(5)
    short = [[row(int(n))] for n in rng.integers(20, 40, 240)]
    long = [
        [Encoded(e.ids, e.weights, "align", "", "") for e in g]
        for g in map(group_of, rng.integers(60, 90, (120, 1)))
    ]
    steps = cut_steps([*long, *short], examples, tokens, np.random.default_rng(0))
    whole = [step for step in steps if len(step) >= 12]
    assert len(whole) > 5
    for step in whole:
        share = sum(group[0].task == "align" for group in step) / len(step)
        assert 0.25 <= share <= 0.42, "a third, but for the ends of a step"
        if examples is None:
            assert sum(map(len, step)) * rounded(max(map(group_length, step))) <= tokens


def test_a_group_above_the_budget_is_a_step_of_its_own() -> None:
    steps = cut_steps([group_of([20]), group_of([900]), group_of([24])], None, 100, np.random.default_rng(0))
    assert sorted(len(step) for step in steps) == [1, 2]


def test_steps_of_a_number_of_examples() -> None:
    steps = cut_steps(many_groups(120), 24, 10**9, np.random.default_rng(0))
    assert [len(step) for step in steps] == [24] * 5


def test_steps_hold_like_lengths_in_random_order() -> None:
    groups = many_groups()
    steps = cut_steps(groups, None, 1000, np.random.default_rng(0))
    spans = sorted((min(map(group_length, s)), max(map(group_length, s))) for s in steps)
    assert all(low[1] <= high[0] for low, high in pairwise(spans)), "sorted in a window"
    starts = [group_length(step[0]) for step in steps]
    assert starts != sorted(starts), "but steps come in random order"
    again = cut_steps(groups, None, 1000, np.random.default_rng(0))
    assert [[g[0].ids for g in s] for s in again] == [[g[0].ids for g in s] for s in steps]


@pytest.mark.parametrize("tokens", [1, 300, 10_000])
def test_micro_batches_keep_the_budget_and_lose_nothing(tokens: int) -> None:
    step = many_groups(40)
    parts = list(micro_batches(step, tokens))
    assert sorted(len(e.ids) for part in parts for e in part) == sorted(len(e.ids) for g in step for e in g)
    for part in parts:
        assert len(part) * rounded(max(len(e.ids) for e in part)) <= tokens or len(part) == 1


def test_collate_shapes_and_places() -> None:
    rows = [row(11, 2), row(19, 4), row(6, 1)]
    batch = collate(rows, pad=0)
    assert batch.ids.shape == (3, rounded(18)) and batch.ids.shape[1] % ROUND == 0
    assert batch.tokens == 36 and batch.padded == batch.ids.numel()
    for place in range(len(batch.targets)):
        which, column = int(batch.rows[place]), int(batch.columns[place])
        assert batch.example[place] == which
        assert rows[which].ids[column + 1] == int(batch.targets[place]), "the state before predicts it"
        assert rows[which].ids[column] == int(batch.ids[which, column])
    assert Counter(batch.example.tolist()) == {0: 2, 1: 4, 2: 1}


def stream(encoder: Encoder, seed: int = 1, **settings: Any) -> tuple[StepStream, Source]:
    """Steps of the toy corpus with pairs and their negatives."""
    source = Source(make_mixture(make_store(), encoder, {"conflict": {}}, seed), encoder)
    defaults = {"examples": None, "tokens": 2048, "window": 3, "seed": seed, **settings}
    return StepStream(source.draw, source.mixture.position, source.mixture.seek, **defaults), source


def names(steps: list[list[Group]]) -> list[list[tuple[Any, ...]]]:
    return [[tuple((e.id, e.task, tuple(e.ids)) for e in group) for group in step] for step in steps]


@pytest.mark.parametrize("settings", [{"examples": 12}, {"tokens": 2048}, {"examples": 7, "window": 5}])
def test_every_group_once_an_epoch(encoder: Encoder, settings: dict[str, Any]) -> None:
    """Whatever the windows: the first 360 groups drawn are the 60 lines in 6 directions."""
    steps, source = stream(encoder, **settings)
    seen: Counter[str] = Counter()
    for step in steps:
        seen.update(group[0].group for group in step)
        drawn = source.mixture.position()["conflict"]
        if steps._current and steps._at == len(steps._current.steps):
            assert sum(seen.values()) == drawn, "a window loses and doubles nothing"
            if drawn >= 360:
                break
    assert len(seen) == 360
    assert set(seen.values()) <= {1, 2} and sum(seen.values()) == drawn


def test_the_same_seed_gives_the_same_steps(encoder: Encoder) -> None:
    first, second, other = (list(islice(stream(encoder, seed)[0], 20)) for seed in (4, 4, 5))
    assert names(first) == names(second) != names(other)


@pytest.mark.parametrize("at", [0, 1, 4, 11, 17, 30])
@pytest.mark.parametrize("settings", [{"examples": 5}, {"tokens": 1024}])
def test_a_stream_goes_on_from_its_state(encoder: Encoder, at: int, settings: dict[str, Any]) -> None:
    whole = list(islice(stream(encoder, **settings)[0], 40))
    before, _ = stream(encoder, **settings)
    list(islice(before, at))
    state = before.state()
    after, _ = stream(encoder, **settings)
    after.restore(state)
    assert names(list(islice(after, 40 - at))) == names(whole[at:])
    again = after.state()
    assert again["window"] >= state["window"]  # type: ignore[operator]


def test_dropped_examples_take_their_group_along_and_are_counted(tokenizer: Any) -> None:
    """A pair never trains without its negative because one of them was too long."""
    lengths = sorted(len(e.ids) for g in many_encoded(tokenizer) for e in g)
    encoder = make_encoder(tokenizer, max_length=lengths[len(lengths) // 2])
    source = Source(make_mixture(make_store(), encoder, {"conflict": {}}), encoder)
    kept = source.draw(200)
    assert 0 < len(kept) < 200
    assert all([e.task for e in group] == ["mt", "conflict"] for group in kept)
    assert set(source.dropped) == {"longer than max_length"}
    source.rewind()
    assert not source.dropped and names([source.draw(200)]) == names([kept])


def many_encoded(tokenizer: Any) -> list[Group]:
    encoder = make_encoder(tokenizer)
    return Source(make_mixture(make_store(), encoder, {"conflict": {}}), encoder).draw(200)


@pytest.mark.parametrize("settings", [{"examples": 1, "window": 1}, {"tokens": 512}])
def test_a_corpus_of_which_nothing_fits_ends_with_a_message(tokenizer: Any, settings: dict[str, Any]) -> None:
    steps, _ = stream(make_encoder(tokenizer, max_length=20), **settings)
    with pytest.raises(ModelError, match=r"none of 2,\d+ examples .*longer than max_length.*max_length"):
        next(iter(steps))
    assert BARREN == 2048

"""Assertions about one pair: what stands before them is computed once, and nothing else changes by it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny_config, tiny_model

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.language.language import parse_direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Objective, Stage, TaskSpec
from dragoman.tune.attend import attending
from dragoman.tune.batch import Group, StepStream, collate, computed, group_length, micro_batches, rounded
from dragoman.tune.loop import Loop
from dragoman.tune.source import Source
from dragoman.tune.step import Stepper

from .loops import Crash, at_step, crash, log, run
from .toy import VOCABULARY, difference, gradients, make_encoder, make_stage, make_stepper, same_weights

WORDS = ["bado", "cefi", "dogu", "fahi", "gejo", "hilu", "jomi", "kuna", "lapo", "meri"]  # alike in form
BLANKS = ("source_text", "target_text", "source_word", "target_word")
SHARING = ["llama", "qwen3", "mistral", "gemma3"]
Tasks = dict[str, dict[str, Any]]
FOUR: Tasks = {"align": {"assertions": 4}}
MIXED: Tasks = {"mt": {}, "align": {"assertions": 8}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Lines of different words on disk, beside which their links are kept; some are too short to be used."""
    rng = np.random.default_rng(0)
    records = []
    for number in range(200):
        words = [WORDS[i] for i in rng.permutation(10)[: rng.integers(1, 11)]]
        texts = {"en": " ".join(words), "de": " ".join("x" + word for word in words)}
        records.append(Record(f"train:{number}", texts, "toy", number + 1))
    folder = tmp_path_factory.mktemp("text") / "train"
    write_store(folder, records)
    return Store(folder)


def make_source(store: Store, encoder: Encoder, tasks: Tasks, stage: str = "toy") -> Source:
    specs = {name: TaskSpec(**settings) for name, settings in tasks.items()}
    return Source(Mixture(specs, Material(store, encoder.template), 1, stage), encoder)


def make_groups(store: Store, encoder: Encoder, tasks: Tasks, count: int) -> list[Group]:
    """The first groups that can be made."""
    source = make_source(store, encoder, tasks)
    groups: list[Group] = []
    while len(groups) < count:
        groups += source.draw(count - len(groups))
    return groups


@pytest.fixture(scope="module")
def tokenizer(store: Store) -> Any:
    """Knows the wording of assertions: labels in data must be written otherwise than the template's."""
    lines = [text for index in range(len(store)) for text in store[index].texts.values()]
    blanks = dict.fromkeys(BLANKS, "")
    wording = load_template("plain").instruction("align", parse_direction("de-en"), **blanks)
    return learn_tokenizer([*lines, *[wording] * 50], VOCABULARY)


@pytest.fixture(params=["alpaca", "plain"])
def encoder(request: pytest.FixtureRequest, tokenizer: Any) -> Encoder:
    """The template of either paper."""
    return make_encoder(tokenizer, request.param)


def model_of(kind: str, **settings: Any) -> Any:
    """A tiny model of an architecture, with settings of its own."""
    from transformers import AutoModelForCausalLM

    config = tiny_config(kind, VOCABULARY)
    for name, value in settings.items():
        setattr(config, name, value)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


def compare(model: Any, groups: list[Group], objective: Objective, **settings: Any) -> tuple[int, int]:
    """Loss, its parts, counts and gradients of the shared way against the plain one; ids computed in each."""
    plain = make_stepper(model, objective).run(groups)
    wanted = gradients(model)
    stepper = make_stepper(model, objective, share=True, **settings)
    assert stepper.check_sharing([e for group in groups[:4] for e in group])
    shared = stepper.run(groups)
    assert shared.loss == pytest.approx(plain.loss, rel=1e-5)
    assert dict(shared.by_task) == pytest.approx(dict(plain.by_task), rel=1e-5)
    assert difference(gradients(model), wanted) < 1e-5
    for name in ("positive_tokens", "negative_tokens", "examples", "tokens"):
        assert getattr(shared, name) == getattr(plain, name)
    return shared.padded, plain.padded


@pytest.mark.parametrize("normalise", ["tokens", "examples"])
@pytest.mark.parametrize("tasks", [FOUR, MIXED], ids=["align", "mixed"])
@pytest.mark.parametrize("kind", SHARING)
def test_loss_and_gradient_are_those_of_the_plain_way(
    kind: str, tasks: Tasks, normalise: Any, store: Store, encoder: Encoder
) -> None:
    groups = make_groups(store, encoder, tasks, 6)
    assert max(map(len, groups)) > 2, "several assertions about a pair"
    shared, plain = compare(tiny_model(kind, VOCABULARY), groups, Objective(normalise=normalise))
    assert shared < plain / 2
    row = collate([e for group in groups for e in group], 2, True).tree
    assert row is not None and row.parts[-1].span.stop < sum(map(computed, groups)), "a pair once"


@pytest.mark.parametrize("kind", ["mistral", "gemma3"])
@pytest.mark.parametrize("window", [8, 40, 4096])
def test_a_window_is_kept_over_what_is_shared(kind: str, window: int, store: Store, encoder: Encoder) -> None:
    """One that ends inside the assertion, inside what is shared, and one that nothing reaches."""
    groups = make_groups(store, encoder, FOUR, 5)
    compare(model_of(kind, sliding_window=window), groups, Objective())


def test_several_passes_are_one(store: Store, encoder: Encoder) -> None:
    """Groups that fit into a pass, and such as are too large for one."""
    groups = make_groups(store, encoder, MIXED, 8)
    model = tiny_model("llama", VOCABULARY)
    longest = max(map(group_length, groups))
    for tokens in (1, longest + 8, 2 * longest, 6 * longest):
        compare(model, groups, Objective(normalise="examples"), batch_tokens=tokens)


def phimoe() -> Any:
    """Its attention is not told of the window, which here is longer than any example."""
    from transformers import PhimoeConfig, PhimoeForCausalLM

    size = tiny_config("llama", VOCABULARY).to_dict()
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    common = {name: size[name] for name in (*names, "num_key_value_heads", "max_position_embeddings")}
    torch.manual_seed(0)
    return PhimoeForCausalLM(PhimoeConfig(**common, sliding_window=450, num_local_experts=2)).eval()


@pytest.mark.parametrize("make", [lambda: tiny_model("bloom", VOCABULARY), phimoe], ids=["bloom", "phimoe"])
def test_other_kinds_of_attention_take_the_plain_way(make: Any, store: Store, encoder: Encoder) -> None:
    groups = make_groups(store, encoder, FOUR, 4)
    assert max(map(group_length, groups)) < 450
    model = make()
    stepper = make_stepper(model, share=True)
    assert not stepper.check_sharing([e for group in groups for e in group])
    found = stepper.run(groups)
    mine = gradients(model)
    wanted = make_stepper(model).run(groups)
    assert (found.loss, found.padded) == (wanted.loss, wanted.padded)
    assert difference(mine, gradients(model)) == 0


def test_layers_that_look_at_less_are_refused(store: Store, encoder: Encoder) -> None:
    """Also where no example is long enough to show it."""
    (group, *_) = make_groups(store, encoder, FOUR, 3)
    tree = collate(group, 2, True).tree
    config = tiny_config("llama", VOCABULARY)
    config.layer_types = ["full_attention", "chunked_attention"]
    with pytest.raises(ValueError, match="chunked_attention cannot"), attending(config, tree):
        pass


@pytest.fixture(params=[{"examples": 6}, {"tokens": 2048}, {"tokens": 400}], ids=["six", "budget", "tight"])
def steps(request: pytest.FixtureRequest, store: Store, encoder: Encoder) -> Iterator[list[list[Group]]]:
    source = make_source(store, encoder, MIXED)
    settings = {"examples": None, "tokens": 1024, "window": 4, "seed": 1, **request.param}
    stream = StepStream(source.draw, source.mixture.position, source.mixture.seek, **settings)
    yield list(islice(stream, 25))


def test_assertions_about_a_pair_stay_in_one_step_and_one_pass(steps: list[list[Group]]) -> None:
    """Through the sorting, the shuffling and either budget; a group that is too large for a pass is cut."""
    passes = 0
    for step in steps:
        for group in step:
            assert len({(e.group, e.id, e.task) for e in group}) == 1
            assert group[0].task == "mt" or len(group) > 1
        for share, tokens in ((True, 1024), (False, 1024), (True, 150), (False, 400)):
            found = list(micro_batches(step, tokens, share))
            passes += len(found)
            assert sorted(map(id, (e for rows in found for e in rows))) == sorted(
                map(id, (e for group in step for e in group))
            )
            for group in step:
                holding = [rows for rows in found if any(e is rows_e for e in group for rows_e in rows)]
                size = computed(group) if share else len(group) * rounded(group_length(group))
                assert len(holding) == 1 or size > tokens
            for rows in found:
                padded = len(rows) * rounded(max(len(e.ids) for e in rows))
                assert share or padded <= tokens or len(rows) == 1
    assert passes > len(steps)


def test_what_a_group_begins_with_is_counted_once(store: Store, encoder: Encoder) -> None:
    for group in make_groups(store, encoder, MIXED, 10):
        distinct = {tuple(e.ids[: n + 1]) for e in group for n in range(len(e.ids))}
        assert len(distinct) <= computed(group) <= sum(len(e.ids) for e in group)


def make_loop(folder: Path, store: Store, tokenizer: Any, stage: Stage, **more: Any) -> Loop:
    """A loop that learns assertions and pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    specs = {name: spec.model_dump() for name, spec in stage.tasks.items()}
    source = make_source(store, make_encoder(tokenizer), specs, stage.name)
    model = tiny_model("llama", VOCABULARY)
    stepper = Stepper(model, 2, stage.objective, {}, stage.batch_tokens)
    return Loop(stage, model, source, folder, stepper, 1, **more)


@pytest.mark.parametrize("settings", [{"batch_examples": 5}, {"batch_tokens": 700}])
def test_a_run_with_assertions_goes_on_exactly(
    tmp_path: Path, store: Store, tokenizer: Any, settings: dict[str, Any]
) -> None:
    stage = make_stage(tasks=MIXED, objective=Objective(normalise="examples"), **settings)
    whole = make_loop(tmp_path / "whole", store, tokenizer, stage)
    wanted = run(whole)
    assert whole.stepper.share
    with pytest.raises(Crash):
        make_loop(tmp_path / "cut", store, tokenizer, stage, tell=at_step(6, crash)).run()
    assert same_weights(run(make_loop(tmp_path / "cut", store, tokenizer, stage)), wanted)
    rows = [row for row in log(tmp_path / "whole") if "loss" in row]
    assert sum(row["padded_tokens"] for row in rows) < 0.6 * sum(row["tokens"] for row in rows)

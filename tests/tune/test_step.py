"""One optimiser step: what is averaged over what, accumulation, processes, shared prefixes, padding."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_model

from dragoman.prompt.encode import Encoded, Encoder
from dragoman.recipe import Objective
from dragoman.tune.batch import Group, collate
from dragoman.tune.step import Stepper, StepResult

from .toy import VOCABULARY, difference, gradients, make_encoder, make_groups, make_stepper, weighted

KINDS = ["llama", "mistral", "qwen3", "gemma3", "bloom"]
SHARING = ["llama", "mistral", "qwen3", "gemma3"]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model("llama", VOCABULARY)


@pytest.fixture
def encoder(tokenizer: Any) -> Encoder:
    """With long prompts, which share a preamble."""
    return make_encoder(tokenizer, "alpaca")


@pytest.fixture
def groups(encoder: Encoder) -> list[Group]:
    """Six pairs with their negatives."""
    return make_groups(encoder, 6)


def losses_by_hand(model: Any, encoded: Encoded) -> list[tuple[float, float]]:
    """(weight, -log p or -log(1 - p)) of each token of an example that has a weight: one row, float64."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([encoded.ids])).logits[0].double()
    found = []
    for place, weight in enumerate(encoded.weights):
        if weight:
            log_p = logits[place - 1].log_softmax(-1)[encoded.ids[place]]
            found.append((weight, -float(log_p if weight > 0 else torch.log1p(-log_p.exp()))))
    return found


def objective_by_hand(
    model: Any, groups: list[Group], objective: Objective, task_weights: dict[str, float]
) -> float:
    """The objective of step.py's first lines, term by term."""
    total = 0.0
    for sign, alpha in ((1, 1.0), (-1, objective.alpha)):
        rows = []
        for encoded in (e for group in groups for e in group):
            tokens = [(abs(w), loss) for w, loss in losses_by_hand(model, encoded) if w * sign > 0]
            factor = task_weights.get(encoded.task, 1.0)
            if tokens:
                rows.append([factor * weight * loss for weight, loss in tokens])
        if not rows:
            continue
        if objective.normalise == "tokens":
            total += alpha * sum(map(sum, rows)) / sum(map(len, rows))
        else:
            total += alpha * sum(sum(row) / len(row) for row in rows) / len(rows)
    return total


def run(stepper: Stepper, groups: list[Group]) -> tuple[StepResult, dict[str, torch.Tensor]]:
    result = stepper.run(groups)
    return result, gradients(stepper.model)


@pytest.mark.parametrize("normalise", ["tokens", "examples"])
@pytest.mark.parametrize("alpha", [0.0, 0.05, 1.5])
def test_the_objective_is_what_it_says(model: Any, groups: list[Group], normalise: Any, alpha: float) -> None:
    """Both kinds of mean, alpha, a weight per task, and span weights other than 1."""
    groups = [*groups[:-1], [weighted(groups[-1][0], 0.5), weighted(groups[-1][1], -2.0)]]
    objective, task_weights = Objective(alpha=alpha, normalise=normalise), {"mt": 0.7, "conflict": 1.3}
    result, _ = run(make_stepper(model, objective, task_weights=task_weights), groups)
    assert result.loss == pytest.approx(objective_by_hand(model, groups, objective, task_weights), rel=1e-5)
    assert sum(result.by_task.values()) == pytest.approx(result.loss, rel=1e-6)
    assert set(result.by_task) == {"mt", "conflict"}


def test_nats_are_those_of_whole_learned_answers(model: Any, groups: list[Group]) -> None:
    result, _ = run(make_stepper(model, Objective(alpha=0.3)), groups)
    learned = [
        sum(loss for weight, loss in losses_by_hand(model, encoded) if weight > 0)
        for group in groups
        for encoded in group
        if encoded.task == "mt"
    ]
    assert result.answers == {"mt": len(learned), "conflict": 0}
    assert result.nats["mt"] == pytest.approx(sum(learned), rel=1e-5) and result.nats["conflict"] == 0


def test_figures_of_a_step(model: Any, groups: list[Group]) -> None:
    """Sums of plain losses by sign, counts of tokens and examples; also where alpha is 0."""
    result, _ = run(make_stepper(model, Objective(alpha=0.0)), groups)
    by_hand = [pair for group in groups for e in group for pair in losses_by_hand(model, e)]
    assert result.positive == pytest.approx(sum(loss for w, loss in by_hand if w > 0), rel=1e-5)
    assert result.negative == pytest.approx(sum(loss for w, loss in by_hand if w < 0), rel=1e-5)
    assert result.positive_tokens == sum(w > 0 for w, _ in by_hand)
    assert result.negative_tokens == sum(w < 0 for w, _ in by_hand)
    assert result.examples == 12
    assert result.tokens == sum(len(e.ids) for group in groups for e in group)
    assert result.padded >= result.tokens - result.examples


def test_gradient_of_a_mixed_step_is_autograd_s(model: Any, groups: list[Group]) -> None:
    """Against plain transformers, one example at a time, in float64."""
    objective = Objective(alpha=0.3)
    _, found = run(make_stepper(model, objective), groups)
    wide = tiny_model("llama", VOCABULARY).double()
    tokens = {sign: sum(w * sign > 0 for g in groups for e in g for w in e.weights) for sign in (1, -1)}
    for encoded in (e for group in groups for e in group):
        logits = wide(input_ids=torch.tensor([encoded.ids])).logits[0]
        for place, weight in enumerate(encoded.weights):
            if weight > 0:
                (-logits[place - 1].log_softmax(-1)[encoded.ids[place]] / tokens[1]).backward(
                    retain_graph=True
                )
            elif weight < 0:
                p = logits[place - 1].softmax(-1)[encoded.ids[place]]
                (-0.3 * torch.log1p(-p) / tokens[-1]).backward(retain_graph=True)
    wanted = {name: gradient.float() for name, gradient in gradients(wide).items()}
    assert difference(found, wanted) < 1e-5


@pytest.mark.parametrize("normalise", ["tokens", "examples"])
@pytest.mark.parametrize("batch_tokens", [1, 600, 1500])
def test_accumulation_changes_nothing(
    model: Any, groups: list[Group], normalise: Any, batch_tokens: int
) -> None:
    """One forward pass per example, a few passes, or one for all: the same objective and gradient."""
    objective = Objective(alpha=0.4, normalise=normalise)
    whole, wanted = run(make_stepper(model, objective), groups)
    parts, found = run(make_stepper(model, objective, batch_tokens=batch_tokens), groups)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    assert difference(found, wanted) < 1e-5
    assert (parts.positive_tokens, parts.negative_tokens) == (whole.positive_tokens, whole.negative_tokens)


@pytest.mark.parametrize("normalise", ["tokens", "examples"])
def test_no_negative_gives_zero_not_nan(model: Any, encoder: Encoder, normalise: Any) -> None:
    groups = make_groups(encoder, 3, {"mt": {}})
    objective = Objective(alpha=1.0, normalise=normalise)
    result, found = run(make_stepper(model, objective), groups)
    assert result.negative == 0.0 and result.negative_tokens == 0
    assert result.loss == pytest.approx(objective_by_hand(model, groups, objective, {}), rel=1e-5)
    assert all(torch.isfinite(gradient).all() for gradient in found.values())


def test_only_negatives(model: Any, encoder: Encoder) -> None:
    groups = make_groups(encoder, 3, {"conflict": {"positives": False}})
    result, found = run(make_stepper(model, Objective(alpha=0.5)), groups)
    assert result.positive_tokens == 0
    assert result.loss == pytest.approx(0.5 * result.negative / result.negative_tokens, rel=1e-6)
    assert all(torch.isfinite(gradient).all() for gradient in found.values())


def test_a_pair_and_its_negative_share_the_step(groups: list[Group]) -> None:
    """They are one group, of one line, and groups are never split between steps."""
    for group in groups:
        assert [e.task for e in group] == ["mt", "conflict"]
        assert group[0].group == group[1].group and group[0].id == group[1].id
        positive, negative = ([w for w in e.weights if w] for e in group)
        assert set(positive) == {1.0} and set(negative) == {-1.0}
        learned = [[i for i, w in zip(e.ids, e.weights, strict=True) if w] for e in group]
        assert learned[0] == learned[1], "the same answer"


@pytest.mark.parametrize("kind", SHARING)
def test_a_shared_preamble_is_the_plain_way(kind: str, groups: list[Group]) -> None:
    """Loss and gradient; Gemma 3's preamble here is longer than its sliding window."""
    model = tiny_model(kind, VOCABULARY)
    shared_stepper = make_stepper(model, Objective(alpha=0.5), share=True)
    assert shared_stepper.check_sharing([e for g in groups for e in g])
    tree = collate([e for g in groups for e in g], 2, True).tree
    assert tree is not None and tree.shared.min() > 64, "the preamble of alpaca"
    plain, wanted = run(make_stepper(model, Objective(alpha=0.5)), groups)
    shared, found = run(shared_stepper, groups)
    assert shared.loss == pytest.approx(plain.loss, rel=1e-5)
    assert difference(found, wanted) < 1e-4
    assert shared.padded < 0.7 * plain.padded, "it pays"


@pytest.mark.parametrize("kind", SHARING)
def test_products_in_bfloat16_stay_near(kind: str, groups: list[Group]) -> None:
    """Loss and gradient of both layouts, against float32; the attention does not lose precision besides."""
    model = tiny_model(kind, VOCABULARY)
    plain, wanted = run(make_stepper(model, Objective(alpha=0.5)), groups)
    for share in (False, True):
        stepper = make_stepper(model, Objective(alpha=0.5), compute_bf16=True, share=share)
        assert stepper.check_sharing([e for g in groups for e in g]) is share
        result, found = run(stepper, groups)
        assert result.loss == pytest.approx(plain.loss, rel=3e-3)
        assert difference(found, wanted) < 0.03
        assert {gradient.dtype for gradient in found.values()} == {torch.float32}


def test_examples_that_share_nothing_are_the_plain_way(model: Any, tokenizer: Any) -> None:
    """A row of leaves: no padding, the same loss and gradient."""
    groups = make_groups(make_encoder(tokenizer), 6, {"mt": {"directions": [["en", "de"], ["de", "en"]]}})
    plain, wanted = run(make_stepper(model), groups)
    shared, found = run(make_stepper(model, share=True), groups)
    assert shared.loss == pytest.approx(plain.loss, rel=1e-5)
    assert difference(found, wanted) < 1e-5
    assert shared.padded <= plain.padded


def test_sharing_under_several_passes_is_the_plain_way(model: Any, groups: list[Group]) -> None:
    plain, wanted = run(make_stepper(model), groups)
    shared, found = run(make_stepper(model, batch_tokens=900, share=True), groups)
    assert shared.loss == pytest.approx(plain.loss, rel=1e-5)
    assert difference(found, wanted) < 1e-5


def test_bloom_is_exact_or_turns_sharing_off(groups: list[Group]) -> None:
    model = tiny_model("bloom", VOCABULARY)
    stepper = make_stepper(model, share=True)
    stepper.check_sharing([e for g in groups for e in g])
    plain, wanted = run(make_stepper(model), groups)
    found_result, found = run(stepper, groups)
    assert found_result.loss == pytest.approx(plain.loss, rel=1e-5)
    assert difference(found, wanted) < 1e-4


def test_sharing_is_found_out_where_it_is_wrong(model: Any, groups: list[Group], monkeypatch: Any) -> None:
    """A path that loses a position, as a sliding window does, changes little in the losses but is seen."""
    from dragoman.tune import attend

    whole = attend._path
    monkeypatch.setattr(attend, "_path", lambda x, part: whole(x, part)[:, :, 1:])
    assert not make_stepper(model, share=True).check_sharing([e for g in groups for e in g])


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_its_rows_one_by_one(kind: str, groups: list[Group]) -> None:
    """Right padding never shows: the losses of a batch of B are those of B batches of 1."""
    stepper = make_stepper(tiny_model(kind, VOCABULARY))
    rows = [e for group in groups for e in group]
    with torch.no_grad():
        batch = collate(rows, 2)
        _, together = stepper.losses(batch, batch.weights)
        single = [collate([row], 2) for row in rows]
        alone = torch.cat([stepper.losses(one, one.weights)[1] for one in single])
    assert len({len(row.ids) for row in rows}) > 2, "rows of several lengths"
    assert torch.allclose(together, alone, atol=2e-6, rtol=1e-5)


def test_the_padding_id_does_not_matter(model: Any, groups: list[Group]) -> None:
    first, wanted = run(make_stepper(model), groups)
    stepper = make_stepper(model)
    stepper.pad = 77
    second, found = run(stepper, groups)
    assert first.loss == second.loss
    assert difference(found, wanted) < 1e-6


@pytest.mark.parametrize("share", [False, True])
def test_logits_only_where_a_weight_is_not_zero(model: Any, groups: list[Group], share: bool) -> None:
    """What reaches the head are the states before learned and unlearned tokens, a fraction of all."""
    rows = [e for group in groups for e in group]
    stepper, batch = make_stepper(model, share=share), collate(rows, 2, share)
    learned = sum(weight != 0 for e in rows for weight in e.weights)
    with torch.no_grad():
        assert stepper.hidden(batch).shape == (learned, model.config.hidden_size)
    assert 0 < learned < batch.padded / 2


def test_clipping_bounds_the_norm_and_keeps_the_direction(model: Any, groups: list[Group]) -> None:
    stepper = make_stepper(model)
    stepper.run(groups)
    whole = torch.cat([p.grad.flatten() for p in model.parameters()])
    norm = float(whole.norm())
    assert stepper.clip(2 * norm) == pytest.approx(norm, rel=1e-5), "the norm before clipping"
    assert torch.equal(torch.cat([p.grad.flatten() for p in model.parameters()]), whole), "too small to clip"
    stepper.clip(norm / 10)
    clipped = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert torch.allclose(clipped, whole / 10, rtol=1e-4, atol=1e-9)
    gradients(model)


def test_an_overflowing_gradient_is_reported_as_such(model: Any, groups: list[Group]) -> None:
    stepper = make_stepper(model)
    stepper.run(groups)
    next(model.parameters()).grad.fill_(math.inf)
    assert not math.isfinite(stepper.clip(1.0))
    gradients(model)


def test_two_processes_change_nothing(tmp_path: Path, model: Any, encoder: Encoder) -> None:
    """On two gloo processes under torchrun each has the objective, gradient and figures of a single process.

    Five groups, both means; and one group, so that a process has no row at all.
    """
    groups = make_groups(encoder, 5, {"conflict": {"negative_share": 0.5}})
    cases = [(Objective(alpha=0.4, normalise=n), groups) for n in ("tokens", "examples")]
    cases.append((Objective(alpha=0.4), groups[:1]))
    torch.save(cases, tmp_path / "cases.pt")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(Path(__file__).with_name("worker_step.py")), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    for rank in range(2):
        answers = torch.load(tmp_path / f"found{rank}.pt", weights_only=False)
        for (objective, given), (result, found) in zip(cases, answers, strict=True):
            whole, wanted = run(make_stepper(model, objective), given)
            assert result.loss == pytest.approx(whole.loss, rel=1e-5)
            for name in ("positive_tokens", "negative_tokens", "examples", "tokens"):
                assert getattr(result, name) == getattr(whole, name)
            for kind in ("by_task", "nats", "answers"):
                one, other = ({k: v for k, v in getattr(r, kind).items() if v} for r in (result, whole))
                assert one == pytest.approx(other, rel=1e-5)
            assert difference(found, wanted) < 1e-5

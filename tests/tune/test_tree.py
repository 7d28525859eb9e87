"""Trees of examples that begin alike: nothing is lost, no predicting state is shared, attention is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from dragoman.prompt.encode import Encoded
from dragoman.tune.attend import NAME, attend, attending
from dragoman.tune.batch import collate
from dragoman.tune.tree import ROUND, Tree, grow

from .toy import VOCABULARY, difference, gradients, make_encoder, make_groups, make_stepper


def row(*ids: int, learned: int = 2) -> Encoded:
    """An example whose last ids are learned."""
    return Encoded(list(ids), [0.0] * (len(ids) - learned) + [1.0] * learned, "mt", "", "")


def families(preamble: int = 20, branch: int = 12, sizes: tuple[int, ...] = (3, 4, 1)) -> list[Encoded]:
    """A preamble, then the beginnings of families, then ends of several lengths."""
    first = list(range(100, 100 + preamble))
    return [
        row(*first, *range(1000 * (f + 1), 1000 * (f + 1) + branch), *range(7000 + 10 * n, 7004 + 11 * n))
        for f, size in enumerate(sizes)
        for n in range(size)
    ]


def read_back(tree: Tree, which: int, encoded: Encoded) -> list[int]:
    """The ids that an example's last token sees in the row, with the places that it must find."""
    for part in tree.parts:
        stands = part.span.start
        for length in part.lengths:
            place = tree.starts[which] + tree.shared[which]
            if stands == place and (part.path or not tree.shared[which]):
                spans = [*part.path, slice(stands, stands + length)]
                positions = torch.cat([tree.positions[0, s] for s in spans]).tolist()
                assert positions == list(range(len(encoded.ids) - 1))
                return torch.cat([tree.ids[0, s] for s in spans]).tolist()
            stands += length
    raise AssertionError("the example stands nowhere")


def check_tree(examples: list[Encoded], tree: Tree) -> None:
    assert tree.ids.shape == tree.positions.shape and tree.ids.shape[1] % ROUND == 0
    ends = [part.span.stop for part in tree.parts]
    assert [part.span.start for part in tree.parts] == [0, *ends[:-1]], "parts stand one after another"
    for which, encoded in enumerate(examples):
        assert read_back(tree, which, encoded) == encoded.ids[:-1]
        learned = next(i for i, w in enumerate(encoded.weights) if w)
        assert tree.shared[which] <= learned - 1, "the state that predicts is the example's own"


def test_a_preamble_and_families() -> None:
    examples = families()
    tree = grow(examples, 0)
    check_tree(examples, tree)
    assert tree.shared.tolist() == [32] * 7 + [20]
    leaves = sum(len(e.ids) - 1 for e in examples) - int(tree.shared.sum())
    assert tree.parts[-1].span.stop == 20 + 2 * 12 + leaves
    assert tree.ids.shape[1] - tree.parts[-1].span.stop < ROUND


def test_families_of_families() -> None:
    """A preamble, directions, pairs, assertions: each stands once, however deep."""
    said: list[Encoded] = []
    for direction in range(2):
        for pair in range(3):
            begun = [*range(30), *range(100 + 50 * direction, 130 + 50 * direction)]
            begun += range(200 + 100 * (3 * direction + pair), 240 + 100 * (3 * direction + pair))
            said += [row(*begun, *range(1000 + 9 * n, 1006 + 8 * n)) for n in range(4)]
    tree = grow(said, 0)
    check_tree(said, tree)
    assert set(tree.shared) == {100} and max(len(part.path) for part in tree.parts) == 3
    leaves = sum(len(e.ids) - 1 for e in said) - 100 * len(said)
    assert tree.parts[-1].span.stop == 30 + 2 * 30 + 6 * 40 + leaves


def test_the_order_of_examples_does_not_matter() -> None:
    examples = families()
    shuffled = [examples[i] for i in np.random.default_rng(1).permutation(len(examples))]
    tree = grow(shuffled, 0)
    check_tree(shuffled, tree)
    assert sorted(tree.shared) == [20] + [32] * 7


def test_lengths_are_rounded_so_that_kernels_are_reused() -> None:
    """At most 16 lengths for a power of two, at most 1/16 more."""
    found = set()
    for length in range(1025, 2049):
        end = grow([row(*range(length + 1))], 0).ids.shape[1]
        assert length <= end <= length * 17 / 16
        found.add(end)
    assert len(found) <= 16


@pytest.mark.parametrize(
    "examples",
    [
        [row(*range(10, 40)), row(*range(50, 71))],
        [row(*range(10, 40), learned=29), row(*range(10, 40), learned=29)],  # all is learned
        [row(*range(10, 40))],
    ],
)
def test_nothing_to_share(examples: list[Encoded]) -> None:
    """Leaves without a root: nothing is padded."""
    tree = grow(examples, 0)
    check_tree(examples, tree)
    assert len(tree.parts) == 1 and not tree.parts[0].path and not tree.shared.any()
    assert tree.ids.shape[1] < sum(len(e.ids) - 1 for e in examples) + ROUND


def test_equal_examples() -> None:
    examples = [row(*range(40))] * 3
    tree = grow(examples, 0)
    check_tree(examples, tree)
    assert tree.shared.tolist() == [37] * 3, "all but the state that predicts the first learned id"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.lists(st.integers(0, 1), min_size=4, max_size=40)),
        min_size=1,
        max_size=12,
    )
)
def test_any_examples(made: list[tuple[int, list[int]]]) -> None:
    """Two ids make common beginnings of every kind; learned ends of 1 to 5 ids reach into some of them."""
    examples = [row(*ids, 2, learned=min(learned, len(ids))) for learned, ids in made]
    tree = grow(examples, 0)
    check_tree(examples, tree)
    assert tree.parts[-1].span.stop <= sum(len(e.ids) - 1 for e in examples)
    batch = collate(examples, 0, share=True)
    for place in range(len(batch.targets)):
        encoded = examples[batch.example[place]]
        column = int(batch.columns[place]) - tree.starts[batch.example[place]]
        assert encoded.ids[column + 1] == int(batch.targets[place]) and encoded.weights[column + 1]
        assert encoded.ids[column] == int(batch.ids[batch.rows[place], batch.columns[place]])


def by_hand(q: Tensor, k: Tensor, v: Tensor, tree: Tree, window: int | None) -> Tensor:
    """Float64 attention with a mask of the whole row, made token by token."""
    size = q.shape[2]
    mask = torch.eye(size, dtype=torch.bool)
    for part in tree.parts:
        stands = part.span.start
        for length in part.lengths:
            way = [i for span in part.path for i in range(span.start, span.stop)]
            way += range(stands, stands + length)
            for n in range(len(way) - length, len(way)):
                seen = way[: n + 1] if window is None else way[max(0, n + 1 - window) : n + 1]
                mask[way[n], seen] = True
            stands += length
    repeats = q.shape[1] // k.shape[1]
    k, v = (x.double().repeat_interleave(repeats, dim=1) for x in (k, v))
    return scaled_dot_product_attention(q.double(), k, v, mask).transpose(1, 2)


@pytest.mark.parametrize("window", [None, 7, 25, 100])
@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("deep", [False, True])
def test_attention_and_its_gradient(window: int | None, heads: int, scale: float, deep: bool) -> None:
    """Against one softmax in float64; with large scores one side of the merged softmax vanishes."""
    tree = grow(families() + (families(60) if deep else []), 0)
    assert max(len(part.path) for part in tree.parts) == 2 + deep
    generator = torch.Generator().manual_seed(1)
    size = tree.ids.shape[1]
    q, k, v = (
        torch.randn(1, n, size, 8, generator=generator).mul_(s)
        for n, s in ((4, scale), (heads, 1), (heads, 1))
    )
    inputs = [x.requires_grad_() for x in (q, k, v)]

    class Config:
        _attn_implementation = "sdpa"

    config = Config()
    with attending(config, tree):
        assert config._attn_implementation == NAME
        found, _ = attend(None, q, k, v, sliding_window=window)
    assert config._attn_implementation == "sdpa"
    wanted = by_hand(q, k, v, tree, window)
    end = tree.parts[-1].span.stop
    assert torch.allclose(found[:, :end].double(), wanted[:, :end], atol=1e-5)
    assert not found[:, end:].any()
    toward = torch.randn(found.shape, generator=generator)
    toward[:, end:] = 0
    mine = torch.autograd.grad(found, inputs, toward)
    theirs = torch.autograd.grad(wanted, inputs, toward.double())
    for one, other in zip(mine, theirs, strict=True):
        assert torch.allclose(one, other.float(), atol=2e-5 * scale, rtol=1e-4)


@pytest.mark.parametrize("more", [{"softcap": 30.0}, {"s_aux": torch.zeros(4)}])
def test_what_cannot_be_computed_is_refused(more: dict[str, Any]) -> None:
    tree = grow(families(), 0)
    x = torch.randn(1, 4, tree.ids.shape[1], 8)
    config = tiny_model("llama", VOCABULARY).config
    with attending(config, tree), pytest.raises(ValueError, match="along a tree"):
        attend(None, x, x, x, **more)
    assert config._attn_implementation == "sdpa"


def test_recomputed_activations_follow_the_tree(tokenizer: Any) -> None:
    """Activation checkpointing runs the attention again inside the backward pass."""
    from dragoman.tune.model import recompute_activations

    encoder = make_encoder(tokenizer, "alpaca")
    groups = make_groups(encoder, 6)
    model = tiny_model("llama", VOCABULARY)
    model.train()
    plain = make_stepper(model).run(groups)
    wanted = gradients(model)
    recompute_activations(model)
    shared = make_stepper(model, share=True).run(groups)
    assert shared.padded < plain.padded
    assert shared.loss == pytest.approx(plain.loss, rel=1e-5)
    assert difference(gradients(model), wanted) < 1e-5

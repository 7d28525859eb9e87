"""Our search beside the library's, batches beside single sequences, and what sits on the scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from dragoman.errors import ModelError, RecipeError
from dragoman.translate import steps
from dragoman.translate.cache import make_cache
from dragoman.translate.choose import settle, top
from dragoman.translate.forward import Job, Rows
from dragoman.translate.search import Hypothesis, Settings, State, search

from .toy import KINDS, STOP, VOCABULARY, make_model, prompts

CLOSE = 1e-4
TIES = 2  # near-ties that may fall the other way, in all hypotheses of a test


def run(model: Any, asked: list[list[int]], longest: int = 24, **settings: Any) -> list[list[Hypothesis]]:
    with torch.inference_mode():
        jobs = [Job((ids,), max_new_tokens=longest) for ids in asked]
        return search(model, jobs, Settings((STOP,), **settings))


def generate(
    model: Any, asked: list[list[int]], beam: int, penalty: float, early: bool = False
) -> list[tuple[list[int], float]]:
    longest = max(map(len, asked))
    ids = torch.tensor([[0] * (longest - len(one)) + one for one in asked])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in asked])
    extra: dict[str, Any] = {"length_penalty": penalty, "num_return_sequences": beam} if beam > 1 else {}
    extra |= {"early_stopping": True} if early else {}
    out = model.generate(
        input_ids=ids, attention_mask=mask, num_beams=beam, do_sample=False, max_new_tokens=24,
        eos_token_id=STOP, pad_token_id=0, return_dict_in_generate=True, output_scores=True, **extra,
    )  # fmt: skip
    answers = [row[longest:].tolist() for row in out.sequences]
    scores = out.sequences_scores.tolist() if beam > 1 else [0.0] * len(answers)
    return [
        (ids[: ids.index(STOP)] if STOP in ids else ids, score)
        for ids, score in zip(answers, scores, strict=True)
    ]


def assert_same(found: list[tuple[list[int], float]], wanted: list[tuple[list[int], float]]) -> None:
    """The same ids and scores; where ids differ, the scores must tie, and that may happen ``TIES`` times.

    How often it happens is printed (``pytest -rP``).
    """
    differ = sum(a[0] != b[0] for a, b in zip(found, wanted, strict=True))
    print(f"near-ties: {differ} of {len(found)}")
    assert differ <= TIES, f"{differ} of {len(found)} hypotheses differ"
    assert max(abs(a[1] - b[1]) for a, b in zip(found, wanted, strict=True)) < CLOSE


def flat(results: list[list[Hypothesis]]) -> list[tuple[list[int], float]]:
    return [(one.ids, one.score) for many in results for one in many]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("beam", "penalty"), [(1, 1.0), (4, 1.0), (3, 0.0), (5, 2.0)])
def test_equals_the_library(trained: Callable[[str], Any], kind: str, beam: int, penalty: float) -> None:
    model, asked = trained(kind), prompts(32)
    found = flat(run(model, asked, beam=beam, n_best=beam, length_penalty=penalty))
    wanted = generate(model, asked, beam, penalty)
    if beam == 1:
        found = [(ids, 0.0) for ids, _ in found]
    assert_same(found, wanted)
    assert len({tuple(ids) for ids, _ in found}) > 8  # the outputs hang on the prompts


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_equals_the_library(trained: Callable[[str], Any], kind: str) -> None:
    model, asked = trained(kind), prompts(24)
    found = flat(run(model, asked, beam=4, n_best=4, early_stopping=True))
    assert_same(found, generate(model, asked, 4, 1.0, early=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beam", [1, 4])
def test_batch_equals_singles(trained: Callable[[str], Any], kind: str, beam: int) -> None:
    model, asked = trained(kind), prompts(32)
    together = run(model, asked, beam=beam, n_best=beam)
    alone = [run(model, [ids], beam=beam, n_best=beam)[0] for ids in asked]
    assert_same(flat(together), flat(alone))


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("leave", [0.001, 0.5, 2.0])
def test_leaving_the_batch_changes_nothing(
    trained: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, beam: int, leave: float
) -> None:
    model, asked = trained("llama"), prompts(32)
    wanted = run(model, asked, beam=beam)
    monkeypatch.setattr(steps, "LEAVE", leave)
    assert_same(flat(run(model, asked, beam=beam)), flat(wanted))


@pytest.mark.parametrize("kind", KINDS)
def test_shared_prefix_is_exact(trained: Callable[[str], Any], kind: str) -> None:
    model = trained(kind)
    jobs = [Job((ids,), max_new_tokens=2) for ids in prompts(8)]
    with torch.inference_mode():
        rows = [Rows(model, jobs, share=share) for share in (True, False)]
        first = [one.prefill() for one in rows]
        second = [one.step(torch.full((8, 1), 50)) for one in rows]
    # a sliding window counts columns, so padding inside the prompt would shift it: Gemma's is short here
    assert rows[0].share == (kind != "gemma3")
    assert torch.allclose(first[0], first[1], atol=1e-5)
    assert torch.allclose(second[0], second[1], atol=1e-5)


def test_shared_prefix_under_a_long_window() -> None:
    model = make_model("gemma3", window=64).eval()
    jobs = [Job((ids,), max_new_tokens=4) for ids in prompts(8)]
    with torch.inference_mode():
        rows = [Rows(model, jobs, share=share) for share in (True, False)]
        assert rows[0].share
        assert torch.allclose(rows[0].prefill(), rows[1].prefill(), atol=1e-5)


def test_each_sequence_has_its_own_longest_output(trained: Callable[[str], Any]) -> None:
    model, asked = trained("llama"), prompts(8)
    whole = run(model, asked)
    with torch.inference_mode():
        for beam in (1, 3):
            jobs = [Job((ids,), max_new_tokens=1 + i) for i, ids in enumerate(asked)]
            for i, (one, *_) in enumerate(search(model, jobs, Settings((STOP,), beam))):
                assert len(one.ids) + one.finished <= 1 + i
                if beam == 1:
                    assert one.ids == whole[i][0].ids[: 1 + i]
                    assert one.finished == (len(whole[i][0].ids) < 1 + i)


def test_score_is_the_log_probability_over_the_length(trained: Callable[[str], Any]) -> None:
    model, asked = trained("llama"), prompts(4)
    for beam in (1, 4):
        for ids, (best, *_) in zip(asked, run(model, asked, beam=beam, length_penalty=0.5), strict=True):
            answer = [*best.ids, STOP]
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([ids + answer])).logits[0].log_softmax(dim=-1)
            value = sum(float(logits[len(ids) - 1 + i, token]) for i, token in enumerate(answer))
            assert best.finished
            assert best.log_prob == pytest.approx(value, abs=1e-4)
            assert best.score == pytest.approx(value / len(answer) ** 0.5, abs=1e-4)


def test_early_stopping_takes_the_first_finished(trained: Callable[[str], Any]) -> None:
    model, asked = trained("llama"), prompts(16)
    early = run(model, asked, beam=4, early_stopping=True)
    late = run(model, asked, beam=4)
    assert all(a[0].score <= b[0].score + CLOSE for a, b in zip(early, late, strict=True))


class Watch:
    """A processor that forbids a token in one job, and follows its rows by ``parents`` alone."""

    def __init__(self, job: int, token: int) -> None:
        self.job, self.token = job, token
        self.own: Tensor | None = None
        self.last: Tensor | None = None

    def __call__(self, scores: Tensor, state: State) -> Tensor:
        assert scores.shape == (len(state.sequence), VOCABULARY)
        assert state.tokens.shape == (len(state.sequence), state.step)
        if state.parents is None:
            self.own = state.tokens
        else:
            assert self.own is not None
            self.own = torch.cat((self.own[state.parents], state.tokens[:, -1:]), dim=1)
        assert torch.equal(self.own, state.tokens)
        assert bool((state.room + state.step == 24).all())
        scores[state.sequence == self.job, self.token] = -torch.inf
        return scores


@pytest.mark.parametrize("beam", [1, 4])
def test_processors_see_their_rows(trained: Callable[[str], Any], beam: int) -> None:
    model, asked = trained("llama"), prompts(16)
    plain = run(model, asked, beam=beam)
    token = plain[5][0].ids[0]
    jobs = [Job((ids,), max_new_tokens=24) for ids in asked]
    with torch.inference_mode():
        found = search(model, jobs, Settings((STOP,), beam), [Watch(5, token)])
    assert token not in found[5][0].ids
    keep = [i for i in range(16) if i != 5]
    assert_same(flat([found[i] for i in keep]), flat([plain[i] for i in keep]))


@pytest.mark.parametrize("beam", [1, 2])
def test_nothing_left_to_choose(trained: Callable[[str], Any], beam: int) -> None:
    jobs = [Job((ids,), max_new_tokens=4) for ids in prompts(2)]
    with torch.inference_mode():
        found = search(
            trained("llama"), jobs, Settings((STOP,), beam), [lambda scores, _: scores.fill_(-torch.inf)]
        )
    assert all(len(one) == 1 and one[0].score == -torch.inf and not one[0].finished for one in found)


def test_top_equals_topk() -> None:
    generator = torch.Generator().manual_seed(0)
    for size in (640, 6400, 100):
        scores = torch.randn(3, 2, size, generator=generator)
        value, index = top(scores, 4)
        wanted = scores.topk(4, dim=-1)
        assert torch.equal(value, wanted.values)
        assert torch.equal(index, wanted.indices)


def test_settle_keeps_first_children_in_place() -> None:
    parents = torch.tensor([[2, 2, 0, 2], [0, 1, 2, 3], [3, 3, 3, 3], [1, 0, 3, 2]])
    order = settle(parents)
    assert order.sort(dim=1).values.tolist() == [[0, 1, 2, 3]] * 4
    assert parents.gather(1, order).tolist() == [[0, 2, 2, 2], [0, 1, 2, 3], [3, 3, 3, 3], [0, 1, 2, 3]]


def test_low_rank_adapters(trained: Callable[[str], Any]) -> None:
    from peft import LoraConfig, get_peft_model

    model, asked = make_model("llama").eval(), prompts(4)
    wanted = run(model, asked, longest=6, beam=2)
    adapted = get_peft_model(model, LoraConfig(target_modules="all-linear")).eval()
    assert_same(flat(run(adapted, asked, longest=6, beam=2)), flat(wanted))


def test_wrong_settings_and_models() -> None:
    import transformers as tf

    model = make_model("llama").eval()
    with pytest.raises(RecipeError, match="beam 0"):
        Settings((STOP,), beam=0)
    with pytest.raises(RecipeError, match="n_best 3"):
        Settings((STOP,), beam=2, n_best=3)
    with pytest.raises(RecipeError, match="too large for 84 tokens"):
        run(model, prompts(1), beam=50)
    with pytest.raises(ModelError, match="needs contexts"):
        run(model, [[]])
    with pytest.raises(ModelError, match="take another base"):
        make_cache(tf.Lfm2Config(num_hidden_layers=2, layer_types=["conv", "full_attention"]))
    assert run(model, []) == []

"""Metrics: equal to sacreBLEU on golden tables, generated text, degenerate lines and real text."""

from __future__ import annotations

import importlib.util
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER

from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.metrics import METRICS, bleu_tokenization, make_metric, mean_of

DATA = Path(os.environ.get("DRAGOMAN_DATA", Path(__file__).parents[3] / "shared" / "data")) / "multi30k"
PEERS = {"BLEU": BLEU(force=True), "chrF++": CHRF(word_order=2), "TER": TER()}

# hypotheses, references, then `sacrebleu -m bleu chrf ter --chrf-word-order 2 -w 4` (version 2.6.0)
GOLDEN = [
    (["the cat sat on the mat"], ["the cat sat on the mat"], 100.0, 100.0, 0.0),
    (["the cat sat on the mat"], ["the cat is on the mat"], 37.9918, 66.3607, 16.6667),
    (["the the the the"], ["the cat"], 15.9736, 18.6139, 150.0),
    (["Ein Hund läuft."], ["Ein Hund läuft über die Wiese."], 30.1815, 48.2067, 66.6667),
    (["a b c d", "x y"], ["a b c d e", "x z"], 75.2641, 66.8002, 28.5714),
    (["on the mat the cat sat"], ["the cat sat on the mat"], 50.8133, 83.3190, 16.6667),
    (["hello"], ["goodbye world"], 0.0, 4.7170, 100.0),
]


@pytest.mark.parametrize(("hypotheses", "references", "bleu", "chrf", "ter"), GOLDEN)
def test_golden_numbers(
    hypotheses: list[str], references: list[str], bleu: float, chrf: float, ter: float
) -> None:
    found = [make_metric(name, "en").corpus(hypotheses, references) for name in METRICS]
    assert found == pytest.approx([bleu, chrf, ter], abs=1e-4)


DEGENERATE = [
    ([""], ["a b c d e"]),
    ([""], [""]),
    (["a b c d e"], [""]),
    (["word"], ["word"]),
    (["word"], ["other"]),
    (["", "a b c d e f"], ["a b", "a b c d e f"]),
    ([" ", "\t"], ["a", "b"]),
    (["...", "!"], ["?", "!"]),
    (["a b c"], ["a b c"]),
]


@pytest.mark.parametrize(("hypotheses", "references"), DEGENERATE)
def test_degenerate_lines_equal_sacrebleu(hypotheses: list[str], references: list[str]) -> None:
    for name, peer in PEERS.items():
        expected = peer.corpus_score(hypotheses, [references]).score
        assert make_metric(name, "en").corpus(hypotheses, references) == pytest.approx(expected, abs=1e-9), (
            name
        )


WORDS = st.lists(st.sampled_from(["a", "b", "cat", "mat.", "the", "(hi)", "über", "。", "1,000"]), max_size=9)
LINES = st.lists(st.tuples(WORDS.map(" ".join), WORDS.map(" ".join)), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_summed_statistics_equal_sacrebleu(lines: list[tuple[str, str]]) -> None:
    hypotheses, references = [h for h, _ in lines], [r for _, r in lines]
    for name, peer in PEERS.items():
        expected = peer.corpus_score(hypotheses, [references]).score
        scores = make_metric(name, "en").lines(hypotheses, references)
        assert scores.value == pytest.approx(expected, abs=1e-9), name
        stacked = scores.combine(np.stack([scores.statistics.sum(axis=0)] * 3))
        assert stacked.shape == (3,) and stacked[1] == pytest.approx(expected, abs=1e-9), name


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), min_size=1, max_size=3))
def test_any_unicode_equals_sacrebleu_on_nfc(lines: list[tuple[str, str]]) -> None:
    from dragoman.evaluate.metrics import nfc

    hypotheses, references = [nfc(h) for h, _ in lines], [nfc(r) for _, r in lines]
    for name, peer in PEERS.items():
        expected = peer.corpus_score(hypotheses, [references]).score
        found = make_metric(name, "en").corpus([h for h, _ in lines], [r for _, r in lines])
        assert found == pytest.approx(expected, abs=1e-9), name


def test_resampled_sums_equal_sacrebleu_on_the_resampled_lines() -> None:
    hypotheses = ["a b c d", "e f g", "a b x d e", ""]
    references = ["a b c e", "e f g h", "a b c d e", "z"]
    picked = np.random.default_rng(0).integers(4, size=(5, 4))
    for name, peer in PEERS.items():
        scores = make_metric(name, "en").lines(hypotheses, references)
        found = scores.combine(scores.statistics[picked].sum(axis=1))
        for row, value in zip(picked, found, strict=True):
            drawn = peer.corpus_score([hypotheses[i] for i in row], [[references[i] for i in row]]).score
            assert value == pytest.approx(drawn, abs=1e-9)


@pytest.mark.parametrize(
    ("target", "tokenizer"),
    [
        ("de", "13a"),
        ("deu", "13a"),
        ("zh", "zh"),
        ("zh-Hant", "zh"),
        ("zho", "zh"),
        ("my", "char"),
        ("mya", "char"),
        ("km", "char"),
        ("lo", "char"),
        ("tha", "char"),
        ("nqo", "intl"),
    ],
)
def test_tokenization_follows_the_target(target: str, tokenizer: str) -> None:
    assert bleu_tokenization(target) == (tokenizer, None)
    assert f"|tok:{tokenizer}|" in make_metric("bleu", target).signature()


@pytest.mark.parametrize(
    ("target", "module", "name"), [("ja", "MeCab", "ja-mecab"), ("ko", "mecab_ko", "ko-mecab")]
)
def test_word_segmenters_are_optional(target: str, module: str, name: str) -> None:
    tokenizer, note = bleu_tokenization(target)
    if importlib.util.find_spec(module):
        assert (tokenizer, note) == (name, None)
    else:
        assert tokenizer == "char"
        assert note is not None and "'.[eval]'" in note and name in note
    assert make_metric("BLEU", target).corpus(
        ["今日は 서울 に行く。"], ["今日は 서울 に行く。"]
    ) == pytest.approx(100)


def test_composed_and_decomposed_letters_are_the_same() -> None:
    for name in METRICS:
        metric = make_metric(name, "de")
        assert metric.corpus(["u\u0308ber alle Berge weg"], ["über alle Berge weg"]) == pytest.approx(
            metric.corpus(["a b c d"], ["a b c d"])
        )
        assert "unicode:NFC" in metric.signature()


def test_burmese_is_not_one_word() -> None:
    reference = ["ကျွန်တော်ကျောင်းသွားသည်"]
    changed = ["ကျွန်တော်ကျောင်းသွားမည်"]
    assert make_metric("BLEU", "my").corpus(changed, reference) > 80
    assert make_metric("TER", "my").corpus(changed, reference) < 10
    assert "pre:char" in make_metric("TER", "my").signature()


def test_mistakes_are_one_line() -> None:
    with pytest.raises(RecipeError, match=r"unknown metric 'blue'; known: BLEU, chrF\+\+, TER"):
        make_metric("blue", "de")
    with pytest.raises(DataError, match="2 hypotheses for 1 references"):
        make_metric("BLEU", "de").lines(["a", "b"], ["a"])
    with pytest.raises(DataError, match="no lines"):
        make_metric("BLEU", "de").lines([], [])
    with pytest.raises(DataError, match="no lines"):
        mean_of("OTR", [], "")


def test_mean_of_flags_is_a_percentage() -> None:
    rate = mean_of("OTR", [1, 0, 0, 1], "lid:x")
    assert rate.value == 50.0
    assert not rate.higher_is_better
    assert rate.combine(np.array([[1.0, 4.0], [0.0, 0.0]])).tolist() == [25.0, 0.0]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no multi30k at {DATA}")
def test_real_text() -> None:
    german = (DATA / "val.deu").read_text(encoding="utf-8").splitlines()[:200]
    english = (DATA / "val.eng").read_text(encoding="utf-8").splitlines()[:200]
    shuffled = random.Random(1).sample(german, len(german))
    for name, peer in PEERS.items():
        metric = make_metric(name, "deu")
        perfect, floor = (100.0, 25.0) if metric.higher_is_better else (0.0, 80.0)
        assert metric.corpus(german, german) == pytest.approx(perfect)
        for bad in (english, shuffled):
            value = metric.corpus(bad, german)
            assert value == pytest.approx(peer.corpus_score(bad, [german]).score, abs=1e-9)
            assert (value < floor) == metric.higher_is_better

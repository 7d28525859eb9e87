"""Paired tests: Holm by hand, p-values against sacreBLEU's, false alarms, joint resampling, speed."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from dragoman.errors import DataError
from dragoman.evaluate.metrics import Array, LineScores, make_metric, mean_of
from dragoman.evaluate.significance import (
    Pair,
    bootstrap,
    bootstrap_p,
    families,
    holm,
    joint_and_single,
    randomisation_p,
    randomise,
    signature,
)

DATA = Path(os.environ.get("DRAGOMAN_DATA", Path(__file__).parents[3] / "shared" / "data")) / "multi30k"


def worsen(lines: list[str], share: float, seed: int) -> list[str]:
    """Drop that share of the words."""
    draw = random.Random(seed)
    return [" ".join(w for w in line.split() if draw.random() >= share) for line in lines]


def sentences(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    words = ["the", "a", "dog", "cat", "man", "ball", "red", "big", "runs", "over", "under", "two"]
    return [" ".join(draw.choices(words, k=draw.randint(4, 14))) for _ in range(count)]


def pair(
    metric: str, first: list[str], second: list[str], references: list[str], direction: str = "de-en"
) -> Pair:
    scorer = make_metric(metric, "en")
    ids = tuple(f"t:{n}" for n in range(len(references)))
    return Pair(direction, ids, scorer.lines(first, references), scorer.lines(second, references))


def flags(values: Array, metric: str = "OTR") -> LineScores:
    return mean_of(metric, values.tolist(), "test")


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@pytest.mark.parametrize("metric", ["BLEU", "chrF++"])
def test_identical_systems_give_p_one(metric: str) -> None:
    references = sentences(40, 1)
    same = worsen(references, 0.2, 2)
    single, joint = joint_and_single([pair(metric, same, same, references)], {"all": [0]}, 200, 1)
    for test in (single[0], joint["all"]):
        assert (test.p_bootstrap, test.p_randomisation, test.difference) == (1.0, 1.0, 0.0)
        assert (test.low, test.high) == (0.0, 0.0)


@pytest.mark.parametrize("metric", ["BLEU", "chrF++"])
def test_a_clear_winner(metric: str) -> None:
    references = sentences(100, 1)
    worse, better = worsen(references, 0.3, 2), worsen(references, 0.1, 3)
    single, _ = joint_and_single([pair(metric, worse, better, references)], {}, 300, 1)
    assert single[0].p_bootstrap < 0.01 and single[0].p_randomisation < 0.01
    assert 0 < single[0].low < single[0].difference < single[0].high


@pytest.mark.parametrize("metric", ["BLEU", "chrF++"])
@pytest.mark.parametrize(("share", "seed"), [(0.16, 4), (0.17, 4), (0.16, 5)])
def test_p_values_equal_sacrebleu(metric: str, share: float, seed: int) -> None:
    references = sentences(120, 1)
    first, second = worsen(references, 0.2, 2), worsen(references, share, seed)
    peer = BLEU(force=True) if metric == "BLEU" else CHRF(word_order=2)
    theirs = {}
    for kind in ("ar", "bs"):
        test = PairedTest([("a", first), ("b", second)], {metric: peer}, [references], kind, n_samples=1000)
        _, scores = test()
        theirs[kind] = next(v for k, v in scores.items() if k != "System")[1].p_value
    ours = pair(metric, first, second, references)
    swapped, drawn = randomise([ours], 4000, 1)[:, 0], bootstrap([ours], 4000, 1)[:, 0]
    assert 0.01 < theirs["ar"] < 0.5, "the example must not be clear-cut"
    assert randomisation_p(ours.difference, swapped) == pytest.approx(theirs["ar"], abs=0.04)
    # sacreBLEU's bootstrap p, computed from our resamplings: one-sided, centred at the mean
    one_sided = np.mean(np.abs(drawn) - np.abs(drawn).mean() > abs(ours.difference))
    assert one_sided == pytest.approx(theirs["bs"], abs=0.04)
    assert bootstrap_p(ours.difference, drawn) == pytest.approx(
        randomisation_p(ours.difference, swapped), abs=0.06
    )


def test_no_difference_is_called_significant_in_five_percent_of_cases() -> None:
    """Two systems that err on lines with the same chance, and whose errors go together on a line."""
    generator = np.random.default_rng(7)
    found = {"bootstrap": 0, "randomisation": 0, "joint bootstrap": 0, "joint randomisation": 0}
    cases = 400
    ids = tuple(map(str, range(80)))
    for case in range(cases):
        hard = generator.random(80) < 0.4
        pairs = [
            Pair(d, ids, *(flags((hard & (generator.random(80) < 0.6)).astype(float)) for _ in range(2)))
            for d in ("a-b", "a-c", "b-c")
        ]
        single, joint = joint_and_single(pairs, {"all": [0, 1, 2]}, 200, case)
        found["bootstrap"] += single[0].p_bootstrap < 0.05
        found["randomisation"] += single[0].p_randomisation < 0.05
        found["joint bootstrap"] += joint["all"].p_bootstrap < 0.05
        found["joint randomisation"] += joint["all"].p_randomisation < 0.05
    for name, count in found.items():
        assert 0.015 < count / cases < 0.085, f"{name}: {count / cases}"


def test_shared_sentences_widen_the_joint_interval() -> None:
    """Three directions with the same gains a line hold no more evidence than one; with other ids they do."""
    generator = np.random.default_rng(3)
    first, second = ((generator.random(200) < chance).astype(float) for chance in (0.5, 0.4))

    def width(share_ids: bool) -> float:
        pairs = [
            Pair(d, tuple(f"{'' if share_ids else d}{n}" for n in range(200)), flags(first), flags(second))
            for d in ("a-b", "b-c", "c-a")
        ]
        _, joint = joint_and_single(pairs, {"all": [0, 1, 2]}, 500, 1)
        return joint["all"].high - joint["all"].low

    assert width(True) == pytest.approx(width(False) * 3**0.5, rel=0.2)


def test_the_same_lines_are_drawn_in_every_direction_whatever_their_order() -> None:
    generator = np.random.default_rng(3)
    first, second = ((generator.random(50) < chance).astype(float) for chance in (0.5, 0.4))
    order = generator.permutation(50)
    ids = tuple(map(str, range(50)))
    pairs = [
        Pair("a-b", ids, flags(first), flags(second)),
        Pair("b-a", tuple(ids[i] for i in order), flags(first[order]), flags(second[order])),
    ]
    for draws in (bootstrap(pairs, 50, 1), randomise(pairs, 50, 1)):
        assert np.allclose(draws[:, 0], draws[:, 1])


def test_families_join_directions_that_share_lines() -> None:
    assert families([["1", "2"], ["9"], ["2", "3"], ["3"], ["8"]]) == [[0, 2, 3], [1], [4]]
    assert families([["1"], ["2"], ["1", "2"]]) == [[0, 1, 2]]


def test_the_seed_decides_and_stands_in_the_signature() -> None:
    references = sentences(30, 1)
    one = pair("BLEU", worsen(references, 0.2, 2), worsen(references, 0.2, 3), references)
    assert np.array_equal(bootstrap([one], 20, 5), bootstrap([one], 20, 5))
    assert not np.array_equal(bootstrap([one], 20, 5), bootstrap([one], 20, 6))
    assert "bs:20|" in signature(20, 5) and "|seed:5|" in signature(20, 5)


def test_holm_runs_over_the_directions_of_each_metric() -> None:
    references = sentences(60, 1)
    worse, better = worsen(references, 0.3, 2), worsen(references, 0.1, 3)
    pairs = [pair("BLEU", worse, better, references, d) for d in ("a-b", "b-c", "c-a")]
    pairs.append(pair("chrF++", worse, better, references))
    single, _ = joint_and_single(pairs, {}, 99, 1)
    assert [test.p_bootstrap for test in single] == pytest.approx([0.01] * 4)
    assert [test.holm_bootstrap for test in single] == pytest.approx([0.03, 0.03, 0.03, 0.01])


def test_mistakes_are_one_line() -> None:
    one, two = flags(np.zeros(2)), flags(np.zeros(3))
    with pytest.raises(DataError, match=r"de-en: 2 line ids, but 2 and 3 lines"):
        Pair("de-en", ("1", "2"), one, two)
    with pytest.raises(DataError, match="line id '1' occurs twice"):
        Pair("de-en", ("1", "1"), one, one)
    with pytest.raises(DataError, match="nothing to resample"):
        bootstrap([], 10, 1)


def test_twelve_directions_of_a_thousand_lines_take_seconds() -> None:
    generator = np.random.default_rng(0)
    references = sentences(1000, 0)
    pairs = [
        pair(metric, worsen(references, 0.3, 1), worsen(references, 0.25, 2), references)
        for metric in ("BLEU", "chrF++")
    ]
    many = [Pair(f"x{n}-en", one.ids, one.first, one.second) for n in range(12) for one in pairs]
    many += [
        Pair(f"x{n}-en", pairs[0].ids, *(flags(generator.integers(2, size=1000).astype(float)) for _ in "ab"))
        for n in range(12)
    ]
    start = time.perf_counter()
    single, joint = joint_and_single(many, {"BLEU": range(0, 24, 2)}, 1000, 1)
    assert time.perf_counter() - start < 30
    assert len(single) == 36 and joint["BLEU"].difference == pytest.approx(single[0].difference)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no multi30k at {DATA}")
def test_real_text() -> None:
    german = (DATA / "val.deu").read_text(encoding="utf-8").splitlines()[:200]
    english = (DATA / "val.eng").read_text(encoding="utf-8").splitlines()[:200]
    single, _ = joint_and_single([pair("chrF++", english, worsen(german, 0.5, 1), german)], {}, 200, 1)
    assert single[0].difference > 20 and single[0].p_bootstrap < 0.01

"""Comparing two systems: joint tests, pairing by line id, what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
from eval_samples import DE_EN, EN_DE, TEXT, WordIdentifier, side

from dragoman.errors import DataError
from dragoman.evaluate.compare import compare_systems, verdict
from dragoman.evaluate.outputs import Output
from dragoman.evaluate.score import Scorer
from dragoman.language.language import Direction


def test_compare_finds_the_better_system() -> None:
    found = compare_systems(
        side("a", 0.4, 1), side("b", 0.1, 2), Scorer(), supervised=[EN_DE], trials=200, seed=3
    )
    joint = found.joint("zero-shot", "chrF++")
    assert joint is not None and joint.directions == ("de-fr", "fr-de")
    singles = [
        d for d in found.differences if d.directions in (("de-fr",), ("fr-de",)) and d.metric == "chrF++"
    ]
    assert joint.test.difference == pytest.approx(np.mean([d.test.difference for d in singles]))
    assert joint.second - joint.first == pytest.approx(joint.test.difference)
    assert joint.test.p_bootstrap < 0.01 and joint.test.p_randomisation < 0.01
    assert joint.test.holm_bootstrap is None and singles[0].test.holm_bootstrap is not None
    assert [(d.group, d.metric) for d in found.differences][:4] == [
        ("zero-shot", "BLEU"),
        ("zero-shot", "chrF++"),
        ("all", "BLEU"),
        ("all", "chrF++"),
    ]
    assert verdict(found, "zero-shot", "BLEU") == "(p = 0.005 against a)"
    assert verdict(found, "nothing", "BLEU") == ""


def test_a_system_against_itself() -> None:
    same = side("a", 0.3, 1)
    twin = [Output("b", o.direction, o.ids, o.hypotheses, o.sources, o.references) for o in same]
    found = compare_systems(same, twin, Scorer(identifier=WordIdentifier()), trials=50)
    assert {d.metric for d in found.differences} == {"BLEU", "chrF++", "OTR"}
    assert {d.test.p_bootstrap for d in found.differences} == {1.0}
    assert {d.test.p_randomisation for d in found.differences} == {1.0}


def test_lines_are_paired_by_id_not_by_place() -> None:
    left, right = side("a", 0.3, 1), side("b", 0.2, 2)
    turned = [
        Output(o.system, o.direction, o.ids[::-1], o.hypotheses[::-1], o.sources[::-1], o.references[::-1])
        for o in right
    ]
    one, two = (compare_systems(left, r, Scorer(), trials=50) for r in (right, turned))
    assert one.differences == two.differences


def test_systems_that_cannot_be_compared() -> None:
    left, right = side("a", 0.3, 1), side("b", 0.2, 2)
    fewer = [Output("b", o.direction, o.ids[:9], o.hypotheses[:9], (), o.references[:9]) for o in right]
    with pytest.raises(DataError, match="en-de: a has 40 lines, b has 9, and they are not the same ones"):
        compare_systems(left, fewer, Scorer())
    other = [Output("b", o.direction, o.ids, o.hypotheses, (), ("x", *o.references[1:])) for o in right]
    with pytest.raises(DataError, match="en-de, line t:0: a and b have different references"):
        compare_systems(left, other, Scorer())
    with pytest.raises(DataError, match="share no direction"):
        compare_systems(left[:1], right[1:], Scorer())
    with pytest.raises(DataError, match="compare one system with one other; this side has a, b"):
        compare_systems([*left, *right], right, Scorer())
    with pytest.raises(DataError, match="more than once; compare one seed at a time"):
        compare_systems([*left, *left], right, Scorer())
    bare = [[Output(o.system, o.direction, o.ids, o.hypotheses) for o in s] for s in (left, right)]
    with pytest.raises(DataError, match="nothing to compare"):
        compare_systems(bare[0], bare[1], Scorer())


def test_directions_of_one_side_only_are_told() -> None:
    found = compare_systems(side("a", 0.3, 1), side("b", 0.2, 2)[:2], Scorer(), trials=20)
    assert found.remarks == ["only a translated fr-de; left out"]


def test_bleu_under_two_tokenizations_is_not_averaged() -> None:
    chinese = Direction("en", "zh")
    sides = []
    for name, text in (("a", "一只狗在跑步"), ("b", "一只狗在草地上跑步")):
        zh = Output(name, chinese, ("1", "2"), (text, text), (), ("一只狗在草地上跑步",) * 2)
        en = Output(name, DE_EN, ("1", "2"), TEXT["en"][:2], (), TEXT["en"][:2])
        sides.append([zh, en])
    found = compare_systems(sides[0], sides[1], Scorer(), trials=20)
    assert [(d.group, d.metric) for d in found.differences if d.group] == [("all", "chrF++")]
    assert found.remarks == ["all: BLEU is not averaged over different signatures (13a, zh)"]

"""Scoring outputs: groups, floors, faults, what can be scored without references."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from eval_samples import DE_EN, DE_FR, EN_DE, TEXT, WordIdentifier, copy, output, perfect

from dragoman.errors import DataError
from dragoman.evaluate.external import External
from dragoman.evaluate.faults import copied, loops, runaway
from dragoman.evaluate.outputs import Output
from dragoman.evaluate.score import Scorer, evaluate_outputs, group_of
from dragoman.language.language import Direction


def test_rows_groups_and_signatures() -> None:
    outputs = [perfect("good", EN_DE), perfect("good", DE_FR), copy("copy", EN_DE), copy("copy", DE_FR)]
    results = evaluate_outputs(outputs, Scorer(identifier=WordIdentifier()), [EN_DE, DE_EN])
    assert results.systems == ["good", "copy"] and results.groups == ["supervised", "zero-shot"]
    assert results.metrics == ["BLEU", "chrF++", "OTR", "empty", "unidentified", "copied", "runaway"]
    value = {(r.system, r.direction, r.metric): r.value for r in results.rows}
    assert value["good", "en-de", "BLEU"] == pytest.approx(100)
    assert value["good", "de-fr", "OTR"] == 0 and value["copy", "de-fr", "OTR"] == 100
    assert value["good", "de-fr", "copied"] == 0 and value["copy", "de-fr", "copied"] == 100
    assert {r.lines for r in results.rows} == {3}
    (signature,) = {r.signature for r in results.rows if r.metric == "OTR"}
    assert "first-words-1" in signature and "de+en+fr+other" in signature
    assert results.floor == {"en-de": 0.0, "de-fr": 0.0}
    assert results.confusion["copy"]["de-fr"] == {"de": 3}
    assert results.identifier["name"] == "first-words"
    assert results.identifier["candidates"] == ["de", "en", "fr", "other"]
    assert results.remarks == []


def test_empty_and_unidentifiable_outputs_are_off_target_and_shown_apart() -> None:
    bad = output("bad", EN_DE, ("", "…", "zwei Frauen"))
    results = evaluate_outputs([bad], Scorer(identifier=WordIdentifier()))
    value = {r.metric: r.value for r in results.rows}
    assert value["OTR"] == pytest.approx(200 / 3) and value["empty"] == pytest.approx(100 / 3)
    assert {r.group for r in results.rows} == {"all"}


def test_the_floor_is_the_references() -> None:
    odd = Output("s", EN_DE, ("1", "2"), ("der Hund", "ein Mann"), ("a", "b"), ("der Hund", "Manhattan"))
    results = evaluate_outputs([odd], Scorer(identifier=WordIdentifier()))
    assert results.floor == {"en-de": 50.0}
    assert {r.metric: r.value for r in results.rows}["OTR"] == 0


def test_one_direction_under_two_spellings() -> None:
    spelled = Direction("eng", "deu")
    other = Output("b", spelled, ("1",), TEXT["de"][:1], TEXT["en"][:1], TEXT["de"][:1])
    results = evaluate_outputs([perfect("a", EN_DE), other], Scorer())
    assert results.directions() == ["en-de"]
    assert group_of(spelled, [EN_DE]) == "supervised"
    assert group_of(DE_FR, [EN_DE]) == "zero-shot" and group_of(DE_FR, None) == "all"


def test_the_same_output_twice_is_an_error_unless_the_seed_differs() -> None:
    with pytest.raises(DataError, match="a has 2 outputs in en-de with seed None"):
        evaluate_outputs([perfect("a", EN_DE), copy("a", EN_DE)], Scorer())
    two = evaluate_outputs([perfect("a", EN_DE, 1), copy("a", EN_DE, 2)], Scorer(metrics=["chrF++"]))
    (average,) = two.averages("a", "all", "chrF++")
    assert average.seeds == 2 and average.deviation is not None


def test_without_references_only_what_needs_none_is_scored() -> None:
    bare = Output("s", EN_DE, ("1",), ("der Hund",), ("the dog",))
    results = evaluate_outputs([bare], Scorer(identifier=WordIdentifier()))
    assert [r.metric for r in results.rows] == ["OTR", "unidentified", "empty", "copied", "runaway"]
    assert results.floor == {}
    assert results.remarks == ["s en-de: no references, so no BLEU, chrF++ or floor"]


def test_a_language_that_the_identifier_does_not_know_has_no_otr() -> None:
    silesian = Output("s", Direction("en", "szl"), ("1",), ("pies",), ("dog",), ("pies",))
    results = evaluate_outputs([silesian, perfect("s", EN_DE)], Scorer(identifier=WordIdentifier()))
    assert [r.direction for r in results.rows if r.metric == "OTR"] == ["en-de"]
    assert list(results.floor) == ["en-de"]
    assert results.remarks == ["no OTR into szl: first-words does not know it; learn an identifier from text"]


def test_remarks_on_tokenised_references_and_missing_segmenters() -> None:
    tokenised = Output("s", EN_DE, ("1",), ("der Hund .",), ("a",), ("der Hund .",))
    assert "look tokenised" in evaluate_outputs([tokenised], Scorer()).remarks[0]


def test_copies_and_endless_output() -> None:
    sources, references = ["Ein Hund", "Paris", "", "x"], ["A dog", "Paris", "", "y"]
    assert copied(["ein  hund", "Paris", "", "y"], sources, references) == [True, False, False, False]
    assert copied(["Paris"], ["Paris"]) == [True]
    assert loops("a dog runs and runs and runs and runs and runs an")
    assert loops("!" * 16) and not loops("Stop!!!") and not loops("...")
    assert not loops("no no no no") and not loops("a dog runs over the grass")
    assert runaway(["x" * 31, "abc " * 9, "short"], ["", "abc " * 9, "yes"]) == [True, False, False]
    assert runaway(["la la la la la la la la"], ["la la"]) == [True]


def test_external_metrics_stand_beside_the_others(tmp_path: Path) -> None:
    runner = tmp_path / "runner.py"
    runner.write_text(
        "import json, sys\n"
        'print(\'{"protocol": 1, "metric": "comet", "package": "fake", "version": "1"}\', flush=True)\n'
        "rows = [json.loads(line) for line in sys.stdin]\n"
        "for n in range(len(rows)): print(json.dumps({'index': n, 'score': 0.5}))\n"
        "print(json.dumps({'done': len(rows)}), flush=True)\n"
    )
    scorer = Scorer(external=[External("comet", Path(sys.executable), "m", runner=runner)])
    results = evaluate_outputs([perfect("a", EN_DE)], scorer)
    assert results.metrics[:3] == ["BLEU", "chrF++", "COMET"]
    assert results.value("a", "en-de", "COMET") == 50

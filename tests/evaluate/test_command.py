"""What `dragoman evaluate` and `dragoman compare` do, on small outputs and on other systems' real ones."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from eval_samples import DATA, DE_FR, EN_DE, TEXT, WordIdentifier, copy, needs_data, perfect, side
from helpers import fake_comet
from sacrebleu.metrics import BLEU

from dragoman.errors import DataError, ModelError, RecipeError
from dragoman.evaluate.command import add_significance, compare_command, evaluate_command, make_scorer, show
from dragoman.evaluate.compare import compare_systems
from dragoman.evaluate.outputs import write_outputs
from dragoman.evaluate.results import read_results, write_results
from dragoman.evaluate.score import Scorer, evaluate_outputs
from dragoman.language.identify import make_identifier, save_identifier


def test_commands_on_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_outputs(tmp_path, [*side("stage 1", 0.4, 1), *side("stage 2", 0.1, 2)])
    results = evaluate_command(
        tmp_path, identifier=WordIdentifier(), supervised=["en-de"], out=tmp_path, each_direction=True, seed=7
    )
    shown = capsys.readouterr().out
    assert "supervised (1)" in shown and "zero-shot (2)" in shown and "tok:13a" in shown and "floor" in shown
    assert read_results(tmp_path / "results.json").rows == results.rows
    assert {r.seed for r in results.rows} == {7}
    compare_command(
        tmp_path,
        systems=["stage 1", "stage 2"],
        identifier=None,
        supervised=["en-de"],
        trials=99,
        out=tmp_path,
    )
    shown = capsys.readouterr().out
    assert "zero-shot (2)  BLEU" in shown and "95 % interval" in shown and "bs:99|ar:99|seed:1" in shown
    rows = read_results(tmp_path / "results.json").significance
    joint = [row for row in rows if row.get("group") == "zero-shot" and row["metric"] == "chrF++"]
    assert len(joint) == 1 and joint[0]["a"] == "stage 1" and joint[0]["p_holm"] is None
    single = [row for row in rows if row.get("direction") == "de-fr" and row["metric"] == "chrF++"]
    assert len(single) == 1 and single[0]["p_holm"] >= single[0]["p_randomisation"]


def test_a_run_is_judged_by_the_identifier_that_it_keeps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_outputs(tmp_path, [*side("stage 1", 0.4, 1), *side("stage 2", 0.1, 2)])
    texts = {code: [f"{line} {n}" for line in lines for n in range(40)] for code, lines in TEXT.items()}
    save_identifier(make_identifier("learnt", list(TEXT), texts), tmp_path / "identifier")
    results = evaluate_command(tmp_path, supervised=["en-de,de-en"])
    assert results.identifier["name"] == "learnt" and results.groups == ["supervised", "zero-shot"]
    compared = compare_command(tmp_path, systems=["stage 1", "stage 2"], trials=10)
    assert any("id:learnt" in item.signature for item in compared.differences)
    capsys.readouterr()


def test_supervised_directions_that_nothing_was_translated_in_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_outputs(tmp_path, side("stage 1", 0.4, 1))
    results = evaluate_command(tmp_path, identifier=WordIdentifier(), supervised=["en-ja"])
    told = " ".join(capsys.readouterr().err.split())
    assert results.groups == ["zero-shot"]
    assert "no translation is in a supervised direction (en-ja); there: de-fr, en-de, fr-de;" in told
    evaluate_command(tmp_path, identifier=WordIdentifier(), supervised=["en-ja,en-de"])
    assert "no translation" not in capsys.readouterr().err


def test_an_earlier_comparison_is_replaced(tmp_path: Path) -> None:
    left, right = side("a", 0.3, 1), side("b", 0.2, 2)
    write_results(tmp_path / "results.json", evaluate_outputs(left, Scorer()))
    for trials in (20, 30):
        add_significance(tmp_path / "results.json", compare_systems(left, right, Scorer(), trials=trials))
    rows = read_results(tmp_path / "results.json").significance
    assert {row["signature"].split("bs:")[1].split("|")[0] for row in rows} == {"30"}


def test_evaluating_again_takes_the_comparisons_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_outputs(tmp_path, [*side("a", 0.4, 1), *side("b", 0.1, 2)])
    given: dict[str, Any] = {"identifier": None, "supervised": ["en-de"], "out": tmp_path}
    evaluate_command(tmp_path, **given)
    compare_command(tmp_path, systems=["a", "b"], trials=50, seed=3, **given)
    first = read_results(tmp_path / "results.json").significance
    assert first and evaluate_command(tmp_path, **given).significance == first
    assert read_results(tmp_path / "results.json").significance == first

    write_outputs(tmp_path, side("b", 0.4, 5))  # other translations: other tests
    again = evaluate_command(tmp_path, **given)
    assert len(again.significance) == len(first) and again.significance != first
    for row in again.significance:
        assert "|bs:50|ar:50|seed:3|" in row["signature"]
        if "direction" in row:
            assert row["value_b"] == again.value("b", row["direction"], row["metric"])
    fewer = evaluate_command(tmp_path, metrics=["BLEU"], directions=["de-fr,fr-de"], **given)
    assert {(row["metric"], row.get("direction")) for row in fewer.significance} == {
        ("BLEU", None), ("BLEU", "de-fr"), ("BLEU", "fr-de"),
    }  # fmt: skip
    alone = evaluate_command(tmp_path, systems=["a"], **given)
    assert not alone.significance and any("of a with b is left out" in remark for remark in alone.remarks)
    assert "note: the earlier comparison of a with b is left out: b not scored now" in capsys.readouterr().out


def test_comparing_by_a_metric_with_its_own_environment(tmp_path: Path, cli: Cli) -> None:
    """From the command line, with a runner that scores a line by its length in place of COMET's."""
    python = fake_comet(tmp_path)
    run = tmp_path / "run"
    write_outputs(run, [*side("a", 0.4, 1), *side("b", 0.1, 2)])
    given = (run, "--identifier", "none", "--comet", python)
    assert cli("evaluate", *given, "--out", run)[0] == 0
    scored = (tmp_path / "runner.log").read_text()
    status, out, said = cli("compare", *given, "--system", "a", "--system", "b", "--trials", 20, "--out", run)
    assert status == 0, said
    assert "all (3)  COMET" in out and "en-de  COMET" in out
    assert (tmp_path / "runner.log").read_text().strip() == scored.strip(), "a line was scored twice"
    rows = [row for row in read_results(run / "results.json").significance if row["metric"] == "COMET"]
    assert len(rows) == 4 and all("fake:1" in row["signature"] for row in rows)
    assert all(row["value_b"] > row["value_a"] for row in rows)

    plain = (run, "--identifier", "none", "--out", run)  # no interpreter: the kept scores serve
    assert cli("evaluate", *plain)[0] == 0
    again = read_results(run / "results.json")
    assert [row for row in again.significance if row["metric"] == "COMET"] == rows
    assert sum(row.metric == "COMET" for row in again.rows) == 6 and not again.remarks
    write_outputs(run, side("b", 0.3, 8))
    status, out, _ = cli("evaluate", *plain)
    again = read_results(run / "results.json")
    assert {row.system for row in again.rows if row.metric == "COMET"} == {"a"}
    assert "note: COMET is left out for b (lines without a score); evaluate with --comet PYTHON" in out
    assert not any(row["metric"] == "COMET" for row in again.significance) and again.significance
    status, _, said = cli("compare", run, "--system", "a", "--system", "b", "--bleurt", tmp_path / "none")
    assert status == 1 and "is no interpreter; make an environment for bleurt" in said


def test_commands_on_files_and_their_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines in (
        ("ref.de", TEXT["de"]),
        ("src.en", TEXT["en"]),
        ("a.de", TEXT["de"]),
        ("b.de", TEXT["en"]),
    ):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = {"ref": tmp_path / "ref.de", "source": tmp_path / "src.en"}
    results = evaluate_command(
        hyp=tmp_path / "a.de", direction="en-de", identifier="none", system="mine", **files
    )
    assert results.systems == ["mine"] and results.value("mine", "en-de", "BLEU") == pytest.approx(100)
    found = compare_command(
        tmp_path / "a.de", tmp_path / "b.de", direction="en-de", identifier="none", trials=9, **files
    )
    assert (found.first, found.second) == ("a", "b") and found.differences[0].test.difference < -50
    capsys.readouterr()
    with pytest.raises(RecipeError, match=r"a\.de: in which direction was it translated"):
        evaluate_command(hyp=tmp_path / "a.de", identifier="none")
    with pytest.raises(RecipeError, match="either a folder of translations or one file"):
        evaluate_command(tmp_path, hyp=tmp_path / "a.de")
    with pytest.raises(RecipeError, match="a report needs a folder to lie in"):
        evaluate_command(tmp_path, report=True)
    with pytest.raises(RecipeError, match="compare needs two systems"):
        compare_command(tmp_path, identifier="none")


def test_styles() -> None:
    results = evaluate_outputs([perfect("a", EN_DE), copy("b", EN_DE)], Scorer())
    assert show(results, style="markdown").startswith("| system | all BLEU |")
    tsv = show(results, style="tsv").split("\n\n")
    assert tsv[0].splitlines()[1].split("\t")[0] == "a" and "tok:" not in "".join(tsv)
    assert "copied" in show(results), "a faulty system brings the table of faults"


@needs_data
def test_other_systems_on_real_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of hypotheses, sources and references in; the full table out, without any model."""
    codes, split, count = ("eng", "deu", "fra"), "test_2016_flickr", 150
    refs = tmp_path / "refs"
    refs.mkdir()
    text = {}
    for code in codes:
        text[code] = (DATA / f"{split}.{code}").read_text(encoding="utf-8").splitlines()[:count]
        (refs / f"{split}.{code}").write_text("\n".join(text[code]) + "\n", encoding="utf-8")
    draw = random.Random(1)
    for a in codes:
        for b in codes:
            if a != b:
                drop = [" ".join(w for w in line.split() if draw.random() > 0.15) for line in text[b]]
                for system, lines in (("copy", text[a]), ("drop", drop), ("references", text[b])):
                    path = tmp_path / "hyps" / system / f"{split}.{a}-{b}.txt"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    supervised = ["eng-deu", "deu-eng", "eng-fra", "fra-eng"]
    out = tmp_path / "out"
    results = evaluate_command(
        tmp_path / "hyps",
        references=refs,
        supervised=supervised,
        identifier="py3langid",
        out=out,
        report=True,
    )
    shown = capsys.readouterr().out
    assert "supervised (4)" in shown and "zero-shot (2)" in shown
    assert "<html" in (out / "report.html").read_text(encoding="utf-8")

    def average(system: str, metric: str) -> float:
        return results.averages(system, "zero-shot", metric)[0].value

    assert average("references", "BLEU") == pytest.approx(100)
    floor = results.floor_average("zero-shot")
    assert average("references", "OTR") == floor and floor is not None and floor < 5
    assert average("copy", "BLEU") < 5 and average("copy", "OTR") > 95 and average("copy", "copied") > 95
    assert 50 < average("drop", "BLEU") < 90 and average("drop", "OTR") < 10
    direct = BLEU().corpus_score(text["deu"], [text["fra"]]).score
    assert results.value("copy", "deu-fra", "BLEU") == pytest.approx(direct, abs=1e-9)
    kept = json.loads((out / "translations" / "drop" / "deu-fra.jsonl").read_text("utf-8").splitlines()[0])
    assert kept["id"] == f"{split}:1" and kept["source"] == text["deu"][0]
    found = compare_command(
        out, systems=["copy", "drop"], supervised=supervised, identifier="none", out=out, trials=99
    )
    joint = found.joint("zero-shot", "BLEU")
    assert joint is not None and joint.test.difference > 50 and joint.test.p_randomisation <= 0.01
    assert read_results(out / "results.json").significance


@needs_data
def test_an_identifier_that_learns_from_training_text(tmp_path: Path) -> None:
    for code in ("eng", "deu"):
        lines = (DATA / f"train.{code}").read_text(encoding="utf-8").splitlines()[:500]
        (tmp_path / f"train.{code}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    outputs = [perfect("a", EN_DE), copy("b", EN_DE)]
    scorer = make_scorer(outputs, identifier="learnt", training=tmp_path)
    results = evaluate_outputs(outputs, scorer)
    assert results.value("b", "en-de", "OTR") == 100
    with pytest.raises(ModelError, match="'learnt' has no training text for fr"):
        make_scorer([perfect("a", DE_FR)], identifier="learnt", training=tmp_path)
    with pytest.raises(DataError, match=r"no train\.<language> files to learn"):
        make_scorer(outputs, identifier="learnt", training=tmp_path.parent)

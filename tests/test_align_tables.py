"""The tables of alignment instructions, on made-up translations whose quality is known."""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
from pathlib import Path
from statistics import fmean, stdev
from types import ModuleType

import pytest

from dragoman.evaluate.outputs import Output, write_outputs
from dragoman.evaluate.results import write_results
from dragoman.evaluate.score import Scorer, evaluate_outputs
from dragoman.evaluate.significance import holm
from dragoman.language.language import Direction

SUPERVISED = [Direction("eng", "ces"), Direction("ces", "eng")]
DIRECTIONS = [*SUPERVISED, Direction("fra", "ces"), Direction("ces", "fra")]
SCRIPTS = Path(__file__).parents[1] / "recipes" / "replications"
WORDS = ["river", "stone", "garden", "winter", "lantern", "copper", "meadow", "harbour", "silver", "thunder"]
LINES = 60


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    for known in ("replicate", "jobs", "align_tables"):
        monkeypatch.delitem(sys.modules, known, raising=False)
    return importlib.import_module(name)


def translated(system: str, direction: Direction, seed: int, wrong: float) -> Output:
    """Translations in which each word is wrong with chance ``wrong``; the errors follow from the seed."""
    text = random.Random(str(direction))
    errors = random.Random(f"{direction} {seed} {wrong}")
    references = [" ".join(text.choices(WORDS, k=8)) for _ in range(LINES)]
    hypotheses = [
        " ".join("zzz" if errors.random() < wrong else word for word in line.split()) for line in references
    ]
    ids = tuple(f"test:{number}" for number in range(LINES))
    return Output(system, direction, ids, tuple(hypotheses), ids, tuple(references), seed)


def write_run(folder: Path, seed: int, rows: dict[str, float], dev: dict[str, float]) -> Path:
    """A run with these rows (share of wrong words) and these dev scores of its stages."""
    outputs = [translated(name, d, seed, wrong) for name, wrong in rows.items() for d in DIRECTIONS]
    write_outputs(folder, outputs)
    write_results(folder / "results.json", evaluate_outputs(outputs, Scorer(("BLEU", "chrF++")), SUPERVISED))
    for name, chrf in dev.items():
        (folder / "stages" / name).mkdir(parents=True)
        row = {"stage": name, "step": 4, "validation": {"chrf": chrf}}
        (folder / "stages" / name / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    return folder


ROWS = {
    "MT x2": 0.5, "multi-task": 0.3, "mixed": 0.28, "placebo": 0.5, "MT + Hint": 0.4,
}  # fmt: skip
DEV = {"multi-task": 40.0, "mixed": 30.0}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    runs = tmp_path_factory.mktemp("runs")
    return [write_run(runs / f"align-s{seed}", seed, ROWS, DEV) for seed in (1, 2)]


def test_the_best_schedule_is_chosen_on_dev_not_on_test(
    seeds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = module("align_tables", monkeypatch)
    study = tables.Study(seeds)
    assert study.best() == "multi-task", "mixed is better on test"
    assert study.comparisons() == [
        ("MT x2", "multi-task"), ("placebo", "multi-task"), ("MT x2", "mixed"), ("placebo", "mixed"),
        ("MT + Hint", "multi-task"),
    ]  # fmt: skip


def test_gains_are_means_over_directions_and_seeds(
    seeds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = module("align_tables", monkeypatch)
    study = tables.Study(seeds)
    gains = study.gains()
    gain, corrected = gains[0]
    by_seed = []
    for seed in (1, 2):
        values = {
            (row.system, row.direction): row.value
            for row in study.results.rows
            if row.seed == seed and row.metric == "chrF++"
        }
        by_seed.append(fmean(values["multi-task", str(d)] - values["MT x2", str(d)] for d in DIRECTIONS))
    assert gain.test.difference == pytest.approx(fmean(by_seed))
    assert gain.deviation == pytest.approx(stdev(by_seed))
    assert (gain.above, gain.directions, gain.aim_is_met) == (4, 4, True)
    assert gain.test.low > 5 and gain.test.p_randomisation < 0.01
    assert [p for _, p in gains] == holm([one.test.p_randomisation for one, _ in gains])
    assert corrected > gain.test.p_randomisation
    assert [one.directions for one, _ in study.gains("zero-shot")] == [2] * 5


def test_what_is_not_better_is_not_called_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same outputs under two names, and a schedule that is worse."""
    tables = module("align_tables", monkeypatch)
    rows = {"MT x2": 0.4, "placebo": 0.2, "Align": 0.4}
    study = tables.Study([write_run(tmp_path / "align-1k-multi-task", 1, rows, {"Align": 20.0})])
    (same, p), (worse, _) = study.gains()
    assert (same.above, same.test.difference, p, same.deviation) == (0, 0.0, 1.0, None)
    assert worse.above == 0 and worse.test.high < 0
    assert tables.aims(study)[1:] == [
        "- Align above MT x2 in 0 of 4 directions (0 %), mean +0.00: aim missed",
        f"- Align above placebo in 0 of 4 directions (0 %), mean {worse.test.difference:+.2f}: aim missed",
    ]


def test_rows_of_other_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = module("align_tables", monkeypatch)
    run = write_run(tmp_path / "run", 1, {"MT x2": 0.4, "Align": 0.3}, {"Align": 1.0})
    path = run / "translations" / "Align" / "eng-ces.jsonl"
    path.write_text("".join(path.read_text().splitlines(True)[1:]))
    with pytest.raises(SystemExit, match="MT x2 and Align, eng-ces: not the same lines"):
        tables.Study([run]).gains()


def test_everything_is_printed(
    seeds: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeds and parts of a study as one, every run alone, and the conditions side by side."""
    runs = seeds[0].parent
    write_run(runs / "nllb-s1", 1, {"MT x2": 0.5, "placebo": 0.5}, {})
    write_run(runs / "nllb-s1-schedules", 1, {"mixed": 0.2}, {"mixed": 9.0})
    module("replicate", monkeypatch).tables(argparse.Namespace(runs=runs))
    said = capsys.readouterr().out
    for heading in ("## align, 2 runs", "## nllb, 2 runs", "## align-s1\n", "## Conditions, chrF++"):
        assert heading in said
    both = said[said.index("## nllb, 2 runs") : said.index("## align-s1\n")]
    assert "- best schedule on dev: mixed; aim: 75 % of the directions, +0.5 chrF++" in both
    assert "- mixed above placebo in 4 of 4 directions (100 %), mean +" in both and "aim met" in both
    assert "| mixed against MT x2 | 4 of 4 |" in both
    assert "### chrF++ by direction" in both and "correction:holm over 2 comparisons" in both
    gains = said[said.index("## Conditions, gains in chrF++") :]
    row = next(line for line in gains.splitlines() if line.startswith("| nllb, 2 runs"))
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    assert len(cells) == 10 and cells[3] == cells[8] == "4 of 4" and cells[1].startswith("+")
    assert "against placebo 95 % interval" in gains
    first = said[said.index("## align, 2 runs") :]
    assert "±" in first[: first.index("### Gains")]

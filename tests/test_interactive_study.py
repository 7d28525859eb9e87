"""The study of dialogues: a fair comparison, and one command that makes all of it."""

from __future__ import annotations

import importlib
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from dragoman.recipe import Recipe
from dragoman.recipe_file import load_recipe

FOLDER = Path(__file__).parents[1] / "recipes" / "replications"
ROWS = ["MT only", "MT + interactive", "MT + single", "MT + general", "all"]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(FOLDER / "interactive-study.yaml")


def test_stages_differ_in_nothing_but_their_tasks(recipe: Recipe) -> None:
    assert [stage.name for stage in recipe.stages] == ROWS
    alike = [stage.model_dump(exclude={"name", "tasks"}) for stage in recipe.stages]
    assert all(one == alike[0] for one in alike) and recipe.stages[0].start == "base"
    tasks = {stage.name: stage.tasks for stage in recipe.stages}
    assert [sorted(tasks[name]) for name in ROWS] == [
        ["mt"], ["interactive", "mt"], ["interactive", "mt"], ["general", "mt"],
        ["general", "interactive", "mt"],
    ]  # fmt: skip
    talking, single = (tasks[name]["interactive"] for name in ROWS[1:3])
    assert not talking.single_turn and single.single_turn
    assert single.model_copy(update={"single_turn": False}) == talking == tasks["all"]["interactive"]


def test_every_row_of_the_issue_answers_the_same_dialogues(recipe: Recipe) -> None:
    spec = recipe.evaluate.interactive
    assert spec is not None and spec.systems is None and spec.draft == "fixed"
    rows = {row.name: (row.kind, row.stage) for row in recipe.evaluate.systems or []}
    assert rows.pop("copy")[0] == "copy"
    assert rows.pop("MT + single in one turn") == ("model", "MT + single")
    assert rows.pop("MT only, plain") == ("model", "MT only")
    terms = {f"{name} with terms": ("model", name) for name in ROWS[:2]}
    assert rows == {name: ("model", name) for name in ROWS} | terms and set(spec.terms) == set(terms)
    assert spec.single_turn == ["MT + single in one turn"] and spec.retranslate == ["MT only, plain"]
    assert {stage.stream for stage in recipe.stages} == {"study"}, "the same lines, edits and wordings"
    assert spec.kinds == recipe.stages[1].tasks["interactive"].kinds


def test_more_seeds_have_the_main_rows_and_nothing_else(recipe: Recipe) -> None:
    seed = load_recipe(FOLDER / "interactive-seed.yaml")
    assert [stage.name for stage in seed.stages] == ROWS[:3] and seed.stages == recipe.stages[:3]
    assert seed.evaluate.systems and recipe.evaluate.systems
    assert seed.evaluate.systems == [
        row for row in recipe.evaluate.systems if row.stage not in {"MT + general", "all"}
    ]
    assert set(seed.evaluate.compare) == {pair for pair in recipe.evaluate.compare if "all" not in pair}
    alike = {"name", "seed", "stages", "evaluate"}
    assert seed.model_dump(exclude=alike) == recipe.model_dump(exclude=alike)
    other = {"systems", "compare"}
    assert seed.evaluate.model_dump(exclude=other) == recipe.evaluate.model_dump(exclude=other)


def test_one_command_makes_base_seeds_and_losses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    for known in ("replicate", "jobs"):
        monkeypatch.delitem(sys.modules, known, raising=False)
    studies = importlib.import_module("replicate").STUDIES
    options = Namespace(
        data=tmp_path, bases=tmp_path / "bases", runs=tmp_path / "runs", schedule="multi-task"
    )
    base, *seeds, losses = studies["interactive"](options)
    assert [job.name for job in seeds] == [f"interactive-s{n}" for n in (1, 2, 3)]
    assert all(job.needs == (base.made.parent,) for job in seeds)
    assert [[part for part in job.command if part.startswith("seed=")] for job in seeds] == [
        [f"seed={n}"] for n in (1, 2, 3)
    ]
    assert [Path(job.command[4]).stem for job in seeds] == ["interactive-study", *["interactive-seed"] * 2]
    assert "bayling" in losses.command
    models = {
        tmp_path / "runs" / job.name / "stages" / name / "model"
        for job in seeds
        for name in (ROWS if job is seeds[0] else ROWS[:3])
    }
    assert set(losses.needs) == {base.made.parent, *models}

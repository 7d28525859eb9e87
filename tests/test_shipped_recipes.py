"""Every shipped recipe loads, says the same when it is written and read again, and explains its keys."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from conftest import Cli, Tiny

from dragoman.prompt.templates import load_template
from dragoman.recipe import Recipe, Source
from dragoman.recipe_file import dump_recipe, load_recipe
from dragoman.rows import systems_of
from dragoman.tune.stage import start_of

ROOT = Path(__file__).parents[1]
SHIPPED = sorted([*(ROOT / "recipes").rglob("*.yaml"), ROOT / "dragoman" / "demo" / "recipe.yaml"])
MAIN = ROOT / "recipes" / "language-aware.yaml"
BAYLING = ROOT / "recipes" / "bayling.yaml"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_loads_and_survives_writing(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path)
    names = {stage.name for stage in recipe.stages}
    assert all(start_of(recipe, stage).partition("@")[0] in {"base", *names} for stage in recipe.stages)
    assert systems_of(recipe)
    written = tmp_path / "recipe.yaml"
    written.write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(written) == recipe


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_begins_with_what_it_is_for_and_how_to_run_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = text.split("\nname:")[0]
    assert head.startswith("# ") and "dragoman" in head


@pytest.mark.parametrize(
    "path", sorted((ROOT / "recipes" / "replications").glob("*.yaml")), ids=lambda p: p.stem
)
def test_replications_say_where_their_text_comes_from(path: Path) -> None:
    """Repository with revision, and the checksum of a file."""
    sources = load_recipe(path).data.train
    assert any(source.sha256 for source in sources)
    text = path.read_text(encoding="utf-8")
    assert any(source.url for source in sources) and re.search(r"https://\S+/[0-9a-f]{12,40}\b", text)


@pytest.mark.parametrize("path", [MAIN, BAYLING], ids=lambda path: path.stem)
def test_every_key_of_a_main_recipe_tells_where_its_value_comes_from(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        key = re.match(r"[ -]*(\w+):( +[^ #]\S*( \S+)*?)? *(#.*)?$", line)
        if key is None or line.lstrip().startswith("#"):
            continue
        if key[2]:
            assert key[4] and re.search(r"\b(paper|unconfirmed|ours)\b", key[4]), f"no source: {line}"


def test_the_papers_settings() -> None:
    """Confirmed by the paper: this recipe must not drift from them."""
    recipe = load_recipe(MAIN)
    first, second = recipe.stages
    assert recipe.prompt.template == "alpaca" and recipe.prompt.max_length == 512
    assert (first.learning_rate, first.schedule, first.warmup, first.batch_examples, first.epochs) == (
        2e-5, "cosine", 0.03, 128, 3,
    )  # fmt: skip
    assert (second.learning_rate, second.batch_examples, second.steps) == (2e-6, 8, 100)
    assert second.objective.alpha == 0.05 and second.objective.normalise == "tokens"
    task = second.tasks["conflict"]
    assert (task.negatives, task.negative_share, task.positives, task.spare_end) == ("any", 1.0, True, False)
    assert recipe.evaluate.decoding.beam == 4


def test_the_main_recipe_runs_on_a_folder_of_ones_own(tiny: Tiny, tmp_path: Path, cli: Cli) -> None:
    """As the README says it: base and text from the command line, dev and test found beside train."""
    status, out, said = cli(
        "run", MAIN, f"base={tiny.base}", f"data.train={tiny.text}", "--dry-run", "--runs", tmp_path
    )
    assert status == 0, said
    assert "train 40 lines" in out and "dev 3 lines" in out and "test 4 lines" in out
    assert "stage1    mt (160 items), 3 epochs, about 4 steps, from base: to do" in out
    assert "4 directions supervised, 2 zero-shot" in out


def test_bayling_runs_on_a_folder_of_ones_own(tiny: Tiny, tmp_path: Path, cli: Cli) -> None:
    """Full fine-tuning of a LLaMA on translation, dialogues and instructions, each at its share."""
    recipe = load_recipe(BAYLING)
    assert recipe.model.lora is None and "llama" in recipe.base and recipe.prompt.template == "bayling"
    (tmp_path / "alpaca.json").write_text('[{"instruction": "Name a river.", "output": "The Danube."}]')
    status, out, said = cli(
        "run", BAYLING, f"base={tiny.base}", f"data.train={tiny.text}",
        f"stages.dialogues.tasks.general.files={tmp_path / 'alpaca.json'}", "prompt.max_length=512",
        "--dry-run", "--runs", tmp_path,
    )  # fmt: skip
    assert status == 0, said
    assert "dialogues mt (160 items) + interactive (160 items) + general (1 items), 3 epochs" in out, out


SCHEDULES = {path.stem: path for path in sorted((ROOT / "recipes" / "align-instruct").glob("*.yaml"))}


def tasks(path: Path) -> list[list[str]]:
    return [sorted(stage.tasks) for stage in load_recipe(path).stages]


def test_every_schedule_of_alignment_instructions_is_a_recipe() -> None:
    assert {name: tasks(path) for name, path in SCHEDULES.items()} == {
        "mt-only": [["mt"]],
        "align-only": [["align"]],
        "multi-task": [["align", "mt"]],
        "pre-fine-tuning": [["align"], ["mt"]],
        "mixed": [["align"], ["align", "mt"]],
        "hint": [["hint", "mt"]],
        "revise": [["mt", "revise"]],
    }


@pytest.mark.parametrize("path", SCHEDULES.values(), ids=SCHEDULES)
def test_schedules_differ_in_nothing_but_their_stages(path: Path) -> None:
    recipe, first = load_recipe(path), load_recipe(SCHEDULES["mt-only"])
    for name in ("base", "seed", "model", "data", "prompt", "validation", "evaluate"):
        assert getattr(recipe, name) == getattr(first, name), name
    lora = recipe.model.lora
    assert lora and (lora.rank, lora.alpha, lora.dropout, lora.targets) == (8, 16, 0.05, ["query_key_value"])
    for line in path.read_text(encoding="utf-8").splitlines():
        value = re.match(r"[ -]*\w+:( +[^ #{]\S*.*)$", line)
        if value:
            assert re.search(r"# (paper|recalled|ParroT|ours)\b", line), f"no source: {line}"


REPLICATIONS = ROOT / "recipes" / "replications"


@pytest.fixture
def replicate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of all replications, as a module."""
    monkeypatch.syspath_prepend(str(REPLICATIONS))
    for name in ("replicate", "jobs"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("replicate")


def updates_and_examples(recipe: Recipe) -> tuple[dict[str, int], dict[str, float]]:
    """Of every stage with those it starts from: updates, and examples of translation."""
    updates: dict[str, int] = {}
    examples: dict[str, float] = {}
    for stage in recipe.stages:
        start = start_of(recipe, stage)
        assert stage.steps and stage.batch_examples
        shares = {name: spec.share for name, spec in stage.tasks.items()}
        drawn = stage.steps * stage.batch_examples * shares.get("mt", 0) / sum(shares.values())
        updates[stage.name] = stage.steps + updates.get(start, 0)
        examples[stage.name] = drawn + examples.get(start, 0)
    return updates, examples


def test_the_small_schedules_have_equal_updates_and_equal_translation_examples() -> None:
    """The comparison is fair: what a row has more of is what its name says."""
    recipe = load_recipe(REPLICATIONS / "align.yaml")
    updates, examples = updates_and_examples(recipe)
    fair = ["multi-task", "pre-fine-tuning", "mixed", "MT + Hint", "MT + Revise", "placebo"]
    assert {updates[name] for name in [*fair, "MT x2"]} == {600}
    assert {examples[name] for name in [*fair, "MT x1"]} == {300 * 32}
    placebo = next(stage for stage in recipe.stages if stage.name == "placebo")
    assert examples["Align only"] == 0 and placebo.tasks["align"].placebo


Runs = list[tuple[Recipe, list[str]]]


def runs_of(replicate: ModuleType, study: str, schedule: str = "multi-task", instruct: bool = False) -> Runs:
    """Each run of a study: its recipe as the job overrides it, and the command that makes its base.

    A base may be made in two steps, of which the second is a run: ``instruct`` asks for those alone; they are
    no runs of the study otherwise.
    """
    here = Path("there")
    options = argparse.Namespace(bases=here / "bases", runs=here / "runs", data=here, schedule=schedule)
    jobs = replicate.STUDIES[study](options)
    bases = {job.made.parent: job.command for job in jobs if not job.needs}
    assert len({job.made for job in jobs}) == len(jobs)
    second = {}
    for job in jobs:
        if job.needs and Path(job.command[4]).stem.endswith("-base"):
            second[options.runs / job.name / "stages" / "all" / "model"] = job.needs[0]
    found = []
    for job in jobs:
        if not job.needs or (Path(job.command[4]).stem.endswith("-base") is not instruct):
            continue
        if (need := second.get(job.needs[0], job.needs[0])) in bases:
            recipe = load_recipe(Path(job.command[4]), job.command[5 : job.command.index("--runs")])
            found.append((recipe, bases[need]))
    return found


def numbers(lines: str) -> set[int]:
    first, last = map(int, lines.split("-"))
    return set(range(first, last + 1))


EVERY_LINE = range(1, 100_000)


def read_by_base(source: Source, command: list[str]) -> set[int]:
    """The lines of a source that the base was pre-trained on."""
    folders = [Path(folder).name for folder in command[2 : command.index("--languages")]]
    assert source.folder
    if Path(source.folder).name not in folders:
        return set()
    told = dict(pairwise(command))
    first = Path(source.folder).name == folders[0]
    return numbers(told["--lines"]) if first else set(EVERY_LINE)


@pytest.mark.parametrize("study", ["language-aware", "align", "nllb"])
def test_bases_have_not_seen_the_lines_of_tuning(replicate: ModuleType, study: str) -> None:
    known = set(importlib.import_module("make_base").HELD_OUT.split(","))
    found = runs_of(replicate, study)
    for recipe, command in found:
        assert "--held-out" not in command, "the splits that make_base.py knows"
        for source in recipe.data.train:
            read = read_by_base(source, command)
            assert not read or (source.lines and not numbers(source.lines) & read), recipe.name
        held = {source.split for source in (*recipe.data.dev, *recipe.data.test)}
        assert held <= known
    assert len(found) > 3


@pytest.mark.parametrize("study", ["align", "nllb"])
def test_bases_learn_instructions_from_their_own_text_alone(replicate: ModuleType, study: str) -> None:
    found = runs_of(replicate, study, instruct=True)
    for recipe, command in found:
        known = set(dict(pairwise(command))["--languages"].split(","))
        for source in recipe.data.train:
            lines = numbers(source.lines) if source.lines else set(EVERY_LINE)
            assert lines <= read_by_base(source, command)
        for text in (*recipe.data.train, *recipe.data.dev, *recipe.data.test):
            assert text.languages and set(text.languages) <= known
        assert isinstance(recipe.evaluate.directions, list)
        assert {code for direction in recipe.evaluate.directions for code in direction} <= known
    assert len(found) == (2 if study == "align" else 1)


@pytest.mark.parametrize("name", ["nllb-base", "nllb", "nllb-schedules"])
def test_wordings_that_n_ko_must_bear_begin_no_line_as_the_frame_does(name: str) -> None:
    """A byte-spelt name leaves no other spelling: four fifths of N'Ko's assertions were once dropped."""
    recipe = load_recipe(REPLICATIONS / f"{name}.yaml")
    template = load_template(recipe.prompt)
    assert any("{target}" in text for text in template.delimiters)
    said = [text for texts in template.wordings.values() for text in texts.values()]
    assert said and not [text for text in said for mark in template.delimiters if mark in text]


@pytest.mark.parametrize("schedule", ["multi-task", "pre-fine-tuning", "mixed"])
@pytest.mark.parametrize("study", ["align", "nllb"])
def test_no_base_has_seen_a_word_of_the_unseen_languages(
    replicate: ModuleType, study: str, schedule: str
) -> None:
    """Every direction that is scored has a side in such a language; the schedules are fair in each run."""
    for recipe, command in runs_of(replicate, study, schedule):
        seen = set(command[command.index("--languages") + 1].split(","))
        assert isinstance(recipe.validation.directions, list)
        unseen = {code for direction in recipe.validation.directions for code in direction} - {"eng"}
        assert unseen and not unseen & seen
        scored = recipe.evaluate.directions
        assert isinstance(scored, str) or all(unseen & set(direction) for direction in scored)
        updates, examples = updates_and_examples(recipe)
        names = [row.stage for row in systems_of(recipe) if row.kind == "model" and row.stage != "base"]
        fair = set(names) - {"MT x1", "Align only"}
        assert {updates[name] for name in fair} == {600 if study == "align" else 2000}
        assert len({examples[name] for name in fair - {"MT x2"}}) == 1
        placebo = [stage for stage in recipe.stages if stage.name.startswith("placebo")]
        assert all(stage.control for stage in placebo)
        assert all(spec.placebo for stage in placebo for task, spec in stage.tasks.items() if task != "mt")

"""A run: what is done is not done again, what is stale is made anew, what was cut off ends the same."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Tiny
from helpers import fake_comet
from run_until import run_until
from safetensors.torch import load_file
from tinyrun import SIZES, recipe_content, write_recipe, write_text

from dragoman.done import Done, alone_in
from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.results import read_results
from dragoman.recipe_file import load_recipe
from dragoman.run import Run

CARDS = [
    f"stages/{stage}/model/{name}"
    for stage in ("stage1", "stage2")
    for name in ("dragoman.json", "README.md")
]
STEPS = ("stage1", "stage2", "translate base", "translate stage1", "translate stage2", "evaluate")


@pytest.fixture
def mine(tiny: Tiny, tmp_path: Path) -> Tiny:
    """A copy of the finished run and of its text, for a test that changes them; the base is shared."""
    text, run = tmp_path / "text", tmp_path / "runs" / "tiny"
    shutil.copytree(tiny.text, text)
    shutil.copytree(tiny.run, run)
    recipe = write_recipe(tmp_path / "recipe.yaml", recipe_content(text, tiny.base))
    return Tiny(text, tiny.base, recipe, run)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """Processes that start in no time: all imports are done before they are forked."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["run_until"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield context


def go(tiny: Tiny, *overrides: str) -> None:
    """Run the recipe in the folder that holds the run."""
    settings = load_recipe(tiny.recipe, overrides)
    Run(settings, tiny.run.parent / settings.name).go()


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What was said of each step: ``done before``, ``stale`` or ``made``."""
    said = capsys.readouterr().err
    found = {}
    for step in ("corpus", *STEPS):
        lines = [line for line in said.splitlines() if line.startswith(f" {step} ")]
        stale = any("is stale" in line for line in lines)
        done = any("done before" in line for line in lines)
        found[step] = "stale" if stale else "done before" if done else "made"
    return found


def contents(run: Path) -> dict[str, str]:
    """Hashes of what a run leaves: weights, translations, results."""
    files = [*run.glob("stages/*/model/*"), *run.glob("translations/*/*.jsonl"), run / "results.json"]
    return {str(f.relative_to(run)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()}


def test_the_first_run_leaves_a_whole_folder(tiny: Tiny) -> None:
    results = read_results(tiny.run / "results.json")
    assert results.systems == ["base", "stage1", "stage2"]
    assert results.directions("supervised") == ["de-en", "en-de", "en-fr", "fr-en"]
    assert results.directions("zero-shot") == ["de-fr", "fr-de"]
    assert {(row["a"], row["b"]) for row in results.significance} == {
        ("base", "stage1"),
        ("stage1", "stage2"),
    }
    page = (tiny.run / "report.html").read_text(encoding="utf-8")
    assert "zero-shot" in page and "stage2" in page
    card = json.loads((tiny.run / "stages" / "stage2" / "model" / "dragoman.json").read_text())
    assert card["stage"] == "stage2" and card["prompt"]["template"] == "plain"
    assert not list(tiny.run.rglob("*.part"))


def test_run_again_finds_everything_done(mine: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(mine.run)
    go(mine)  # the copy's recipe names the copied text
    page = (mine.run / "report.html").read_bytes()
    capsys.readouterr()
    go(mine)
    assert told(capsys) == dict.fromkeys(("corpus", *STEPS), "done before")
    assert contents(mine.run) == before
    assert (mine.run / "report.html").read_bytes() == page


def test_another_alpha_makes_only_its_stage_anew(mine: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(mine.run)
    capsys.readouterr()
    go(mine, "stages.stage2.objective.alpha=0.9")
    said = told(capsys)
    again = {step for step, state in said.items() if state != "done before"} - {"evaluate"}
    assert again == {"stage2", "translate stage2"} and said["stage2"] == "stale"
    after = contents(mine.run)
    changed = {name for name in before if before[name] != after[name]}
    assert "stages/stage2/model/model.safetensors" in changed
    assert not any("stage1" in name or "/base/" in name for name in changed)
    assert (mine.run / "stages" / "stage2.old" / "model" / "model.safetensors").exists()


def test_other_text_makes_everything_anew(mine: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    for code, line in (("en", "one six eight"), ("de", "oneen sixen eighten"), ("fr", "lone lsix leight")):
        with (mine.text / f"train.{code}").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    capsys.readouterr()
    go(mine)
    wanted = dict.fromkeys(("corpus", *STEPS), "made") | {"stage1": "stale", "stage2": "stale"}
    assert told(capsys) == wanted


def test_text_elsewhere_but_the_same_is_not_stale(mine: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    """Content counts: neither the place of the text nor its time, nor the device, nor checkpoints."""
    mine.text.rename(mine.text.with_name("moved"))
    for file in mine.text.with_name("moved").iterdir():
        os.utime(file, (1, 1))
    write_recipe(mine.recipe, recipe_content(mine.text.with_name("moved"), mine.base))
    capsys.readouterr()
    go(mine, "model.device=cpu", "model.threads=1", "stages.stage1.checkpoint_every=7")
    assert told(capsys) == dict.fromkeys(("corpus", *STEPS), "done before")


def test_another_base_is_stale_and_the_same_one_elsewhere_is_not(
    mine: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "copy"
    shutil.copytree(mine.base, base)
    os.utime(base / "model.safetensors", (1, 1))
    capsys.readouterr()
    go(mine, f"base={base}")
    assert told(capsys)["stage1"] == "done before"
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-4}))
    go(mine, f"base={base}")
    assert told(capsys)["stage1"] == "stale"


def test_more_directions_to_score_need_no_new_tuning(mine: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(mine.run)
    explicit = [
        "stages.stage1.tasks.mt.directions=[en-de, de-en]",
        "stages.stage2.tasks.conflict.directions=[en-de, de-en]",
    ]
    go(mine, *explicit, "evaluate.directions=[en-de]")
    capsys.readouterr()
    go(mine, *explicit, "evaluate.directions=[en-de, de-fr]")
    said = told(capsys)
    assert [said[step] for step in ("corpus", "stage1", "stage2")] == ["done before"] * 3
    assert [said[step] for step in STEPS[2:]] == ["made"] * 4
    assert read_results(mine.run / "results.json").directions() == ["de-fr", "en-de"]


def test_without_its_book_a_run_is_checked_and_not_made_again(
    mine: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(mine.run)
    (mine.run / "run.json").unlink()
    go(mine)
    assert "is stale" not in capsys.readouterr().err
    after = contents(mine.run)
    # a card holds the whole recipe, and with it the place of the text
    assert {name for name in before if after[name] != before[name]} <= set(CARDS)


def test_scoring_again_keeps_what_was_added(
    mine: Tiny, tmp_path: Path, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    """COMET and TER rows, and comparisons, that `evaluate --out` and `compare --out` put into the results."""
    go(mine)
    comet = ("--comet", fake_comet(tmp_path), "--out", mine.run)
    metrics = ("--metric", "BLEU", "--metric", "chrF++", "--metric", "TER")
    assert cli("evaluate", mine.run, *comet, *metrics)[0] == 0
    pair = ("--system", "base", "--system", "stage2")
    assert cli("compare", mine.run, *pair, "--trials", 15, *comet)[0] == 0
    added = read_results(mine.run / "results.json")
    go(mine)
    assert told(capsys)["evaluate"] == "done before", "nothing of the recipe has changed"

    go(mine, "evaluate.bootstrap=30")  # other tests, the same translations
    assert told(capsys)["evaluate"] == "made"
    again = read_results(mine.run / "results.json")
    assert sorted(map(str, again.rows)) == sorted(map(str, added.rows)) and not again.remarks
    mark = [row for row in again.significance if (row["a"], row["b"]) == ("base", "stage2")]
    before = [row for row in added.significance if (row["a"], row["b"]) == ("base", "stage2")]
    assert before and all(row in mark for row in before)  # and TER, which these results have too
    assert {row["metric"] for row in mark} >= {"COMET", "BLEU"} and "|bs:15|" in mark[0]["signature"]
    own = [row for row in again.significance if row["b"] == "stage1"]
    assert own and all("|bs:30|" in row["signature"] for row in own)

    go(mine, "evaluate.bootstrap=30", "stages.stage2.learning_rate=0.5")  # other translations of one row
    last = read_results(mine.run / "results.json")
    assert {row.system for row in last.rows if row.metric == "COMET"} == {"base", "stage1"}
    assert [remark for remark in last.remarks if "COMET is left out for stage2" in remark]
    assert {(row["a"], row["b"]) for row in last.significance} >= {("base", "stage2"), ("base", "stage1")}


PARTS = (
    ("--system", "stage1"),
    ("--direction", "de-fr"),
    ("--identifier", "none"),
    ("--supervised", "de-fr"),
)


@pytest.mark.parametrize("option", PARTS)
def test_results_of_a_part_are_made_whole(mine: Tiny, cli: Cli, option: tuple[str, str]) -> None:
    """What `evaluate --out` scored is not what the recipe asks for: the run scores again."""
    go(mine)
    whole = (mine.run / "results.json").read_bytes()
    assert cli("evaluate", mine.run, "--out", mine.run, *option)[0] == 0
    assert (mine.run / "results.json").read_bytes() != whole
    go(mine)
    found, wanted = read_results(mine.run / "results.json"), json.loads(whole)
    assert found.to_json()["rows"] == wanted["rows"] and found.floor == wanted["floor"]
    assert found.significance == wanted["significance"]


@pytest.mark.parametrize(
    ("point", "number"),
    [
        ("store:2", signal.SIGKILL),
        ("step:3", signal.SIGKILL),
        ("step:8", signal.SIGTERM),
        ("save:1", signal.SIGKILL),
        ("translate:8", signal.SIGKILL),
        ("results:1", signal.SIGKILL),
    ],
)
def test_killed_and_started_again_ends_the_same(
    tiny: Tiny, tmp_path: Path, server: Any, point: str, number: int
) -> None:
    """At a step, between translations, while files are written: results as of a run never stopped."""
    for arguments, status in ((point, number), 130 if number == signal.SIGTERM else -number), (("none",), 0):
        process = server.Process(target=run_until, args=(tiny.recipe, tmp_path, *arguments))
        process.start()
        process.join()
        assert process.exitcode == status
    assert contents(tmp_path / "tiny") == contents(tiny.run)
    assert not list(tmp_path.rglob("*.part"))


def test_only_one_run_works_in_a_folder(mine: Tiny) -> None:
    with alone_in(mine.run), pytest.raises(DataError, match=f"another process \\({os.getpid()}\\)"):
        go(mine)
    go(mine)


def test_a_torn_book_is_told(mine: Tiny) -> None:
    for text in ("{", "[]", '{"steps": 3}', ""):
        (mine.run / "run.json").write_text(text)
        with pytest.raises(DataError, match=r"run\.json: damaged; delete it"):
            go(mine)


def test_a_damaged_log_is_no_mistake(mine: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    log = mine.run / "stages" / "stage1" / "metrics.jsonl"
    log.write_text(log.read_text() + '{"step": 7, "valid')
    capsys.readouterr()
    go(mine)
    assert "stage1    mt                   done before  zero-shot OTR" in capsys.readouterr().err


def test_states(tmp_path: Path) -> None:
    done = Done(tmp_path)
    assert done.state("corpus", "1") == "to do"
    done.finish("corpus", "1")
    fresh = Done(tmp_path)
    fresh.read()
    assert (fresh.state("corpus", "1"), fresh.state("corpus", "2")) == ("done", "stale")


def test_dry_run_shows_the_plan_and_does_nothing(tiny: Tiny, tmp_path: Path, cli: Cli) -> None:
    runs = tmp_path / "runs"
    status, out, _ = cli(
        "run", tiny.recipe, "--dry-run", "--runs", runs, "stages.stage1.steps=null", "stages.stage1.epochs=2"
    )
    assert status == 0 and not runs.exists()
    lines = out.splitlines()
    sizes = "  ".join(f"{split} {n} lines in de, en, fr" for split, n in SIZES.items())
    assert lines[1] == f"corpus    {sizes}  dropped 0: to do"
    assert lines[2] == "stage1    mt (160 items), 2 epochs, about 80 steps, from base: to do"
    assert lines[3] == "stage2    conflict (160 items), 4 steps, from stage1: to do"
    assert lines[4] == "translate base: 6 directions, 18 lines: to do"
    assert lines[-1] == "evaluate  4 directions supervised, 2 zero-shot"


def test_dry_run_tells_done_from_stale(mine: Tiny, cli: Cli) -> None:
    def times() -> dict[Path, int]:
        files = (path for path in mine.run.rglob("*") if path.name != "hashes.json")
        return {path: path.stat().st_mtime_ns for path in files}

    before = times()
    _, out, _ = cli(
        "run", mine.recipe, "--dry-run", "--runs", mine.run.parent, "stages.stage2.learning_rate=0.1"
    )
    states = [line.rpartition(": ")[2] for line in out.splitlines()[1:-1]]
    assert states == ["done", "done", "stale", "done", "done", "stale"]
    assert times() == before


def test_overrides_and_a_recipe_without_held_out_text(tiny: Tiny, tmp_path: Path, cli: Cli) -> None:
    status, out, said = cli(
        "run", tiny.recipe, "--runs", tmp_path, "name=short",
        "stages.stage1.steps=2", "stages.stage2.steps=1", "data.dev=[]", "data.test=[]",
    )  # fmt: skip
    assert status == 0 and not out
    assert " 2 steps" in said and " 1 steps" in said and "nothing to do" in said
    assert (tmp_path / "short" / "stages" / "stage2" / "model" / "model.safetensors").exists()
    assert not (tmp_path / "short" / "results.json").exists()


def test_its_own_recipe_file_runs_again(mine: Tiny, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the text was named by a relative root."""
    monkeypatch.chdir(mine.text.parent)
    content = recipe_content(Path(), mine.base)
    content["data"] = {
        "root": "text",
        **{split: {"folder": ".", "split": split} for split in ("train", "dev", "test")},
    }
    write_recipe(mine.recipe, content)
    go(mine)
    status, _, said = cli("run", mine.run / "recipe.yaml", "--runs", mine.run.parent)
    assert status == 0 and "is stale" not in said


def test_every_kind_of_row(tiny: Tiny, tmp_path: Path) -> None:
    """Rows beyond stages; a kept step; an adapter; a stage that starts from the base; a control."""
    content = recipe_content(tiny.text, tiny.base)
    content["model"] = {"lora": {"rank": 2, "dropout": 0.0}}
    content["prompt"]["template"] = "alpaca"  # it has words of its own in German and French
    content["stages"][0]["keep_steps"] = [2]
    content["stages"].append(
        {
            "name": "oracle",
            "start": "base",
            "control": True,
            "tasks": {"mt": {}},
            "steps": 1,
            "batch_examples": 2,
        }
    )
    content["validation"]["directions"] = ["de-fr"]
    content["evaluate"]["lines"] = 2
    content["evaluate"]["ter"] = True
    content["evaluate"]["systems"] = [
        {"name": "copy", "kind": "copy"},
        {"name": "floor", "kind": "references"},
        {"name": "early", "stage": "stage1@2"},
        {"name": "ptl", "stage": "stage1", "prompt_language": "target"},
        {"name": "fixed", "stage": "stage1", "shots": 1},
        {"name": "nearest", "stage": "stage1", "shots": 1, "nearest": True},
        {"name": "contrast", "stage": "stage1", "contrast_source": 0.3, "contrast_language": 0.3},
        {"name": "pivot", "stage": "stage2", "kind": "pivot"},
        {"name": "best", "stage": "stage2"},
        {"name": "ceiling", "stage": "oracle"},
    ]
    results = Run(load_recipe(write_recipe(tmp_path / "r.yaml", content)), tmp_path / "run").go()
    assert results is not None
    names = [system["name"] for system in content["evaluate"]["systems"] if system["name"] != "floor"]
    assert results.systems == names
    assert {row.metric for row in results.rows} >= {"BLEU", "chrF++", "TER", "OTR", "copied"}
    assert all(row.value == 100 for row in results.rows if row.system == "copy" and row.metric == "copied")
    assert results.directions("zero-shot") == ["de-fr", "fr-de"]  # the oracle's directions do not count
    assert not results.significance  # no row is a stage and another the stage it starts from


def test_directions_without_text_are_found_before_any_tuning(tiny: Tiny, tmp_path: Path) -> None:
    for override in (
        "stages.stage2.tasks.conflict.directions=[en-it, it-en]",
        "validation.directions=[de-it]",
        "evaluate.directions=[fr-ja]",
        "prompt.language=target",
        "evaluate.systems=[{name: far, stage: stage1, prompt_language: target}]",
        "evaluate.systems=[{name: many, stage: stage1, shots: 41}]",
    ):
        settings = load_recipe(tiny.recipe, [override])
        with pytest.raises(RecipeError, match=r"de, en, fr|no wording|no words|no name|40 training lines"):
            Run(settings, tmp_path / "run").go()
        assert not (tmp_path / "run" / "stages").exists()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sharding", ["none", "full"])
def test_two_processes_share_a_run(tiny: Tiny, tmp_path: Path, sharding: str) -> None:
    """torchrun: the tuning and the directions are divided, files are written once, the results are whole.

    Also where the weights are divided: the models are as those of one process.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    short = ["--runs", str(tmp_path), f"model.sharding={sharding}", "stages.stage1.best=loss"]
    short += ["stages.stage1.steps=2", "stages.stage2.steps=1", "stages.stage1.keep_steps=[1]"]
    command = [*torchrun, "-m", "dragoman", "run", str(tiny.recipe), *short]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == 0, done.stderr
    for ending in ("/report.html", " 2 steps", " 1 steps"):  # slow machines tell of progress besides
        assert sum(ending in line for line in done.stderr.splitlines()) == 1
    results = read_results(tmp_path / "tiny" / "results.json")
    assert results.systems == ["base", "stage1", "stage2"] and len(results.directions()) == 6
    one = load_recipe(tiny.recipe, ["name=one", "model.sharding=full", *short[3:]])
    Run(one, tmp_path / "one").go()  # nothing to divide
    for name in ("stage1/model@1", "stage1/model", "stage2/model"):
        found, wanted = (
            load_file(tmp_path / run / "stages" / name / "model.safetensors") for run in ("tiny", "one")
        )
        assert found.keys() == wanted.keys()
        for key in wanted:  # Adam's first steps turn a gradient of nothing into one of a whole step's size
            assert float((found[key] - wanted[key]).norm()) <= 1e-3 * float(wanted[key].norm()), (name, key)
    files = [
        sorted(path.name for path in (tmp_path / run / "stages/stage2/model").iterdir())
        for run in ("tiny", "one")
    ]
    assert files[0] == files[1]


def test_more_lines_than_a_base_can_hold(tiny: Tiny, tmp_path: Path) -> None:
    """Examples that do not fit are dropped, counted and told, never cut."""
    text = write_text(tmp_path / "text")
    for code in ("en", "de", "fr"):
        path = text / f"train.{code}"
        first, *others = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([" ".join([first] * 40), *others]) + "\n", encoding="utf-8")
    content = recipe_content(text, tiny.base)
    content["prompt"]["max_length"] = 128
    content["stages"] = content["stages"][:1]
    content["stages"][0] |= {"steps": None, "epochs": 1}
    Run(load_recipe(write_recipe(tmp_path / "r.yaml", content)), tmp_path / "run").go()
    card = json.loads((tmp_path / "run" / "stages" / "stage1" / "model" / "dragoman.json").read_text())
    assert sum(card["dropped_examples"].values()) >= 4  # a line in four directions

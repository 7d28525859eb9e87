"""Tasks about words in a run: links that runs share, what is not used is written down, odd text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from tinyrun import recipe_content, write_base, write_recipe, write_text

TASKS: dict[str, Any] = {"align": {"assertions": 4}, "hint": {}, "revise": {}}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture
def recipe(base: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a recipe of one short stage over text of its own."""

    def recipe(name: str, tasks: dict[str, Any], steps: int = 2) -> Path:
        text = tmp_path / "text"
        if not text.exists():
            write_text(text, ("en", "de"))
            (text / "train.en").write_text("4 - 4\n" + (text / "train.en").read_text().split("\n", 1)[1])
        made = recipe_content(text, base)
        made |= {"name": name, "prompt": {"template": "alpaca"}, "validation": {"lines": 1, "samples": 0}}
        made["stages"] = [{**made["stages"][0], "name": "s", "tasks": tasks, "steps": steps}]
        made["stages"][0] |= {"validate_every": steps, "batch_examples": 40}
        made["evaluate"] = {"directions": ["de-en"], "lines": 1, "bootstrap": 5}
        made["evaluate"]["decoding"] = {"max_new_tokens": 2}
        return write_recipe(tmp_path / f"{name}.yaml", made)

    return recipe


def test_runs_share_links_and_tell_what_was_not_used(
    recipe: Callable[..., Path], tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    status, _, said = cli("run", recipe("one", TASKS), "--runs", runs)
    assert status == 0, said
    assert re.search(r"stage s: True and False were not learnt \([\d.]+ nats an assertion", said)
    card = json.loads((runs / "one" / "stages" / "s" / "model" / "dragoman.json").read_text())
    dropped = card["dropped_examples"]
    for reason in ("align: no usable link", "hint: no usable link", "revise: no usable link"):
        assert dropped[reason] > 0
        assert f"dropped {dropped[reason]:,} ({reason})" in said
    made = [path.name for path in (runs / "one" / "links").iterdir() if path.is_dir()]
    assert len(made) == 1
    monkeypatch.setattr("dragoman.instruct.links._make", lambda *_: pytest.fail("made again"))
    status, _, said = cli("run", recipe("two", {"mt": {}, "align": {"share": 0.5}}), "--runs", runs)
    assert status == 0, said
    assert f"links     de-en as in {runs / 'one'}" in said
    assert (runs / "two" / "links" / made[0] / "manifest.json").is_file()


def test_the_recipe_of_the_docs_is_fair(base: Path, tmp_path: Path, cli: Cli) -> None:
    """As a newcomer would: two files, the recipe as it stands there; both rows get as many steps."""
    page = Path(__file__).parents[2] / "docs" / "instructions.md"
    path = tmp_path / "words.yaml"
    path.write_text(page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    for side, mark in (("en", "x"), ("cs", "y")):
        rows = (f"{mark}{chr(97 + k % 26)} {mark}{chr(97 + k // 26)} {mark}end\n" for k in range(640))
        (tmp_path / f"text.{side}").write_text("".join(rows))
    status, out, said = cli("run", path, f"base={base}", "--dry-run", "--runs", tmp_path / "runs")
    assert status == 0, said
    assert "train 140 lines in cs, en  dev 250 lines" in out and "test 250 lines" in out
    steps = re.findall(r"about (\d+) steps, from base", out)
    assert len(steps) == 2 and steps[0] == steps[1]


def lines(side: str, text: Callable[[int], str]) -> Callable[[Path], None]:
    """Writes a side of the training text."""

    def write(folder: Path) -> None:
        (folder / f"train.{side}").write_text("".join(f"{text(k)}\n" for k in range(40)))

    return write


def both(de: Callable[[int], str], en: Callable[[int], str]) -> Callable[[Path], None]:
    """Writes both sides."""

    def write(folder: Path) -> None:
        lines("de", de)(folder)
        lines("en", en)(folder)

    return write


def longest(folder: Path) -> None:
    """A line of a million words in place of the first."""
    for side in ("en", "de"):
        path = folder / f"train.{side}"
        path.write_text("a " * 1_000_000 + "\n" + path.read_text().split("\n", 1)[1])


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "one word": (
        both(lambda k: " ".join("b" * (k + 2)), lambda k: " ".join("a" * (k + 2))),
        r"could be used \([\d,]+ align: no usable link",
    ),
    "signs alone": (
        both(lambda k: "?? " * (k + 1), lambda k: "... " * (k + 1)), r"used \([\d,]+ align: no usable",
    ),
    "fewer lines": (
        lambda folder: (folder / "train.en").write_text("one\n") and None,
        r"line counts differ: .*train.de 40, .*train.en 1; line i of every file must be the same sentence",
    ),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_text_that_nothing_can_be_made_of_is_one_line(
    odd: str, recipe: Callable[..., Path], tmp_path: Path, cli: Cli
) -> None:
    path = recipe(odd.replace(" ", "-"), {"align": {}})
    ODD[odd][0](tmp_path / "text")
    status, out, said = cli("run", path, "--runs", tmp_path / "runs")
    told = [line for line in said.splitlines() if line.startswith("dragoman: ")]
    assert (status, out, len(told)) == (1, "", 1), said
    assert re.search(ODD[odd][1], told[0]), told[0]
    assert not list((tmp_path / "runs").rglob("*.part"))
    assert not list((tmp_path / "runs").rglob("model"))


def test_a_line_without_end_and_text_without_a_space(
    recipe: Callable[..., Path], tmp_path: Path, cli: Cli
) -> None:
    path = recipe("endless", TASKS)
    longest(tmp_path / "text")
    status, _, said = cli("run", path, "--runs", tmp_path / "runs")
    assert status == 0, said
    dropped = (tmp_path / "runs" / "endless" / "corpus" / "dropped.jsonl").read_text()
    assert '"line over 1 MB"' in dropped
    both(lambda k: "y" * (k + 20), lambda k: "x" * (k + 21))(tmp_path / "text")
    status, _, said = cli("run", recipe("solid", TASKS), "--runs", tmp_path / "runs")
    assert status == 0 and "align: no wrong word for a link" in said, said

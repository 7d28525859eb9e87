"""Task `general` in a run: beside `mt`, shown by inspect, stale when its files change, own paths."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from tinyrun import recipe_content, write_base, write_recipe, write_text

from .dialogue_files import ALPACA, SHAREGPT, write_rows


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """A recipe of one short stage whose files stand beside it."""
    made = recipe_content(write_text(tmp_path / "text"), write_base(tmp_path / "base"))
    tasks = {"mt": {"directions": "english"}, "general": {"files": "talk", "share": 0.5}}
    made["stages"] = [{**made["stages"][0], "tasks": tasks, "steps": 3}]
    made["evaluate"] = {"lines": 1, "bootstrap": 10, "decoding": {"max_new_tokens": 2}}
    write_rows(tmp_path / "recipe" / "talk" / "alpaca.json", ALPACA, "array")
    write_rows(tmp_path / "recipe" / "talk" / "more.jsonl.gz", SHAREGPT)
    return made


def test_a_run_with_dialogues(content: dict[str, Any], tmp_path: Path, cli: Cli) -> None:
    recipe = write_recipe(tmp_path / "recipe" / "r.yaml", content)
    status, _, said = cli("run", recipe, "--runs", tmp_path / "runs")
    assert status == 0, said
    assert "alpaca.json: alpaca, 2 rows, 2 dialogues" in said
    assert "more.jsonl.gz: sharegpt, 1 rows, 1 dialogues" in said
    shutil.move(tmp_path / "recipe" / "talk", tmp_path / "elsewhere")
    moved = f"stages.stage1.tasks.general.files=[{tmp_path / 'elsewhere'}]"
    status, _, said = cli("run", recipe, moved, "--runs", tmp_path / "runs")
    assert status == 0 and "done before" in said and "stale" not in said, said
    status, out, said = cli("inspect", recipe, moved, "--count", 6, "--runs", tmp_path / "runs")
    assert status == 0 and "general 3 items" in out and "alpaca.json:1" in out, said
    write_rows(tmp_path / "elsewhere" / "alpaca.json", ALPACA[:1], "array")
    status, out, said = cli("run", recipe, moved, "--dry-run", "--runs", tmp_path / "runs")
    assert status == 0 and "general (2 items), 3 steps, from base: stale" in out, out + said


def test_a_missing_file_is_told_before_the_run(content: dict[str, Any], tmp_path: Path, cli: Cli) -> None:
    content["stages"][0]["tasks"]["general"]["files"] = ["talk/alpaka.json"]
    recipe = write_recipe(tmp_path / "recipe" / "r.yaml", content)
    status, _, said = cli("run", recipe, "--dry-run", "--runs", tmp_path / "runs")
    assert status == 1 and "talk/alpaka.json: no such file" in said, said

"""``dragoman demo``: what is shipped, and the whole way in a few steps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

from dragoman.corpus.store import Store
from dragoman.demo.phrasebook import BASE_LINES
from dragoman.evaluate.results import read_results
from dragoman.run import demo_base

FEW_STEPS = [
    *(f"stages.{stage}.steps=2" for stage in ("stage1", "stage2", "oracle")),
    *(f"stages.{stage}.batch_examples=6" for stage in ("stage1", "stage2", "oracle")),
    *("data.train.lines=1-200", "data.dev.lines=1-20", "data.test.lines=1-20", "model.compute=float32"),
    *("validation.lines=1", "validation.max_new_tokens=8", "evaluate.lines=2", "evaluate.bootstrap=10"),
    "evaluate.decoding.max_new_tokens=8",
]


def test_the_base_is_small_and_was_made_of_other_lines() -> None:
    folder = Path(demo_base())
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 8_000_000
    facts = json.loads((folder / "base.json").read_text(encoding="utf-8"))
    made = [facts]
    while "went_on_from" in made[-1]:
        made.append(made[-1]["went_on_from"])
    assert len(made) >= 2 and all(part["lines"] <= BASE_LINES for part in made)


@pytest.mark.timeout(280)
def test_base_two_stages_and_an_oracle(tmp_path: Path, cli: Cli) -> None:
    status, out, said = cli("demo", *FEW_STEPS, "--seed", 2, "--runs", tmp_path)
    assert status == 0, said
    assert "supervised (6)" in out and "zero-shot (6)" in out and "floor" in out
    assert "writing 22,000 phrasebook lines" in said
    run = tmp_path / "demo-seed2"
    assert read_results(run / "results.json").systems == ["base", "stage1", "stage2", "oracle"]
    assert (run / "report.html").exists()
    train, test = (Store(run / "corpus" / split) for split in ("train", "test"))
    for code in ("en", "it", "nl", "ro"):
        seen = {record.texts[code] for record in train}
        assert len(train) == 200 and not seen & {record.texts[code] for record in test}

    status, _, said = cli("demo", *FEW_STEPS, "--seed", 2, "--runs", tmp_path)
    assert status == 0 and "writing" not in said and said.count("done before") == 9

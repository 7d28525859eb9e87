"""The whole path, thinly: real text in, two stages, translations, scores, a comparison and a report out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from helpers import data_folder, tiny_model
from tinyrun import write_recipe

from dragoman.evaluate.results import read_results
from dragoman.prompt.tokens import learn_tokenizer

LINES = 400


def multi30k_base(folder: Path, text: Path) -> Path:
    """An untrained LLaMA with a tokenizer of the text's languages."""
    lines: list[str] = []
    for code in ("eng", "deu", "fra"):
        lines += (text / f"train.{code}").read_text(encoding="utf-8").splitlines()[:LINES]
    tokenizer = learn_tokenizer(lines, 1000)
    tiny_model("llama", len(tokenizer), hidden=64).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def multi30k_recipe(text: Path, base: Path) -> dict[str, Any]:
    """Two bilingual corpora of two files each; all directions among the three languages are scored."""
    held_out = {"folder": str(text), "languages": ["en", "de", "fr"], "lines": "1-12"}
    pairs = [{"en": "eng", code: name} for code, name in (("de", "deu"), ("fr", "fra"))]
    stage = {"batch_examples": 16, "batch_tokens": 8192, "learning_rate": 0.003, "validate_every": 20}
    return {
        "name": "m30k",
        "base": str(base),
        "data": {
            "train": [
                {"files": {c: str(text / f"train.{n}") for c, n in pair.items()}, "lines": f"1-{LINES}"}
                for pair in pairs
            ],
            "dev": {**held_out, "split": "val"},
            "test": {**held_out, "split": "test_2016_flickr"},
        },
        "stages": [
            {"name": "stage1", "tasks": {"mt": {}}, "steps": 20, **stage},
            {"name": "stage2", "tasks": {"conflict": {}}, "steps": 5, **stage},
        ],
        "validation": {"lines": 2, "samples": 1, "max_new_tokens": 12},
        "evaluate": {"bootstrap": 50, "decoding": {"max_new_tokens": 12}},
    }


@pytest.mark.timeout(280)
def test_from_two_text_files_to_a_report(tmp_path: Path, cli: Cli) -> None:
    """On Multi30k: run, translate, evaluate, compare, report."""
    text = data_folder("multi30k")
    recipe = write_recipe(tmp_path / "r.yaml", multi30k_recipe(text, multi30k_base(tmp_path / "base", text)))
    run, runs = tmp_path / "runs" / "m30k", tmp_path / "runs"

    status, out, said = cli("run", recipe, "--runs", runs)
    assert status == 0, said
    assert "supervised (4)" in out and "zero-shot (2)" in out and "floor" in out
    for words in ("train 800 lines", "stage1 ", "stage2 ", "report "):
        assert words in said
    rows = [
        json.loads(line) for line in (run / "stages" / "stage1" / "metrics.jsonl").read_text().splitlines()
    ]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < 0.9 * losses[0]

    model, source = run / "stages" / "stage2" / "model", text / "test_2016_flickr.deu"
    few = tmp_path / "few.de"
    few.write_text(
        "".join(source.read_text(encoding="utf-8").splitlines(keepends=True)[:6]), encoding="utf-8"
    )
    status, _, said = cli(
        "translate", model, "-d", "de-fr", "-i", few, "-o", tmp_path / "few.fr", "--max-new-tokens", 12
    )
    assert status == 0 and "6 lines" in said
    found = (tmp_path / "few.fr").read_text(encoding="utf-8").splitlines()
    rows = [
        json.loads(line)
        for line in (run / "translations" / "stage2" / "de-fr.jsonl").read_text().splitlines()
    ]
    assert found == [row["hypothesis"] for row in rows[:6]], "the command and the run translate alike"

    status, out, _ = cli("evaluate", run, "--each")
    assert status == 0 and "de-fr" in out and "chrF++" in out
    status, out, _ = cli("compare", run, "--system", "stage1", "--system", "stage2", "--trials", 50)
    assert status == 0 and "zero-shot" in out

    page = (run / "report.html").read_text(encoding="utf-8")
    for words in ("stage1", "stage2", "de-fr", "BLEU", "chrF++", "OTR", "<svg", "py3langid", "supervised"):
        assert words in page
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script" not in page
    results = read_results(run / "results.json")
    assert {row.lines for row in results.rows} == {12}
    assert {(row["a"], row["b"]) for row in results.significance} == {
        ("base", "stage1"),
        ("stage1", "stage2"),
    }

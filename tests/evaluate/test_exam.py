"""A model that Dragoman saved in lm-evaluation-harness; needs DRAGOMAN_LM_EVAL, the program's path."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tinyrun import recipe_content, write_base, write_recipe, write_text

from dragoman.recipe_file import load_recipe
from dragoman.run import Run

PROGRAM = os.environ.get("DRAGOMAN_LM_EVAL")
EXAM = Path(__file__).parents[2] / "benchmarks" / "exam"


@pytest.mark.skipif(not PROGRAM, reason="set DRAGOMAN_LM_EVAL to the lm_eval of an environment")
@pytest.mark.parametrize("model", [{}, {"lora": {"rank": 4}}], ids=["full", "lora"])
def test_a_tuned_model_has_the_same_likelihoods_there(tmp_path: Path, model: dict[str, Any]) -> None:
    content = recipe_content(write_text(tmp_path / "text"), write_base(tmp_path / "base"))
    content |= {"stages": content["stages"][:1], "model": model}
    del content["data"]["dev"], content["data"]["test"]
    Run(load_recipe(write_recipe(tmp_path / "r.yaml", content)), tmp_path / "run").go()
    folder = tmp_path / "run" / "stages" / "stage1" / "model"
    subprocess.run(
        [str(PROGRAM), "run", "--model", "hf", "--tasks", "tiny_exam", "--include_path", ".",
         "--device", "cpu", "--model_args", f"pretrained={folder},dtype=float32,add_bos_token=True",
         "--log_samples", "--output_path", str(tmp_path / "out")],
        check=True, capture_output=True, cwd=EXAM, env={**os.environ, "HF_HOME": str(tmp_path / "hub")},
    )  # fmt: skip
    (samples,) = (tmp_path / "out").rglob("samples*.jsonl")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    asked = [
        (one["arg_0"], one["arg_1"], float(told[0][0] if isinstance(told[0], list) else told[0]))
        for row in rows
        for one, told in zip(row["arguments"].values(), row["resps"], strict=True)
    ]
    assert len(rows) == 3 and len(asked) == 9
    for context, continuation, found in asked:
        assert found == pytest.approx(likelihood(folder, context, continuation), abs=1e-4)


def likelihood(folder: Path, context: str, continuation: str) -> float:
    """Log-likelihood of a continuation, computed here."""
    import torch

    from dragoman.recipe import Model
    from dragoman.tune.model import load_model, load_tokenizer

    tokenizer, model = load_tokenizer(str(folder)), load_model(str(folder), Model(device="cpu"))
    before, ids = (tokenizer(text).input_ids for text in (context, context + continuation))
    with torch.no_grad():
        scores = model.eval()(torch.tensor([ids])).logits.log_softmax(-1)[0]
    return float(sum(scores[k - 1, ids[k]] for k in range(len(before), len(ids))))

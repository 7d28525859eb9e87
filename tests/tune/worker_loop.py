"""A stage in a process of its own, to be killed from outside: what tests/tune/test_kill.py runs."""

from __future__ import annotations

from pathlib import Path

import torch
from helpers import tiny_model
from safetensors.torch import save_file

from .toy import VOCABULARY, make_encoder, make_loop, make_stage, make_tokenizer, weights

STEPS = 24

# the fork server imports this module before it forks: what takes long is done once
TOKENIZER = make_tokenizer()
tiny_model("llama", VOCABULARY)


def stage_to_end(folder: Path, every: int) -> None:
    """Begin or go on; the final weights end in ``final.safetensors``."""
    torch.set_num_threads(1)
    model = tiny_model("llama", VOCABULARY)
    stage = make_stage(steps=STEPS, tasks={"conflict": {}}, batch_tokens=512, checkpoint_every=every)
    make_loop(folder, make_encoder(TOKENIZER), stage, model, say=lambda text: _say(folder, text)).run()
    save_file(weights(model), folder / "final.safetensors")


def _say(folder: Path, text: str) -> None:
    with (folder / "said.txt").open("a", encoding="utf-8") as file:
        file.write(text + "\n")

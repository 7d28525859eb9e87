"""The contenders of ``benchmarks/tune.py``, each run in a process of its own that takes orders line by line.

A worker loads the base, warms up and answers ``{"ready": true}``. For each line that it then reads it trains
once on all pairs and answers ``{"seconds": ..., "steps": ..., "loss": ...}``. At the end of its input it
tells its peak of memory and leaves.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tune_data import ALPHA, IGNORED, RATE, load_base, load_pairs, our_parts

FLOOR = 1e-5  # what published code clamps 1 - p to


class Desk:
    """Where orders come in and answers go out; what libraries print goes to the log."""

    def __init__(self, device: str, clock: str) -> None:
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self.device = device
        self.now = {"wall": time.perf_counter, "cpu": time.process_time}[clock]
        self.idle = self.start = 0.0

    def loaded(self) -> None:
        """The model is there and nothing has been trained: what memory the libraries and the model take."""
        self.idle = peak_memory(self.device)

    def ready(self) -> None:
        """The worker is warm: wait for the first order."""
        self._answer(ready=True)
        self._wait()

    def done(self, steps: int, loss: float) -> None:
        """All pairs were trained on once: answer, and wait for the next order."""
        synchronize(self.device)
        self._answer(seconds=self.now() - self.start, steps=steps, loss=loss)
        self._wait()

    def _answer(self, **what: Any) -> None:
        self.out.write(json.dumps(what) + "\n")
        self.out.flush()

    def _wait(self) -> None:
        if not sys.stdin.readline():
            self._answer(peak=peak_memory(self.device), idle=self.idle)
            raise SystemExit(0)
        synchronize(self.device)
        self.start = self.now()


def synchronize(device: str) -> None:
    """Wait for a card to finish."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def peak_memory(device: str) -> float:
    """Peak of this process so far, in MB: resident memory, or the card's."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def ours(folder: Path, options: argparse.Namespace, desk: Desk) -> None:
    """Our loop, as ``dragoman run`` runs it; texts are encoded while it trains."""
    from dragoman.tune.batch import cut_steps
    from dragoman.tune.loop import Loop, Progress
    from dragoman.tune.step import Stepper

    parts = our_parts(folder, options.stage, options.pairs, options.batch)
    model = load_base(folder, options.device)
    desk.loaded()
    stepper = Stepper(
        model, parts.tokenizer.pad_token_id, parts.stage.objective, {}, options.batch,
        compute_bf16=options.dtype == "bfloat16", share=options.share,
    )  # fmt: skip
    steps = len(cut_steps(parts.source.draw(1), None, options.batch, np.random.default_rng(0)))
    losses: list[float] = []

    def tell(progress: Progress) -> None:
        losses.append(progress.loss)
        if progress.step == steps:
            desk.ready()
        elif progress.step % steps == 0:
            desk.done(steps, sum(losses[-steps:]) / steps)

    run = folder / f"run-{os.getpid()}"
    run.mkdir()
    Loop(parts.stage, model, parts.source, run, stepper, 1, tell=tell).run()


def batches_of(
    rows: Sequence[dict[str, Any]], size: int, generator: torch.Generator
) -> list[list[dict[str, Any]]]:
    """Rows in batches of like length, the batches in random order."""
    ordered = sorted(rows, key=lambda row: len(row["input_ids"]))
    cut = [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return [cut[i] for i in torch.randperm(len(cut), generator=generator).tolist()]


def padded(rows: Sequence[dict[str, Any]], ids: str, labels: str, pad: int) -> dict[str, Tensor]:
    """A batch as a Hugging Face model takes it."""
    longest = max(len(row[ids]) for row in rows)

    def fill(values: Sequence[int], by: int) -> list[int]:
        return [*values, *[by] * (longest - len(values))]

    return {
        "input_ids": torch.tensor([fill(row[ids], pad) for row in rows]),
        "attention_mask": torch.tensor([fill([1] * len(row[ids]), 0) for row in rows]),
        "labels": torch.tensor([fill(row[labels], IGNORED) for row in rows]),
    }


def plain(folder: Path, options: argparse.Namespace, desk: Desk) -> None:
    """The loop that everybody writes: the model's own loss, AdamW, clipping; batches of like length."""
    model, rows = load_base(folder, options.device), load_pairs(folder, options.stage)
    model.train()
    desk.loaded()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    generator = torch.Generator().manual_seed(1)
    low = torch.autocast(model.device.type, torch.bfloat16, enabled=options.dtype == "bfloat16")

    def train(some: Sequence[dict[str, Any]]) -> tuple[int, float]:
        losses = []
        for batch in batches_of(some, options.batch, generator):
            inputs = {k: v.to(model.device) for k, v in padded(batch, "input_ids", "labels", 0).items()}
            with low:
                loss = model(**inputs, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
        return len(losses), sum(losses) / len(losses)

    train(rows[: 2 * options.batch])
    desk.ready()
    while True:
        desk.done(*train(rows))


def trainer_arguments(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What both trainers are given: no checkpointing, no logging, length-grouped batches."""
    return {
        "output_dir": str(folder / f"trainer-{os.getpid()}"), "per_device_train_batch_size": options.batch,
        "num_train_epochs": 1, "learning_rate": RATE, "lr_scheduler_type": "constant", "weight_decay": 0.0,
        "train_sampling_strategy": "group_by_length", "gradient_checkpointing": False,
        "bf16": options.dtype == "bfloat16", "use_cpu": options.device == "cpu", "dataloader_num_workers": 0,
        "logging_strategy": "no", "save_strategy": "no", "eval_strategy": "no", "report_to": "none",
        "disable_tqdm": True, "seed": 1, "remove_unused_columns": False,
    }  # fmt: skip


def run_trainer(
    make: Callable[[Any], Any], rows: list[dict[str, Any]], options: argparse.Namespace, desk: Desk
) -> None:
    """Warm up on two batches, then one epoch for each order; setting up is outside the measured time."""
    from transformers import TrainerCallback

    class Bell(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            desk.start = desk.now()

    make(rows[: 2 * options.batch]).train()
    whole = make(rows)
    whole.add_callback(Bell())
    desk.ready()
    while True:
        result = whole.train()
        desk.done(result.global_step, result.training_loss)


def trl(folder: Path, options: argparse.Namespace, desk: Desk) -> None:
    """TRL's SFTTrainer on prompts and completions, completions alone being learned."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model, rows = load_base(folder, options.device), load_pairs(folder, options.stage)
    tokenizer = our_parts(folder, options.stage, options.pairs, options.batch).tokenizer
    desk.loaded()
    for row in rows:
        row["completion_mask"] = [int(label != IGNORED) for label in row.pop("labels")]
    config = SFTConfig(
        **trainer_arguments(folder, options), max_length=None, completion_only_loss=True, packing=False
    )
    run_trainer(
        lambda data: SFTTrainer(
            model=model, args=config, train_dataset=Dataset.from_list(data), processing_class=tokenizer
        ),
        rows, options, desk,
    )  # fmt: skip


def two_pass(folder: Path, options: argparse.Namespace, desk: Desk) -> None:
    """A Trainer that does as the published script does: one pass for the pairs, one for the negatives."""
    from transformers import Trainer, TrainingArguments

    class TwoPass(Trainer):
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **more: Any) -> Any:
            wrong = inputs.pop("wrong")
            right = model(**inputs, use_cache=False)
            labels = wrong.pop("labels")[:, 1:]
            logits = model(**wrong, use_cache=False).logits[:, :-1].float()
            mask = labels != IGNORED
            logp = torch.log_softmax(logits, -1).gather(2, labels.clamp(min=0)[..., None]).squeeze(2)
            unlikelihood = -torch.log(torch.clamp(1.0 - logp.exp(), min=FLOOR))
            return right.loss + ALPHA * (unlikelihood * mask).sum() / mask.sum()

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        right = padded(rows, "input_ids", "labels", 0)
        return {**right, "wrong": padded(rows, "wrong_ids", "wrong_labels", 0)}

    model, rows = load_base(folder, options.device), load_pairs(folder, options.stage)
    desk.loaded()
    config = TrainingArguments(**trainer_arguments(folder, options))
    run_trainer(
        lambda data: TwoPass(model=model, args=config, train_dataset=data, data_collator=collate),
        rows,
        options,
        desk,
    )


CONTENDERS: dict[str, Callable[[Path, argparse.Namespace, Desk], None]] = {
    "ours": ours, "plain": plain, "trl": trl, "two-pass": two_pass,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=[*CONTENDERS])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stage", type=int, default=1)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--no-share", dest="share", action="store_false")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    CONTENDERS[options.contender](options.folder, options, Desk(options.device, options.clock))


if __name__ == "__main__":
    main()

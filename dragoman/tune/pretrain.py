"""Pre-train a small base from nothing: next tokens of packed rows, at the full speed of the processor.

The tuning loop takes rows of every length and any model. A base of ours is a small LLaMA on rows of one
length, which can be compiled: three times the tokens a second on a CPU with units for bfloat16. Matrices
between the embeddings are tuned with Muon, the rest with AdamW.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dragoman.errors import ModelError
from dragoman.tune.checkpoint import (
    keep_newest,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    step_folder,
)
from dragoman.tune.model import trainable
from dragoman.tune.muon import Muon
from dragoman.tune.precision import bfloat16_pays

MUON_TIMES = 5  # Muon's rate as a multiple of AdamW's
DECAY = 0.01  # of the weights, in both


@dataclass(frozen=True)
class Pretraining:
    """How long and how fast: ``batch`` rows a step; the rate falls to 0 over the last ``cool_down`` of it.

    ``minutes`` ends training earlier (None: never); ``plain`` does without `torch.compile`, which needs a C++
    compiler; ``compute``: products in bfloat16, float32, or auto, what the device is faster at.
    """

    steps: int
    batch: int
    rate: float = 2e-3
    minutes: float | None = None
    warm_up: int = 100
    cool_down: float = 0.5
    plain: bool = False
    device: str = "cpu"
    compute: str = "auto"
    checkpoint_every: int = 500


def pack(streams: Iterable[np.ndarray], row: int, seed: int) -> Tensor:
    """Documents one after the other, cut into rows [rows, row] in random order, less a short last one.

    ModelError if they do not fill one row.
    """
    ids = np.concatenate(list(streams))
    if len(ids) < row:
        raise ModelError(f"{len(ids):,} tokens do not fill a row of {row}; give more text or shorter rows")
    rows = torch.from_numpy(ids[: len(ids) // row * row].reshape(-1, row))
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]


def attention_heads(hidden: int, head: int) -> int:
    """Heads of size ``head``, or a little above, of ``hidden``: two at least; ModelError if none fit."""
    count = max(2, hidden // head) if head > 0 else 0
    if not count or hidden % (2 * count):
        raise ModelError(f"hidden size {hidden} does not divide into heads of an even size of about {head}")
    return count


def new_llama(tokenizer: Any, hidden: int, inner: int, layers: int, seed: int, head: int = 64) -> Any:
    """A LLaMA with random weights and tied embeddings; ``head``: see ``attention_heads``."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=attention_heads(hidden, head),
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


class MuonAdamW:
    """Muon for the matrices of the layers, AdamW for embeddings and norms."""

    def __init__(self, model: Any, rate: float, dtype: torch.dtype) -> None:
        weights = trainable(model)
        inner = [weight for name, weight in weights.items() if weight.ndim == 2 and ".layers." in name]
        taken = {id(weight) for weight in inner}
        rest = [weight for weight in weights.values() if id(weight) not in taken]
        self.peaks = (MUON_TIMES * rate, rate)
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            Muon(inner, self.peaks[0], weight_decay=DECAY, momentum=0.95, dtype=dtype),
            torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.95), weight_decay=DECAY, fused=True),
        )

    @property
    def state(self) -> dict[Tensor, dict[str, Any]]:
        """What both know of each weight."""
        return {
            weight: part.state[weight]
            for part in self.parts
            for group in part.param_groups
            for weight in group["params"]
        }

    def step(self, share: float) -> None:
        """One step at ``share`` of the peak rates."""
        for part, peak in zip(self.parts, self.peaks, strict=True):
            for group in part.param_groups:
                group["lr"] = peak * share
            part.step()
            part.zero_grad()


class Pretrainer:
    """Trains ``model`` on ``rows`` [rows, length]; goes on from the last checkpoint in ``folder``."""

    def __init__(
        self, model: Any, rows: Tensor, settings: Pretraining, folder: Path | None = None,
        tell: Callable[[int, float, float], None] = lambda step, loss, speed: None,
    ) -> None:  # fmt: skip
        self.model, self.settings, self.folder, self.tell = model, settings, folder, tell
        self.device = torch.device(settings.device)
        self.rows = rows.to(self.device)
        self.bfloat16 = bfloat16_pays(settings.compute, self.device)
        self.optimizer = MuonAdamW(model, settings.rate, torch.bfloat16 if self.bfloat16 else torch.float32)
        self.loss = self._loss if settings.plain else torch.compile(self._loss, dynamic=False)
        self.spent = 0.0  # seconds
        self.step = 0

    def run(self) -> int:
        """Train to the end; returns the steps made. ``tell`` gets step, loss and tokens a second."""
        self._resume()
        # compiled, plain products are twice as fast on short rows as a CPU's flash kernel
        before, self.model.config._attn_implementation = self.model.config._attn_implementation, "eager"
        self.model.train()
        try:
            self._steps()
        finally:
            self.model.config._attn_implementation = before
        self.model.eval()
        return self.step

    def _steps(self) -> None:
        losses: list[Tensor] = []
        began, told, first = time.monotonic() - self.spent, time.monotonic(), self.step
        start = told
        while (done := self._done()) < 1:
            losses.append(self._one_step(done))
            now = time.monotonic()
            self.spent = now - began
            if now - told > 10 or self.step == self.settings.steps:
                told, mean = now, float(torch.stack(losses).mean())
                if not math.isfinite(mean):
                    raise ModelError(f"the loss is not a number at step {self.step}; lower the rate")
                speed = (self.step - first) * self.settings.batch * self.rows.shape[1] / (now - start)
                self.tell(self.step, mean, speed)
                losses.clear()
            if self.folder is not None and self.step % self.settings.checkpoint_every == 0:
                self._save(self.folder)

    def _done(self) -> float:
        """Share of the training that is over: of the steps, or of the time if that is more."""
        minutes = self.settings.minutes
        return max(self.step / self.settings.steps, self.spent / (60 * minutes) if minutes else 0.0)

    def _one_step(self, done: float) -> Tensor:
        settings = self.settings
        index = torch.arange(self.step * settings.batch, (self.step + 1) * settings.batch, device=self.device)
        loss = self.loss(self.rows[index % len(self.rows)].long())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step(min(1.0, (self.step + 1) / settings.warm_up, (1 - done) / settings.cool_down))
        self.step += 1
        return loss.detach()

    def _loss(self, ids: Tensor) -> Tensor:
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
            logits = self.model(input_ids=ids[:, :-1], use_cache=False).logits
        return functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())

    def _save(self, folder: Path) -> None:
        state = {"step": self.step, "spent": self.spent}
        save_checkpoint(step_folder(folder, self.step), self.model, self.optimizer, state)
        keep_newest(folder, self.step)

    def _resume(self) -> None:
        if self.folder is None or not self.folder.exists():
            return
        found = latest_checkpoint(self.folder, lambda text: None)
        if found is not None:
            state = load_checkpoint(found, self.model, self.optimizer)
            self.step, self.spent = state["step"], state["spent"]

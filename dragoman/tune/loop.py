"""The tuning loop of one stage: steps, validation, checkpoints, exact resume."""

from __future__ import annotations

import math
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dragoman.errors import DragomanError, ModelError, RecipeError
from dragoman.instruct.task import stream_seed
from dragoman.recipe import Stage
from dragoman.tune import parallel
from dragoman.tune.batch import Group, StepStream
from dragoman.tune.checkpoint import (
    is_whole,
    keep_newest,
    latest_checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
    step_folder,
)
from dragoman.tune.metrics import MetricLog
from dragoman.tune.model import trainable
from dragoman.tune.schedule import learning_rate
from dragoman.tune.source import Source
from dragoman.tune.step import Stepper, StepResult
from dragoman.tune.stop import StopRequest

Scores = dict[str, float]
Validate = Callable[[Any, int], Scores]
LOWER_IS_BETTER = {"loss": True, "chrf": False, "zero_shot_otr": True, "zero_shot_chrf": False}


class Interrupted(DragomanError):
    """The user or the system asked the run to stop; a checkpoint was written."""


@dataclass
class Progress:
    """What the loop tells its caller after each step."""

    stage: str
    step: int
    steps: int
    loss: float
    pairs_per_second: float
    scores: Scores


@dataclass
class State:
    """What a checkpoint holds beside tensors and the place in the data."""

    step: int = 0
    best: float | None = None
    best_step: int | None = None
    misses: int = 0
    scores: Scores = field(default_factory=dict)
    best_scores: Scores = field(default_factory=dict)
    finished: bool = False

    @property
    def model_step(self) -> int:
        """The step whose weights the stage ends with."""
        return self.step if self.best_step is None else self.best_step

    @property
    def model_scores(self) -> Scores:
        """The scores of those weights, as far as they were measured."""
        return self.scores if self.best_step is None else self.best_scores


class Loop:
    """Runs one stage on a model, in ``folder``; started again it goes on where the last checkpoint stands.

    ``validate`` gets the model and the step and returns named scores (``loss``, ``chrf``, ``zero_shot_otr``,
    ...). ``keep`` is called with a step of ``stage.keep_steps`` when its weights are there.
    """

    def __init__(
        self,
        stage: Stage,
        model: Any,
        source: Source,
        folder: Path,
        stepper: Stepper,
        seed: int,
        validate: Validate | None = None,
        keep: Callable[[int], None] | None = None,
        tell: Callable[[Progress], None] = lambda progress: None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.stage, self.model, self.source, self.folder, self.stepper = stage, model, source, folder, stepper
        self.validate, self.keep, self.tell, self.say, self.seed = validate, keep, tell, say, seed
        self.checkpoints, self.best = folder / "checkpoints", folder / "best"
        self.metrics = MetricLog(folder, stage.name, parallel.is_main())
        self.state = State()
        self._best_before: int | None = None
        self.optimizer = torch.optim.AdamW(
            list(trainable(model).values()), lr=stage.learning_rate, betas=stage.betas,
            weight_decay=stage.weight_decay, fused=stepper.device.type in ("cpu", "cuda"),
        )  # fmt: skip
        self.stream = StepStream(
            source.draw, source.mixture.position, source.mixture.seek,
            stage.batch_examples, stage.batch_tokens, stage.window, seed,
        )  # fmt: skip
        self.steps = self._length()
        self._check()

    def run(self) -> State:
        """Tune to the end of the stage; the model holds the stage's weights afterwards.

        Raises Interrupted after SIGTERM or Ctrl-C (a checkpoint is written first), ModelError if the loss is
        not a number or the disk is full (the last checkpoint stays).
        """
        self._resume()
        self.model.train()
        if not self.state.finished:
            with StopRequest() as stop:
                self._steps(stop)
        self._take_best()
        self.model.eval()
        return self.state

    def _steps(self, stop: StopRequest) -> None:
        every = self.stage.validate_every or max(1, self.steps // 10)
        if self.state.step == 0:
            self._check_sharing()
        stream = iter(self.stream)
        while not self.state.finished:
            began = time.perf_counter()
            groups = next(stream)
            rate = learning_rate(self.stage, self.state.step, self.steps)
            result, norm = self._one(groups, rate)
            self.state.step += 1
            step, last = self.state.step, self.state.step == self.steps
            speed = len(groups) / (time.perf_counter() - began)
            self.metrics.step(
                step, result, self.stepper.device,
                learning_rate=rate, gradient_norm=round(norm, 5), pairs_per_second=round(speed, 2),
            )  # fmt: skip
            if step in self.stage.keep_steps and self.keep is not None:
                self.keep(step)
            if self.validate is not None and (step % every == 0 or last):
                self._validate()
            self.tell(Progress(self.stage.name, step, self.steps, result.loss, speed, self.state.scores))
            self.state.finished = last or self._out_of_patience()
            reason = stop.agreed()
            if reason or self.state.finished or step % self.stage.checkpoint_every == 0:
                self._save()
            if reason:
                raise Interrupted(
                    f"{reason}: stage {self.stage.name} stopped at step {step} of {self.steps}; "
                    "a checkpoint is written; run the same command to go on"
                )

    def _one(self, groups: list[Group], rate: float) -> tuple[StepResult, float]:
        """One optimiser step; its randomness (dropout) follows from the seed, the step and the process."""
        torch.manual_seed(stream_seed(self.seed, self.stage.name, "step", self.state.step, parallel.rank()))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        result = self.stepper.run(groups)
        norm = self.stepper.clip(self.stage.clip)
        for what, value in (("loss", result.loss), ("gradient norm", norm)):
            if not math.isfinite(value):
                found = any(self.checkpoints.glob("step-*"))
                kept = "the last checkpoint is whole" if found else "no checkpoint was written yet"
                raise ModelError(
                    f"stage {self.stage.name}, step {self.state.step + 1}: the {what} is {value}; {kept}; "
                    "lower learning_rate or alpha and run again"
                )
        self.optimizer.step()
        return result, norm

    def _check_sharing(self) -> None:
        first = next(iter(self.stream))
        with self.stepper.whole():
            self.stepper.check_sharing([encoded for group in first[:4] for encoded in group])
        self.source.rewind()
        self.stream.restart()

    def _validate(self) -> None:
        assert self.validate is not None
        self.model.eval()
        with self.stepper.whole():
            scores = self.validate(self.model, self.state.step)
        self.model.train()
        scores = {name: value for name, value in scores.items() if not math.isnan(value)}
        self.state.scores = scores
        self.metrics.validation(self.state.step, scores)
        rule = self.stage.best
        if rule == "last":
            return
        if rule not in scores:
            known = ", ".join(scores) or "nothing"
            raise ModelError(f"stage {self.stage.name}: best: {rule} cannot be measured here; known: {known}")
        if self._improves(scores[rule]):
            self.state.best, self.state.best_step, self.state.misses = scores[rule], self.state.step, 0
            self.state.best_scores = scores
            save_weights(step_folder(self.best, self.state.step), self.model)
        else:
            self.state.misses += 1

    def _improves(self, value: float) -> bool:
        best = self.state.best
        if best is None:
            return True
        return value < best if LOWER_IS_BETTER[self.stage.best] else value > best

    def _out_of_patience(self) -> bool:
        return self.stage.patience is not None and self.state.misses >= self.stage.patience

    def _take_best(self) -> None:
        step = self.state.best_step
        if step is None or step == self.state.step:
            return
        folder = step_folder(self.best, step)
        if not is_whole(folder):
            raise ModelError(f"{folder} is damaged; delete {self.folder} and run the stage again")
        load_weights(folder, self.model)

    def _save(self) -> None:
        state = {
            **vars(self.state),
            "steps": self.steps,
            "stream": self.stream.state(),
            "dropped": dict(self.source.dropped),
            "share": self.stepper.share,
        }
        optimizer = None if self.state.finished else self.optimizer
        save_checkpoint(step_folder(self.checkpoints, self.state.step), self.model, optimizer, state)
        if parallel.is_main():
            keep_newest(self.checkpoints, self.state.step)
            self._forget_best()
        parallel.barrier()

    def tidy(self) -> None:
        """Keep of the checkpoints the last alone: the stage is done and its model is saved."""
        if parallel.is_main():
            keep_newest(self.checkpoints, self.state.step, 1)

    def _forget_best(self) -> None:
        """Delete best weights that neither this checkpoint nor the one before it names."""
        named = {step_folder(self.best, step) for step in (self.state.best_step, self._best_before) if step}
        for path in self.best.glob("step-*"):
            if path not in named:
                shutil.rmtree(path, ignore_errors=True)
        self._best_before = self.state.best_step

    def _resume(self) -> None:
        found = latest_checkpoint(self.checkpoints, self.say)
        if found is None:
            self.metrics.forget_after(0)
            return
        saved = load_checkpoint(found, self.model, self.optimizer)
        if saved["steps"] != self.steps:
            raise ModelError(
                f"{found}: its stage has {saved['steps']} steps, this one {self.steps}; delete {self.folder}"
            )
        self.stream.restore(saved["stream"])
        self.source.dropped = Counter(saved["dropped"])
        self.stepper.share = saved["share"]
        self.state = State(**{key: saved[key] for key in vars(self.state)})
        self._best_before = self.state.best_step
        self.metrics.forget_after(self.state.step)
        if not self.state.finished:
            self.say(f"stage {self.stage.name} goes on at step {self.state.step} of {self.steps}")

    def _length(self) -> int:
        """Steps of the stage; for `epochs` they follow from what becomes of a first window of draws."""
        if self.stage.steps is not None:
            return self.stage.steps
        mixture = self.source.mixture
        steps = self.stream.fill()
        drawn = sum(mixture.position().values())
        self.source.rewind()
        return max(1, round(mixture.epoch_draws * float(self.stage.epochs or 0) * steps / drawn))

    def _check(self) -> None:
        """RecipeError for what is only known here: a rule without a validation, steps that never come."""
        if self.stage.best != "last" and self.validate is None:
            raise RecipeError(f"stage {self.stage.name}: best: {self.stage.best} needs text in data.dev")
        beyond = [step for step in self.stage.keep_steps if not 0 < step <= self.steps]
        if beyond:
            raise RecipeError(
                f"stage {self.stage.name}: keep_steps {beyond[0]} is none of its steps, 1 to {self.steps}"
            )

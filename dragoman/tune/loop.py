"""The tuning loop of one stage: steps, validation, checkpoints, exact resume."""

from __future__ import annotations

import json
import math
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from dragoman.errors import DragomanError, ModelError
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Stage
from dragoman.tune.batch import Group, StepStream, group_length
from dragoman.tune.checkpoint import (
    is_whole,
    keep_newest,
    latest_checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    weights_of,
    write_checked,
)
from dragoman.tune.model import trainable
from dragoman.tune.schedule import learning_rate
from dragoman.tune.step import Stepper, StepResult

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
class _State:
    """What a checkpoint holds beside tensors."""

    step: int = 0
    best: float | None = None
    best_step: int | None = None
    misses: int = 0
    scores: Scores = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    finished: bool = False


class Source:
    """What a stage draws from: the mixture and the encoder, seen as a stream of encoded groups."""

    def __init__(self, mixture: Any, encoder: Encoder) -> None:
        self.mixture, self.encoder = mixture, encoder
        self.dropped: Counter[str] = Counter()

    def draw(self, count: int) -> list[Group]:
        """``count`` draws, encoded; a group whose examples do not all fit is dropped whole and counted."""
        groups = self.mixture.draw(count)
        before = Counter(self.encoder.dropped)
        encoded = iter(self.encoder.encode_many([example for group in groups for example in group]))
        made = [[next(encoded) for _ in group] for group in groups]
        self.dropped.update(self.encoder.dropped - before)
        kept = [[e for e in group if e is not None] for group, whole in zip(made, made, strict=True) if None not in whole]
        if groups and not kept and count >= 64:
            reasons = ", ".join(f"{n} {reason}" for reason, n in self.dropped.items())
            raise ModelError(f"none of {count} examples could be encoded ({reasons}); raise prompt.max_length")
        return kept


class Loop:
    """Runs one stage on a model, in ``folder``; started again it goes on where the last checkpoint stands.

    ``validate`` gets the model and the step and returns named scores (``loss``, ``chrf``, ``zero_shot_otr``, ...).
    ``keep`` is called with a step of ``stage.keep_steps`` when its weights are there.
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
        self.checkpoints = folder / "checkpoints"
        self.state = _State()
        self.steps = self._length()
        self.optimizer = self._optimizer()
        self.stream = StepStream(
            source.draw, source.mixture.position, source.mixture.seek,
            stage.batch_examples, stage.batch_tokens, stage.window, seed,
        )  # fmt: skip
        self._stop: str | None = None

    @property
    def is_main(self) -> bool:
        """True in the one process that writes files."""
        return not dist.is_initialized() or dist.get_rank() == 0

    def run(self) -> _State:
        """Tune to the end of the stage; the model holds the stage's weights afterwards.

        Raises Interrupted after SIGTERM or Ctrl-C (a checkpoint is written first), ModelError if the loss is not a
        number (nothing is written; the last checkpoint stays).
        """
        torch.manual_seed(self.seed)
        self._resume()
        self.model.train()
        if not self.state.finished:
            with self._signals():
                self._steps()
        self._take_best()
        self.model.eval()
        return self.state

    def _steps(self) -> None:
        every = self.stage.validate_every or max(1, self.steps // 10)
        stream = iter(self.stream)
        if self.state.step == 0:
            self.stepper.check_sharing([e for group in next(stream)[:4] for e in group])
            self.stream.restore({"window": 0, "start": dict.fromkeys(self.source.mixture.counts, 0), "at": 0})
            self.source.dropped.clear()
            stream = iter(self.stream)
        while self.state.step < self.steps:
            began = time.perf_counter()
            groups = next(stream)
            rate = learning_rate(self.stage, self.state.step, self.steps)
            result, norm = self._one(groups, rate)
            self.state.step += 1
            seconds = time.perf_counter() - began
            self._log_step(result, norm, rate, len(groups) / seconds)
            if self.state.step in self.stage.keep_steps and self.keep is not None:
                self.keep(self.state.step)
            if self.validate is not None and (self.state.step % every == 0 or self.state.step == self.steps):
                self._validate()
            self.state.finished = self._out_of_patience() or self.state.step == self.steps
            if self._should_stop() or self.state.finished or self.state.step % self.stage.checkpoint_every == 0:
                self._save()
            if self._stop and not self.state.finished:
                raise Interrupted(
                    f"{self._stop}: stage {self.stage.name} stopped at step {self.state.step} of {self.steps}; "
                    "a checkpoint is written; run the same command to go on"
                )
            if self.state.finished:
                break

    def _one(self, groups: list[Group], rate: float) -> tuple[StepResult, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        result = self.stepper.run(groups)
        where = f"stage {self.stage.name}, step {self.state.step + 1}"
        cure = "the last checkpoint is whole; lower learning_rate or alpha and run again"
        if not math.isfinite(result.loss):
            raise ModelError(f"{where}: the loss is {result.loss}; {cure}")
        try:
            norm = self.stepper.clip(self.stage.clip)
        except ModelError as error:
            raise ModelError(f"{where}: {error}; {cure}") from error
        self.optimizer.step()
        return result, norm

    def _log_step(self, result: StepResult, norm: float, rate: float, pairs_per_second: float) -> None:
        row = {
            "stage": self.stage.name,
            "step": self.state.step,
            "loss": round(result.loss, 6),
            "loss_positive": _mean(result.positive, result.positive_tokens),
            "loss_negative": _mean(result.negative, result.negative_tokens),
            "tasks": {task: round(value, 6) for task, value in sorted(result.by_task.items())},
            "learned_tokens": result.positive_tokens,
            "unlearned_tokens": result.negative_tokens,
            "examples": result.examples,
            "tokens": result.tokens,
            "padded_tokens": result.padded,
            "learning_rate": rate,
            "gradient_norm": round(norm, 5),
            "pairs_per_second": round(pairs_per_second, 2),
            "memory_mb": _memory(self.stepper.device),
        }
        self._write(row)
        self.tell(
            Progress(self.stage.name, self.state.step, self.steps, result.loss, pairs_per_second, self.state.scores)
        )

    def _validate(self) -> None:
        assert self.validate is not None
        streams = torch.get_rng_state()
        self.model.eval()
        scores = self.validate(self.model, self.state.step)
        self.model.train()
        torch.set_rng_state(streams)
        self.state.scores = scores
        self._write({"stage": self.stage.name, "step": self.state.step, "validation": scores})
        rule = self.stage.best
        if rule == "last":
            return
        if rule not in scores:
            raise ModelError(f"stage {self.stage.name}: best: {rule} is not measured here; known: {', '.join(scores)}")
        value = scores[rule]
        better = self.state.best is None or (value < self.state.best) == LOWER_IS_BETTER[rule] and (
            value != self.state.best
        )
        if better:
            self.state.best, self.state.best_step, self.state.misses = value, self.state.step, 0
            if self.is_main:
                write_checked(
                    self.folder / "best", lambda part: save_file(weights_of(self.model), part / "weights.safetensors")
                )
        else:
            self.state.misses += 1

    def _out_of_patience(self) -> bool:
        return self.stage.patience is not None and self.state.misses >= self.stage.patience

    def _take_best(self) -> None:
        best = self.folder / "best"
        if self.stage.best == "last" or self.state.best_step in (None, self.state.step):
            return
        if not is_whole(best):
            raise ModelError(f"{best} is damaged; delete {self.folder} and run the stage again")
        load_weights(self.model, load_file(best / "weights.safetensors"))

    def _save(self) -> None:
        if self.is_main:
            state = {
                **vars(self.state),
                "steps": self.steps,
                "stream": self.stream.state(),
                "dropped": dict(self.source.dropped),
                "share": self.stepper.share,
            }
            save_checkpoint(self.checkpoints / f"step-{self.state.step:07d}", self.model, self.optimizer, state)
            keep_newest(self.checkpoints, 2)
        if dist.is_initialized():
            dist.barrier()

    def _resume(self) -> None:
        if not self.checkpoints.is_dir():
            return
        found = latest_checkpoint(self.checkpoints, self.say)
        if found is None:
            return
        saved = load_checkpoint(found, self.model, self.optimizer)
        if saved["steps"] != self.steps:
            raise ModelError(f"{found}: its stage has {saved['steps']} steps, this one {self.steps}; delete {self.folder}")
        self.stream.restore(saved["stream"])
        self.source.dropped = Counter(saved["dropped"])
        self.stepper.share = saved["share"]
        self.state = _State(**{key: saved[key] for key in vars(self.state)})
        self._forget_after(self.state.step)
        if not self.state.finished:
            self.say(f"stage {self.stage.name} goes on at step {self.state.step} of {self.steps}")

    def _forget_after(self, step: int) -> None:
        """Drop metric rows of steps that will be run again."""
        path = self.folder / "metrics.jsonl"
        if not self.is_main or not path.exists():
            return
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line)
            except (ValueError, KeyError):
                continue  # the line that a kill cut off
        part = path.with_suffix(".part")
        part.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        part.replace(path)

    def _write(self, row: dict[str, Any]) -> None:
        if self.is_main:
            with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def _optimizer(self) -> torch.optim.Optimizer:
        parameters = list(trainable(self.model).values())
        return torch.optim.AdamW(
            parameters, lr=self.stage.learning_rate, betas=self.stage.betas, weight_decay=self.stage.weight_decay,
            fused=self.stepper.device.type in ("cpu", "cuda"),
        )  # fmt: skip

    def _length(self) -> int:
        """Steps of the stage; for `epochs` without batch_examples they follow from the mean length of 512 draws."""
        stage, mixture = self.stage, self.source.mixture
        if stage.steps is not None:
            return stage.steps
        draws = mixture.epoch_draws * float(stage.epochs or 0)
        if stage.batch_examples:
            return max(1, round(draws / stage.batch_examples))
        sample = self.source.draw(512)
        mixture.seek(dict.fromkeys(mixture.counts, 0))
        self.source.dropped.clear()
        mean = sum(group_length(group) * len(group) for group in sample) / len(sample)
        return max(1, round(draws * mean / stage.batch_tokens))

    def _should_stop(self) -> bool:
        """True once any process was asked to stop."""
        if dist.is_initialized():
            flag = torch.tensor(int(self._stop is not None))
            dist.all_reduce(flag)
            if int(flag) and self._stop is None:
                self._stop = "another process was stopped"
        return self._stop is not None

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the current step, save, and leave; a second Ctrl-C leaves at once."""

        def ask(number: int, frame: object) -> None:
            if self._stop is not None and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._stop = signal.Signals(number).name

        try:
            before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:  # not in the main thread: the caller handles signals
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 6) if count else None


def _memory(device: torch.device) -> int:
    """Peak memory in MB: of the card, or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

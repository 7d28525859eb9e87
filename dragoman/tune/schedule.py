"""Learning rate as a function of the step alone, so that resuming needs no state of its own."""

from __future__ import annotations

import math

from dragoman.recipe import Stage


def warmup_steps(stage: Stage, steps: int) -> int:
    """Warm-up in steps: a share of the stage if below 1."""
    return round(stage.warmup * steps) if stage.warmup < 1 else int(stage.warmup)


def learning_rate(stage: Stage, step: int, steps: int) -> float:
    """Rate of step ``step`` (counted from 0) of ``steps``; warm-up is linear and never 0."""
    warm = warmup_steps(stage, steps)
    if step < warm:
        return stage.learning_rate * (step + 1) / (warm + 1)
    done = (step - warm) / max(1, steps - warm)
    factor = {
        "constant": 1.0,
        "linear": 1.0 - done,
        "cosine": 0.5 * (1.0 + math.cos(math.pi * done)),
        "inverse-sqrt": math.sqrt(max(1, warm) / max(1, step)) if warm else 1.0 / math.sqrt(step + 1),
    }[stage.schedule]
    return stage.learning_rate * factor

"""Greedy and beam search over Hugging Face causal LMs, in batches, with processors on the scores.

This is the entrance; ``greedy.py`` and ``beam.py`` hold the two searches, ``steps.py`` what they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.translate.beam import Beam
from dragoman.translate.forward import Job
from dragoman.translate.greedy import Greedy
from dragoman.translate.state import Hypothesis, Processor, Settings, State

__all__ = ["Hypothesis", "Job", "Processor", "Settings", "State", "search"]


def search(
    model: Any, jobs: Sequence[Job], settings: Settings, processors: Sequence[Processor] = ()
) -> list[list[Hypothesis]]:
    """Decode all jobs as one batch; returns the ``n_best`` hypotheses of each job, best first.

    The model must be in evaluation mode. With ``beam`` 1 the search is greedy. ``processors`` change the
    scores of every step, one after the other.
    """
    if not jobs:
        return []
    kind = Greedy if settings.beam == 1 else Beam
    return kind(model, jobs, settings, processors).run()

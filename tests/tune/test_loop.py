"""The log and the length of a stage."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dragoman.prompt.encode import Encoder

from .loops import log
from .toy import make_encoder, make_loop, make_stage, stage_with


def test_rows_of_the_log(tmp_path: Path, encoder: Encoder) -> None:
    make_loop(
        tmp_path, encoder, make_stage(tasks={"conflict": {}, "mono": {}}, batch_examples=8, window=1)
    ).run()
    for row in log(tmp_path):
        assert row["stage"] == "toy" and row["learned_tokens"] >= row["unlearned_tokens"]
        assert row["unlearned_tokens"] > 0
        assert row["loss_positive"] > 0 and row["loss_negative"] > 0 and row["gradient_norm"] > 0
        assert set(row["tasks"]) == {"mt", "conflict", "mono"}
        assert sum(row["tasks"].values()) == pytest.approx(row["loss"], abs=1e-4)
        assert row["pairs_per_second"] > 0 and row["memory_mb"] > 50 and row["padded_tokens"] > 0
    rates = [row["learning_rate"] for row in log(tmp_path)]
    assert rates[0] == pytest.approx(1e-3) and rates[-1] == pytest.approx(3e-3)


@pytest.mark.parametrize(
    "settings",
    [{"batch_examples": 10}, {"batch_tokens": 1024, "window": 8}, {"tasks": {"mt": {}, "mono": {}}}],
)
def test_epochs_are_passes_over_the_pairs(tmp_path: Path, encoder: Encoder, settings: dict[str, Any]) -> None:
    """Two passes over 360 pairs, about: whatever a step holds, and whatever other tasks are mixed in."""
    loop = make_loop(tmp_path, encoder, stage_with(epochs=2, **settings))
    seen = sum(len(step) for step in islice(loop.stream, loop.steps))
    assert seen == pytest.approx(2 * loop.source.mixture.epoch_draws, rel=0.08)


def test_epochs_do_not_count_what_is_dropped(tmp_path: Path, tokenizer: Any) -> None:
    """Two passes over the pairs that fit, though many are too long."""
    full = make_loop(tmp_path / "a", make_encoder(tokenizer), stage_with(epochs=2, batch_examples=10))
    lengths = sorted(len(g[0].ids) for g in full.source.draw(360))
    short = make_encoder(tokenizer, max_length=lengths[90])
    fit = sum(length <= lengths[90] for length in lengths) / 360
    part = make_loop(tmp_path / "b", short, stage_with(epochs=2, batch_examples=10))
    assert full.steps == 72 and fit < 0.6
    assert part.steps == pytest.approx(72 * fit, rel=0.15)

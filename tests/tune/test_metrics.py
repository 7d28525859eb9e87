"""What a stage's log tells of its end, and that a damaged one is no reason to stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.tune.metrics import NAME, late_nats


def test_late_nats_are_those_of_the_last_quarter_and_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    assert late_nats(tmp_path, "align") is None, "no log"
    rows = [
        json.dumps({"step": n, "nats": {"align": 0.7 if n <= 6 else 0.2, "mt": 50.0}}) for n in range(1, 9)
    ]
    text = "\n".join([*rows[:4], '{"step": 5, "na', "7", json.dumps({"step": 5}), *rows[4:]]) + "\n"
    (tmp_path / NAME).write_bytes(text.encode() + b"\xff\xfe\n")
    assert late_nats(tmp_path, "align") == pytest.approx(0.2)
    assert late_nats(tmp_path, "mt") == 50.0 and late_nats(tmp_path, "hint") is None

"""Accuracy on people's links: the bounds that the documentation names."""

from __future__ import annotations

import pytest
from helpers import data_folder

from dragoman.align.aligner import Aligner
from dragoman.align.gold import Score, score
from dragoman.align.pharaoh import read_gold


def aer(pair: str, aligner: Aligner) -> Score:
    """Learn from all splits' text, lower-cased; score the test split."""
    folder = data_folder(f"align_{pair}")
    sides = []
    for language in pair.split("-"):
        lines: list[str] = []
        for split in ("train", "dev", "test"):
            path = folder / f"{split}.{language}"
            if path.exists():
                lines += path.read_text(encoding="utf-8").lower().splitlines()
        sides.append(lines)
    gold = read_gold(folder / "test.align")
    return score(aligner.train_align(*sides)[-len(gold) :], gold)


@pytest.mark.parametrize(("pair", "bound"), [("fra-eng", 0.085), ("grc-eng", 0.595)])
def test_default(pair: str, bound: float) -> None:
    assert aer(pair, Aligner()).aer <= bound


def test_diagonal() -> None:
    assert aer("fra-eng", Aligner("diagonal", "intersect")).aer <= 0.195

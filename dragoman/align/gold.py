"""How good links are: precision, recall, F and AER against gold links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from dragoman.align.pharaoh import Gold, Link
from dragoman.errors import DataError


class Score(NamedTuple):
    """Counts of links, and the four figures made of them (Och and Ney 2003)."""

    links: int
    sure: int
    hits_sure: int
    hits_possible: int

    @property
    def precision(self) -> float:
        """Share of the links that are possible; 1 without any link."""
        return self.hits_possible / self.links if self.links else 1.0

    @property
    def recall(self) -> float:
        """Share of the sure links that were found; 1 where none are sure."""
        return self.hits_sure / self.sure if self.sure else 1.0

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def aer(self) -> float:
        """Alignment error rate: 1 - (hits among sure + hits among possible) / (links + sure)."""
        total = self.links + self.sure
        return 1 - (self.hits_sure + self.hits_possible) / total if total else 0.0

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.3f}  recall {self.recall:.3f}  F {self.f:.3f}  AER {self.aer:.4f}"
            f"  ({self.links:,} links, {self.sure:,} sure in gold)"
        )


def score(links: Sequence[Iterable[Link]], gold: Sequence[Gold]) -> Score:
    """Counts over all pairs together; ValueError if the two are not equally long."""
    counts = [0, 0, 0, 0]
    for found, wanted in zip(links, gold, strict=True):
        mine = set(found)
        counts[0] += len(mine)
        counts[1] += len(wanted.sure)
        counts[2] += len(mine & wanted.sure)
        counts[3] += len(mine & wanted.possible)
    return Score(*counts)


def check_gold(path: Path, gold: Sequence[Gold], lengths: Sequence[tuple[int, int]]) -> None:
    """DataError unless gold has a line for each pair and points inside its words."""
    if len(gold) != len(lengths):
        raise DataError(
            f"{path}: {len(gold):,} lines of gold links for {len(lengths):,} pairs; expected one line a pair "
            "(--also has text to learn from that has no gold)"
        )
    for number, (entry, bounds) in enumerate(zip(gold, lengths, strict=True), 1):
        for link in entry.possible:
            for side, position, length in zip(("source", "target"), link, bounds, strict=True):
                if position >= length:
                    sign = "-" if link in entry.sure else "p"
                    raise DataError(
                        f"{path}:{number}: {link[0]}{sign}{link[1]} points beyond the {side}, which has "
                        f"{length:,} words; check that gold and text are of the same lines"
                    )

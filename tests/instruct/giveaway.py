"""Classifiers that see only the two words of an assertion, to tell what these give away."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

Row = tuple[str, str, bool, bool]
"""Source word, target word, is the assertion true, is it held out."""
About = Callable[[str, str], list[str]]


def words_alone(source: str, target: str) -> list[str]:
    """Which words they are."""
    return [f"s={source}", f"t={target}"]


def each_alone(source: str, target: str) -> list[str]:
    """Each word, its letters three by three, its length, its capital."""
    found = []
    for side, word in (("s", source), ("t", target)):
        edged = f"^{word}$"
        found += [f"{side}={word}", f"{side}:{len(word)}", f"{side}:{word[0].isupper()}"]
        found += [f"{side}:{edged[k : k + 3]}" for k in range(len(edged) - 2)]
    return found


def form_of_both(source: str, target: str) -> list[str]:
    """Lengths of both in letters and in words, and capitals of both, as one."""
    lengths = f"{min(len(source), 9)} {min(len(target), 12)}"
    return [
        lengths,
        f"words {len(source.split())} {len(target.split())}",
        f"capitals {source[0].isupper()} {target[0].isupper()}",
    ]


def accuracy(rows: Sequence[Row], about: About, rounds: int = 4) -> float:
    """Share of held-out rows that logistic regression gets right (AdaGrad, a little weight decay)."""
    numbers: dict[str, int] = {}
    taught = [row for row in rows if not row[3]]
    facts = [[numbers.setdefault(f, len(numbers)) for f in about(s, t)] for s, t, _, _ in taught]
    weights, seen = np.zeros(len(numbers)), np.full(len(numbers), 1e-8)
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        for k in rng.permutation(len(facts)).tolist():
            at = facts[k]
            wrong = 1 / (1 + math.exp(-float(np.clip(weights[at].sum(), -30, 30)))) - taught[k][2]
            steps = wrong + 1e-3 * weights[at]
            seen[at] += steps**2
            weights[at] -= 0.3 * steps / np.sqrt(seen[at])
    known = [([numbers[f] for f in about(s, t) if f in numbers], truth) for s, t, truth, held in rows if held]
    return float(np.mean([(weights[at].sum() > 0) == truth for at, truth in known]))

"""An identifier learnt from a corpus alone: naive Bayes on character n-grams, with a class for none of these.

It needs no stock model, so it serves languages that no identifier knows, and as a second opinion that shares
nothing with py3langid. A line is refused (``other``) if it is written in a script that its language never
showed, or if its mean log-likelihood per n-gram lies further below the language's usual one than held-out
lines do. Lines of further languages can be given as a background: they become classes of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dragoman.errors import DataError
from dragoman.language.labels import Labels, clip
from dragoman.language.language import OTHER, canonical
from dragoman.language.ngrams import BUCKETS, chunks, grams
from dragoman.language.scripts import scripts_in
from dragoman.language.storage import read_identifier, write_identifier

SMOOTHING = 0.1
"""Added to every n-gram's count (dev lines are best at 0.01 to 0.3; nothing depends on it much)."""
MAX_LINES = 20_000
"""Lines taken per language, spread over the text."""
HELD_OUT = 10
"""Every tenth line is kept apart to measure what is usual; its counts are added afterwards."""
FRAGMENT_WORDS = 3
REFUSED = 0.002
"""Share of held-out lines and fragments that may fall under the limit of `other`."""
SLACK = 1.3
"""The limit lies this much further out than held-out lines ask for: new text differs more than they do."""
LINE_VARIANCE = 0.05
"""Least variance between whole lines; a narrow corpus shows less than text on other subjects has."""
Counts = NDArray[np.int64]
Integers = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """What is usual for a class: its log-likelihood per n-gram has this mean and variance base + noise / n.

    ``limit``: how many standard deviations below the mean a line is refused. ``temperature``: what a
    difference of two log-likelihoods, over the square root of n, is divided by to become log-odds.
    """

    mean: NDArray[np.float64]
    base: NDArray[np.float64]
    noise: NDArray[np.float64]
    limit: float
    temperature: float


def count_grams(texts: Sequence[str]) -> Counts:
    """How often each bucket occurs in all texts together: (BUCKETS,)."""
    total = np.zeros(BUCKETS + 1, np.int64)
    for start, end in chunks(texts):
        total += np.bincount(grams(texts[start:end])[0], minlength=BUCKETS + 1)
    return total[:BUCKETS]


def _table(counts: Counts) -> NDArray[np.float32]:
    """(classes, BUCKETS) counts -> (BUCKETS + 1, classes) log-probabilities; the last row is 0."""
    logs = np.log((counts + SMOOTHING) / (counts.sum(1, keepdims=True) + SMOOTHING * BUCKETS))
    return np.vstack([logs.T, np.zeros(len(counts))]).astype(np.float32)


def _scores(texts: Sequence[str], table: NDArray[np.float32]) -> tuple[NDArray[np.float64], Counts]:
    """Log-likelihood (lines, classes) and number of n-grams of every line."""
    sums, sizes = [np.zeros((0, table.shape[1]))], [np.zeros(0, np.int64)]
    for start, end in chunks(texts):
        buckets, starts, _ = grams(texts[start:end])
        sums.append(np.add.reduceat(table[buckets], starts).astype(np.float64))
        sizes.append(np.add.reduceat((buckets < BUCKETS).astype(np.int64), starts))
    return np.concatenate(sums), np.concatenate(sizes)


class LearntIdentifier:
    """Naive Bayes over hashed character n-grams of the text it was trained on; see the module."""

    name = "learnt"
    version = "1"

    def __init__(
        self,
        languages: Sequence[str],
        classes: Sequence[str],
        counts: Counts,
        scripts: Mapping[str, tuple[str, ...]],
        calibration: Calibration,
    ) -> None:
        self.languages = tuple(languages)
        self.classes = tuple(classes)
        self.candidates = (*sorted(self.classes), OTHER)
        self._counts, self._calibration, self._scripts = counts, calibration, dict(scripts)
        self._logs = _table(counts)
        self._labels = Labels(self.classes, self._scripts)

    @classmethod
    def train(
        cls, texts: Mapping[str, Sequence[str]], background: Mapping[str, Sequence[str]] | None = None
    ) -> LearntIdentifier:
        """Learn from training text by language; ``background`` is text of languages that are none of these.

        DataError if a language has fewer than 20 lines with letters.
        """
        every = (*texts.items(), *(background or {}).items())
        lines = {canonical(code): sample_lines(text) for code, text in every}
        for code, sample in lines.items():
            if len(sample) < 2 * HELD_OUT:
                raise DataError(
                    f"language {code}: {len(sample)} lines with letters; an identifier needs at least "
                    f"{2 * HELD_OUT} to learn from; give more text or another identifier"
                )
        seen = np.stack([count_grams([t for i, t in enumerate(s) if i % HELD_OUT]) for s in lines.values()])
        held = [sample[::HELD_OUT] for sample in lines.values()]
        calibration = _calibrate(held, _table(seen))
        counts = seen + np.stack([count_grams(sample) for sample in held])
        scripts = {code: scripts_in(sample) for code, sample in lines.items()}
        return cls([canonical(code) for code in texts], list(lines), counts, scripts, calibration)

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """Canonical code and calibrated probability of every text; 'other' if it is like none of them."""
        if not texts:
            return []
        texts = clip(texts)
        sums, sizes = _scores(texts, self._logs)
        best = sums.argmax(1)
        confidence = 1 / np.exp(_log_odds(sums, sizes, self._calibration.temperature)).sum(1)
        strange = -_deviation(sums, sizes, best, self._calibration) / self._calibration.limit
        judged = [
            (OTHER, 1 - 1 / far**2) if far > 1 else (self.classes[index], sure)
            for index, sure, far in zip(best.tolist(), confidence.tolist(), strange.tolist(), strict=True)
        ]
        return self._labels.resolve(texts, judged)

    def save(self, folder: Path) -> None:
        """Write ``identifier.npz`` and ``identifier.json`` into a folder."""
        usual = self._calibration
        arrays: dict[str, NDArray[Any]] = {"counts": self._counts.astype(np.uint32)}
        arrays |= {"mean": usual.mean, "base": usual.base, "noise": usual.noise}
        facts = {
            "languages": self.languages,
            "classes": self.classes,
            "scripts": self._scripts,
            "limit": usual.limit,
            "temperature": usual.temperature,
        }
        write_identifier(folder, self.name, self.version, arrays, facts)

    @classmethod
    def load(cls, folder: Path) -> LearntIdentifier:
        """Read what :meth:`save` wrote; ModelError if it is missing, damaged or of another version."""
        arrays, facts = read_identifier(folder, cls.name, cls.version)
        usual = Calibration(
            arrays["mean"], arrays["base"], arrays["noise"], facts["limit"], facts["temperature"]
        )
        scripts = {code: tuple(found) for code, found in facts["scripts"].items()}
        return cls(facts["languages"], facts["classes"], arrays["counts"].astype(np.int64), scripts, usual)


def _log_odds(sums: Scores, sizes: Integers, temperature: float) -> Scores:
    """Tempered log-odds against the best class (lines, classes); they grow like sqrt(n), not like n."""
    return (sums - sums.max(1, keepdims=True)) / (temperature * np.sqrt(np.maximum(sizes, 1)))[:, None]


def _deviation(sums: Scores, sizes: Integers, chosen: Integers, usual: Calibration) -> Scores:
    """Standard deviations by which each line's mean log-likelihood under its class is above the usual one."""
    n = np.maximum(sizes, 1)
    value = sums[np.arange(len(sums)), chosen] / n
    return (value - usual.mean[chosen]) / np.sqrt(usual.base[chosen] + usual.noise[chosen] / n)


def _fragment(text: str) -> str:
    """The first words of a line; of a line without enough spaces, its first characters."""
    words = text.split()
    return " ".join(words[:FRAGMENT_WORDS]) if len(words) > FRAGMENT_WORDS else text[: 5 * FRAGMENT_WORDS]


def _calibrate(held: list[list[str]], table: NDArray[np.float32]) -> Calibration:
    """Measure on held-out lines and their first words; those taken for another class are left out."""
    texts = [[*lines, *map(_fragment, lines)] for lines in held]
    truth = np.repeat(np.arange(len(texts)), [len(lines) for lines in texts])
    sums, sizes = _scores([text for lines in texts for text in lines], table)
    usable = sizes > 0
    sums, sizes, truth = sums[usable], sizes[usable], truth[usable]
    own = sums[np.arange(len(sums)), truth]
    right = own >= sums.max(1)
    mean, base, noise = (np.zeros(len(texts)) for _ in range(3))
    for index in range(len(texts)):
        chosen = (truth == index) & right
        chosen = chosen if chosen.sum() > HELD_OUT else truth == index
        values, n = own[chosen] / sizes[chosen], sizes[chosen]
        mean[index] = np.median(values)
        square = (values - mean[index]) ** 2
        design = np.stack([np.ones(len(n)), 1 / n], 1)
        base[index], noise[index] = np.maximum(np.linalg.lstsq(design, square)[0], (LINE_VARIANCE, 1.0))
    usual = Calibration(mean, base, noise, 1.0, 1.0)
    deviation = _deviation(sums, sizes, truth, usual)[right]
    limit = max(SLACK * -float(np.quantile(deviation, REFUSED)), 2.0) if len(deviation) else np.inf
    grid = np.geomspace(0.05, 5, 40)
    losses = [
        np.log(np.exp(_log_odds(sums, sizes, t)).sum(1)).mean() - _own_odds(sums, sizes, truth, t)
        for t in grid
    ]
    return Calibration(mean, base, noise, limit, float(grid[int(np.argmin(losses))]))


def _own_odds(sums: Scores, sizes: Integers, truth: Integers, temperature: float) -> float:
    return float(_log_odds(sums, sizes, temperature)[np.arange(len(sums)), truth].mean())


def sample_lines(lines: Sequence[str]) -> list[str]:
    """At most MAX_LINES of the lines with letters, evenly spaced."""
    usable = [line for line in lines if any(character.isalpha() for character in line)]
    step = max(1, -(-len(usable) // MAX_LINES))
    return clip(usable[::step])

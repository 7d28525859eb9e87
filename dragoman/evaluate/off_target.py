"""Off-target ratio: the share of outputs that are not in the language asked for.

Empty outputs and outputs without letters count as off target and are also counted apart. An identifier errs,
so its ratio on the references (the floor) belongs beside every ratio. Text is brought to NFC first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dragoman.errors import ModelError
from dragoman.evaluate.faults import BY_SOURCE, copied, runaway
from dragoman.evaluate.metrics import nfc
from dragoman.language.identify import Identifier, knows, signature
from dragoman.language.language import OTHER, UNKNOWN, canonical, language, same_language

EMPTY = "empty"
"""Label of an output without any text."""
_LAST = (OTHER, UNKNOWN, EMPTY)


@dataclass(frozen=True, slots=True)
class OffTarget:
    """What an identifier says of outputs that should be in ``target``; all sequences are per line.

    ``labels`` holds canonical codes, ``other``, ``und`` (no letters) or ``empty``. ``copied`` (the output is
    the source) and ``runaway`` (it runs on) are all False where no sources were given.
    """

    target: str
    labels: tuple[str, ...]
    confidences: tuple[float, ...]
    off_target: tuple[bool, ...]
    copied: tuple[bool, ...]
    runaway: tuple[bool, ...]
    signature: str
    floor: float | None = None

    @property
    def empty(self) -> tuple[bool, ...]:
        """Lines without any text."""
        return tuple(label == EMPTY for label in self.labels)

    @property
    def unidentified(self) -> tuple[bool, ...]:
        """Lines with text, but without letters."""
        return tuple(label == UNKNOWN for label in self.labels)

    @property
    def ratio(self) -> float:
        """Off-target outputs in percent of all outputs; 0 for no outputs."""
        return 100.0 * sum(self.off_target) / len(self.off_target) if self.off_target else 0.0

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of lines: total, off target, and of each kind of bad output."""
        kinds = {"off_target": self.off_target, "empty": self.empty, "unidentified": self.unidentified}
        kinds |= {"copied": self.copied, "runaway": self.runaway}
        return {"total": len(self.labels), **{kind: sum(flags) for kind, flags in kinds.items()}}

    @property
    def confusion(self) -> Counter[str]:
        """Number of lines by label."""
        return Counter(self.labels)


def off_target(
    hypotheses: Sequence[str],
    target: str,
    identifier: Identifier,
    sources: Sequence[str] | None = None,
    references: Sequence[str] | None = None,
) -> OffTarget:
    """Judge outputs that should be in ``target``; ``references`` give the floor, ``sources`` the faults.

    ModelError if the identifier cannot answer the target language: every output would count as off target.
    """
    if not knows(identifier, target):
        raise ModelError(
            f"identifier {identifier.name} does not know {language(target).name} ({target}): give training "
            "text of it (auto, learnt), or use fasttext:PATH or pycld2"
        )
    labels, confidences = _labels(hypotheses, identifier)
    nothing = (False,) * len(labels)
    return OffTarget(
        canonical(target),
        labels,
        confidences,
        tuple(not _is(label, target) for label in labels),
        nothing if sources is None else tuple(copied(hypotheses, sources, references or ())),
        nothing if sources is None else tuple(_runaway(hypotheses, sources, references)),
        signature(identifier),
        None if references is None else off_target(references, target, identifier).ratio,
    )


def _labels(texts: Sequence[str], identifier: Identifier) -> tuple[tuple[str, ...], tuple[float, ...]]:
    normal = [nfc(text) for text in texts]
    judged = identifier.identify(normal) if normal else []
    pairs = [
        (label, sure) if text.strip() else (EMPTY, 0.0)
        for text, (label, sure) in zip(normal, judged, strict=True)
    ]
    return tuple(label for label, _ in pairs), tuple(sure for _, sure in pairs)


def _is(label: str, target: str) -> bool:
    return label not in _LAST and same_language(label, target)


def _runaway(
    hypotheses: Sequence[str], sources: Sequence[str], references: Sequence[str] | None
) -> list[bool]:
    return runaway(hypotheses, references) if references else runaway(hypotheses, sources, BY_SOURCE)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Lines by target language (rows) and label (columns); ``counts`` is (targets, labels)."""

    targets: tuple[str, ...]
    labels: tuple[str, ...]
    counts: NDArray[np.int64]

    def shares(self) -> NDArray[np.float64]:
        """In percent of a row."""
        return 100.0 * self.counts / np.maximum(self.counts.sum(1, keepdims=True), 1)


def confusion_table(rows: Iterable[OffTarget]) -> Confusion:
    """Target against label, summed over results: the targets' labels first, then others by frequency."""
    totals: dict[str, Counter[str]] = {}
    for row in rows:
        totals.setdefault(row.target, Counter()).update(row.confusion)
    targets = tuple(sorted(totals))
    seen = sum(totals.values(), Counter())
    foreign = sorted(set(seen) - set(targets) - set(_LAST), key=lambda label: (-seen[label], label))
    labels = (*targets, *foreign, *(label for label in _LAST if label in seen))
    counts = np.array([[totals[target][label] for label in labels] for target in targets], np.int64)
    return Confusion(targets, labels, counts.reshape(len(targets), len(labels)))

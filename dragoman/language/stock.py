"""py3langid, open and extended: it judges among all languages it knows and some that a corpus taught it.

Three things differ from py3langid's own interface. Lines are judged in batches (its byte automaton walks all
lines at once). The answer is not closed to a candidate set: languages near to the recipe's, and all others,
stay possible but need more evidence. And a language it does not know becomes one more column of its naive
Bayes table, counted over the same features on the corpus' text, so that all judgements stand on one scale.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dragoman.language.labels import Labels, clip, neighbourhood
from dragoman.language.language import OTHER, UNKNOWN, canonical, same_language
from dragoman.language.storage import read_identifier, write_identifier

NEAR, FAR = -0.2, -1.2
"""What a language outside the recipe is handicapped by (log-odds, tempered): its neighbours, and all others.

Measured with en, de, fr, cs: 0.2 takes a third off the Czech lines that pass for Slovak; with 1.2, at most
0.3 % of the lines of twelve far languages pass for one of the four, and three-word lines stay with the four.
"""
SMOOTHING = 3e4
"""Pseudo-counts of a learnt column, spread like the mean of all known languages."""
BATCH = 256
NO_LANGUAGE = "zxx"
REVISION = 1
"""Counts changes of this file that change answers; part of the version, hence of every signature."""
KIND = "py3langid"
Integers = NDArray[np.int64]


class _Model:
    """py3langid's tables: automaton (``step``, ``row``, ``out``) and naive Bayes (features x languages)."""

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        loaded: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self.step = np.asarray(loaded.tk_nextmove)
        self.row = np.asarray(loaded.tk_row, np.int64) << 8
        self.out = np.asarray(loaded.tk_output, np.int64)
        self.table = np.asarray(loaded.nb_ptc, np.float32)
        self.prior = np.asarray(loaded.nb_pc, np.float32)
        self.labels = [UNKNOWN if c == NO_LANGUAGE else canonical(c) for c in loaded.nb_classes]
        self.common = np.exp(self.table).mean(1, dtype=np.float64)
        self.version = f"{version('py3langid')}+{REVISION}"


@lru_cache(maxsize=1)
def _model() -> _Model:
    return _Model()


def known() -> frozenset[str]:
    """Canonical codes of the languages that py3langid knows."""
    return frozenset(_model().labels) - {UNKNOWN}


def knows(code: str) -> bool:
    """True if py3langid can answer this language."""
    return any(same_language(code, label) for label in known())


def _grouped(labels: list[str]) -> tuple[list[str], Integers]:
    """The distinct labels, and each column's place among them (some languages have two columns)."""
    distinct = list(dict.fromkeys(labels))
    return distinct, np.array([distinct.index(label) for label in labels], np.int64)


def _encode(text: str) -> bytes:
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def features(texts: Sequence[str]) -> tuple[Integers, Integers, Integers, Integers]:
    """The features of every line: (line, feature, count) sorted by line, and the bytes per line.

    All lines walk the automaton together, one byte a step, longest first, so that finished lines fall off.
    """
    model = _model()
    encoded = [_encode(text) for text in texts]
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    order = np.argsort(-sizes, kind="stable")
    bytes_ = np.zeros((int(sizes.max(initial=0)), len(encoded)), np.uint8)
    for column, index in enumerate(order.tolist()):
        bytes_[: sizes[index], column] = np.frombuffer(encoded[index], np.uint8)
    running = np.searchsorted(-sizes[order], -np.arange(len(bytes_)), side="left")
    state = np.zeros(len(encoded), np.int64)
    keys = [np.zeros(0, np.int64)]
    for position, alive in enumerate(running.tolist()):
        state = model.step[model.row[state[:alive]] + bytes_[position, :alive]].astype(np.int64)
        found = model.out[state]
        hits = np.flatnonzero(found >= 0)
        keys.append(order[hits] * len(model.table) + found[hits])
    pairs, counts = np.unique(np.concatenate(keys), return_counts=True)
    return pairs // len(model.table), pairs % len(model.table), counts, sizes


class Py3langid:
    """py3langid for a recipe's languages; ``columns`` holds feature counts of languages it does not know."""

    def __init__(
        self,
        languages: Iterable[str],
        candidates: Iterable[str] = (),
        columns: Mapping[str, NDArray[np.float64]] | None = None,
        scripts: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        model = _model()
        self.columns = {canonical(code): counts for code, counts in (columns or {}).items()}
        self.name = "py3langid+corpus" if self.columns else "py3langid"
        self.version = model.version
        self._scripts = {canonical(code): tuple(found) for code, found in (scripts or {}).items()}
        self._labels = Labels(languages, self._scripts)
        self.languages = self._labels.languages
        wide = {*neighbourhood(self.languages), *map(canonical, candidates)}
        self._raw = [*model.labels, *self.columns]
        self._groups, self._group = _grouped(self._raw)
        own = [bool(self._labels.options(label)) if label != UNKNOWN else False for label in self._raw]
        near = [any(same_language(label, code) for code in wide) for label in self._raw]
        self._handicap = np.where(own, 0, np.where(near, NEAR, FAR)).astype(np.float32)
        self.near = tuple(sorted({label for label, close in zip(self._raw, near, strict=True) if close}))
        self.candidates = (*self._labels.codes(set(self._raw) - {UNKNOWN}), OTHER)
        learnt = [self._column(counts)[:, None] for counts in self.columns.values()]
        self._table = np.hstack([model.table, *learnt]) if learnt else model.table
        self._prior = np.append(model.prior, np.full(len(self.columns), np.median(model.prior), np.float32))

    @staticmethod
    def _column(counts: NDArray[np.float64]) -> NDArray[np.float32]:
        common = SMOOTHING * _model().common
        column = np.log((counts + common) / (counts.sum() + common.sum()))
        return column.astype(np.float32)

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """Canonical code and probability (softmax of the tempered scores) of every text."""
        texts = clip(texts)
        judged: list[tuple[str, float]] = []
        for start in range(0, len(texts), BATCH):
            judged += self._judge(texts[start : start + BATCH])
        return self._labels.resolve(texts, judged)

    def _judge(self, texts: list[str]) -> list[tuple[str, float]]:
        lines, found, counts, sizes = features(texts)
        weights = np.log1p(counts).astype(np.float32)
        ends = np.searchsorted(lines, np.arange(len(texts) + 1)).tolist()
        judged = []
        for line, (start, end) in enumerate(pairwise(ends)):
            if start == end:
                judged.append((OTHER, 0.0))
                continue
            scores = weights[start:end] @ self._table[found[start:end]] + self._prior
            scores = scores / np.sqrt(sizes[line]) + self._handicap
            odds = np.bincount(self._group, np.exp(scores - scores.max()))
            best = int(odds.argmax())
            judged.append((self._groups[best], float(odds[best] / odds.sum())))
        return judged

    def save(self, folder: Path) -> None:
        """Write the learnt columns and the languages into a folder."""
        arrays: dict[str, NDArray[Any]] = {}
        for code, counts in self.columns.items():
            found = np.flatnonzero(counts)
            arrays |= {f"features {code}": found.astype(np.uint32), f"counts {code}": counts[found]}
        facts = {
            "languages": self.languages,
            "near": self.near,
            "columns": [*self.columns],
            "scripts": self._scripts,
        }
        write_identifier(folder, KIND, self.version, arrays, facts)

    @classmethod
    def load(cls, folder: Path) -> Py3langid:
        """Read what :meth:`save` wrote; ModelError if it is damaged or py3langid has another version."""
        arrays, facts = read_identifier(folder, KIND, _model().version)
        columns = {}
        for code in facts["columns"]:
            columns[code] = np.zeros(len(_model().table))
            columns[code][arrays[f"features {code}"]] = arrays[f"counts {code}"]
        return cls(facts["languages"], facts["near"], columns, facts["scripts"])


def learn_column(lines: Sequence[str]) -> NDArray[np.float64]:
    """Feature counts of one language's training text: (features,)."""
    counts = np.zeros(len(_model().table))
    for start in range(0, len(lines), BATCH):
        _, found, times, _ = features(lines[start : start + BATCH])
        counts += np.bincount(found, weights=times, minlength=len(counts))
    return counts

"""Worked examples before a request: as turns, and chosen by how near their source is to the request's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dragoman.prompt.example import Turn, assistant, user

Ints = NDArray[np.int64]


def few_shot_turns(shots: Iterable[tuple[str, str]], instruction: str) -> tuple[Turn, ...]:
    """Pairs of source and target as earlier turns of the conversation, none of them learned.

    A text template repeats its whole frame for each of them; the last one's end is followed by the request.
    """
    return tuple(
        turn for source, target in shots for turn in (user(instruction, source), assistant(target, 0.0))
    )


class Nearest:
    """An index of sentences by their character n-grams; answers which are most like a given one.

    The likeness is the cosine of the sets of n-grams (2 to 4 characters, white space folded, ends marked),
    each weighted by idf = log((1 + N) / (1 + df)) + 1. N-grams are kept as 20-bit hashes: two may share one,
    which blurs a likeness a little. Memory: about 20 bytes for each distinct n-gram of a sentence.
    """

    def __init__(self, sentences: Sequence[str], sizes: Sequence[int] = (2, 3, 4), bits: int = 20) -> None:
        self.sizes, self.bits = tuple(sizes), bits
        self.count = len(sentences)
        rows, grams = self._grams(sentences)
        df = np.bincount(grams, minlength=1 << bits)
        self._idf = np.log((1 + self.count) / (1 + df)) + 1
        weights = self._idf[grams]
        norms = np.sqrt(np.bincount(rows, weights**2, minlength=self.count))
        order = np.argsort(grams, kind="stable")
        self._rows = rows[order].astype(np.int32)
        self._weights = (weights / np.maximum(norms[rows], 1e-12))[order]
        self._starts = np.concatenate([[0], np.cumsum(df)])

    def _grams(self, sentences: Sequence[str]) -> tuple[Ints, Ints]:
        """Sentence number and hash of every distinct n-gram, sorted by sentence and hash."""
        folded = [f" {' '.join(s.lower().split())} ".encode("utf-32-le", "surrogatepass") for s in sentences]
        lengths = np.array([len(text) // 4 for text in folded], dtype=np.int64)
        codes = np.frombuffer(b"".join(folded), dtype=np.uint32).astype(np.uint64)
        owner = np.repeat(np.arange(len(sentences), dtype=np.int64), lengths)
        keys = [np.zeros(0, dtype=np.int64)]
        for size in self.sizes:
            places = max(0, len(codes) - size + 1)
            mixed = np.full(places, size, dtype=np.uint64)
            for shift in range(size):
                # Multiplication by an odd constant modulo 2^64 spreads code points over the upper bits.
                mixed = (mixed + codes[shift : shift + places] + 1) * np.uint64(0x9E3779B97F4A7C15)
                mixed ^= mixed >> np.uint64(29)
            inside = owner[:places] == owner[size - 1 : size - 1 + places]
            hashes = (mixed >> np.uint64(64 - self.bits)).astype(np.int64)
            keys.append(((owner[:places] << self.bits) | hashes)[inside])
        # Sorting by hand: numpy's own unique takes five times as long on such keys.
        ordered = np.sort(np.concatenate(keys))
        distinct = ordered[np.diff(ordered, prepend=-1) != 0]
        return distinct >> self.bits, distinct & ((1 << self.bits) - 1)

    def nearest(self, sentence: str, k: int, leave_out: int | None = None) -> list[int]:
        """Numbers of the ``k`` sentences most like this one, the most like first (ties: the earlier first).

        ``leave_out`` is a sentence not to be named: the request's own line.
        """
        return self.nearest_many([sentence], k, [leave_out])[0]

    def nearest_many(
        self, sentences: Sequence[str], k: int, leave_out: Sequence[int | None] | None = None
    ) -> list[list[int]]:
        """:meth:`nearest` for each of several sentences."""
        rows, grams = self._grams(sentences)
        borders = np.searchsorted(rows, np.arange(len(sentences) + 1))
        found: list[list[int]] = []
        for number in range(len(sentences)):
            likeness = self._likeness(grams[borders[number] : borders[number + 1]])
            if leave_out is not None and leave_out[number] is not None:
                likeness[leave_out[number]] = -1.0
            found.append(_best(likeness, min(k, int((likeness >= 0).sum()))))
        return found

    def _likeness(self, grams: Ints) -> NDArray[np.float64]:
        """The cosine with every sentence, times the length of the asked one's vector: the same order."""
        spans = [slice(self._starts[gram], self._starts[gram + 1]) for gram in grams]
        if not spans:
            return np.zeros(self.count)
        rows = np.concatenate([self._rows[span] for span in spans])
        sizes = [span.stop - span.start for span in spans]
        weights = np.concatenate([self._weights[span] for span in spans])
        weights *= np.repeat(self._idf[grams], sizes)
        return np.asarray(np.bincount(rows, weights, minlength=self.count), dtype=np.float64)


def _best(likeness: NDArray[np.float64], k: int) -> list[int]:
    if k <= 0:
        return []
    # Ties at the border are all kept until the last sort, so that the earlier sentence wins.
    least = np.partition(likeness, -k)[-k]
    places = np.flatnonzero(likeness >= least)
    order = np.argsort(-likeness[places], kind="stable")[:k]
    return [int(place) for place in places[order]]

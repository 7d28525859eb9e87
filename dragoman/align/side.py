"""What the models know of the types of a language, and what they say of a text."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dragoman.align.agree import STEMS, WORDS, Smoothing
from dragoman.align.table import Floats, Ints, Longs


class Posteriors(NamedTuple):
    """What a model says of a chunk: forward [J, I] and backward [I, J] cells, and the empty word's, by
    token."""

    forward: Floats
    backward: Floats
    null_forward: Floats
    null_backward: Floats


class Side(NamedTuple):
    """The types of a language: the stem of each (types are sorted by stem) and how often it occurs."""

    stem: Ints
    frequency: Longs

    @property
    def stems(self) -> int:
        """Number of stems."""
        return int(self.stem.max(initial=-1)) + 1

    def smoothing(self, totals: Any, stem_totals: Any) -> Smoothing:
        """What emissions need of this side, from the sums of the counts of its types and of its stems."""
        of_stem = np.bincount(self.stem, self.frequency, self.stems)
        share = self.frequency / np.maximum(of_stem, 1)[self.stem]
        below = 1 / (totals + WORDS)
        stem_below = (1 / (stem_totals + STEMS))[self.stem]
        stem_share = (of_stem / max(of_stem.sum(), 1))[self.stem]
        numbers = (array.astype(np.float32) for array in (share, stem_share, below, stem_below))
        return Smoothing(self.stem, *numbers)

    def extended(self, stem: Ints) -> Side:
        """The side with types added behind, as if each had been met once."""
        ones = np.ones(len(stem), np.int64)
        return Side(np.concatenate((self.stem, stem)), np.concatenate((self.frequency, ones)))

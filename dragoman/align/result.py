"""The links of a text, line by line, as arrays; and as Pharaoh lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

from dragoman.align.decide import Found
from dragoman.align.pharaoh import Link
from dragoman.align.table import Floats, Longs

_BLOCK = 20_000


class Links(Sequence[list[Link]]):
    """For each line of the text its links, sorted; ``units`` holds those of the units where text was cut.

    ``starts`` (lines + 1) points into ``source``, ``target`` and ``score``; ``too_long`` are the lines that
    have no links since they have too many words.
    """

    def __init__(
        self, starts: Longs, source: NDArray[np.int32], target: NDArray[np.int32], score: Floats,
        units: Links | None = None, too_long: Longs | None = None,
    ) -> None:  # fmt: skip
        self.starts, self.source, self.target, self.score = starts, source, target, score
        self.units = units
        self.too_long: Longs = np.empty(0, np.int64) if too_long is None else too_long

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, line: int) -> list[Link]: ...
    @overload
    def __getitem__(self, line: slice) -> list[list[Link]]: ...
    def __getitem__(self, line: int | slice) -> list[Link] | list[list[Link]]:
        """The links of a line, or a list of them for a slice."""
        if isinstance(line, slice):
            return [self[number] for number in range(*line.indices(len(self)))]
        number = range(len(self))[line]
        span = slice(self.starts[number], self.starts[number + 1])
        return list(zip(self.source[span].tolist(), self.target[span].tolist(), strict=True))

    def head(self, count: int) -> Links:
        """The links of the first lines."""
        end = self.starts[count]
        units = self.units.head(count) if self.units is not None else None
        too_long = self.too_long[self.too_long < count]
        arrays = self.source[:end], self.target[:end], self.score[:end]
        return Links(self.starts[: count + 1], *arrays, units, too_long)

    def scores(self, line: int) -> list[float]:
        """The score of each link of a line, in the order of the links."""
        number = range(len(self))[line]
        found: list[float] = self.score[self.starts[number] : self.starts[number + 1]].tolist()
        return found

    def pharaoh(self) -> Iterator[str]:
        """The lines as text, ``0-0 1-2``."""
        return self._lines(
            (self.source.astype(np.int64) << 32) | self.target, lambda key: f"{key >> 32}-{key & 0xFFFFFFFF}"
        )

    def score_lines(self) -> Iterator[str]:
        """The scores as text, four digits each, in the order of the links."""
        return self._lines(np.rint(self.score * 10_000).astype(np.int64), lambda key: f"{key / 10_000:.4f}")

    def _lines(self, keys: Longs, text: object) -> Iterator[str]:
        """Lines of words, each made of a number; equal numbers are made into text once in a block."""
        assert callable(text)
        for first in range(0, len(self), _BLOCK):
            ends = self.starts[first : first + _BLOCK + 1]
            known, which = np.unique(keys[ends[0] : ends[-1]], return_inverse=True)
            words = list(map([text(key) for key in known.tolist()].__getitem__, which.tolist()))
            edges = (ends - ends[0]).tolist()
            for start, end in pairwise(edges):
                yield " ".join(words[start:end])


def in_order(found: Sequence[Found], lines: Longs, count: int, too_long: Longs) -> Links:
    """Links of sentences, chunk after chunk, as links of the lines where they stand; other lines have
    none, those of ``too_long`` among them."""
    lengths = np.concatenate([np.zeros(0, np.int64), *(np.diff(part.starts) for part in found)])
    begins = np.cumsum(lengths) - lengths
    of_line = np.zeros(count, np.int64)
    of_line[lines] = lengths
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(of_line)))
    moves = np.zeros(count, np.int64)
    moves[lines] = begins
    order = np.arange(starts[-1]) + np.repeat(moves - starts[:-1], of_line)
    parts = [
        np.concatenate([np.zeros(0, kind), *(part[number] for part in found)])[order]
        for number, kind in ((1, np.int32), (2, np.int32), (3, np.float32))
    ]
    return Links(starts, parts[0], parts[1], parts[2], too_long=too_long)


def projected(
    links: Links, source_owner: tuple[Longs, Longs] | None, target_owner: tuple[Longs, Longs] | None
) -> Links:
    """Links of units as links of the words that own them, each once with its best score.

    An owner is (offsets of the lines, word of each unit); None for a side that was not cut.
    """
    line = np.repeat(np.arange(len(links)), np.diff(links.starts))
    ends = []
    for units, owner in ((links.source, source_owner), (links.target, target_owner)):
        ends.append(units.astype(np.int64) if owner is None else owner[1][owner[0][line] + units])
    order = np.lexsort((-links.score, ends[1], ends[0], line))
    keys = np.stack((line, ends[0], ends[1]))[:, order]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (keys[:, 1:] != keys[:, :-1]).any(0)
    kept = order[fresh]
    starts = np.searchsorted(line[kept], np.arange(len(links) + 1))
    return Links(
        starts, ends[0][kept].astype(np.int32), ends[1][kept].astype(np.int32), links.score[kept], links,
        links.too_long,
    )  # fmt: skip

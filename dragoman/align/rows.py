"""The pairs of types that meet in some sentence pair, as rows; and a part of the text that is worked on at
once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dragoman.align.bitext import Chunk, Places
from dragoman.align.jit import in_threads
from dragoman.align.table import Floats, Ints, Longs, collect, find_rows

RUNS = 32
"""Parts into which the work on a chunk is divided, whatever the number of threads: sums stay the same."""
THIN_ABOVE = 1 << 27
"""Cells of a text above which pairs of common words that meet only once are left out of the table."""


@dataclass
class Rows:
    """``columns[rows[e]:rows[e + 1]]`` are the target types that source type e has met."""

    rows: Longs
    columns: Ints
    thin: bool = False

    @classmethod
    def of(cls, chunk: Chunk, source: Ints, target: Ints, sizes: tuple[int, int], threads: int) -> Rows:
        """The rows of a whole text, given by the type of each of its tokens and the numbers of types."""
        thin = chunk.cells > THIN_ABOVE
        lengths = cls.lengths(chunk, source, target, sizes, threads, thin)
        rows = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        columns = np.empty(int(rows[-1]), np.int32)
        _find(chunk, source, target, sizes, threads, thin, rows, columns)
        return cls(rows, columns, thin)

    @staticmethod
    def lengths(
        chunk: Chunk, source: Ints, target: Ints, sizes: tuple[int, int], threads: int, thin: bool
    ) -> Longs:
        """How many target types each source type meets; ``thin`` leaves out what :data:`THIN_ABOVE` says."""
        rows = np.zeros(sizes[0] + 1, np.int64)
        _find(chunk, source, target, sizes, threads, thin, rows, None)
        return rows[1:]

    def extended(self, types: int) -> Rows:
        """The same with empty rows for types that were added behind the others."""
        more = np.full(types - len(self.rows) + 1, self.rows[-1], np.int64)
        return Rows(np.concatenate((self.rows, more)), self.columns, True)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop the entries that are not kept."""
        sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept, dtype=np.int64)))
        self.rows, self.columns, self.thin = sums[self.rows], self.columns[kept], True

    def count(
        self, chunk: Chunk, at: Places, target: Ints, types: int, cells: Floats, fresh: bool, counts: Floats,
        threads: int,
    ) -> None:  # fmt: skip
        """Sums of the cells of each entry into ``counts``, which starts anew if ``fresh``."""

        def work(first: int, last: int) -> None:
            collect(
                first, last, at.starts, at.order, at.sentence, chunk.source_offsets, target,
                chunk.target_offsets, chunk.cell_offsets, self.rows, self.columns, cells, types, fresh,
                self.thin, counts,
            )  # fmt: skip

        in_threads(work, at.runs, threads)


def _find(
    chunk: Chunk, source: Ints, target: Ints, sizes: tuple[int, int], threads: int, thin: bool, rows: Longs,
    columns: Ints | None,
) -> None:  # fmt: skip
    """Count the rows into ``rows``, or without that their target types into ``columns``."""
    at = Places(chunk, source, sizes[0], RUNS)
    often = np.bincount(target, minlength=sizes[1])
    into = np.empty(0, np.int32) if columns is None else columns

    def work(first: int, last: int) -> None:
        find_rows(
            first, last, at.starts, at.order, at.sentence, target, chunk.target_offsets, often, thin,
            columns is None, rows, into,
        )  # fmt: skip

    in_threads(work, at.runs, threads)


class Buffers:
    """Two arrays of cells that grow to the largest chunk and are used again and again."""

    def __init__(self) -> None:
        self._arrays: list[Floats] = [np.empty(0, np.float32), np.empty(0, np.float32)]

    def of(self, cells: int) -> tuple[Floats, Floats]:
        """Room for so many cells, for each direction; what it holds is not defined."""
        if len(self._arrays[0]) < cells:
            self._arrays = [np.empty(0, np.float32)] * 2
            self._arrays = [np.empty(cells, np.float32) for _ in range(2)]
        return self._arrays[0][:cells], self._arrays[1][:cells]

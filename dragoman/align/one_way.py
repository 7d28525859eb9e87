"""The diagonal model over a text: one or both directions, each trained on its own (see diagonal.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dragoman.align import diagonal, indexed
from dragoman.align.bitext import Bitext, Chunk, Places
from dragoman.align.jit import in_threads
from dragoman.align.rows import RUNS, Buffers, Rows
from dragoman.align.side import Posteriors, Side
from dragoman.align.table import Floats, Ints, by_type, gather

PASSES = 4
"""Passes over the text before the one that makes the links: the published program counts that one, too."""
BLOCKS = 4
"""Parts of an indexed pass, each with its own counts: as many threads can work."""
FLOOR = 1e-9
"""Probability of a pair that was never met."""


class Direction:
    """One direction: values of the table's entries, the empty word's emissions, and the tension."""

    def __init__(self, turned: bool, entries: int, types: int) -> None:
        self.turned = turned
        self.values: Floats = np.ones(entries, np.float32)
        self.null: Floats = np.ones(types, np.float32)
        self.tension = diagonal.TENSION


class Diagonal:
    """IBM model 2 with the diagonal prior: a table of pairs, and for each direction what belongs to it."""

    name = "diagonal"

    def __init__(self, source: Side, target: Side, words: Rows, turned: Sequence[bool]) -> None:
        self.source, self.target, self.words = source, target, words
        entries = len(words.columns)
        self.directions = [Direction(t, entries, len((source if t else target).frequency)) for t in turned]
        self._buffers = Buffers()
        self._index: tuple[Bitext, Ints] | None = None  # of the text learnt from, while it is at hand

    @classmethod
    def untrained(
        cls, text: Bitext, source: Side, target: Side, threads: int = 1,
        turned: Sequence[bool] = (False, True),
    ) -> Diagonal:  # fmt: skip
        """The model before its first pass; ``turned`` lists the directions: False is source to target."""
        whole = text.whole()
        sizes = len(source.frequency), len(target.frequency)
        if whole.cells > text.chunk:
            return cls(source, target, Rows.of(whole, whole.source, whole.target, sizes, threads), turned)
        at = Places(whole, whole.source, sizes[0], 1)
        rows, columns = np.zeros(sizes[0] + 1, np.int64), np.empty(whole.cells, np.int32)
        index = np.empty(whole.cells, np.int32)
        count = indexed.find_cells(
            at.starts, at.order, at.sentence, whole.source_offsets, whole.target, whole.target_offsets,
            whole.cell_offsets, sizes[1], rows, columns, index,
        )  # fmt: skip
        model = cls(source, target, Rows(rows, columns[:count].copy()), turned)
        model._index = text, index
        return model

    def train(
        self, text: Bitext, threads: int = 1, tell: Callable[[int], None] | None = None, passes: int = PASSES
    ) -> None:
        """Passes over the text; ``tell`` is called with the number of pairs done so far, of all passes."""
        done = 0
        widths, heights = text.source.lengths, text.target.lengths
        for direction in self.directions:
            sides = (heights, widths) if direction.turned else (widths, heights)
            shapes, tokens = diagonal.shapes(*sides), int(sides[1].sum())
            for number in range(passes):
                one = self._large_pass if self._index is None else self._indexed_pass
                nulls, empirical = one(direction, text, number == 0, threads)
                self._normalise(direction, nulls, threads)
                if number > 0:
                    self._tighten(direction, shapes, empirical / tokens, tokens)
                done += len(text)
                if tell is not None:
                    tell(done)

    def forget(self) -> None:
        """Let go of what belongs to the text that was learnt from."""
        self._index = None

    def _indexed_pass(
        self, direction: Direction, text: Bitext, first: bool, threads: int
    ) -> tuple[Any, float]:
        """Counts become the direction's values; the empty word's counts and the sum of the feature."""
        chunk = text.whole()
        counts = np.zeros((BLOCKS, len(direction.values)), np.float32)
        null, empirical = self._run_index(direction, chunk, counts, np.empty(0, np.float32), threads)
        direction.values = counts[0]
        for more in counts[1:]:
            direction.values += more
        ids = chunk.source if direction.turned else chunk.target
        return by_type(ids, null, len(direction.null)), empirical

    def _run_index(
        self, direction: Direction, chunk: Chunk, counts: Floats, out: Floats, threads: int
    ) -> tuple[Floats, float]:
        runs = chunk.blocks(BLOCKS)
        numbers = {start: number for number, (start, _) in enumerate(runs)}
        emission = direction.null[chunk.source if direction.turned else chunk.target]
        null = np.empty_like(emission)
        assert self._index is not None
        cells = self._index[1]
        sums = in_threads(lambda a, b: indexed.one_pass(
            a, b, chunk.source_offsets, chunk.target_offsets, chunk.cell_offsets, cells, direction.turned,
            direction.tension, direction.values, emission, counts[numbers[a]], null, out,
        ), runs, threads)  # fmt: skip
        return null, float(sum(sums))

    def _large_pass(self, direction: Direction, text: Bitext, first: bool, threads: int) -> tuple[Any, float]:
        """The same for a text whose cells do not fit in memory, chunk by chunk."""
        counts = np.zeros_like(direction.values)
        nulls, empirical = np.zeros(len(direction.null)), 0.0
        for number, chunk in enumerate(text.chunks()):
            at = self._places(chunk)
            cells, null = self._expect(direction, chunk, at, first, False, threads)
            empirical += cells[1]
            nulls += by_type(chunk.source if direction.turned else chunk.target, null, len(nulls))
            types = len(self.target.frequency)
            self.words.count(chunk, at, chunk.target, types, cells[0], number == 0, counts, threads)
        direction.values = counts
        return nulls, empirical

    def infer(self, chunk: Chunk, threads: int = 1) -> Posteriors:
        """Posteriors of a chunk, in buffers that the next call uses again; a direction that is missing is
        empty."""
        known = self._index is not None and self._index[0] is chunk.bitext
        at = None if known else self._places(chunk)
        found: dict[bool, tuple[Any, Floats]] = {
            False: (np.empty(0, np.float32), np.zeros(len(chunk.target), np.float32)),
            True: (np.empty(0, np.float32), np.zeros(len(chunk.source), np.float32)),
        }
        for direction in self.directions:
            if at is None:
                out = self._buffers.of(chunk.cells)[direction.turned]
                null, _ = self._run_index(direction, chunk, np.empty((BLOCKS, 0), np.float32), out, threads)
                found[direction.turned] = out, null
                continue
            cells, null = self._expect(direction, chunk, at, False, not direction.turned, threads)
            found[direction.turned] = cells[0], null
        blank = np.zeros(chunk.cells if len(self.directions) < 2 else 0, np.float32)
        arrays = [found[turned][0] if len(found[turned][0]) else blank for turned in (False, True)]
        return Posteriors(arrays[0], arrays[1], found[False][1], found[True][1])

    def extended(self, source: Side, target: Side) -> Diagonal:
        """The same model for sides to which words were added; what was never met has the probability
        FLOOR."""
        more = Diagonal(source, target, self.words.extended(len(source.stem)), [])
        for direction in self.directions:
            types = len((source if direction.turned else target).stem)
            one = Direction(direction.turned, 0, 0)
            one.values, one.tension = direction.values, direction.tension
            new = np.full(types - len(direction.null), FLOOR, np.float32)
            one.null = np.concatenate((direction.null, new))
            more.directions.append(one)
        return more

    def _places(self, chunk: Chunk) -> Places:
        return Places(chunk, chunk.source, len(self.source.frequency), RUNS)

    def _expect(
        self, direction: Direction, chunk: Chunk, at: Places, first: bool, transpose: bool, threads: int
    ) -> tuple[tuple[Floats, float], Floats]:
        """The posterior cells with the sum of the feature, and the empty word's posteriors."""
        cells = self._buffers.of(chunk.cells)[direction.turned]
        if first:
            cells[:] = 1
        else:
            in_threads(lambda a, b: gather(
                a, b, at.starts, at.order, at.sentence, chunk.source_offsets, chunk.target,
                chunk.target_offsets, chunk.cell_offsets, self.words.rows, self.words.columns,
                direction.values, FLOOR, len(self.target.frequency), cells,
            ), at.runs, threads)  # fmt: skip
        emission = direction.null[chunk.source if direction.turned else chunk.target]
        null = np.empty_like(emission)
        sums = in_threads(lambda a, b: diagonal.posteriors(
            a, b, chunk.source_offsets, chunk.target_offsets, chunk.cell_offsets, direction.turned, transpose,
            direction.tension, emission, cells, null,
        ), chunk.blocks(RUNS), threads)  # fmt: skip
        return (cells, float(sum(feature for _, feature in sums))), null

    def _normalise(self, direction: Direction, nulls: Any, threads: int) -> None:
        rows = self.words.rows
        if direction.turned:
            diagonal.normalise_columns(rows, self.words.columns, direction.values, len(self.target.frequency))
        else:
            edges = np.linspace(0, len(rows) - 1, RUNS + 1).astype(np.int64)
            parts = [(int(a), int(b)) for a, b in pairwise(edges)]
            in_threads(lambda a, b: diagonal.normalise_rows(a, b, rows, direction.values), parts, threads)
        direction.null = nulls.astype(np.float32)
        diagonal.normalise_rows(0, 1, np.array([0, len(nulls)], np.int64), direction.null)

    @staticmethod
    def _tighten(direction: Direction, shapes: Any, empirical: float, tokens: int) -> None:
        for _ in range(diagonal.STEPS):
            expected = diagonal.expected_feature(shapes[0], shapes[1], shapes[2], direction.tension) / max(
                tokens, 1
            )
            moved = direction.tension + (empirical - expected) * diagonal.RATE
            direction.tension = min(max(moved, diagonal.LOWEST), diagonal.HIGHEST)

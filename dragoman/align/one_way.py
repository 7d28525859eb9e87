"""The diagonal model over a text: one or both directions, each trained on its own (see diagonal.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dragoman.align import diagonal
from dragoman.align.bitext import Bitext, Chunk, Places
from dragoman.align.jit import in_threads
from dragoman.align.rows import RUNS, Buffers, Rows
from dragoman.align.side import Posteriors, Side
from dragoman.align.table import Floats, by_type, gather

PASSES = 4
"""Passes over the text before the one that makes the links: the published program counts that one, too."""
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

    @classmethod
    def untrained(
        cls,
        text: Bitext,
        source: Side,
        target: Side,
        threads: int = 1,
        turned: Sequence[bool] = (False, True),
    ) -> Diagonal:
        """The model before its first pass; ``turned`` lists the directions: False is source to target."""
        whole = text.whole()
        sizes = len(source.frequency), len(target.frequency)
        return cls(source, target, Rows.of(whole, whole.source, whole.target, sizes, threads), turned)

    def train(
        self, text: Bitext, threads: int = 1, tell: Callable[[int], None] | None = None, passes: int = PASSES
    ) -> None:
        """Passes over the text; ``tell`` is called with the number of pairs done so far, of both
        directions."""
        done = 0
        kept = [(c, self._places(c)) for c in text.chunks()] if text.cells[-1] <= text.chunk else None
        widths, heights = text.source.lengths, text.target.lengths
        shapes = {
            t: diagonal.shapes(heights, widths) if t else diagonal.shapes(widths, heights)
            for t in (False, True)
        }
        for direction in self.directions:
            tokens = int((widths if direction.turned else heights).sum())
            for number in range(passes):
                counts = np.zeros_like(direction.values) if kept is None else direction.values
                nulls = np.zeros(len(direction.null))
                empirical, fresh = 0.0, True
                for chunk, at in kept or ((c, self._places(c)) for c in text.chunks()):
                    cells, null = self._expect(direction, chunk, at, number == 0, False, threads)
                    empirical += cells[1]
                    ids = chunk.source if direction.turned else chunk.target
                    nulls += by_type(ids, null, len(nulls))
                    self.words.count(
                        chunk, at, chunk.target, len(self.target.frequency), cells[0], fresh, counts, threads
                    )
                    fresh = False
                    done += len(chunk)
                    if tell is not None:
                        tell(done)
                direction.values = counts
                self._normalise(direction, nulls, threads)
                if number > 0:
                    self._tighten(direction, shapes[direction.turned], empirical / max(tokens, 1), tokens)

    def infer(self, chunk: Chunk, threads: int = 1) -> Posteriors:
        """Posteriors of a chunk, in buffers that the next call uses again; a direction that is missing is
        empty."""
        at = self._places(chunk)
        found: dict[bool, tuple[Any, Floats]] = {
            False: (np.empty(0, np.float32), np.zeros(len(chunk.target), np.float32)),
            True: (np.empty(0, np.float32), np.zeros(len(chunk.source), np.float32)),
        }
        for direction in self.directions:
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

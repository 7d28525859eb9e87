"""The default model: two hidden Markov models that are trained to agree (see agree.py, chain.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dragoman.align.agree import Smoothing, emissions, expectations
from dragoman.align.bitext import Bitext, Chunk, Places
from dragoman.align.chain import FAR
from dragoman.align.jit import in_threads
from dragoman.align.rows import RUNS, Buffers, Rows
from dragoman.align.side import Posteriors, Side
from dragoman.align.table import Floats, Longs, by_type, margins
from dragoman.errors import ModelError

NULL = 0.2
"""Probability of the empty word."""
BAG, CHAIN = 5, 5
"""Passes of IBM model 1, and of the hidden Markov model."""


@dataclass
class Part:
    """A chunk and where its words and its stems stand."""

    chunk: Chunk
    words: Places
    stems: Places

    @classmethod
    def of(cls, chunk: Chunk, source: Side) -> Part:
        """Look the places up."""
        words = Places(chunk, chunk.source, len(source.stem), RUNS)
        return cls(chunk, words, Places(chunk, source.stem[chunk.source], source.stems, RUNS))


class Joint:
    """Counts of both directions together, the empty word's emissions, and the jumps."""

    name = "hmm"

    def __init__(self, source: Side, target: Side, words: Rows, stems: Rows) -> None:
        self.source, self.target = source, target
        self.words, self.stems = words, stems
        self.counts: Floats = np.zeros(len(words.columns), np.float32)
        self.stem_counts: Floats = np.zeros(len(stems.columns), np.float32)
        self.nulls = [_shares(side.frequency, side.frequency) for side in (target, source)]
        start = np.exp(-0.5 * np.abs(np.arange(-FAR, FAR + 1) - 1)).astype(np.float32)
        self.jumps = [start, start.copy()]
        self.likelihoods: list[float] = []
        self._buffers = Buffers()
        self._sides: tuple[Smoothing, Smoothing] | None = None

    @classmethod
    def untrained(cls, text: Bitext, source: Side, target: Side, threads: int = 1) -> Joint:
        """The model before its first pass: the table holds what meets in the text."""
        whole = text.whole()
        sizes = len(source.stem), len(target.stem)
        words = Rows.of(whole, whole.source, whole.target, sizes, threads)
        stems = Rows.of(
            whole, source.stem[whole.source], target.stem[whole.target], (source.stems, target.stems), threads
        )
        return cls(source, target, words, stems)

    def train(
        self, text: Bitext, threads: int = 1, tell: Callable[[int], None] | None = None,
        passes: tuple[int, int] = (BAG, CHAIN),
    ) -> None:  # fmt: skip
        """Passes of IBM model 1, then of the chain; ``tell`` is called with the number of pairs done so
        far."""
        done = 0
        kept = (
            [Part.of(chunk, self.source) for chunk in text.chunks()] if text.cells[-1] <= text.chunk else None
        )
        for number in range(sum(passes)):
            ordered = number >= passes[0]
            state = _State(self, many=kept is None)
            for part in kept or (Part.of(chunk, self.source) for chunk in text.chunks()):
                state.add(part, ordered, first=number == 0, threads=threads)
                done += len(part.chunk)
                if tell is not None:
                    tell(done)
            state.finish(ordered)

    def infer(self, chunk: Chunk, threads: int = 1) -> Posteriors:
        """The posteriors of a chunk; they lie in buffers that the next call uses again."""
        part = Part.of(chunk, self.source)
        forward, backward = self.emit(part, threads)
        null_forward, null_backward = self.empty(chunk)
        self.expect(chunk, True, 0, threads, Posteriors(forward, backward, null_forward, null_backward))
        return Posteriors(forward, backward, null_forward, null_backward)

    def empty(self, chunk: Chunk) -> tuple[Floats, Floats]:
        """The empty word's emission for each target token, and for each source token."""
        return self.nulls[0][chunk.target], self.nulls[1][chunk.source]

    def emit(self, part: Part, threads: int) -> tuple[Floats, Floats]:
        """Cells with t(f | e) and t(e | f)."""
        if self._sides is None:
            self._sides = self._smoothing()
        chunk, at, sides = part.chunk, part.words, self._sides
        forward, backward = self._buffers.of(chunk.cells)

        def work(first: int, last: int) -> None:
            emissions(
                first, last, at.starts, at.order, at.sentence, chunk.source_offsets, chunk.target,
                chunk.target_offsets, chunk.cell_offsets, self.words.rows, self.words.columns, self.counts,
                self.stems.rows, self.stems.columns, self.stem_counts, self.target.stems, sides[0], sides[1],
                forward, backward,
            )  # fmt: skip

        in_threads(work, at.runs, threads)
        return forward, backward

    def even(self, part: Part) -> tuple[Floats, Floats]:
        """Cells of the first pass: every word is as likely as any other."""
        forward, backward = self._buffers.of(part.chunk.cells)
        forward[:] = 1
        backward[:] = 1
        return forward, backward

    def expect(
        self, chunk: Chunk, ordered: bool, joint: int, threads: int, cells: Posteriors
    ) -> tuple[Any, float]:
        """Emissions become posteriors, in place; returns jumps and chances [4, buckets], and the
        log-likelihood."""
        runs = chunk.blocks(RUNS)
        statistics = np.zeros((len(runs), 4, 2 * FAR + 1))
        numbers = {first: number for number, (first, _) in enumerate(runs)}

        def work(first: int, last: int) -> float:
            likelihood = expectations(
                first, last, chunk.source_offsets, chunk.target_offsets, chunk.cell_offsets, ordered, joint,
                NULL, self.jumps[0], self.jumps[1], cells.null_forward, cells.null_backward, cells.forward,
                cells.backward, statistics[numbers[first]],
            )  # fmt: skip
            return float(likelihood)

        return statistics, sum(in_threads(work, runs, threads))

    def extended(self, source: Side, target: Side) -> Joint:
        """The same model for sides to which words were added, which have only their stems to go by."""
        more = Joint(source, target, self.words.extended(len(source.stem)), self.stems.extended(source.stems))
        more.counts, more.stem_counts, more.jumps = self.counts, self.stem_counts, self.jumps
        more.nulls = [
            np.concatenate((null, np.full(len(side.stem) - len(null), null.min(initial=1e-9), np.float32)))
            for null, side in zip(self.nulls, (target, source), strict=True)
        ]
        return more

    def forget(self) -> None:
        """Let go of what belongs to the text that was learnt from."""
        self._buffers = Buffers()

    def prune(self, least: float = 1e-4) -> None:
        """Drop entries whose count is nearly nothing: smoothing gives them as much."""
        for rows, name in ((self.words, "counts"), (self.stems, "stem_counts")):
            kept = getattr(self, name) > least
            setattr(self, name, getattr(self, name)[kept])
            rows.keep(kept)
        self.changed()

    def _smoothing(self) -> tuple[Smoothing, Smoothing]:
        totals = margins(self.words.rows, self.words.columns, self.counts, len(self.target.stem))
        stems = margins(self.stems.rows, self.stems.columns, self.stem_counts, self.target.stems)
        return self.source.smoothing(totals[0], stems[0]), self.target.smoothing(totals[1], stems[1])

    def changed(self) -> None:
        """To be called when counts have changed."""
        self._sides = None


class _State:
    """What one pass over the text collects for the next."""

    def __init__(self, model: Joint, many: bool) -> None:
        self._model = model
        self._counts = np.zeros_like(model.counts) if many else model.counts
        self._stem_counts = np.zeros_like(model.stem_counts) if many else model.stem_counts
        self._nulls = [np.zeros(len(side.frequency)) for side in (model.target, model.source)]
        self._statistics = np.zeros((4, 2 * FAR + 1))
        self._likelihood = 0.0
        self._fresh = True

    def add(self, part: Part, ordered: bool, first: bool, threads: int) -> None:
        """The expectations of one part."""
        model, chunk = self._model, part.chunk
        forward, backward = model.even(part) if first else model.emit(part, threads)
        cells = Posteriors(forward, backward, *model.empty(chunk))
        statistics, likelihood = model.expect(chunk, ordered, 2 if ordered else 1, threads, cells)
        self._statistics += statistics.sum(0)
        self._likelihood += likelihood
        self._nulls[0] += by_type(chunk.target, cells.null_forward, len(model.target.stem))
        self._nulls[1] += by_type(chunk.source, cells.null_backward, len(model.source.stem))
        side, stems = model.target, model.target.stem[chunk.target]
        for rows, at, target, types, into in (
            (model.words, part.words, chunk.target, len(side.stem), self._counts),
            (model.stems, part.stems, stems, side.stems, self._stem_counts),
        ):
            rows.count(chunk, at, target, types, backward, self._fresh, into, threads)
        self._fresh = False

    def finish(self, ordered: bool) -> None:
        """Make the model that of the next pass."""
        model = self._model
        model.counts, model.stem_counts = self._counts, self._stem_counts
        for number, side in enumerate((model.target, model.source)):
            model.nulls[number] = _shares(self._nulls[number], side.frequency)
        if ordered:
            for number in range(2):
                taken, possible = self._statistics[2 * number], self._statistics[2 * number + 1]
                model.jumps[number] = ((taken + 1) / (possible + 1)).astype(np.float32)
        if not np.isfinite(self._likelihood):
            raise ModelError("the aligner's likelihood is not finite; please report this with the text")
        model.likelihoods.append(self._likelihood)
        model.changed()


def _shares(counts: Any, frequency: Longs) -> Floats:
    """Counts as a distribution, with one count more that is divided as the words are."""
    prior = frequency / max(int(frequency.sum()), 1)
    return ((counts + prior) / (counts.sum() + 1)).astype(np.float32)

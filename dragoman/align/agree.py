"""Two directions that are trained to agree: emissions from one joint table, posteriors multiplied.

The table holds, for each pair of words, the expected number of times that *both* directions link them (Liang,
Taskar and Klein 2006). Divided by the sums of rows it gives t(f | e), by the sums of columns t(e | f). Each
is smoothed towards the same quantity for the beginnings of the words (their stems), which is smoothed towards
the frequency of the stem: a word that was hardly seen is linked as its relatives are.

    t(f | e) = (c(e, f) + WORDS * t(f | stem of e)) / (c(e) + WORDS)
    t(f | s) = (c(s, stem of f) + STEMS * p(stem of f)) / (c(s) + STEMS) * p(f | stem of f)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dragoman.align.chain import Doubles, chain
from dragoman.align.jit import compiled
from dragoman.align.table import Floats, Ints, Longs

WORDS = 10.0
STEMS = 1.0
"""Weights of the two back-offs, in counts."""


class Smoothing(NamedTuple):
    """What a side's types need for the formula above; one number a type, float32 (``stem``: int32)."""

    stem: Ints
    share: Floats
    """p(word | stem)"""
    stem_share: Floats
    """p(stem of the word)"""
    below: Floats
    """1 / (c(word) + WORDS)"""
    stem_below: Floats
    """1 / (c(stem of the word) + STEMS)"""


@compiled
def emissions(
    first: int, last: int, starts: Longs, order: Ints, sentence: Ints, source_offsets: Longs, target: Ints,
    offsets: Longs, cell_offsets: Longs, rows: Longs, columns: Ints, counts: Floats, stem_rows: Longs,
    stem_columns: Ints, stem_counts: Floats, stems: int, source_side: Smoothing, target_side: Smoothing,
    forward: Floats, backward: Floats,
) -> None:  # fmt: skip
    """For places of source types first..last: forward[j, i] = t(f_j | e_i), backward[i, j] = t(e_i | f_j).

    ``stems`` is the number of target stems. Types are sorted by stem, so a stem's row is spread once for all
    its words.
    """
    t, u = target_side, source_side
    types = t.stem.size
    ahead = np.full(types, np.float32(-1), np.float32)
    back = np.empty(types, np.float32)
    dense = np.zeros(stems, np.float32)
    spread = -1
    for kind in range(first, last):
        if starts[kind] == starts[kind + 1]:
            continue
        if u.stem[kind] != spread:
            if spread >= 0:
                for k in range(stem_rows[spread], stem_rows[spread + 1]):
                    dense[stem_columns[k]] = 0.0
            spread = u.stem[kind]
            for k in range(stem_rows[spread], stem_rows[spread + 1]):
                dense[stem_columns[k]] = stem_counts[k]
        towards_target = WORDS * u.stem_below[kind]
        towards_source = WORDS * u.share[kind]
        floor = STEMS * u.stem_share[kind]
        for k in range(rows[kind], rows[kind + 1]):
            f = columns[k]
            both = dense[t.stem[f]]
            x = counts[k] + towards_target * t.share[f] * (both + STEMS * t.stem_share[f])
            y = counts[k] + towards_source * t.stem_below[f] * (both + floor)
            ahead[f] = x * u.below[kind]
            back[f] = y * t.below[f]
        for place in range(starts[kind], starts[kind + 1]):
            token = order[place]
            s = sentence[token]
            i, width = token - source_offsets[s], source_offsets[s + 1] - source_offsets[s]
            height = offsets[s + 1] - offsets[s]
            base = cell_offsets[s]
            for j in range(height):
                f = target[offsets[s] + j]
                if ahead[f] < 0:  # a pair that the table does not hold
                    both = dense[t.stem[f]]
                    x = towards_target * t.share[f] * (both + STEMS * t.stem_share[f])
                    y = towards_source * t.stem_below[f] * (both + floor)
                    forward[base + j * width + i] = x * u.below[kind]
                    backward[base + i * height + j] = y * t.below[f]
                else:
                    forward[base + j * width + i] = ahead[f]
                    backward[base + i * height + j] = back[f]
        for k in range(rows[kind], rows[kind + 1]):
            ahead[columns[k]] = -1.0


@compiled
def bag(emission: Floats, null_emission: Floats, null: float, posterior: Floats) -> float:
    """IBM model 1 of one sentence: as :func:`chain`, but every position is as likely as any other."""
    length, width = posterior.shape
    likelihood = 0.0
    for j in range(length):
        total = null * null_emission[j]
        for i in range(width):
            posterior[j, i] = (1 - null) / width * emission[j, i]
            total += posterior[j, i]
        for i in range(width):
            posterior[j, i] /= total
        likelihood += np.log(total)
    return likelihood


@compiled
def expectations(
    first: int, last: int, source_offsets: Longs, target_offsets: Longs, cell_offsets: Longs, ordered: bool,
    joint: int, null: float, jump_forward: Floats, jump_backward: Floats, null_forward: Floats,
    null_backward: Floats, forward: Floats, backward: Floats, statistics: Doubles,
) -> float:  # fmt: skip
    """From emissions to posteriors, in place, for sentences first..last; returns the log-likelihood.

    ``ordered`` chooses the chain, else IBM 1. ``null_forward`` holds the empty word's emission for each
    target token and receives its posterior; ``null_backward`` likewise for source tokens. ``statistics`` [4,
    buckets] receives jumps and chances of both directions. ``joint``: 0 leaves both posteriors in place, 1
    puts their mean into ``backward``, 2 their product.
    """
    longest = 1
    for s in range(first, last):
        longest = max(longest, source_offsets[s + 1] - source_offsets[s])
        longest = max(longest, target_offsets[s + 1] - target_offsets[s])
    alpha = np.empty((longest, longest), np.float32)
    visits = np.empty((longest, longest), np.float32)
    work = np.empty((7, longest), np.float32)
    likelihood = 0.0
    for s in range(first, last):
        a, b = source_offsets[s], source_offsets[s + 1]
        c, d = target_offsets[s], target_offsets[s + 1]
        width, height = b - a, d - c
        cells = slice(cell_offsets[s], cell_offsets[s + 1])
        ahead = forward[cells].reshape((height, width))
        back = backward[cells].reshape((width, height))
        if ordered:
            likelihood += chain(
                ahead.copy(), null_forward[c:d], jump_forward, null, alpha, visits, work, ahead,
                statistics[0], statistics[1],
            )  # fmt: skip
            likelihood += chain(
                back.copy(), null_backward[a:b], jump_backward, null, alpha, visits, work, back,
                statistics[2], statistics[3],
            )  # fmt: skip
        else:
            likelihood += bag(ahead, null_forward[c:d], null, ahead)
            likelihood += bag(back, null_backward[a:b], null, back)
        for j in range(height):
            null_forward[c + j] = max(np.float32(0.0), 1 - ahead[j].sum())
        for i in range(width):
            null_backward[a + i] = max(np.float32(0.0), 1 - back[i].sum())
        if joint:
            for i in range(width):
                for j in range(height):
                    back[i, j] = back[i, j] * ahead[j, i] if joint == 2 else (back[i, j] + ahead[j, i]) / 2
    return likelihood

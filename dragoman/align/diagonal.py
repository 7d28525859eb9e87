"""IBM model 2 with a prior that favours the diagonal (Dyer, Chahuneau and Smith 2013), one direction.

A target word j (from 1, of J) is linked to the source word i (from 1, of I) with probability
``(1 - null) * exp(-tension * |i/I - j/J|) / Z(j)``, to no word with probability ``null``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dragoman.align.jit import compiled
from dragoman.align.table import Floats, Ints, Longs

NULL = 0.08
TENSION = 4.0
LOWEST, HIGHEST = 0.1, 14.0
RATE, STEPS = 20.0, 8
ALPHA = 0.01
"""Settings of the published program: share of the empty word, tension at the start and its limits, gradient
steps after each pass, concentration of the Dirichlet prior."""


@compiled
def prior(width: int, height: int, tension: float, weights: Floats, feature: Floats) -> None:
    """Of a shape (source words, target words), flat [width, height]: the prior, and the feature -|i/I -
    j/J|."""
    for j in range(height):
        total = 0.0
        for i in range(width):
            h = -abs((i + 1) / width - (j + 1) / height)
            weight = np.exp(tension * h)
            feature[i * height + j] = h
            weights[i * height + j] = weight
            total += weight
        for i in range(width):
            weights[i * height + j] *= (1 - NULL) / total


@compiled
def posteriors(
    first: int, last: int, source_offsets: Longs, target_offsets: Longs, cell_offsets: Longs, turned: bool,
    transpose: bool, tension: float, null_emission: Floats, cells: Floats, null_posterior: Floats,
) -> tuple[float, float]:  # fmt: skip
    """The cells t(f_j | e_i) of sentences first..last become p(a_j = i | e, f), in place.

    ``cells`` is [source, target] for each sentence. With ``turned`` the target words generate: roles of the
    two sides are swapped; with ``transpose`` the result is [target, source] instead. ``null_emission`` and
    ``null_posterior`` hold a number for each generated token. Returns the log-likelihood and the sum of the
    expected feature.
    """
    longest = 1
    for s in range(first, last):
        size = cell_offsets[s + 1] - cell_offsets[s]
        longest = max(longest, size)
    weights = np.empty(longest, np.float32)
    feature = np.empty(longest, np.float32)
    total = np.empty(longest, np.float32)
    flat = np.empty(longest, np.float32)
    width, height = -1, -1
    likelihood, empirical = 0.0, 0.0
    for s in range(first, last):
        rows = source_offsets[s + 1] - source_offsets[s]
        columns = target_offsets[s + 1] - target_offsets[s]
        base = cell_offsets[s]
        i_count, j_count = (columns, rows) if turned else (rows, columns)
        if i_count != width or j_count != height:
            width, height = i_count, j_count
            prior(width, height, tension, weights, feature)
        at = (source_offsets if turned else target_offsets)[s]
        for j in range(height):
            total[j] = NULL * null_emission[at + j]
        if turned:
            for i in range(width):
                for j in range(height):
                    flat[i * height + j] = cells[base + j * width + i]
        else:
            for k in range(width * height):
                flat[k] = cells[base + k]
        for i in range(width):
            for j in range(height):
                flat[i * height + j] *= weights[i * height + j]
                total[j] += flat[i * height + j]
        for j in range(height):
            likelihood += np.log(total[j])
            null_posterior[at + j] = NULL * null_emission[at + j] / total[j]
            total[j] = 1 / total[j]
        for i in range(width):
            for j in range(height):
                flat[i * height + j] *= total[j]
                empirical += flat[i * height + j] * feature[i * height + j]
        if turned != transpose:
            for i in range(width):
                for j in range(height):
                    cells[base + j * width + i] = flat[i * height + j]
        else:
            for k in range(width * height):
                cells[base + k] = flat[k]
    return likelihood, empirical


@compiled
def _log_z(j: int, width: int, height: int, tension: float) -> float:
    """log of the sum over i of exp(-tension * |i/I - j/J|), from two geometric series; all from 1."""
    below = j * width // height
    x, ratio = j / height, np.exp(-tension / width)
    left = np.exp(-tension * (x - below / width)) * (1 - ratio**below)
    right = np.exp(-tension * ((below + 1) / width - x)) * (1 - ratio ** (width - below))
    return np.log((left + right) / (1 - ratio))


@compiled
def expected_feature(widths: Longs, heights: Longs, counts: Longs, tension: float) -> float:
    """Sum of the feature that the prior expects of all sentences, which are given as shapes and how often.

    The expectation is the derivative of log Z by the tension, taken as a difference.
    """
    found, step = 0.0, 1e-3 * tension
    for k in range(widths.size):
        for j in range(1, heights[k] + 1):
            more = _log_z(j, widths[k], heights[k], tension + step)
            less = _log_z(j, widths[k], heights[k], tension - step)
            found += counts[k] * (more - less) / (2 * step)
    return found


@compiled
def exp_digamma(x: float) -> float:
    """exp(digamma(x)) for x > 0: three steps of the recurrence, then the first terms of the asymptotic
    series."""
    if x < 0.02:
        return 1e-20
    y = x + 3
    return np.exp(np.log(y) - 0.5 / y - 1 / (12 * y * y) - 1 / x - 1 / (x + 1) - 1 / (x + 2))


@compiled
def normalise_rows(first: int, last: int, rows: Longs, values: Floats) -> None:
    """Expected counts become t(f | e) under a sparse Dirichlet prior (variational Bayes), rows
    first..last."""
    for kind in range(first, last):
        total = 0.0
        for k in range(rows[kind], rows[kind + 1]):
            total += values[k] + ALPHA
        if total == 0.0:
            continue
        below = 1 / exp_digamma(total)
        for k in range(rows[kind], rows[kind + 1]):
            values[k] = exp_digamma(values[k] + ALPHA) * below


@compiled
def normalise_columns(rows: Longs, columns: Ints, values: Floats, types: int) -> None:
    """The same for t(e | f): each column of the table is a distribution."""
    below = np.zeros(types, np.float64)
    for k in range(columns.size):
        below[columns[k]] += values[k] + ALPHA
    for kind in range(types):
        if below[kind] > 0:
            below[kind] = 1 / exp_digamma(below[kind])
    for k in range(columns.size):
        values[k] = exp_digamma(values[k] + ALPHA) * below[columns[k]]


def shapes(widths: NDArray[np.int64], heights: NDArray[np.int64]) -> tuple[Longs, Longs, Longs]:
    """Each pair of lengths once, and how many sentences have it."""
    keys, counts = np.unique(widths << 32 | heights, return_counts=True)
    return keys >> 32, keys & 0xFFFFFFFF, counts.astype(np.int64)

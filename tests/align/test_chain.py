"""The compiled loops against sums over everything that can happen, written out in plain Python."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest

from dragoman.align.chain import FAR, chain
from dragoman.align.diagonal import NULL, exp_digamma, expected_feature, posteriors, prior


def bucket(jump: int) -> int:
    return min(max(jump, -FAR), FAR) + FAR


class Sums(NamedTuple):
    """What :func:`chain` finds, or what it should find."""

    likelihood: float
    posterior: np.ndarray
    counts: np.ndarray
    chances: np.ndarray


def by_enumeration(emission: np.ndarray, null_emission: np.ndarray, jump: np.ndarray, null: float) -> Sums:
    """Everything from every sequence of states (-1: the empty word); the end is position ``width``."""
    length, width = emission.shape
    total, posterior, counts, chances = (
        0.0,
        np.zeros((length, width)),
        np.zeros(2 * FAR + 1),
        np.zeros(2 * FAR + 1),
    )
    for states in itertools.product(range(-1, width), repeat=length):
        chance, position, jumps = 1.0, -1, []
        for j, state in enumerate((*states, width)):
            if state < 0:
                chance *= null * null_emission[j]
                continue
            reachable = sum(jump[bucket(i - position)] for i in range(width + 1))
            chance *= jump[bucket(state - position)] / reachable
            chance *= (1 - null) * emission[j, state] if j < length else 1
            jumps.append((position, state, reachable))
            position = state
        total += chance
        for j, state in enumerate(states):
            if state >= 0:
                posterior[j, state] += chance
        for place, state, reachable in jumps:
            counts[bucket(state - place)] += chance
            for i in range(width + 1):
                chances[bucket(i - place)] += chance / reachable
    return Sums(math.log(total), posterior / total, counts / total, chances / total)


@pytest.mark.parametrize(("length", "width"), [(1, 1), (1, 3), (3, 1), (4, 3), (5, 2), (2, 13), (3, 12)])
def test_chain_equals_the_sum_over_all_ways(length: int, width: int) -> None:
    rng = np.random.default_rng(length * 10 + width)
    emission = rng.random((length, width), np.float32)
    null_emission = rng.random(length, np.float32) * np.float32(0.1)
    jump = rng.random(2 * FAR + 1, np.float32)
    wanted = by_enumeration(emission, null_emission, jump, 0.2)
    found = run(emission, null_emission, jump)
    assert found.likelihood == pytest.approx(wanted.likelihood, abs=1e-4)
    np.testing.assert_allclose(found.posterior, wanted.posterior, atol=1e-5)
    np.testing.assert_allclose(found.counts, wanted.counts, atol=1e-4)
    np.testing.assert_allclose(found.chances, wanted.chances, atol=1e-4)


def run(emission: np.ndarray, null_emission: np.ndarray, jump: np.ndarray) -> Sums:
    length, width = emission.shape
    size = max(length, width)
    scratch = [np.empty((size, size), np.float32) for _ in range(2)]
    posterior = np.empty_like(emission)
    counts, chances = np.zeros(2 * FAR + 1), np.zeros(2 * FAR + 1)
    likelihood = chain(
        emission, null_emission, jump, 0.2, *scratch, np.empty((7, size), np.float32), posterior,
        counts, chances,
    )  # fmt: skip
    return Sums(likelihood, posterior, counts, chances)


def test_jumps_are_counted_and_far_ones_share_a_bucket() -> None:
    """Without an empty word and with one way through, each jump is known: 1, FAR + 2, back, 1, and to the
    end."""
    width = 2 * FAR + 5
    way = [0, FAR + 2, 1, 2]
    emission = np.full((len(way), width), 1e-12, np.float32)
    for j, i in enumerate(way):
        emission[j, i] = 1
    _, posterior, counts, _ = run(emission, np.zeros(len(way), np.float32), np.ones(2 * FAR + 1, np.float32))
    assert posterior.argmax(1).tolist() == way
    expected = np.zeros(2 * FAR + 1)
    for jump in (1, FAR + 2, -FAR - 1, 1, width - 2):
        expected[bucket(jump)] += 1
    np.testing.assert_allclose(counts, expected, atol=1e-3)


def test_a_long_sentence_stays_finite() -> None:
    rng = np.random.default_rng(0)
    emission = (rng.random((400, 400), np.float32) * 1e-9).astype(np.float32)
    found = run(emission, np.full(400, 1e-9, np.float32), np.ones(2 * FAR + 1, np.float32))
    likelihood, posterior = found.likelihood, found.posterior
    assert np.isfinite(likelihood)
    assert np.isfinite(posterior).all()
    assert posterior.sum(1).max() <= 1.001


def plain_prior(i: int, j: int, width: int, height: int, tension: float) -> float:
    weights = [math.exp(-tension * abs((k + 1) / width - (j + 1) / height)) for k in range(width)]
    return (1 - NULL) * weights[i] / sum(weights)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (2, 5)])
def test_diagonal_prior_and_posteriors(width: int, height: int) -> None:
    weights, feature = np.empty(width * height, np.float32), np.empty(width * height, np.float32)
    prior(width, height, 4.0, weights, feature)
    wanted = [[plain_prior(i, j, width, height, 4.0) for j in range(height)] for i in range(width)]
    np.testing.assert_allclose(weights.reshape(width, height), wanted, rtol=1e-5)
    emission = np.random.default_rng(1).random((width, height))
    null = np.full(height, 0.3, np.float32)
    joint = np.array(wanted) * emission
    expected = joint / (joint.sum(0) + NULL * 0.3)
    for turned, transpose in ((False, False), (False, True), (True, False)):
        cells = (emission.T if turned else emission).astype(np.float32).ravel().copy()
        one, two = np.array([0, width]), np.array([0, height])
        offsets = (two, one) if turned else (one, two)
        empty = np.empty(height, np.float32)
        posteriors(0, 1, *offsets, np.array([0, width * height]), turned, transpose, 4.0, null, cells, empty)
        shown = cells.reshape(width, height) if turned == transpose else cells.reshape(height, width).T
        np.testing.assert_allclose(shown, expected, rtol=1e-4)
        np.testing.assert_allclose(empty, NULL * 0.3 / (joint.sum(0) + NULL * 0.3), rtol=1e-4)


@pytest.mark.parametrize("tension", [0.5, 4.0, 12.0])
def test_expected_feature(tension: float) -> None:
    shapes = [(1, 3, 2), (7, 5, 1), (4, 9, 3)]
    wanted = 1 / (1 - NULL) * sum(
        -count * plain_prior(i, j, width, height, tension) * abs((i + 1) / width - (j + 1) / height)
        for width, height, count in shapes for i in range(width) for j in range(height)
    )  # fmt: skip
    widths, heights, counts = (np.array(numbers) for numbers in zip(*shapes, strict=True))
    assert expected_feature(widths, heights, counts, tension) == pytest.approx(wanted, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("x", [0.05, 0.3, 1.0, 2.5, 40.0, 1e5])
def test_exp_digamma(x: float) -> None:
    step = 1e-5 * x
    digamma = (math.lgamma(x + step) - math.lgamma(x - step)) / (2 * step)
    assert exp_digamma(x) == pytest.approx(math.exp(digamma), rel=1e-3)

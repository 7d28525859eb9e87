"""Is system B better than A, or was it the choice of test lines? Two paired tests, joint over directions.

Directions of a multi-parallel test set share their sentences, so their scores rise and fall together. Each
resampling therefore draws line ids, and takes the same lines in every direction that has them.

- Paired bootstrap (Koehn 2004): draw as many lines as there are, with replacement, and score both systems on
  them. The p-value is two-sided: the share of resamplings whose difference lies at least as far from the
  observed difference as zero does. sacreBLEU's counts one side only and is about half as large.
- Approximate randomisation (Riezler and Maxwell 2005): swap the two outputs of a line with chance 1/2. The
  p-value is the share of swaps whose difference is at least as large as the observed one, whatever its sign.

Both add 1 to the count and to the number of trials, so that p is never 0 (Phipson and Smyth 2010). They speak
of test lines, not of training seeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dragoman.errors import DataError
from dragoman.evaluate.metrics import Array, LineScores

_CELLS = 4_000_000  # trials x lines held at once: 32 MB
_EPSILON = 1e-9  # two sums of the same lines in another order count as equal


@dataclass(frozen=True, slots=True)
class Pair:
    """The same lines of one direction by two systems under one metric; row i of both is line ``ids[i]``."""

    direction: str
    ids: tuple[str, ...]
    first: LineScores
    second: LineScores

    def __post_init__(self) -> None:
        counts = {len(self.ids), len(self.first.statistics), len(self.second.statistics)}
        if len(counts) > 1:
            raise DataError(
                f"{self.direction}: {len(self.ids)} line ids, but {len(self.first.statistics)} and "
                f"{len(self.second.statistics)} lines in the two systems; compare the same lines"
            )
        if len(set(self.ids)) < len(self.ids):
            twice = next(i for n, i in enumerate(self.ids) if i in self.ids[:n])
            raise DataError(f"{self.direction}: line id {twice!r} occurs twice; ids must tell lines apart")

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second.value - self.first.value


Key = TypeVar("Key", bound=Hashable)
Draw = Callable[[np.random.Generator, int, int], Array]


def bootstrap(pairs: Sequence[Pair], trials: int, seed: int) -> Array:
    """Differences second - first on resampled lines, (trials, pairs); one draw of ids serves all pairs."""
    result = np.empty((trials, len(pairs)))
    for rows, columns, weights in _draws(pairs, trials, seed, _with_replacement):
        for column, places in columns.items():
            drawn = weights[:, places]
            first, second = pairs[column].first, pairs[column].second
            result[rows, column] = second.combine(drawn @ second.statistics) - first.combine(
                drawn @ first.statistics
            )
    return result


def randomise(pairs: Sequence[Pair], trials: int, seed: int) -> Array:
    """Differences after swapping the two systems' outputs on half of the lines: (trials, pairs)."""
    result = np.empty((trials, len(pairs)))
    for rows, columns, swapped in _draws(pairs, trials, seed, _coins):
        for column, places in columns.items():
            first, second = pairs[column].first, pairs[column].second
            moved = swapped[:, places] @ (second.statistics - first.statistics)
            left = first.combine(first.statistics.sum(axis=0) + moved)
            right = second.combine(second.statistics.sum(axis=0) - moved)
            result[rows, column] = right - left
    return result


def _with_replacement(generator: np.random.Generator, trials: int, lines: int) -> Array:
    """How often each line was drawn: (trials, lines), each row sums to ``lines``."""
    picked = generator.integers(lines, size=(trials, lines))
    flat = (picked + lines * np.arange(trials)[:, None]).ravel()
    return np.bincount(flat, minlength=trials * lines).reshape(trials, lines).astype(np.float64)


def _coins(generator: np.random.Generator, trials: int, lines: int) -> Array:
    return generator.integers(2, size=(trials, lines)).astype(np.float64)


def _draws(
    pairs: Sequence[Pair], trials: int, seed: int, draw: Draw
) -> Iterator[tuple[slice, dict[int, NDArray[np.intp]], Array]]:
    """Yield (rows of the result, {pair: places of its lines}, weights of the lines), family by family.

    A family is a set of directions that share lines; directions without a common line are drawn apart.
    """
    if not pairs or trials < 1:
        raise DataError("nothing to resample: give at least one direction and one resampling")
    generator = np.random.default_rng(seed)
    for members in families([pair.ids for pair in pairs]):
        order: dict[str, int] = {}
        for member in members:
            for line in pairs[member].ids:
                order.setdefault(line, len(order))
        columns = {m: np.array([order[line] for line in pairs[m].ids], dtype=np.intp) for m in members}
        step = max(1, _CELLS // len(order))
        for start in range(0, trials, step):
            count = min(step, trials - start)
            yield slice(start, start + count), columns, draw(generator, count, len(order))


def families(ids: Sequence[Sequence[str]]) -> list[list[int]]:
    """Group the indices of id lists that are connected by common ids, in order of first appearance."""
    groups: list[tuple[set[str], list[int]]] = []
    for index, lines in enumerate(ids):
        known = set(lines)
        touching = [group for group in groups if not group[0].isdisjoint(known)]
        merged = (known.union(*(g[0] for g in touching)), [*sorted(i for g in touching for i in g[1]), index])
        groups = [group for group in groups if group not in touching]
        groups.append(merged)
    return sorted((members for _, members in groups), key=lambda members: members[0])


def bootstrap_p(observed: float, draws: Array) -> float:
    """Two-sided p of a bootstrap: how often a resampling strays from the observed as far as 0 does."""
    strayed = np.abs(draws - observed) >= abs(observed) - _EPSILON
    return float((strayed.sum() + 1) / (len(draws) + 1))


def randomisation_p(observed: float, draws: Array) -> float:
    """Two-sided p of a randomisation: how often a swapped difference is as large as the observed one."""
    reached = np.abs(draws) >= abs(observed) - _EPSILON
    return float((reached.sum() + 1) / (len(draws) + 1))


def interval(draws: Array, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap differences."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the given order; valid under any dependence."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


@dataclass(frozen=True, slots=True)
class Test:
    """What both tests say of one difference; ``holm_*`` is ``p_*`` corrected over directions."""

    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_randomisation: float
    holm_bootstrap: float | None = None
    holm_randomisation: float | None = None


def joint_and_single(
    pairs: Sequence[Pair], groups: Mapping[Key, Sequence[int]], trials: int, seed: int
) -> tuple[list[Test], dict[Key, Test]]:
    """Test every pair and the mean difference of every group of pairs, all on the same draws.

    Holm's correction runs over the pairs of one metric; a group is one test and stays uncorrected. The second
    test draws from ``seed + 1``, so that the two are independent.
    """
    resampled, swapped = bootstrap(pairs, trials, seed), randomise(pairs, trials, seed + 1)
    observed = np.array([pair.difference for pair in pairs])

    def test(columns: Sequence[int]) -> Test:
        places = list(columns)
        mean = float(observed[places].mean())
        drawn, moved = resampled[:, places].mean(axis=1), swapped[:, places].mean(axis=1)
        return Test(mean, *interval(drawn), bootstrap_p(mean, drawn), randomisation_p(mean, moved))

    single = [test([column]) for column in range(len(pairs))]
    for metric in {pair.first.metric for pair in pairs}:
        places = [n for n, pair in enumerate(pairs) if pair.first.metric == metric]
        by_bootstrap = holm([single[n].p_bootstrap for n in places])
        by_randomisation = holm([single[n].p_randomisation for n in places])
        for n, one, two in zip(places, by_bootstrap, by_randomisation, strict=True):
            s = single[n]
            single[n] = Test(s.difference, s.low, s.high, s.p_bootstrap, s.p_randomisation, one, two)
    return single, {name: test(columns) for name, columns in groups.items()}


def signature(trials: int, seed: int) -> str:
    """What the p-values depend on besides the scores."""
    return f"bs:{trials}|ar:{trials}|seed:{seed}|rng:pcg64|tails:2|drawn:line ids|correction:holm"


def settings_of(told: str) -> tuple[int, int]:
    """Trials and seed that a signature tells; the usual ones if it tells none."""
    found = re.search(r"bs:(\d+)\|ar:\d+\|seed:(-?\d+)", told)
    return (int(found[1]), int(found[2])) if found else (1000, 1)

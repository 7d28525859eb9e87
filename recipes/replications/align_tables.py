"""Tables of alignment instructions: by direction, and what a row gains over another in chrF++.

A comparison pairs the lines of all directions and seeds and resamples line ids jointly: the same lines in
every direction and seed (dragoman/evaluate/significance.py). Holm's correction runs over the comparisons of
a table. The best schedule is the one with the highest chrF++ on dev at the end of its stage, the mean over
seeds; test lines have no part in the choice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from dragoman.evaluate.compare import p_value
from dragoman.evaluate.metrics import make_metric
from dragoman.evaluate.outputs import Output, read_outputs
from dragoman.evaluate.results import SUPERVISED, ZERO_SHOT, Results, merge, read_results
from dragoman.evaluate.significance import Pair, Test, holm, joint_and_single, signature
from dragoman.evaluate.tables import NOTHING, Table, number
from dragoman.tune.stage import last_scores

SCHEDULED = ("multi-task", "pre-fine-tuning", "mixed", "Align")
BASELINES = ("MT x2", "MT x1", "placebo")
GENERATIVE = ("MT + Hint", "MT + Revise")
METRIC, TRIALS, SEED = "chrF++", 1000, 1
SHARE, GAIN = 0.75, 0.5
"""The aim: above the baseline in this share of the directions, and by this much on average."""


@dataclass(frozen=True, slots=True)
class Gain:
    """``second`` minus ``first`` in chrF++ over ``directions``; ``above``: those in which it is more."""

    first: str
    second: str
    above: int
    directions: int
    deviation: float | None
    test: Test

    @property
    def aim_is_met(self) -> bool:
        """More in enough of the directions, and by enough on average."""
        return self.above >= SHARE * self.directions and self.test.difference >= GAIN

    def told(self) -> str:
        """In how many directions, by how much, and whether that is the aim."""
        share = f"{self.above} of {self.directions} directions ({100 * self.above / self.directions:.0f} %)"
        met = "met" if self.aim_is_met else "missed"
        return f"{self.second} above {self.first} in {share}, mean {self.test.difference:+.2f}: aim {met}"


class Study:
    """The runs of one table: seeds, and parts of a seed whose rows differ."""

    def __init__(self, runs: Sequence[Path]) -> None:
        self.runs = runs
        parts = [read_results(run / "results.json") for run in runs]
        self.results: Results = merge(parts)
        self.outputs: dict[tuple[str, str], dict[int | None, Output]] = defaultdict(dict)
        for run, part in zip(runs, parts, strict=True):
            seed = part.rows[0].seed
            for output in read_outputs(run, systems=part.systems, seed=seed):
                self.outputs[output.system, str(output.direction)][seed] = output

    def best(self) -> str | None:
        """The schedule with the highest chrF++ on dev, mean over seeds; None if none was validated."""
        found: dict[str, list[float]] = defaultdict(list)
        for run in self.runs:
            for name in SCHEDULED:
                if "chrf" in (scores := last_scores(run / "stages" / name)):
                    found[name].append(scores["chrf"])
        return max(found, key=lambda name: fmean(found[name])) if found else None

    def comparisons(self) -> list[tuple[str, str]]:
        """Each schedule against each baseline, the best one against what is generative."""
        rows = self.results.systems
        found = [(a, b) for b in SCHEDULED for a in BASELINES if a in rows and b in rows]
        best = self.best()
        return found + [(name, best) for name in GENERATIVE if best and name in rows]

    def gains(self, group: str | None = None) -> list[tuple[Gain, float]]:
        """All comparisons over a group of directions (None: all), each with its p-value after Holm."""
        found = [self._gain(first, second, group) for first, second in self.comparisons()]
        corrected = holm([gain.test.p_randomisation for gain in found])
        return list(zip(found, corrected, strict=True))

    def _gain(self, first: str, second: str, group: str | None) -> Gain:
        pairs: list[Pair] = []
        seeds: list[int | None] = []
        for direction in self.results.directions(group):
            sides = [self.outputs[name, direction] for name in (first, second)]
            for seed in sides[0].keys() & sides[1].keys():
                pairs.append(_pair(sides[0][seed], sides[1][seed]))
                seeds.append(seed)
        _, joint = joint_and_single(pairs, {group: range(len(pairs))}, TRIALS, SEED)
        by_direction: dict[str, list[float]] = defaultdict(list)
        by_seed: dict[int | None, list[float]] = defaultdict(list)
        for pair, seed in zip(pairs, seeds, strict=True):
            by_direction[pair.direction].append(pair.difference)
            by_seed[seed].append(pair.difference)
        means = [fmean(values) for values in by_seed.values()]
        above = sum(fmean(values) > 0 for values in by_direction.values())
        deviation = stdev(means) if len(means) > 1 else None
        return Gain(first, second, above, len(by_direction), deviation, joint[group])


def _pair(first: Output, second: Output) -> Pair:
    """The lines that both have, in one order; the same lines are expected of all rows of a study."""
    if first.ids != second.ids or first.references != second.references:
        names = f"{first.system} and {second.system}, {first.direction}"
        raise SystemExit(f"{names}: not the same lines; translate again")
    metric = make_metric(METRIC, first.direction.target)
    one, two = (metric.lines(side.hypotheses, side.references) for side in (first, second))
    return Pair(str(first.direction), first.ids, one, two)


def by_direction(results: Results, metric: str) -> Table:
    """Systems x directions: means and, where there are several, deviations over seeds."""
    groups = {group: results.directions(group) for group in results.groups}
    names = [name for found in groups.values() for name in found]
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in results.rows:
        if row.metric == metric:
            values[row.system, row.direction].append(row.value)

    def cell(system: str, name: str) -> str:
        found = values[system, name]
        return number(fmean(found), stdev(found) if len(found) > 1 else None) if found else NOTHING

    rows = [(system, [cell(system, name) for name in names]) for system in results.systems]
    return Table(names, rows, [(group, len(found)) for group, found in groups.items()])


def gained(gains: Sequence[tuple[Gain, float]]) -> Table:
    """One row a comparison."""
    columns = ["directions above", METRIC, "95 % interval", "p", "p Holm"]
    rows = []
    for gain, corrected in gains:
        test = gain.test
        spread = "" if gain.deviation is None else f"±{gain.deviation:.2f}"
        cells = [f"{gain.above} of {gain.directions}", f"{test.difference:+.2f}{spread}"]
        cells += [f"{test.low:+.2f} to {test.high:+.2f}", p_value(test.p_randomisation), p_value(corrected)]
        rows.append((f"{gain.second} against {gain.first}", cells))
    return Table(columns, rows, foot=[f"{signature(TRIALS, SEED)} over {len(gains)} comparisons"])


def aims(study: Study) -> list[str]:
    """The best schedule against MT only at equal updates, the placebo and what is generative."""
    best = study.best()
    if best is None:
        return []
    found = {(gain.first, gain.second): gain for gain, _ in study.gains()}
    wanted = [name for name in ("MT x2", "placebo", *GENERATIVE) if (name, best) in found]
    lines = [f"- best schedule on dev: {best}; aim: {100 * SHARE:.0f} % of the directions, {GAIN:+} {METRIC}"]
    return lines + [f"- {found[name, best].told()}" for name in wanted]


def conditions(studies: Mapping[str, Study]) -> Table:
    """Runs x (group x row): chrF++ of MT only, the Align schedule (the best, if several), the placebo."""
    rows = []
    for name, study in studies.items():
        chosen = ("MT x2", study.best() or "Align", "placebo")
        cells = []
        for group in (SUPERVISED, ZERO_SHOT):
            for system in chosen:
                found = study.results.averages(system, group, METRIC)
                cells.append(number(found[0].value, found[0].deviation) if found else NOTHING)
        rows.append((name, cells))
    return Table(["MT x2", "Align", "placebo"] * 2, rows, [(SUPERVISED, 3), (ZERO_SHOT, 3)])


def condition_gains(studies: Mapping[str, Study]) -> Table:
    """Runs x (baseline x what the schedule gains on it): supervised, over all directions, in how many."""
    baselines = ("MT x2", "placebo")
    rows = []
    for name, study in studies.items():
        best = study.best() or "Align"
        told = {
            group: {(g.first, g.second): (g, p) for g, p in study.gains(group)}
            for group in (SUPERVISED, None)
        }
        cells = []
        for first in baselines:
            if (first, best) not in told[None]:
                cells += [NOTHING] * 5
                continue
            (gain, corrected), (tuned, _) = told[None][first, best], told[SUPERVISED][first, best]
            test = gain.test
            cells += [f"{tuned.test.difference:+.2f}", f"{test.difference:+.2f}"]
            cells += [f"{test.low:+.2f} to {test.high:+.2f}", f"{gain.above} of {gain.directions}"]
            cells += [p_value(corrected)]
        rows.append((name, cells))
    columns = ["supervised", "all", "95 % interval", "above", "p Holm"]
    return Table(columns * 2, rows, [(f"against {name}", len(columns)) for name in baselines])


def show(study: Study) -> str:
    """All of it as Markdown."""
    parts = []
    for metric in ("BLEU", METRIC, "OTR"):
        if metric in study.results.metrics:
            table = by_direction(study.results, metric).show("markdown")
            parts.append(f"### {metric} by direction\n\n{table}")
    for group in (None, SUPERVISED, ZERO_SHOT) if study.comparisons() else ():
        if len(study.results.directions(group)) > 1:
            table = gained(study.gains(group)).show("markdown")
            parts.append(f"### Gains in {METRIC}, {group or 'all directions'}\n\n{table}")
    return "\n\n".join([*parts, "\n".join(aims(study))]).rstrip() + "\n"

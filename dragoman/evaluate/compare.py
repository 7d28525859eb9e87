"""Two systems on the same lines: differences with intervals and p-values, single and over directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from dragoman.errors import DataError
from dragoman.evaluate.outputs import Output
from dragoman.evaluate.results import ALL, FAULTS, SUPERVISED, ZERO_SHOT, Results, tokenization
from dragoman.evaluate.score import Scorer, group_of, unify
from dragoman.evaluate.significance import Pair, Test, joint_and_single, settings_of, signature
from dragoman.evaluate.tables import NOTHING, Table
from dragoman.language.language import Direction


@dataclass(frozen=True, slots=True)
class Difference:
    """System ``second`` minus system ``first`` under one metric, in one direction or averaged over several.

    ``group`` is empty for a single direction. ``holm_*`` are corrected over directions, None for averages.
    """

    metric: str
    group: str
    directions: tuple[str, ...]
    first: float
    second: float
    test: Test
    signature: str


@dataclass(slots=True)
class Comparison:
    """What :func:`compare_systems` found; averages over directions stand before single directions."""

    first: str
    second: str
    differences: list[Difference]
    signature: str
    remarks: list[str] = field(default_factory=list)

    def joint(self, group: str, metric: str) -> Difference | None:
        """The difference averaged over a group, if there is one."""
        found = (d for d in self.differences if (d.group, d.metric) == (group, metric))
        return next(found, None)

    def to_json(self) -> list[dict[str, Any]]:
        """Rows for the ``significance`` of results.json; ``p_holm`` is that of the randomisation test."""
        rows = []
        for item in self.differences:
            test = asdict(item.test)
            test["p_holm"] = test.pop("holm_randomisation")
            test["p_holm_bootstrap"] = test.pop("holm_bootstrap")
            where: dict[str, Any] = {"direction": item.directions[0]}
            if item.group:
                where = {"group": item.group, "directions": list(item.directions)}
            names = {"a": self.first, "b": self.second, "metric": item.metric, **where}
            values = {"value_a": item.first, "value_b": item.second, **test}
            rows.append({**names, **values, "signature": f"{item.signature}|{self.signature}"})
        return rows

    def table(self) -> Table:
        """For printing: one row a difference."""
        columns = [
            self.first,
            self.second,
            "difference",
            "95 % interval",
            "p bootstrap",
            "p randomis.",
            "p Holm",
        ]
        rows = []
        for item in self.differences:
            where = f"{item.group} ({len(item.directions)})" if item.group else item.directions[0]
            test = item.test
            corrected = NOTHING if test.holm_randomisation is None else p_value(test.holm_randomisation)
            cells = [f"{item.first:.1f}", f"{item.second:.1f}", _signed(test.difference)]
            cells += [f"{_signed(test.low)} to {_signed(test.high)}"]
            cells += [p_value(test.p_bootstrap), p_value(test.p_randomisation), corrected]
            rows.append((f"{where}  {item.metric}", cells))
        return Table(columns, rows, foot=[self.signature, *self.remarks])


def p_value(p: float) -> str:
    """Three decimals; what is below a thousandth is told as that."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _signed(value: float) -> str:
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}"


def verdict(comparison: Comparison, group: str, metric: str) -> str:
    """``(p < 0.001 against stage 1)``, the larger p of both tests; empty if the group was not tested."""
    found = comparison.joint(group, metric)
    if found is None:
        return ""
    shown = p_value(max(found.test.p_bootstrap, found.test.p_randomisation))
    return f"(p {shown if shown.startswith('<') else '= ' + shown} against {comparison.first})"


def compare_systems(
    first: Sequence[Output],
    second: Sequence[Output],
    scorer: Scorer,
    *,
    supervised: Sequence[Direction] | None = None,
    trials: int = 1000,
    seed: int = 1,
) -> Comparison:
    """Compare one system's outputs with another's on the directions that both have.

    Lines are paired by id; DataError if a direction's ids or references differ. Averages are tested for every
    group of two directions or more whose signatures agree (BLEU: one tokenization), and over all groups.
    """
    names = [_name(side) for side in (first, second)]
    both = unify([*first, *second])
    left = {output.direction: output for output in both[: len(first)]}
    right = {output.direction: output for output in both[len(first) :]}
    _check_once(first, left)
    _check_once(second, right)
    shared = [direction for direction in left if direction in right]
    if not shared:
        raise DataError(
            f"{names[0]} and {names[1]} share no direction; compare outputs of the same directions"
        )
    remarks = [
        f"only {name} translated {direction}; left out"
        for name, one, other in ((names[0], left, right), (names[1], right, left))
        for direction in one
        if direction not in other
    ]
    pairs: list[Pair] = []
    groups: list[str] = []
    for direction in shared:
        a, b = left[direction], _in_order_of(left[direction], right[direction])
        by_name = {scores.metric: scores for scores in scorer.lines(b)}
        for one in scorer.lines(a):
            if one.metric in by_name and one.metric not in FAULTS:
                pairs.append(Pair(str(direction), a.ids, one, by_name[one.metric]))
                groups.append(group_of(direction, supervised))
                remarks += [one.note] if one.note and one.note not in remarks else []
    if not pairs:
        raise DataError(f"{names[0]} and {names[1]}: nothing to compare; give references or an identifier")
    return compare_pairs((names[0], names[1]), pairs, groups, trials, seed, remarks)


def compare_pairs(
    names: tuple[str, str],
    pairs: Sequence[Pair],
    groups: Sequence[str],
    trials: int,
    seed: int,
    remarks: Sequence[str] = (),
) -> Comparison:
    """Test pairs alone, and averaged over groups; ``groups`` names that of each pair."""
    members, left_out = _joint(pairs, groups)
    single, joint = joint_and_single(pairs, members, trials, seed)
    averages = [_difference([pairs[n] for n in members[key]], joint[key], key[0]) for key in members]
    alone = [_difference([pair], test, "") for pair, test in zip(pairs, single, strict=True)]
    differences = [*averages, *alone]
    return Comparison(*names, differences, signature(trials, seed), [*remarks, *left_out])


def compare_again(
    earlier: Results,
    outputs: Sequence[Output],
    scorer: Scorer,
    supervised: Sequence[Direction] | None = None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The comparisons in ``earlier``, taken again of these outputs with the same trials and seed.

    Rows for the ``significance`` of results.json, and a remark for each comparison that cannot be taken now.
    """
    rows: list[dict[str, Any]] = []
    remarks = []
    pairs = {(str(row.get("a")), str(row.get("b"))): row for row in earlier.significance}
    for (first, second), row in pairs.items():
        left, right = ([output for output in outputs if output.system == name] for name in (first, second))
        trials, seed = settings_of(str(row.get("signature")))
        try:
            if absent := [name for name, side in ((first, left), (second, right)) if not side]:
                raise DataError(f"{' and '.join(absent)} not scored now")
            compared = compare_systems(left, right, scorer, supervised=supervised, trials=trials, seed=seed)
            rows += compared.to_json()
        except DataError as error:
            remarks.append(f"the earlier comparison of {first} with {second} is left out: {error}")
    return rows, remarks


def _difference(pairs: Sequence[Pair], test: Test, group: str) -> Difference:
    first, second = fmean(pair.first.value for pair in pairs), fmean(pair.second.value for pair in pairs)
    directions = tuple(pair.direction for pair in pairs)
    return Difference(pairs[0].first.metric, group, directions, first, second, test, pairs[0].first.signature)


def _joint(
    pairs: Sequence[Pair], groups: Sequence[str]
) -> tuple[dict[tuple[str, str], list[int]], list[str]]:
    """Places of the pairs that are averaged, by group and metric; and what may not be averaged."""
    members: dict[tuple[str, str], list[int]] = {}
    for group in (SUPERVISED, ZERO_SHOT, ALL):
        for place, pair in enumerate(pairs):
            if group == groups[place] or (group == ALL and len(set(groups)) > 1):
                members.setdefault((group, pair.first.metric), []).append(place)
    kept, remarks = {}, []
    for (group, metric), places in members.items():
        signatures = {pairs[place].first.signature for place in places}
        if len(signatures) > 1:
            found = ", ".join(sorted(tokenization(name) for name in signatures))
            remarks.append(f"{group}: {metric} is not averaged over different signatures ({found})")
        elif len(places) > 1:
            kept[group, metric] = places
    return kept, remarks


def _name(outputs: Sequence[Output]) -> str:
    names = sorted({output.system for output in outputs})
    if len(names) != 1:
        there = ", ".join(names) or "no output"
        raise DataError(f"compare one system with one other; this side has {there}; name one for each side")
    return names[0]


def _check_once(given: Sequence[Output], found: dict[Direction, Output]) -> None:
    if len(found) < len(given):
        raise DataError(
            f"{given[0].system}: a direction occurs more than once; compare one seed at a time, the tests "
            "speak of test lines only"
        )


def _in_order_of(first: Output, second: Output) -> Output:
    """``second`` with its lines in the order of ``first``; DataError unless they are the same lines."""
    if first.ids == second.ids:
        order = list(range(len(first.ids)))
    else:
        places = {line: place for place, line in enumerate(second.ids)}
        missing = [line for line in first.ids if line not in places]
        if missing or len(places) != len(first.ids):
            raise DataError(
                f"{first.direction}: {first.system} has {len(first.ids)} lines, {second.system} has "
                f"{len(second.ids)}, and they are not the same ones; compare the same lines"
            )
        order = [places[line] for line in first.ids]
    columns = [
        tuple(column[n] for n in order) if column else ()
        for column in (second.hypotheses, second.sources, second.references)
    ]
    if first.references and columns[2] and columns[2] != first.references:
        place = next(n for n, text in enumerate(first.references) if text != columns[2][n])
        raise DataError(
            f"{first.direction}, line {first.ids[place]}: {first.system} and {second.system} have different "
            "references; score both against the same"
        )
    return Output(second.system, first.direction, first.ids, columns[0], columns[1], columns[2], second.seed)

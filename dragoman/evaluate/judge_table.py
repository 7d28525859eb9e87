"""What a judge said, counted: wins, ties, losses, how often the orders agree, a test against chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dragoman.evaluate.judge import Judged, sign_test
from dragoman.evaluate.tables import NOTHING, Table

COLUMNS = ["pairs", "win", "tie", "loss", "win %", "p", "same in both orders %"]


def judge_table(judged: Sequence[Judged]) -> Table:
    """Rows for each turn, each category (where there are several) and all; outcomes are the first system's.

    ``win %`` counts a tie as half a win. ``p`` is the two-sided sign test of wins against losses. Pairs
    without a verdict are left out and told at the foot.
    """
    counted = [one for one in judged if one.outcome != "none"]
    groups: dict[str, list[Judged]] = {}
    for one in counted:
        groups.setdefault(f"turn {one.pair.turn}", []).append(one)
    if len({one.pair.prompt.category for one in counted}) > 1:
        for one in counted:
            groups.setdefault(one.pair.prompt.category or "no category", []).append(one)
    groups = dict(sorted(groups.items(), key=lambda group: not group[0].startswith("turn ")))
    groups["all"] = counted
    foot = [_bias(counted)]
    if lost := len(judged) - len(counted):
        foot.append(f"{lost:,} pairs without a verdict are left out")
    return Table(COLUMNS, [(name, _cells(group)) for name, group in groups.items()], foot=foot)


def _cells(judged: Sequence[Judged]) -> list[str]:
    if not judged:
        return ["0", *[NOTHING] * (len(COLUMNS) - 1)]
    count = Counter(one.outcome for one in judged)
    rate = 100 * (count["win"] + count["tie"] / 2) / len(judged)
    same = 100 * sum(one.consistent for one in judged) / len(judged)
    p = sign_test(count["win"], count["loss"])
    return [
        f"{len(judged):,}",
        *(f"{count[name]:,}" for name in ("win", "tie", "loss")),
        f"{rate:.1f}",
        f"{p:.3f}",
        f"{same:.1f}",
    ]


def _bias(judged: Sequence[Judged]) -> str:
    """How often the judge decides for what it is shown first, where it decides; 50 % without a habit."""
    decided = [verdict for one in judged for verdict in one.verdicts if verdict != "tie"]
    if not decided:
        return "the judge decided for neither in any order"
    return f"the judge decides for what is shown first in {100 * decided.count('first') / len(decided):.1f} %"

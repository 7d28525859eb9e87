"""From transcripts to rows of ``results.json``, and the paired tests of two systems on the same dialogues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dragoman.errors import DataError
from dragoman.evaluate.again import read_earlier
from dragoman.evaluate.compare import Comparison, compare_pairs
from dragoman.evaluate.interactive.held_out import fingerprint
from dragoman.evaluate.interactive.measure import counted, measured
from dragoman.evaluate.interactive.table import MEASURES
from dragoman.evaluate.interactive.transcript import Talk
from dragoman.evaluate.results import DEMAND, Results, Row, of_dialogues, write_results
from dragoman.evaluate.score import group_of
from dragoman.evaluate.significance import Pair
from dragoman.instruct.interactive.task import KINDS
from dragoman.language.language import Direction

COMPARED = (*MEASURES, *(f"{DEMAND}: {kind}" for kind in KINDS))
"""What two systems are compared on."""


def rows_of(talks: Iterable[Talk], supervised: Sequence[Direction] | None = None) -> list[Row]:
    """A row for each talk and measure; ``lines`` are the demands, answers or last versions that it counts.

    ``supervised``: directions that training saw; None if not known (group ``all``).
    """
    found = []
    for talk in talks:
        if not talk.transcripts:
            continue
        group, name = group_of(talk.direction, supervised), str(talk.direction)
        for scores in measured(talk):
            about = (talk.system, talk.seed, name, group, scores.metric)
            found.append(Row(*about, scores.value, scores.signature, counted(scores)))
    return found


def add_rows(path: Path, rows: Sequence[Row], keep: Iterable[str] | None = None) -> Results:
    """Put rows of dialogues into a ``results.json``, in place of earlier ones of the same systems.

    ``keep``: systems whose earlier rows stay (None: all others). The rest of the file is left as it is.
    """
    results = read_earlier(path)
    new = {row.system for row in rows}
    kept = {row.system for row in results.dialogues} - new
    kept = kept if keep is None else kept & set(keep)
    results.dialogues = [row for row in results.dialogues if row.system in kept] + list(rows)
    write_results(path, results)
    return results


def forget_comparisons(path: Path) -> None:
    """Take the comparisons of dialogues out of a ``results.json``; those of translations stay."""
    results = read_earlier(path)
    results.significance = [r for r in results.significance if not of_dialogues(str(r.get("metric")))]
    write_results(path, results)


def compare_talks(
    first: Sequence[Talk],
    second: Sequence[Talk],
    supervised: Sequence[Direction] | None = None,
    trials: int = 1000,
    seed: int = 1,
) -> Comparison:
    """Compare one system's answers with another's: whole dialogues are drawn, in all directions together.

    DataError if they were not asked the same in the directions that both have, or share none.
    """
    names = [", ".join(sorted({talk.system for talk in side})) for side in (first, second)]
    others = {talk.direction: talk for talk in second}
    pairs: list[Pair] = []
    groups: list[str] = []
    for one in first:
        two = others.get(one.direction)
        if two is None or not one.transcripts:
            continue
        asked = [fingerprint({one.direction: [t.dialogue for t in talk.transcripts]}) for talk in (one, two)]
        if asked[0] != asked[1] or one.draft != two.draft:
            raise DataError(
                f"{one.direction}: {names[0]} and {names[1]} were not asked the same "
                f"({asked[0]}, draft {one.draft}; {asked[1]}, draft {two.draft}); evaluate both alike"
            )
        ids = _ids(one)
        known = {scores.metric: scores for scores in measured(two)}
        for scores in measured(one):
            if scores.metric in known and scores.metric in COMPARED:
                pairs.append(Pair(str(one.direction), ids, scores, known[scores.metric]))
                groups.append(group_of(one.direction, supervised))
    if not pairs:
        raise DataError(f"{names[0]} and {names[1]} share no direction with dialogues; evaluate both on one")
    return compare_pairs((names[0], names[1]), pairs, groups, trials, seed)


def _ids(talk: Talk) -> tuple[str, ...]:
    """Names of the dialogues: those of their lines, which directions share, or their numbers."""
    ids = tuple(one.dialogue.id for one in talk.transcripts)
    if "" in ids or len(set(ids)) < len(ids):
        return tuple(f"{talk.direction}:{number}" for number in range(len(ids)))
    return ids

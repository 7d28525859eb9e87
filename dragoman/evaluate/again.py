"""Scoring a folder again without losing what was added to its results: other metrics and comparisons."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from dragoman.errors import DataError
from dragoman.evaluate.compare import compare_again, compare_systems
from dragoman.evaluate.external import MODELS, cache_file, line_keys, read_cache
from dragoman.evaluate.metrics import LineScores, mean_of
from dragoman.evaluate.outputs import Output
from dragoman.evaluate.results import Results, Row, of_dialogues, read_results, write_results
from dragoman.evaluate.score import Scorer, evaluate_outputs, group_of
from dragoman.language.language import Direction

_SIGNATURE = re.compile(
    r"model:(?P<model>.*)\|refs:(yes|no)\|scale:100\|unicode:NFC\|(?P<package>[^|:]+):(?P<version>[^|]+)"
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A metric of another environment as far as its scores are kept; that environment is not needed.

    ``signature`` is that of the earlier rows, ``scores`` are by the content of a line.
    """

    metric: str
    signature: str
    scores: Mapping[str, float]

    def lines(
        self, sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str] = ()
    ) -> LineScores | None:
        """As :meth:`External.lines`; None if a line was never scored."""
        keys = line_keys(sources, hypotheses, references)
        if len(sources) != len(hypotheses) or not all(key in self.scores for key in keys):
            return None
        signature = re.sub(r"\|refs:\w+", f"|refs:{'yes' if references else 'no'}", self.signature, count=1)
        return mean_of(self.metric, [self.scores[key] for key in keys], signature, higher_is_better=True)


def remembered(earlier: Results, cache: Path, but: Collection[str] = ()) -> list[Remembered]:
    """The external metrics of earlier rows and comparisons whose scores lie in ``cache``.

    ``but``: metrics that are scored anew. Of two models of a metric the one that stands last counts.
    """
    signatures = {row.metric: row.signature for row in earlier.rows}
    signatures |= {str(row.get("metric")): str(row.get("signature")) for row in earlier.significance}
    found = []
    for metric, signature in signatures.items():
        match = _SIGNATURE.match(signature)
        if metric.lower() not in MODELS or metric in but or match is None:
            continue
        file = cache_file(cache, metric.lower(), match["model"], match["package"], match["version"])
        found.append(Remembered(metric, match[0], read_cache(file)))
    return found


def read_earlier(path: Path) -> Results:
    """Results that are there already; none if there is no file or it is damaged."""
    try:
        return read_results(path) if path.exists() else Results()
    except DataError:  # nothing can be taken over from it
        return Results()


def score_again(
    path: Path,
    outputs: Sequence[Output],
    scorer: Scorer,
    supervised: Sequence[Direction] | None = None,
    *,
    pairs: Sequence[tuple[str, str]] = (),
    trials: int = 1000,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> Results:
    """Score outputs and write ``path`` (a results.json) in place of an earlier one.

    What was added to the earlier one is kept where it can be: metrics of other environments from the scores
    in ``metrics/`` beside it, comparisons by taking them again, what was measured of dialogues as it is. What
    cannot is told in the remarks.
    ``pairs``: systems to compare in any case, with ``trials`` and ``seed``. ``progress``: see
    :func:`evaluate_outputs`.
    """
    earlier = read_earlier(path)
    known = remembered(earlier, path.parent / "metrics", {e.metric.upper() for e in scorer.external})
    scorer.external = [*scorer.external, *known]
    results = evaluate_outputs(outputs, scorer, supervised, progress)
    results.dialogues = earlier.dialogues
    talked = [row for row in earlier.significance if of_dialogues(str(row.get("metric")))]
    earlier.significance = [row for row in earlier.significance if row not in talked]
    for pair in pairs:
        first, second = ([output for output in outputs if output.system == name] for name in pair)
        compared = compare_systems(first, second, scorer, supervised=supervised, trials=trials, seed=seed)
        results.significance += compared.to_json()
    earlier.significance = [r for r in earlier.significance if (r.get("a"), r.get("b")) not in set(pairs)]
    rows, remarks = compare_again(earlier, outputs, scorer, supervised)
    results.significance += rows
    results.remarks += [*remarks, *_unscored(results, known)]
    results.significance += talked
    write_results(path, results)
    return results


def holds(
    results: Results,
    systems: Sequence[str],
    directions: Sequence[Direction],
    supervised: Sequence[Direction],
    scorer: Scorer,
    pairs: Sequence[tuple[str, str]],
) -> bool:
    """True if every system is scored in every direction, under these metrics, this judge and these groups.

    Results that somebody wrote into the folder since may be of a part of it only.
    """
    have = {(row.system, row.direction, row.group, row.metric) for row in results.rows}
    wanted = (
        (system, str(direction), group_of(direction, supervised), metric)
        for system, direction, metric in product(systems, directions, scorer.metrics)
    )
    judge = scorer.identifier.name if scorer.identifier is not None else None
    tests = [row for row in results.significance if not of_dialogues(str(row.get("metric")))]
    tested = {(row.get("a"), row.get("b")) for row in tests}
    return have.issuperset(wanted) and results.identifier.get("name") == judge and tested.issuperset(pairs)


def _unscored(results: Results, known: Sequence[Remembered]) -> list[str]:
    """A remark for each remembered metric that lacks scores of what is new."""
    remarks = []
    for metric in known:
        every = dict.fromkeys(_place(row) for row in results.rows)
        scored = {_place(row) for row in results.rows if row.metric == metric.metric}
        if missing := [place for place in every if place not in scored]:
            names = ", ".join(dict.fromkeys(system for system, _, _ in missing))
            option = f"--{metric.metric.lower()} PYTHON --out FOLDER"
            remarks.append(
                f"{metric.metric} is left out for {names} (lines without a score); evaluate with {option}"
            )
    return remarks


def _place(row: Row) -> tuple[str, int | None, str]:
    return row.system, row.seed, row.direction

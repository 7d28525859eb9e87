"""Scores as rows, their averages over directions and seeds, and ``results.json``.

Averages are taken over equal signatures only: BLEU values under different tokenizations are never averaged.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from dragoman import __version__
from dragoman.errors import DataError, told

SUPERVISED, ZERO_SHOT, ALL = "supervised", "zero-shot", "all"
"""Groups of directions: those that some stage was tuned on, the others; ``all`` where that is not known."""
FAULTS = ("empty", "unidentified", "copied", "runaway")
"""Rates in percent of the lines, shown in a table of their own."""
DEMAND, REST, CLEAN, UNDONE, FINAL = "demand met", "rest unchanged", "clean edit", "undo exact", "final"
"""Measures of dialogues (:mod:`dragoman.evaluate.interactive.measure`); parts stand behind a colon."""
_ORDER = ("BLEU", "chrF++", "TER", "COMET", "BLEURT", "OTR", *FAULTS)


@dataclass(frozen=True, slots=True)
class Row:
    """One score: a system (of one training seed) in one direction under one metric, over ``lines`` lines."""

    system: str
    seed: int | None
    direction: str
    group: str
    metric: str
    value: float
    signature: str
    lines: int


@dataclass(frozen=True, slots=True)
class Average:
    """Mean over the directions of a group, then over seeds.

    ``deviation`` is the sample deviation over seeds, None for one seed. ``directions``: those that went in.
    """

    value: float
    deviation: float | None
    seeds: int
    directions: tuple[str, ...]
    signature: str


@dataclass(slots=True)
class Results:
    """All scores of an evaluation.

    ``floor``: OTR of the references by direction. ``confusion``: lines by system, direction and language that
    the identifier saw. ``significance``: rows of :func:`dragoman.evaluate.score.compare_systems`.
    ``dialogues``: the rows of held-out dialogues; on disk they stand among the others.
    """

    rows: list[Row] = field(default_factory=list)
    dialogues: list[Row] = field(default_factory=list)
    floor: dict[str, float] = field(default_factory=dict)
    confusion: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    identifier: dict[str, Any] = field(default_factory=dict)
    significance: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def systems(self) -> list[str]:
        """In order of first appearance."""
        return list(dict.fromkeys(row.system for row in self.rows))

    @property
    def groups(self) -> list[str]:
        """Groups that have rows, supervised first."""
        found = {row.group for row in self.rows}
        return [group for group in (SUPERVISED, ZERO_SHOT, ALL) if group in found]

    @property
    def metrics(self) -> list[str]:
        """Metrics that have rows, in the usual order."""
        found = dict.fromkeys(row.metric for row in self.rows)
        return sorted(found, key=lambda name: _ORDER.index(name) if name in _ORDER else _ORDER.index("OTR"))

    def directions(self, group: str | None = None) -> list[str]:
        """Directions of a group (None: of all), in order of first appearance."""
        return list(dict.fromkeys(row.direction for row in self.rows if group in (None, row.group)))

    def value(self, system: str, direction: str, metric: str) -> float | None:
        """One score, the mean over seeds; None if it was not taken."""
        found = [
            r.value for r in self.rows if (r.system, r.direction, r.metric) == (system, direction, metric)
        ]
        return fmean(found) if found else None

    def averages(self, system: str, group: str, metric: str) -> list[Average]:
        """One average for each signature: a list of one, unless the scores may not be averaged together."""
        rows = [row for row in self.rows if (row.system, row.group, row.metric) == (system, group, metric)]
        result = []
        for signature in dict.fromkeys(row.signature for row in rows):
            alike = [row for row in rows if row.signature == signature]
            by_seed: dict[int | None, list[float]] = {}
            for row in alike:
                by_seed.setdefault(row.seed, []).append(row.value)
            means = [fmean(values) for values in by_seed.values()]
            deviation = stdev(means) if len(means) > 1 else None
            directions = tuple(dict.fromkeys(row.direction for row in alike))
            result.append(Average(fmean(means), deviation, len(means), directions, signature))
        return result

    def floor_average(self, group: str) -> float | None:
        """Mean OTR of the references over a group; None without an identifier."""
        values = [self.floor[name] for name in self.directions(group) if name in self.floor]
        return fmean(values) if values else None

    def to_json(self) -> dict[str, Any]:
        """The content of ``results.json``."""
        return {
            "format": 1,
            "systems": list(dict.fromkeys(row.system for row in (*self.rows, *self.dialogues))),
            "rows": [asdict(row) for row in (*self.rows, *self.dialogues)],
            "floor": self.floor,
            "confusion": self.confusion,
            "identifier": self.identifier,
            "significance": self.significance,
            "remarks": self.remarks,
            "versions": versions(),
        }


def of_dialogues(metric: str) -> bool:
    """Whether a metric measures dialogues, not translations."""
    return metric.partition(":")[0] in (DEMAND, REST, CLEAN, UNDONE) or metric.startswith(f"{FINAL} ")


def versions() -> dict[str, str]:
    """What the numbers were computed with."""
    import numpy
    import sacrebleu

    return {
        "dragoman": __version__,
        "sacrebleu": sacrebleu.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def write_results(path: Path, results: Results) -> None:
    """Write ``results.json`` (beside, then renamed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    text = json.dumps(results.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)


def read_results(path: Path) -> Results:
    """Read ``results.json``; DataError naming the file and the row if it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = content["rows"]
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: no such file; score first, with {path.parent} as the place (out)"
        ) from error
    except OSError as error:
        raise DataError(told(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: no results ({error}); expected the results.json of an evaluation"
        ) from error
    results = Results()
    for number, row in enumerate(rows, 1):
        try:
            kept = Row(**{key.name: row[key.name] for key in fields(Row)})
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: row {number} lacks {error}; score these translations again") from error
        if not isinstance(kept.value, int | float) or not math.isfinite(kept.value):
            raise DataError(f"{path}: row {number}: value {kept.value!r} is no number; score again")
        (results.dialogues if of_dialogues(kept.metric) else results.rows).append(kept)
    for name in ("floor", "confusion", "identifier", "significance", "remarks"):
        setattr(results, name, content.get(name, getattr(results, name)))
    return results


def merge(parts: Iterable[Results]) -> Results:
    """Results of several runs as one, such as three seeds; DataError if two rows are the same score."""
    merged = Results()
    seen: set[tuple[str, int | None, str, str]] = set()
    for part in parts:
        for row in (*part.rows, *part.dialogues):
            key = (row.system, row.seed, row.direction, row.metric)
            if key in seen:
                raise DataError(
                    f"system {row.system!r} has two {row.metric} scores in {row.direction} with seed "
                    f"{row.seed}; give the runs different seeds or the systems different names"
                )
            seen.add(key)
            (merged.dialogues if of_dialogues(row.metric) else merged.rows).append(row)
        _merge_floor(merged, part)
        for system, directions in part.confusion.items():
            for direction, counts in directions.items():
                sums = merged.confusion.setdefault(system, {}).setdefault(direction, {})
                for language, count in counts.items():
                    sums[language] = sums.get(language, 0) + count
        merged.identifier = merged.identifier or part.identifier
        merged.significance += part.significance
        merged.remarks += [remark for remark in part.remarks if remark not in merged.remarks]
    return merged


def _merge_floor(merged: Results, part: Results) -> None:
    for direction, value in part.floor.items():
        if not math.isclose(merged.floor.setdefault(direction, value), value, abs_tol=1e-6):
            remark = (
                f"the runs disagree on the OTR of the references in {direction}: was it the same identifier?"
            )
            merged.remarks += [remark] if remark not in merged.remarks else []


def tokenization(signature: str) -> str:
    """The part of a signature that tells two BLEU values apart, such as ``13a``; else the whole signature."""
    return next((part[4:] for part in signature.split("|") if part.startswith("tok:")), signature)


def uneven(results: Results, systems: Sequence[str] | None = None) -> list[str]:
    """A remark for each system that lacks directions which others have: its averages are of other things."""
    remarks = []
    for group in results.groups:
        every = results.directions(group)
        for system in systems or results.systems:
            own = {row.direction for row in results.rows if row.system == system}
            missing = [direction for direction in every if direction not in own]
            if missing:
                remarks.append(f"{system} has no translations for {', '.join(missing)} ({group})")
    return remarks

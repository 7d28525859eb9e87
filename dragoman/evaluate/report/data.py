"""What a run folder holds for its report, each part if it is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from dragoman.errors import DataError
from dragoman.evaluate.probe.result import ProbeResults
from dragoman.evaluate.results import FAULTS, ZERO_SHOT, Average, Results, tokenization
from dragoman.language.language import language, parse_direction, same_language

Identify = Callable[[list[str]], list[str]]
"""Texts to the codes of their languages."""
LOWER_IS_BETTER = frozenset({"OTR", "TER"})


@dataclass
class Evidence:
    """All that the report shows; whatever a run lacks is empty, with a line in `remarks`."""

    folder: Path
    name: str = ""
    results: Results = field(default_factory=Results)
    versions: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows of metrics.jsonl by stage, in order of steps."""
    recipe_text: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    """That of the corpus."""
    probe: ProbeResults | None = None
    """The look inside."""
    listed: list[str] = field(default_factory=list)
    """Names of systems in the order of the recipe."""
    focus: str | None = None
    """The system that the verdict is about, if the caller named it."""
    against: str | None = None
    """The system it is held against."""
    remarks: list[str] = field(default_factory=list)
    identify: Identify | None = None
    """For translations whose rows have no label."""

    @cached_property
    def systems(self) -> list[str]:
        """Systems with scores, in the order of the recipe, then in that of the scores."""
        scored = self.results.systems
        return [name for name in dict.fromkeys([*self.listed, *scored]) if name in scored]

    @cached_property
    def groups(self) -> list[str]:
        """Groups of directions, in order."""
        return self.results.groups

    @cached_property
    def directions(self) -> dict[str, str]:
        """Direction -> group, group by group."""
        return {direction: group for group in self.groups for direction in self.members(group)}

    def members(self, group: str) -> list[str]:
        """The directions of a group."""
        return self.results.directions(group)

    @cached_property
    def main_group(self) -> str:
        """The group that matters most: zero-shot where there is one; empty without scores."""
        return ZERO_SHOT if ZERO_SHOT in self.groups else (self.groups or [""])[0]

    @cached_property
    def metrics(self) -> list[str]:
        """Metrics that have values, in the usual order; the rates of faults stand apart."""
        return [name for name in self.results.metrics if name not in FAULTS]

    @cached_property
    def _values(self) -> dict[tuple[str, str, str], list[float]]:
        table: dict[tuple[str, str, str], list[float]] = {}
        for row in self.results.rows:
            table.setdefault((row.system, row.direction, row.metric), []).append(row.value)
        return table

    def value(self, system: str, direction: str, metric: str) -> float | None:
        """A score, the mean over seeds."""
        found = self._values.get((system, direction, metric))
        return fmean(found) if found else None

    def mean(self, system: str, group: str, metric: str) -> Average | None:
        """The mean over a group; None if there is none, or none may be taken (:meth:`mixed`)."""
        found = self.results.averages(system, group, metric)
        return found[0] if len(found) == 1 and not self.mixed(group, metric) else None

    def mixed(self, group: str, metric: str) -> list[str]:
        """The tokenizations of a metric in a group where there are several, so that no mean is taken."""
        members = set(self.members(group))
        rows = [row for row in self.results.rows if row.metric == metric and row.direction in members]
        kinds = dict.fromkeys(tokenization(row.signature) for row in rows)
        return list(kinds) if len(kinds) > 1 else []

    def translations(self, system: str, direction: str) -> list[dict[str, Any]]:
        """The translations of a system, in line order; empty if there are none."""
        rows, _ = read_jsonl(self.folder / "translations" / system / f"{direction}.jsonl")
        return rows


def split_direction(name: str) -> tuple[str, str]:
    """Source and target of `de-en`; of a name that is no direction, the parts around its first hyphen."""
    try:
        found = parse_direction(name)
    except DataError:
        source, _, target = name.partition("-")
        return source, target
    return found.source, found.target


def language_name(code: str) -> str:
    """English name of a language, or its code where the name is unknown."""
    try:
        return language(code).name
    except DataError:
        return code


def same(code: str, other: str) -> bool:
    """Whether two labels are the same language; unknown ones are compared as text."""
    try:
        return same_language(code, other)
    except DataError:
        return code == other


def read_jsonl(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Rows of a JSONL file and the number of lines that are none (a killed run leaves half a line)."""
    rows: list[dict[str, Any]] = []
    bad = 0
    for line in _lines(path):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            bad += 1
    return rows, bad


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from (line for line in file if line.strip())

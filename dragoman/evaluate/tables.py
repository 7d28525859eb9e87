"""Results as tables: plain text for the terminal, Markdown and TSV for papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dragoman.errors import RecipeError
from dragoman.evaluate.results import FAULTS, Results, tokenization

Style = Literal["text", "markdown", "tsv"]
NOTHING = "–"


@dataclass(slots=True)
class Table:
    """Cells as text. ``spans``: headings over columns; ``notes``: behind rows; ``foot``: under all."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]
    spans: list[tuple[str, int]] = field(default_factory=list)
    notes: Mapping[str, str] = field(default_factory=dict)
    foot: list[str] = field(default_factory=list)

    def show(self, style: Style = "text") -> str:
        """The table in a style; RecipeError if it is unknown."""
        if style == "text":
            return self._text()
        if style not in ("markdown", "tsv"):
            raise RecipeError(f"unknown table style {style!r}; expected text, markdown or tsv")
        return self._flat(style)

    def _text(self) -> str:
        first = max(len(label) for label in ["", *(label for label, _ in self.rows)]) + 2
        widths = [
            max([len(name), 5, *(len(cells[n]) for _, cells in self.rows)])
            for n, name in enumerate(self.columns)
        ]
        starts, place = set(), 0
        for heading, count in self.spans:
            starts.add(place)
            room = sum(widths[place : place + count]) + 2 * (count - 1)
            widths[place + count - 1] += max(0, len(heading) - room)
            place += count

        def line(label: str, cells: list[str]) -> str:
            parts = [label.ljust(first)]
            for n, (cell, width) in enumerate(zip(cells, widths, strict=True)):
                parts += [" " * (4 if n in starts and n else 2), cell.rjust(width)]
            return "  " + "".join(parts).rstrip()

        lines = []
        if self.spans:
            heading, place = " " * (first + 2), 0
            for text, count in self.spans:
                room = sum(widths[place : place + count]) + 2 * (count - 1)
                heading += " " * (4 if place else 2) + text.ljust(room)
                place += count
            lines.append(heading.rstrip())
        lines.append(line("", self.columns))
        for label, cells in self.rows:
            note = self.notes.get(label)
            lines.append(line(label, cells) + (f"   {note}" if note else ""))
        return "\n".join([*lines, *(f"  {text}" for text in self.foot)])

    def _flat(self, style: Style) -> str:
        names = [heading for heading, count in self.spans for _ in range(count)] or [""] * len(self.columns)
        names = [name.split(" (")[0] for name in names]
        head = ["system", *(f"{a} {b}".strip() for a, b in zip(names, self.columns, strict=True))]
        body = [[label, *cells] for label, cells in self.rows]
        if style == "tsv":
            clean = [[cell.replace("\t", " ") for cell in row] for row in [head, *body]]
            return "\n".join("\t".join("" if cell == NOTHING else cell for cell in row) for row in clean)
        escaped = [[cell.replace("|", "\\|") for cell in row] for row in [head, *body]]
        escaped.insert(1, ["---", *["---:"] * len(self.columns)])
        lines = ["| " + " | ".join(row) + " |" for row in escaped]
        return "\n".join([*lines, *([""] if self.foot else []), *(f"{text}  " for text in self.foot)])


def number(value: float | None, deviation: float | None = None) -> str:
    """One decimal, with the deviation over seeds if there is one."""
    if value is None:
        return NOTHING
    shown = f"{value:.1f}" if f"{value:.1f}" != "-0.0" else "0.0"
    return shown if deviation is None else f"{shown}±{deviation:.1f}"


def summary(results: Results, notes: Mapping[str, str] | None = None) -> Table:
    """Systems x (group x metric): means over directions, with the floor; ``notes`` stand behind systems."""
    metrics = [name for name in results.metrics if name not in FAULTS]
    sizes = {group: len(results.directions(group)) for group in results.groups}
    foot: list[str] = []
    rows = []
    for system in results.systems:
        cells = [average_cell(results, system, g, m, foot) for g in sizes for m in metrics]
        rows.append((system, cells))
    if results.floor:
        shown = {group: number(results.floor_average(group)) for group in sizes}
        rows.append(("floor", [shown[group] if m == "OTR" else "" for group in sizes for m in metrics]))
    spans = [(f"{group} ({size})", len(metrics)) for group, size in sizes.items()]
    return Table(metrics * len(sizes), rows, spans, notes or {}, foot)


def average_cell(results: Results, system: str, group: str, metric: str, foot: list[str]) -> str:
    """A cell; what cannot be said in one number goes to the foot."""
    found = results.averages(system, group, metric)
    if len(found) > 1:
        parts = [f"{tokenization(a.signature)} {number(a.value)} ({len(a.directions)})" for a in found]
        foot.append(
            f"{system}, {group}: {metric} is not averaged over different signatures: {', '.join(parts)}"
        )
        return NOTHING
    if not found:
        return NOTHING
    missing = (
        "" if len(found[0].directions) == len(results.directions(group)) else f" ({len(found[0].directions)})"
    )
    return number(found[0].value, found[0].deviation) + missing


def by_direction(results: Results, metric: str) -> Table:
    """Systems x directions under one metric; means over seeds."""
    names = {group: results.directions(group) for group in results.groups}
    directions = [name for group in names.values() for name in group]
    rows = [
        (system, [number(results.value(system, name, metric)) for name in directions])
        for system in results.systems
    ]
    if metric == "OTR" and results.floor:
        rows.append(("floor", [number(results.floor.get(name)) for name in directions]))
    spans = [(group, len(found)) for group, found in names.items()]
    return Table(directions, rows, spans)


def faults(results: Results) -> Table | None:
    """Systems x (group x rate of empty, unidentified, copied, runaway lines); None if nothing was counted."""
    present = [name for name in FAULTS if name in results.metrics]
    if not present:
        return None
    foot: list[str] = []
    rows = [
        (system, [average_cell(results, system, g, name, foot) for g in results.groups for name in present])
        for system in results.systems
    ]
    return Table(
        present * len(results.groups), rows, [(f"{g} (%)", len(present)) for g in results.groups], {}, foot
    )


def signatures(results: Results) -> list[str]:
    """``metric: signature`` for every signature that occurs, with its directions where there are several."""
    lines = []
    for metric in results.metrics:
        found: dict[str, dict[str, None]] = {}
        for row in results.rows:
            if row.metric == metric:
                found.setdefault(row.signature, {})[row.direction] = None
        for signature, directions in found.items():
            where = f" ({', '.join(directions)})" if len(found) > 1 else ""
            lines.append(f"{metric}: {signature}{where}")
    return lines

"""The rows of dialogues as tables: one of the measures, one each by kind, turn and user's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dragoman.evaluate.results import CLEAN, DEMAND, FINAL, REST, UNDONE, Results, Row
from dragoman.evaluate.tables import Style, Table, average_cell, signatures
from dragoman.instruct.interactive.task import KINDS

MEASURES = (DEMAND, REST, CLEAN, UNDONE, f"{FINAL} BLEU", f"{FINAL} chrF++")
SIGNED = (DEMAND, *MEASURES[-2:])
"""Measures whose signature is shown: the shares have one and the same."""


def of_rows(rows: Sequence[Row]) -> Results:
    """Rows of dialogues as results of their own, for averages and tables."""
    return Results(rows=list(rows))


def overview(results: Results) -> Table:
    """Systems x (group x measure): means over directions."""
    names = [name for name in MEASURES if name in results.metrics]
    return _table(
        results, {group: {name: name for name in names} for group in results.groups}, results.groups
    )


def parted(results: Results, measure: str) -> Table:
    """Systems x parts of a measure: by kind, by turn, by user; means over the directions that have them.

    Where some directions are supervised and others are not, the columns are those of each group in turn.
    """
    columns, groups = {}, []
    for group in results.groups:
        for heading, parts in parts_of(results, measure).items():
            name = f"{heading}, {group}" if len(results.groups) > 1 else heading
            columns[name] = {shown: f"{measure}: {part}" for part, shown in parts.items()}
            groups.append(group)
    return _table(results, columns, groups)


def parts_of(results: Results, measure: str) -> dict[str, dict[str, str]]:
    """Heading -> part -> its name in a column, of the parts that a measure has."""
    there = [name.partition(": ")[2] for name in results.metrics if name.startswith(f"{measure}: ")]
    turns = sorted((part for part in there if part.startswith("turn ")), key=lambda part: int(part[5:]))
    users = sorted(part for part in there if part.startswith("user "))
    kinds = [part for part in there if part not in turns and part not in users]
    kinds.sort(key=lambda part: (KINDS.index(part) if part in KINDS else len(KINDS), part))
    found = {
        f"{measure}, by kind": {part: part for part in kinds},
        "by turn": {part: part.removeprefix("turn ") for part in turns},
        "by user": {part: part.removeprefix("user ") for part in users},
    }
    return {heading: parts for heading, parts in found.items() if parts}


def show(results: Results, style: Style = "text") -> str:
    """All tables and the signatures, as text; '' if there is no row."""
    if not results.rows:
        return ""
    parts = [overview(results).show(style)]
    parts += [
        parted(results, measure).show(style) for measure in (DEMAND, REST) if parts_of(results, measure)
    ]
    if style != "tsv":
        lead = "  " if style == "text" else "- "
        told = [row for row in results.rows if row.metric in SIGNED]
        parts.append("\n".join(lead + line for line in signatures(of_rows(told))))
    return "\n\n".join(parts)


def _table(results: Results, columns: Mapping[str, Mapping[str, str]], groups: Sequence[str]) -> Table:
    """``columns``: for each heading what a column is called, and its metric; ``groups``: of the headings."""
    foot: list[str] = []
    rows = [
        (
            system,
            [
                average_cell(results, system, group, metric, foot)
                for group, named in zip(groups, columns.values(), strict=True)
                for metric in named.values()
            ],
        )
        for system in results.systems
    ]
    spans = [
        (
            f"{heading} ({len(results.directions(heading))})" if heading in results.groups else heading,
            len(named),
        )
        for heading, named in columns.items()
    ]
    return Table([name for named in columns.values() for name in named], rows, spans, {}, foot)

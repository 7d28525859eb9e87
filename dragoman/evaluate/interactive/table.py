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
    names = {name: name for name in MEASURES if name in results.metrics}
    return _table(
        results, [(f"{group} ({len(results.directions(group))})", group, names) for group in results.groups]
    )


def parted(results: Results, measure: str, group: str) -> Table:
    """Systems x parts of a measure: by kind, by turn, by user; means over the directions that have them.

    Users are compared in the directions that have all of them: elsewhere they would differ by the languages.
    """
    results = _comparable(results, measure)
    where = f", {group}" if len(results.groups) > 1 else ""
    spans: list[tuple[str, str, Mapping[str, str]]] = []
    for heading, parts in parts_of(results, measure).items():
        columns = {shown: f"{measure}: {part}" for part, shown in parts.items()}
        spans.append((heading if spans else f"{measure}{where}, {heading}", group, columns))
    return _table(results, spans)


def _comparable(results: Results, measure: str) -> Results:
    """The results without rows by user in directions that have but some of the users, if others have all."""
    users = {name for name in results.metrics if name.startswith(f"{measure}: user ")}
    spoken = {(row.direction, row.metric) for row in results.rows if row.metric in users}
    whole = {d for d, _ in spoken if all((d, name) in spoken for name in users)}
    if not whole:
        return results
    return of_rows([row for row in results.rows if row.metric not in users or row.direction in whole])


def parts_of(results: Results, measure: str) -> dict[str, dict[str, str]]:
    """Heading -> part -> its name in a column, of the parts that a measure has."""
    there = [name.partition(": ")[2] for name in results.metrics if name.startswith(f"{measure}: ")]
    turns = sorted((part for part in there if part.startswith("turn ")), key=lambda part: int(part[5:]))
    users = sorted(part for part in there if part.startswith("user "))
    kinds = [part for part in there if part not in turns and part not in users]
    kinds.sort(key=lambda part: (KINDS.index(part) if part in KINDS else len(KINDS), part))
    found = {
        "by kind": {part: part for part in kinds},
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
        parted(results, measure, group).show(style)
        for measure in (DEMAND, REST)
        if parts_of(results, measure)
        for group in results.groups
    ]
    if style != "tsv":
        lead = "  " if style == "text" else "- "
        told = [row for row in results.rows if row.metric in SIGNED]
        parts.append("\n".join(lead + line for line in signatures(of_rows(told))))
    return "\n\n".join(parts)


def _table(results: Results, spans: Sequence[tuple[str, str, Mapping[str, str]]]) -> Table:
    """``spans``: heading, group of directions, and for each column what it is called and its metric."""
    foot: list[str] = []
    rows = [
        (
            system,
            [
                average_cell(results, system, group, metric, foot)
                for _, group, named in spans
                for metric in named.values()
            ],
        )
        for system in results.systems
    ]
    columns = [name for _, _, named in spans for name in named]
    return Table(columns, rows, [(heading, len(named)) for heading, _, named in spans], {}, foot)

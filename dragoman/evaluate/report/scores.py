"""Maps of direction x system, rates of faults, and the significance tests."""

from __future__ import annotations

from typing import Any

from dragoman.evaluate.report.charts import legend, shade
from dragoman.evaluate.report.data import LOWER_IS_BETTER, Evidence, language_name, split_direction
from dragoman.evaluate.report.markup import NOTHING, Markup, el, finite, join, number, p_value
from dragoman.evaluate.report.summary import scroll
from dragoman.evaluate.report.verdict import corrected
from dragoman.evaluate.results import FAULTS

_FAULT_WORDS = {
    "empty": "no text at all",
    "unidentified": "text without letters",
    "copied": "the source again",
    "runaway": "never came to an end",
}


Scale = tuple[float, float, str]
"""Lowest value, highest value, name of the colours."""
Head = tuple[str, Markup]
"""Group and name of a column or row; those of a group stand together."""
Values = list[float | None]
WIDEST = 16
"""Directions that still stand side by side."""


def maps(evidence: Evidence) -> Markup | None:
    """Direction x system: OTR and BLEU open, other metrics folded."""
    first = [name for name in ("OTR", "BLEU") if name in evidence.metrics]
    titles = {"OTR": "OTR: wrong language, in percent"}
    shown = [join(el("h3", titles.get(name, name)), _map(evidence, name)) for name in first]
    folded = [
        el("details", el("summary", name), _map(evidence, name))
        for name in evidence.metrics
        if name not in first
    ]
    return join(*shown, *folded) or None


def _map(evidence: Evidence, metric: str) -> Markup:
    """Systems x directions; where there are many directions, they are the rows."""
    colours = "bad" if metric in LOWER_IS_BETTER else "good"
    rows = [(_name(s), [evidence.value(s, d, metric) for d in evidence.directions]) for s in evidence.systems]
    known = [value for _, values in rows for value in values if value is not None]
    scale = (min([0.0, *known]), 100.0 if metric == "OTR" else max([*known, 1.0]), colours)
    if metric == "OTR" and evidence.results.floor:
        floor = evidence.results.floor
        rows.append((("", el("i", "floor")), [floor.get(direction) for direction in evidence.directions]))
    heads = [(group, _direction_label(direction)) for direction, group in evidence.directions.items()]
    if len(heads) > WIDEST:
        turned = [(head, [values[place] for _, values in rows]) for place, head in enumerate(heads)]
        heads, rows = [name for name, _ in rows], turned
    caption = "stronger colour: " + ("worse" if colours == "bad" else "better")
    return join(_grid(f"{metric} by direction and system", heads, rows, scale), legend(*scale, caption))


def _name(system: str) -> Head:
    return "", el("bdi", system, title=system)


def _direction_label(direction: str) -> Markup:
    source, target = split_direction(direction)
    title = f"{language_name(source)} to {language_name(target)}"
    return el("abbr", source, el("span", "→", class_="arrow"), target, title=title)


def _grid(label: str, heads: list[Head], rows: list[tuple[Head, Values]], scale: Scale) -> Markup:
    """A table of shaded numbers; groups of columns stand apart, groups of rows have a heading."""
    groups = [group for group, _ in heads]
    edges = [" edge" * (place > 0 and group != groups[place - 1]) for place, group in enumerate(groups)]
    names = [
        el("th", name, scope="col", class_=edge.strip() or None)
        for (_, name), edge in zip(heads, edges, strict=True)
    ]
    tops = [
        el("th", group, colspan=groups.count(group), scope="colgroup", class_="group" + " edge" * (n > 0))
        for n, group in enumerate(dict.fromkeys(groups))
    ]
    body = []
    last = ""
    for (group, name), values in rows:
        if group != last:
            wide = el("th", group, colspan=len(heads) + 1, scope="rowgroup", class_="group")
            body.append(el("tr", wide))
            last = group
        cells = []
        for value, edge in zip(values, edges, strict=True):
            colour = "" if value is None else " " + shade(value, *scale)
            cells.append(el("td", number(value), class_=f"cell{colour}{edge}"))
        body.append(el("tr", el("th", name, scope="row"), *cells))
    top = el("tr", el("td"), *tops) if any(groups) else None
    head = el("thead", top, el("tr", el("td"), *names))
    return scroll(label, el("table", head, el("tbody", *body), class_="map"))


def faults(evidence: Evidence) -> Markup | None:
    """Rates of empty, unidentified, copied and runaway outputs, by system and group."""
    present = [fault for fault in FAULTS if fault in evidence.results.metrics]
    if not present:
        return None
    columns = [(group, fault) for group in evidence.groups for fault in present]
    heads = [(group, el("abbr", fault, title=_FAULT_WORDS[fault])) for group, fault in columns]
    rows = []
    for system in evidence.systems:
        means = [evidence.mean(system, group, fault) for group, fault in columns]
        rows.append((_name(system), [None if mean is None else mean.value for mean in means]))
    words = "; ".join(f"{fault}: {_FAULT_WORDS[fault]}" for fault in present)
    note = el("p", f"In percent of the translations. {words[0].upper()}{words[1:]}.", class_="note")
    return join(_grid("Rates of faults", heads, rows, (0.0, 100.0, "bad")), note)


_TEST_COLUMNS = ("Systems", "Metric", "On", "Difference", "95 % interval", "p bootstrap", "p randomisation")


def significance(evidence: Evidence) -> Markup | None:
    """The paired tests: difference, interval, p-values."""
    rows = evidence.results.significance
    joint = [row for row in rows if row.get("group")]
    single = [row for row in rows if not row.get("group")]
    if not rows:
        return None
    parts = []
    if joint:
        parts += [el("h3", "Averages over directions"), _tests("Averages over directions", joint)]
    if single:
        title, table = "Direction by direction", _tests("Direction by direction", single)
        parts.append(el("details", el("summary", title), table, open=not joint))
    note = (
        "Difference: the second system minus the first, on the same lines; bold where p is below 0.05. "
        "Paired bootstrap and approximate randomisation, two-sided; Holm corrects for many directions. "
        "Both speak of test lines, not of training seeds."
    )
    _, mark, how = str(rows[0].get("signature") or "").partition("bs:")
    return join(*parts, el("p", note, " ", el("code", mark + how) if mark else None, class_="note"))


def _tests(label: str, rows: list[dict[str, Any]]) -> Markup:
    """One table of tests; Holm's column only where there is something in it."""
    holm = any(finite(row.get("p_holm")) is not None for row in rows)
    names = [*_TEST_COLUMNS, *(["p Holm"] if holm else [])]
    heads = [el("th", name, scope="col", class_="num" if n > 2 else None) for n, name in enumerate(names)]
    body = [_test_row(row, holm) for row in rows]
    return scroll(label, el("table", el("thead", el("tr", *heads)), el("tbody", *body), class_="plain"))


def _test_row(row: dict[str, Any], holm: bool) -> Markup:
    p = corrected(row)
    low, high = number(row.get("low"), sign=True), number(row.get("high"), sign=True)
    span = f"{low} to {high}" if NOTHING not in (low, high) else NOTHING
    arrow = el("span", " → ", class_="soft")
    pair = join(el("bdi", str(row.get("a", ""))), arrow, el("bdi", str(row.get("b", ""))))
    difference = el("b" if p is not None and p < 0.05 else "span", number(row.get("difference"), sign=True))
    ps = [p_value(row.get(key)) for key in ("p_bootstrap", "p_randomisation", *(["p_holm"] if holm else []))]
    where = str(row.get("group") or row.get("direction") or "")
    return el(
        "tr",
        el("th", pair, scope="row"),
        el("td", str(row.get("metric", ""))),
        el("td", where),
        *(el("td", value, class_="num") for value in (difference, span, *ps)),
    )

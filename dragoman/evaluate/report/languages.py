"""Which language came out: shares per system, and the confusion of target and identified language."""

from __future__ import annotations

from collections import Counter

from dragoman.evaluate.off_target import EMPTY
from dragoman.evaluate.report.charts import shade
from dragoman.evaluate.report.data import Evidence, language_name, same, split_direction
from dragoman.evaluate.report.markup import Markup, el, join, number, percent
from dragoman.evaluate.report.summary import scroll
from dragoman.evaluate.results import ALL
from dragoman.language.language import OTHER, UNKNOWN

KINDS = {
    "right": "the language asked for",
    "source": "the source language",
    "english": "English",
    "other": "another language",
    "none": "none (empty, or no letters)",
}
"""What an output's language can be, in the order of the bars."""
NO_LANGUAGE = (UNKNOWN, EMPTY, "")
"""Labels of outputs that are in no language."""
_COLUMNS = 8


def kind_of(source: str, target: str, label: str) -> str:
    """One of :data:`KINDS` for an output that was identified as `label`."""
    if label in NO_LANGUAGE:
        return "none"
    if same(label, target):
        return "right"
    if same(label, source):
        return "source"
    return "english" if same(label, "en") else "other"


def confusion(evidence: Evidence) -> Markup | None:
    """Bars for every system, then target x label for each, on the main group's directions."""
    every = evidence.results.confusion
    members = set(evidence.members(evidence.main_group))
    counts: dict[str, dict[str, Counter[str]]] = {}
    for system in evidence.systems:
        rows = every.get(system)
        its = (
            {name: _counter(rows[name]) for name in rows if name in members} if isinstance(rows, dict) else {}
        )
        if any(sum(counter.values()) for counter in its.values()):
            counts[system] = its
    if not counts:
        return None
    keys = [el("span", el("i", class_=f"seg seg-{kind}"), words) for kind, words in KINDS.items()]
    bars = [
        el("div", el("span", el("bdi", system), class_="bar-name"), _stack(its), class_="stack-row")
        for system, its in counts.items()
    ]
    group = "all directions" if evidence.main_group == ALL else f"the {evidence.main_group} directions"
    note = el("p", f"Share of the outputs on {group}, by the language that was identified.", class_="note")
    labels = {label for its in counts.values() for counter in its.values() for label in counter}
    room = f"--columns:{min(len(labels), _COLUMNS + 1)}"
    tables = el(
        "div", *(_matrix(system, its) for system, its in counts.items()), class_="matrices", style=room
    )
    how = "Rows: language asked for. Columns: language identified. In percent of a row, the right one framed."
    return join(
        note,
        el("p", *keys, class_="keys"),
        el("div", *bars, class_="stacks"),
        el("h3", "Confusion"),
        el("p", how, class_="note"),
        tables,
    )


def _counter(labels: object) -> Counter[str]:
    items = labels.items() if isinstance(labels, dict) else ()
    return Counter({str(label): count for label, count in items if isinstance(count, int) and count > 0})


def _stack(its: dict[str, Counter[str]]) -> Markup:
    """One bar of 100 %; a share wide enough carries its number."""
    shares: Counter[str] = Counter()
    for direction, counter in its.items():
        source, target = split_direction(direction)
        for label, count in counter.items():
            shares[kind_of(source, target, label)] += count
    total = sum(shares.values())
    parts, said = [], []
    for kind, words in KINDS.items():
        if share := 100 * shares[kind] / total:
            shown = number(share, 0) if share >= 6 else None
            parts.append(
                el(
                    "i",
                    shown,
                    class_=f"seg seg-{kind}",
                    style=f"width:{share:.2f}%",
                    title=f"{words}: {percent(share)}",
                )
            )
            said.append(f"{words} {percent(share)}")
    return el("span", *parts, class_="stack", role="img", aria_label=", ".join(said))


def _matrix(system: str, its: dict[str, Counter[str]]) -> Markup:
    """Target x label, the labels that occur most; the rest is one column."""
    rows: dict[str, Counter[str]] = {}
    for direction, counter in its.items():
        rows.setdefault(split_direction(direction)[1], Counter()).update(counter)
    totals: Counter[str] = sum(rows.values(), Counter())
    targets = sorted(rows)
    asked = [label for label in totals if any(same(label, target) for target in targets)]
    others = sorted(
        (label for label in totals if label not in asked),
        key=lambda label: (label in NO_LANGUAGE, label == OTHER, -totals[label], label),
    )
    kept = others[: max(_COLUMNS - len(asked), 2)]
    columns = [*sorted(asked), *kept]
    heads = [
        el("th", el("abbr", _label(c), title=label_words(c)), scope="col", class_="num") for c in columns
    ]
    if rest := others[len(kept) :]:
        heads.append(
            el(
                "th",
                el("abbr", f"+{len(rest)}", title=", ".join(map(label_words, rest))),
                scope="col",
                class_="num",
            )
        )
    body = []
    for target in targets:
        total = sum(rows[target].values()) or 1
        cells = [_share_cell(100 * rows[target][c] / total, same(c, target)) for c in columns]
        if rest:
            cells.append(_share_cell(100 * sum(rows[target][c] for c in rest) / total, False))
        body.append(el("tr", el("th", el("abbr", target, title=language_name(target)), scope="row"), *cells))
    head = el("tr", el("td"), *heads)
    table = el(
        "table", el("caption", el("bdi", system)), el("thead", head), el("tbody", *body), class_="map small"
    )
    return scroll(f"Confusion of {system}", table)


def label_words(label: str) -> str:
    """A label for readers: the name of a language, or what stands for none."""
    words = {OTHER: KINDS["other"], UNKNOWN: "no letters", EMPTY: "no text", "": "no text"}
    return words.get(label) or language_name(label)


def _label(label: str) -> str:
    return "no letters" if label == UNKNOWN else label or EMPTY


def _share_cell(share: float, right: bool) -> Markup:
    colour = shade(share, 0, 100, "good" if right else "bad")
    shown = number(share, 0) if share >= 0.95 else "<1" if share > 0 else "·"
    return el("td", shown, class_=f"cell {colour}" + " right" * right, title=percent(share, 2))

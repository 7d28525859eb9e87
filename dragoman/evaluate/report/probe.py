"""The look inside: charts and tables of every layer, systems side by side (where `probe.json` is there)."""

from __future__ import annotations

from dragoman.evaluate.probe.result import MARGIN, MEASURES, ProbeResults
from dragoman.evaluate.probe.table import headings, layer_name, title
from dragoman.evaluate.report.data import Evidence
from dragoman.evaluate.report.markup import Markup, el, join, number
from dragoman.evaluate.report.probe_panel import (
    HEIGHT,
    WIDTH,
    Dot,
    Scale,
    Shape,
    Stroke,
    kind_of,
    panel,
    scales,
)
from dragoman.evaluate.report.probe_picture import places_of
from dragoman.evaluate.report.summary import scroll

_NOTE = (
    "Each sentence is the mean of its tokens’ states in a layer, the first token left out, less the mean of "
    "all sentences of its language. Margin: cosine of a sentence and its translation less that of a sentence "
    "and another’s translation. P@1: share of the sentences whose own translation is nearest among all. "
    "These numbers describe the model; whether higher ones translate better is for the scores above to say."
)


def inside(evidence: Evidence) -> Markup | None:
    """Curves of the mean over language pairs, then each pair's, then the numbers and what they come from."""
    results = evidence.probe
    if results is None:
        return None
    first, *others = places_of(results)
    scale = scales(results, [first, *others])
    keys = [_key(number, name) for number, name in enumerate(results.names)]
    parts = [
        el("p", _NOTE, class_="note"),
        el("p", *keys, class_="keys"),
        el("h3", title(results, first)),
        _charts(results, first, scale),
        *(
            el("details", el("summary", title(results, pair)), _charts(results, pair, scale))
            for pair in others
        ),
        el("details", el("summary", "Numbers, layer by layer"), *(_tables(results, first))),
        el("p", el("code", results.signature), class_="note"),
    ]
    return join(*parts)


def _key(number: int, name: str) -> Markup:
    line = el(
        "svg", el("line", x1=0, y1=5, x2=28, y2=5, class_=f"line-{kind_of(number)}"),
        viewBox="0 0 28 10", width=28, height=10, aria_hidden="true",
    )  # fmt: skip
    return el("span", line, " ", el("bdi", name))


def _charts(results: ProbeResults, pair: str | None, scale: dict[str, Scale]) -> Markup:
    charts = []
    for measure, heading in zip(MEASURES, headings(pair), strict=True):
        told = []
        for name in results.names:
            values = results.values(name, measure, pair)
            told.append(f"{name}: {_shown(measure, values[0])} to {_shown(measure, values[-1])}")
        unit = "" if measure == MARGIN else " (%)"
        shapes = panel(results, measure, pair, scale[measure])
        picture = el(
            "svg", *map(_as_html, shapes), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
            aria_label=f"{heading} by relative depth. {'; '.join(told)}",
        )  # fmt: skip
        caption = el("figcaption", el("b", heading + unit))
        charts.append(el("figure", caption, picture, class_="chart"))
    return el("div", *charts, class_="charts")


def _as_html(shape: Shape) -> Markup:
    """A shape painted by the classes of the page."""
    if isinstance(shape, Stroke):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        kind = "grid" if shape.kind == "grid" else f"curve curve-{shape.kind}"
        return el("polyline", points=path, class_=kind)
    x, y = (f"{value:.1f}" for value in shape.at)
    if isinstance(shape, Dot):
        return el("circle", el("title", shape.title), cx=x, cy=y, r=3.2, class_=f"dot dot-{shape.kind}")
    return el("text", shape.text, x=x, y=y, text_anchor=shape.anchor)


def _tables(results: ProbeResults, pair: str | None) -> list[Markup]:
    """A table for each measure: systems down, layers across, since models differ in their number."""
    last = max(map(results.layers, results.names))
    heads = [el("th", layer_name(layer), scope="col", class_="num") for layer in range(last + 1)]
    tables = []
    for measure, heading in zip(MEASURES, headings(pair), strict=True):
        rows = []
        for name in results.names:
            values: list[float | None] = list(results.values(name, measure, pair))
            values += [None] * (last + 1 - len(values))
            cells = [el("td", _shown(measure, value), class_="num") for value in values]
            rows.append(el("tr", el("th", el("bdi", name), scope="row"), *cells))
        head = el("tr", el("th", heading, scope="col"), *heads)
        table = el("table", el("thead", head), el("tbody", *rows), class_="plain")
        tables.append(scroll(heading, table))
    return tables


def _shown(measure: str, value: float | None) -> str:
    return number(value, 3 if measure == MARGIN else 1)

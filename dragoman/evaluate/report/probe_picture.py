"""The picture as a file: a row of panels for each language pair, a column for each measure; SVG and PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dragoman.evaluate.probe.result import MARGIN, MEASURES, ProbeResults
from dragoman.evaluate.probe.table import headings, title
from dragoman.evaluate.report.markup import Markup, el, escape
from dragoman.evaluate.report.probe_panel import (
    HEIGHT,
    WIDTH,
    Dot,
    Point,
    Shape,
    Stroke,
    Words,
    colour_of,
    dash_of,
    kind_of,
    panel,
    scales,
)

PAPER, INK, SOFT, RULE = "#ffffff", "#1d2327", "#5a6265", "#dfdcd2"
SIZES = {"soft": 11, "strong": 13}
_EDGE, _GAP, _HEAD = 16, 18, 50
_LETTER = 6.9
"""Room for a letter of a system's name."""
_SHARPNESS = 150
"""Dots per inch of the PNG, for which an inch is 100 pixels of the SVG."""
_POINT = 0.72
"""Points in a pixel of which 100 make an inch."""


def places_of(results: ProbeResults) -> list[str | None]:
    """What has a row: the mean over the language pairs where there are several, then each pair."""
    return [*([None] if len(results.pairs) > 1 else []), *results.pairs]


def figure(results: ProbeResults) -> tuple[list[Shape], int, int]:
    """All shapes, width and height."""
    width = 2 * _EDGE + len(MEASURES) * WIDTH + (len(MEASURES) - 1) * _GAP
    shapes, top = _legend(results.names, width)
    places = places_of(results)
    scale = scales(results, places)
    for pair in places:
        shapes.append(Words(Point(_EDGE, top + 16), title(results, pair), kind="strong"))
        for column, (measure, heading) in enumerate(zip(MEASURES, headings(pair), strict=True)):
            left = _EDGE + column * (WIDTH + _GAP)
            unit = "" if measure == MARGIN else " (%)"
            shapes.append(Words(Point(left, top + 38), heading + unit))
            shapes += [
                _moved(s, left, top + _HEAD - 6) for s in panel(results, measure, pair, scale[measure])
            ]
        top += _HEAD + HEIGHT
    return shapes, width, top + _EDGE


def _legend(names: Sequence[str], width: int) -> tuple[list[Shape], int]:
    """A key for each system, in as many lines as they need; and where the panels begin."""
    shapes: list[Shape] = []
    left, top = float(_EDGE), _EDGE + 10
    for number, name in enumerate(names):
        room = 58 + _LETTER * len(name)
        if left > _EDGE and left + room > width - _EDGE:
            left, top = float(_EDGE), top + 20
        shapes.append(Stroke((Point(left, top - 4), Point(left + 28, top - 4)), kind_of(number)))
        shapes.append(Words(Point(left + 34, top), name, kind="strong"))
        left += room
    return shapes, top + 14


def _moved(shape: Shape, right: float, down: float) -> Shape:
    def move(point: Point) -> Point:
        return Point(point.x + right, point.y + down)

    if isinstance(shape, Stroke):
        return Stroke(tuple(map(move, shape.points)), shape.kind)
    if isinstance(shape, Dot):
        return Dot(move(shape.at), shape.kind, shape.title)
    return Words(move(shape.at), shape.text, shape.anchor, shape.kind)


def _pen(kind: str) -> tuple[str, float, str]:
    """Colour, width and dash of a stroke."""
    return (RULE, 1.0, "") if kind == "grid" else (colour_of(kind), 2.0, dash_of(kind))


def _as_svg(shape: Shape) -> Markup:
    if isinstance(shape, Stroke):
        colour, width, dash = _pen(shape.kind)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        return el(
            "polyline", points=path, fill="none", stroke=colour, stroke_width=width,
            stroke_dasharray=dash or None, stroke_linejoin="round",
        )  # fmt: skip
    x, y = (f"{value:.1f}" for value in shape.at)
    if isinstance(shape, Dot):
        told = el("title", shape.title)
        return el("circle", told, cx=x, cy=y, r=3, fill=colour_of(shape.kind), stroke=PAPER)
    return el(
        "text", shape.text, x=x, y=y, text_anchor=shape.anchor, font_size=SIZES[shape.kind],
        fill=INK if shape.kind == "strong" else SOFT,
    )  # fmt: skip


def svg_text(results: ProbeResults) -> str:
    """The picture as SVG, on white, with nothing fetched."""
    shapes, width, height = figure(results)
    label = f"Measures by relative depth of {', '.join(results.names)}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(label)}" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif">'
    )
    paper = el("rect", width=width, height=height, fill=PAPER)
    return "\n".join([head, paper, *map(_as_svg, shapes), "</svg>", ""])


def write_svg(path: Path, results: ProbeResults) -> None:
    """Write the picture as SVG (beside, then renamed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(svg_text(results), encoding="utf-8")
    part.replace(path)


def write_png(path: Path, results: ProbeResults) -> bool:
    """Write the same picture as PNG (beside, then renamed); False, and nothing, without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    shapes, width, height = figure(results)
    page = Figure(figsize=(width / 100, height / 100), dpi=_SHARPNESS, facecolor=PAPER)
    FigureCanvasAgg(page)
    axes = page.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    for order, shape in enumerate(shapes):
        _draw(axes, shape, order)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    page.savefig(part, format="png", metadata={"Software": None})
    part.replace(path)
    return True


def _draw(axes: Any, shape: Shape, order: int) -> None:
    """One shape on axes whose units are the pixels of the SVG; ``order`` is its place from the bottom up."""
    if isinstance(shape, Stroke):
        colour, width, dash = _pen(shape.kind)
        lengths = [float(part) * _POINT for part in dash.split()]
        xs, ys = zip(*shape.points, strict=True)
        (line,) = axes.plot(xs, ys, color=colour, linewidth=width * _POINT, zorder=order, clip_on=False)
        if lengths:
            line.set_dashes([length / (width * _POINT) for length in lengths])
    elif isinstance(shape, Dot):
        size = (6.5 * _POINT) ** 2
        axes.scatter(
            [shape.at.x], [shape.at.y], s=size, color=colour_of(shape.kind), edgecolors=PAPER,
            linewidths=_POINT, zorder=order, clip_on=False,
        )  # fmt: skip
    else:
        axes.text(
            shape.at.x, shape.at.y, shape.text.replace("$", r"\$"), fontsize=SIZES[shape.kind] * _POINT,
            color=INK if shape.kind == "strong" else SOFT, zorder=order, va="baseline",
            ha={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
        )  # fmt: skip

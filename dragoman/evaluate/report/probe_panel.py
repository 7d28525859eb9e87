"""One panel of the picture: a measure against relative depth, a curve for each system, as plain shapes.

Shapes know no colours: the report paints them with CSS classes, files with what :func:`paint` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dragoman.evaluate.probe.result import MARGIN, MEASURES, ProbeResults
from dragoman.evaluate.probe.table import shown
from dragoman.evaluate.report.charts import ticks
from dragoman.evaluate.report.markup import compact

WIDTH, HEIGHT = 330, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 12, 8, 38
_AXIS = "relative depth (0 embeddings, 1 last layer)"
# Dark enough for thin lines on white, light enough on black; neighbours differ in lightness too.
COLOURS = {
    "light": ("#13777a", "#c25a14", "#6b3f86", "#2b74b8", "#8a7712", "#a8325e", "#5b6066", "#111111"),
    "dark": ("#5cc0b8", "#f09a5c", "#b48fd0", "#7db9ec", "#d3c15a", "#ee8fb0", "#aab1b3", "#f2f2f2"),
}
DASHES = ("", "7 4", "2 3", "9 3 2 3")
"""Curves differ in dash as well, for those who print in grey or see colours otherwise."""
MOST_DOTS = 40
"""Layers up to which each has a dot."""


class Point(NamedTuple):
    """A place in a panel, in pixels from its upper left corner."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points; ``kind`` is `grid` or that of a system (:func:`kind_of`)."""

    points: tuple[Point, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A measured value; ``title`` tells it in words."""

    at: Point
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text; ``anchor`` is start, middle or end; ``kind`` is `soft` or `strong`."""

    at: Point
    text: str
    anchor: str = "start"
    kind: str = "soft"


Shape = Stroke | Dot | Words


def kind_of(number: int) -> str:
    """What the curve of a system is called, by its place among the systems."""
    return f"look{number % len(COLOURS['light'])}"


def colour_of(kind: str, mode: str = "light") -> str:
    """The colour of a system's curve."""
    return COLOURS[mode][int(kind.removeprefix("look"))]


def dash_of(kind: str) -> str:
    """The dash of a system's curve, as SVG has it; '' for a solid line."""
    return DASHES[int(kind.removeprefix("look")) % len(DASHES)]


def css(mode: str) -> str:
    """Rules for the curves, dots and keys of the systems; mode: light or dark."""
    rules = []
    for number, colour in enumerate(COLOURS[mode]):
        kind = kind_of(number)
        dash = f";stroke-dasharray:{dash_of(kind)}" if dash_of(kind) else ""
        rules.append(f".curve-{kind}{{stroke:{colour}{dash}}}.dot-{kind}{{fill:{colour}}}")
        rules.append(f".line-{kind}{{stroke:{colour}{dash};stroke-width:3}}")
    return "".join(rules)


class Scale(NamedTuple):
    """Round numbers that a measure's axis shows, the lowest first."""

    marks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value stands, in pixels from the top of a panel."""
        low, high = self.marks[0], self.marks[-1]
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def scales(results: ProbeResults, places: Sequence[str | None]) -> dict[str, Scale]:
    """The axis of each measure, the same for all language pairs and for both ways of retrieval."""
    found = {
        measure: [v for name in results.names for pair in places for v in results.values(name, measure, pair)]
        for measure in MEASURES
    }
    shares = [value for measure, values in found.items() if measure != MARGIN for value in values]
    share = Scale(tuple(ticks(0.0, max(*shares, 1.0))))
    margin = Scale(tuple(ticks(min(0.0, *found[MARGIN]), max(found[MARGIN]))))
    return {measure: margin if measure == MARGIN else share for measure in MEASURES}


def panel(results: ProbeResults, measure: str, pair: str | None, scale: Scale) -> list[Shape]:
    """The shapes of a measure on a language pair (None: the mean over pairs)."""

    def at(depth: float, value: float) -> Point:
        return Point(_LEFT + depth * (WIDTH - _LEFT - _RIGHT), scale.place(value))

    shapes: list[Shape] = []
    for mark in scale.marks:
        shapes.append(Stroke((at(0, mark), at(1, mark)), "grid"))
        shapes.append(Words(Point(_LEFT - 6, scale.place(mark) + 4), compact(mark), "end"))
    for depth in (0, 0.25, 0.5, 0.75, 1):
        shapes.append(Words(Point(at(depth, 0).x, HEIGHT - _BOTTOM + 16), compact(depth), "middle"))
    shapes.append(Words(Point((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 5), _AXIS, "middle"))
    for number, name in enumerate(results.names):
        values = results.values(name, measure, pair)
        last = len(values) - 1
        points = tuple(at(layer / last, value) for layer, value in enumerate(values))
        shapes.append(Stroke(points, kind_of(number)))
        if last <= MOST_DOTS:
            shapes += [
                Dot(point, kind_of(number), f"{name}: {shown(measure, value)} at layer {layer} of {last}")
                for layer, (point, value) in enumerate(zip(points, values, strict=True))
            ]
    return shapes

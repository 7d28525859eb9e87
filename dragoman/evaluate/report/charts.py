"""Charts as HTML and inline SVG: colour scales that stay legible in both modes, bars, lines."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from dragoman.evaluate.report.markup import Markup, compact, el, escape, join, number

SHADES = 21
"""Steps of a colour scale."""
# Ends and middle of each scale. Lightness runs one way, so that the order survives colour blindness and grey
# print; teal and orange also differ for every kind of colour blindness.
_SCALES = {
    "good": {"light": ("#f2f5f1", "#62aaa4", "#0a4a50"), "dark": ("#1c2526", "#2d736f", "#9fe3d8")},
    "bad": {"light": ("#f6f2ea", "#e09a58", "#7d2606"), "dark": ("#26211c", "#8d4a1d", "#ffbf8f")},
}
# Pure, since only then one of the two has a contrast of at least 4.5 with every colour.
_DARK_INK, _LIGHT_INK = "#000000", "#ffffff"
_WIDTH, _HEIGHT = 380, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 12, 30
_POINTS = 160


def shade(value: float, low: float, high: float, scale: str) -> str:
    """CSS class of a value between low and high on the scale `good` or `bad`."""
    share = 0.0 if high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
    return f"{scale}{round(share * (SHADES - 1))}"


@cache
def scale_css(mode: str) -> str:
    """Rules of every class that :func:`shade` gives, and of the legends; mode: light or dark."""
    rules = []
    for scale, modes in _SCALES.items():
        colours = [_mix(modes[mode], step / (SHADES - 1)) for step in range(SHADES)]
        rules += [f".{scale}{i}{{background:{c};color:{_ink(c)}}}" for i, c in enumerate(colours)]
        rules.append(f".ramp-{scale}{{background:linear-gradient(90deg,{','.join(colours[::4])})}}")
    return "".join(rules)


def _mix(stops: tuple[str, ...], share: float) -> str:
    """The colour at a share (0 to 1) of the way along the stops, mixed as coded in sRGB."""
    place = share * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    part = place - index
    pairs = ((int(stops[index][i : i + 2], 16), int(stops[index + 1][i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round((1 - part) * a + part * b):02x}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    coded = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in coded)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2), 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _ink(colour: str) -> str:
    return max(_DARK_INK, _LIGHT_INK, key=lambda ink: contrast(ink, colour))


def legend(low: float, high: float, scale: str, caption: str) -> Markup:
    """A colour scale with its ends."""
    ramp = el("span", class_=f"ramp ramp-{scale}")
    return el("p", number(low, 0), ramp, number(high, 0), el("span", caption, class_="soft"), class_="legend")


def bar(value: float, high: float, scale: str, mark: float | None = None) -> Markup:
    """A thin bar from 0 to `high`, with a tick at `mark` (the floor)."""
    share = 0.0 if high <= 0 else min(max(value / high, 0.0), 1.0) * 100
    tick = None
    if mark is not None and high > 0:
        tick = el("i", class_="tick", style=f"left:{min(mark / high, 1.0) * 100:.1f}%")
    fill = el("i", class_=f"fill fill-{scale}", style=f"width:{share:.1f}%")
    return el("span", fill, tick, class_="bar", aria_hidden="true")


@dataclass(frozen=True)
class Series:
    """A line of a chart: a name, a CSS class (`good`, `bad`, `plain`) and its points."""

    name: str
    kind: str
    points: list[tuple[float, float]]
    dots: bool = False
    """Mark each point (few, measured ones) instead of thinning them."""


def line_chart(
    title: str,
    series: list[Series],
    floor: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Markup:
    """A line chart over steps with its legend; lines without points are left out. `floor`: a dotted line."""
    series = [line for line in series if line.points]
    xs = [x for line in series for x, _ in line.points]
    ys = [y for line in series for _, y in line.points] + ([floor] if floor is not None else [])
    y_ticks = ticks(min(ys) if low is None else low, max(ys) if high is None else high)
    x_ticks = ticks(min(xs), max(xs), whole=True)
    x_low, x_high = min(xs), max(*xs, min(xs) + 1)
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def x_of(x: float) -> float:
        return _LEFT + (x - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)

    def y_of(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - y_low) / (y_high - y_low) * (_HEIGHT - _TOP - _BOTTOM)

    parts: list[Markup] = []
    for y in y_ticks:
        parts.append(_line(_LEFT, y_of(y), _WIDTH - _RIGHT, y_of(y), "grid"))
        parts.append(_text(_LEFT - 6, y_of(y) + 4, compact(y), "end"))
    for x in x_ticks:
        if x_low <= x <= x_high:
            parts.append(_text(x_of(x), _HEIGHT - _BOTTOM + 17, compact(x), "middle"))
    if floor is not None:
        parts.append(_line(_LEFT, y_of(floor), _WIDTH - _RIGHT, y_of(floor), "floor"))
    parts += [_curve(line, lambda x, y: (x_of(x), y_of(y))) for line in series]
    names = [f"{line.name}: {compact(line.points[0][1])} to {compact(line.points[-1][1])}" for line in series]
    label = f"{title} over steps. {'; '.join(names)}"
    picture = el("svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=label)
    keys = [el("span", el("i", class_=f"key key-{line.kind}"), line.name) for line in series]
    if floor is not None:
        keys.append(el("span", el("i", class_="key key-floor"), f"floor {number(floor)}"))
    caption = el("figcaption", el("b", title), el("span", *keys, class_="keys"))
    return el("figure", caption, picture, class_="chart")


def smoothed(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The centred running mean over a sixteenth of the line; short lines stay as they are."""
    reach = len(points) // 32
    near = [points[max(i - reach, 0) : i + reach + 1] for i in range(len(points))]
    return [(x, sum(y for _, y in part) / len(part)) for (x, _), part in zip(points, near, strict=True)]


def thinned(line: Series) -> list[tuple[float, float]]:
    """At most 160 points: the means of equal shares of the line, its last point kept."""
    if line.dots or len(line.points) <= _POINTS:
        return line.points
    edges = [round(i * len(line.points) / _POINTS) for i in range(_POINTS + 1)]
    shares = [line.points[start:end] for start, end in pairwise(edges)]
    means = [(sum(x for x, _ in s) / len(s), sum(y for _, y in s) / len(s)) for s in shares]
    return [*means, line.points[-1]]


def ticks(low: float, high: float, whole: bool = False) -> list[float]:
    """Round numbers from at most `low` to at least `high`, about five."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    if whole:
        step = max(1.0, float(round(step)))
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')


def _curve(line: Series, place: Callable[[float, float], tuple[float, float]]) -> Markup:
    """A line with a dot at each measured point; a dense line faint, with its running mean over it."""
    measured = [place(x, y) for x, y in thinned(line)]
    if not line.dots:
        mean = Series(line.name, line.kind, smoothed(line.points))
        faint = _polyline(measured, f"curve curve-{line.kind} raw")
        return join(faint, _polyline([place(x, y) for x, y in thinned(mean)], f"curve curve-{line.kind}"))
    dots = [
        Markup(
            f'<circle class="dot dot-{line.kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="3.2">'
            f"<title>{escape(line.name)}: {number(y, 2)} at step {compact(x)}</title></circle>"
        )
        for at, (x, y) in zip(measured, line.points, strict=True)
    ]
    return join(_polyline(measured, f"curve curve-{line.kind}"), *dots)


def _polyline(places: list[tuple[float, float]], kind: str) -> Markup:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Markup(f'<polyline class="{kind}" points="{path}"/>')

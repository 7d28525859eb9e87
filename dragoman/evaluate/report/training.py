"""Curves of every stage: loss by sign, and what validation measured."""

from __future__ import annotations

from statistics import median
from typing import Any

from dragoman.evaluate.report.charts import Series, line_chart
from dragoman.evaluate.report.data import Evidence
from dragoman.evaluate.report.load import sections
from dragoman.evaluate.report.markup import Markup, compact, el, finite, join, number
from dragoman.evaluate.results import ZERO_SHOT

Rows = list[dict[str, Any]]
# (title, {key of a metrics row: (name, colour)}); rows of validation are flattened first.
_LOSSES = (
    ("Likelihood loss", {"loss_positive": ("training", "good")}),
    ("Unlikelihood loss", {"loss_negative": ("training", "bad")}),
)
_VALIDATED = {
    "zero_shot_otr": ("zero-shot OTR", "bad"),
    "zero_shot_chrf": ("zero-shot chrF++", "good"),
    "otr": ("OTR", "bad-soft"),
    "chrf": ("chrF++", "good-soft"),
}


def training(evidence: Evidence) -> Markup | None:
    """A heading, a line of settings and the charts of each stage that was logged."""
    parts = [_stage(evidence, name, rows) for name, rows in evidence.stages.items() if rows]
    return join(*parts) if parts else None


def _stage(evidence: Evidence, name: str, rows: Rows) -> Markup:
    steps = [row for row in rows if "validation" not in row]
    checks = [{"step": row["step"], **_flat(row["validation"])} for row in rows if "validation" in row]
    charts = []
    for title, lines in _LOSSES:
        series = _series(steps, lines)
        if title == "Likelihood loss":
            series = series or _series(steps, {"loss": ("training", "good")})
            series += _series(checks, {"loss": ("validation", "plain")}, dots=True)
        if series and any(y for line in series for _, y in line.points):
            charts.append(
                line_chart(title, series, low=0 if len(series) == 1 and title != "Likelihood loss" else None)
            )
    measured = _series(checks, _VALIDATED, dots=True)
    if measured:
        floor = evidence.results.floor_average(ZERO_SHOT)
        charts.append(
            line_chart(
                "Validation", measured, floor, low=0, high=max(y for s in measured for _, y in s.points)
            )
        )
    return join(
        el("h3", el("bdi", name)), _settings(evidence, name, steps), el("div", *charts, class_="charts")
    )


def _flat(values: Any) -> dict[str, Any]:
    return values if isinstance(values, dict) else {}


def _series(rows: Rows, lines: dict[str, tuple[str, str]], dots: bool = False) -> list[Series]:
    found = []
    for key, (name, colour) in lines.items():
        points = [(float(row["step"]), value) for row in rows if (value := finite(row.get(key))) is not None]
        if points:
            found.append(Series(name, colour, points, dots))
    return found


def _settings(evidence: Evidence, name: str, steps: Rows) -> Markup | None:
    """What the recipe and the log say of a stage, in one line."""
    spec = next((stage for stage in sections(evidence.recipe, "stages") if stage.get("name") == name), {})
    words = []
    if isinstance(spec.get("tasks"), dict):
        words.append(" + ".join(str(task) for task in spec["tasks"]))
    if spec.get("start"):
        words.append(f"from {spec['start']}")
    if steps:
        words.append(f"{number(steps[-1]['step'], 0)} steps")
    if (rate := finite(spec.get("learning_rate"))) is not None:
        words.append(f"learning rate {compact(rate)}")
    objective = spec.get("objective")
    if isinstance(objective, dict) and "alpha" in objective and "conflict" in str(words[:1]):
        words.append(f"alpha {compact(objective['alpha'])}")
    speeds = [value for row in steps if (value := finite(row.get("pairs_per_second"))) is not None]
    if speeds:
        words.append(f"{compact(round(median(speeds), 1 if median(speeds) < 100 else 0))} pairs/s")
    return el("p", " · ".join(words), class_="note") if words else None

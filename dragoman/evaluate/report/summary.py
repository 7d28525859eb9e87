"""The summary table: systems x groups of directions, with bars and the floor."""

from __future__ import annotations

from dataclasses import dataclass, field

from dragoman.evaluate.report.charts import bar
from dragoman.evaluate.report.data import LOWER_IS_BETTER, Evidence
from dragoman.evaluate.report.focus import focus_and_before, is_candidate, system_spec
from dragoman.evaluate.report.markup import NOTHING, Markup, el, join, number
from dragoman.evaluate.results import Average


@dataclass(frozen=True)
class _Column:
    """One metric on one group of directions."""

    group: str
    metric: str
    first: bool
    """First of its group."""
    means: dict[str, Average]
    """By system."""
    ranked: list[str]
    """The systems that compete for the best value."""
    best: str = ""
    """That value as it is shown."""
    high: float = 100.0
    """Where the bar is full."""
    floor: float | None = None
    directions: int = 0
    tokenizations: list[str] = field(default_factory=list)
    """Where there are several, so that no mean is taken."""

    @property
    def kind(self) -> str:
        """Its CSS classes."""
        return "num first" if self.first else "num"

    @property
    def with_deviation(self) -> bool:
        """Whether any of its means has a deviation."""
        return any(mean.deviation is not None for mean in self.means.values())


def scroll(label: str, *children: Markup) -> Markup:
    """A wide thing that scrolls by itself, also from the keyboard."""
    return el("div", *children, class_="scroll", tabindex="0", role="region", aria_label=label)


def summary(evidence: Evidence) -> Markup | None:
    """Systems x (group x metric): means over directions, the OTR beside its floor."""
    columns = [column for group in evidence.groups for column in _columns(evidence, group)]
    if not columns:
        return None
    groups = [column.group for column in columns]
    heads = [_group_head(evidence, group, groups.count(group)) for group in dict.fromkeys(groups)]
    head = el(
        "thead",
        el("tr", el("td"), *heads),
        el("tr", el("th", "System", scope="col"), *(_metric_head(column) for column in columns)),
    )
    focus, _ = focus_and_before(evidence)
    rows = []
    for system in evidence.systems:
        about = el("span", describe(evidence, system), class_="about")
        name = el("th", el("bdi", system), about, scope="row")
        cells = [_cell(column, system) for column in columns]
        rows.append(el("tr", name, *cells, class_="focus" if system == focus else None))
    rows += _floor_row(columns)
    table = el("table", head, el("tbody", *rows), class_="summary")
    return join(scroll("Summary of scores", table), _notes(columns))


def _columns(evidence: Evidence, group: str) -> list[_Column]:
    columns: list[_Column] = []
    for metric in evidence.metrics:
        found = {system: evidence.mean(system, group, metric) for system in evidence.systems}
        means = {system: mean for system, mean in found.items() if mean is not None}
        kinds = evidence.mixed(group, metric)
        if not means and not kinds:
            continue
        values = [mean.value for mean in means.values()] or [0.0]
        ranked = [system for system in means if is_candidate(evidence, system)]
        rivals = [means[system].value for system in ranked] or values
        columns.append(
            _Column(
                group,
                metric,
                first=not columns,
                means=means,
                ranked=ranked,
                best=number(min(rivals) if metric in LOWER_IS_BETTER else max(rivals)),
                high=100.0 if metric == "OTR" else max(values),
                floor=evidence.results.floor_average(group) if metric == "OTR" else None,
                directions=len(evidence.members(group)),
                tokenizations=kinds,
            )
        )
    return columns


def _group_head(evidence: Evidence, group: str, span: int) -> Markup:
    count = len(evidence.members(group))
    label = el("span", f" {count} direction{'s' if count != 1 else ''}", class_="soft")
    return el("th", group, label, colspan=span, scope="colgroup", class_="group")


def _metric_head(column: _Column) -> Markup:
    lower = column.metric in LOWER_IS_BETTER
    words = f"{'lower' if lower else 'higher'} is better"
    shown = f"{column.metric} {'↓' if lower else '↑'}"
    pad = el("span", class_="dev") if column.with_deviation else None
    return el("th", el("abbr", shown, title=words), pad, scope="col", class_=column.kind)


def _cell(column: _Column, system: str) -> Markup:
    """A mean in bold if it is the best, its deviation, and a bar."""
    mean = column.means.get(system)
    if mean is None:
        return el("td", NOTHING, class_=column.kind)
    shown = number(mean.value)
    partial = None
    if len(mean.directions) < column.directions:
        partial = el("abbr", "*", title=f"mean of {len(mean.directions)} directions")
    deviation = None
    if column.with_deviation:
        text = f"±{number(mean.deviation)}" if mean.deviation is not None else None
        deviation = el("span", text, class_="dev")
    colour = "bad" if column.metric in LOWER_IS_BETTER else "good"
    return el(
        "td",
        el("b" if shown == column.best and system in column.ranked else "span", shown),
        partial,
        deviation,
        bar(mean.value, column.high, colour, column.floor),
        class_=column.kind,
    )


def _floor_row(columns: list[_Column]) -> list[Markup]:
    if all(column.floor is None for column in columns):
        return []
    cells = []
    for column in columns:
        pad = el("span", class_="dev") if column.with_deviation else None
        value = None if column.floor is None else number(column.floor)
        cells.append(el("td", value, pad, class_=column.kind))
    about = el("span", "the references themselves", class_="about")
    return [el("tr", el("th", "floor", about, scope="row"), *cells, class_="floor-row")]


def _notes(columns: list[_Column]) -> Markup:
    means = [(column, mean) for column in columns for mean in column.means.values()]
    notes = ["Means over directions; bold is the best of a column, controls and ceilings aside."]
    if any(column.metric == "OTR" for column in columns):
        notes.append(
            "OTR is the share of translations in a wrong language, in percent "
            "(empty ones and those without letters count); the tick on its bar is the floor."
        )
    if (seeds := max((mean.seeds for _, mean in means), default=1)) > 1:
        notes.append(f"± is the deviation over up to {seeds} seeds.")
    if any(len(mean.directions) < column.directions for column, mean in means):
        notes.append("* is a mean over fewer directions than the others.")
    for column in columns:
        if column.tokenizations:
            kinds = ", ".join(column.tokenizations)
            notes.append(
                f"{column.metric} is not averaged over {column.group} directions: "
                f"its tokenizations differ ({kinds})."
            )
    return el("p", " ".join(notes), class_="note")


def describe(evidence: Evidence, system: str) -> str:
    """What the recipe says of a system, in a few words; empty if nothing."""
    spec = system_spec(evidence, system)
    kind = spec.get("kind", "model")
    if kind != "model":
        words = {
            "copy": "the source itself",
            "pivot": "two steps through English",
            "references": "the references",
        }
        through = f", {spec['stage']}" if kind == "pivot" and spec.get("stage") else ""
        return words.get(kind, str(kind)) + through
    stage = str(spec.get("stage", "base")) if spec else system
    parts = [stage] if stage != system else []
    if spec.get("prompt_language") == "target":
        parts.append("prompt in the target language")
    if shots := spec.get("shots"):
        near = " nearest" if spec.get("nearest") else ""
        parts.append(f"{shots}{near} example{'s' if shots != 1 else ''} in the prompt")
    if spec.get("contrast_source") or spec.get("contrast_language"):
        parts.append("contrastive decoding")
    return ", ".join(parts)

"""What a look found as tables: layers down, systems across."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.evaluate.probe.result import MARGIN, MEASURES, ProbeResults
from dragoman.evaluate.tables import Style, Table
from dragoman.language.language import parse_direction

WHAT = (
    "margin: mean cosine of pairs less that of non-pairs",
    "P@1 in percent: sentences whose own translation is nearest among all",
)


def headings(pair: str | None) -> tuple[str, str, str]:
    """Names of the measures of a pair; None: of the mean over pairs."""
    if pair is None:
        return MARGIN, "P@1 forward", "P@1 back"
    direction = parse_direction(pair)
    return MARGIN, f"P@1 {direction}", f"P@1 {direction.reversed()}"


def title(results: ProbeResults, pair: str | None) -> str:
    """What a table or chart is about; None: the mean over pairs."""
    if pair is None:
        return f"mean over {len(results.pairs)} language pairs"
    return f"{pair}, {results.lines(pair):,} sentences"


def layer_name(layer: int) -> str:
    """What a layer is called."""
    return f"layer {layer}" if layer else "embeddings"


def shown(measure: str, value: float) -> str:
    """A value as tables have it."""
    return f"{value:.3f}" if measure == MARGIN else f"{value:.1f}"


def show(results: ProbeResults, style: Style = "text", each: bool = False) -> str:
    """Tables of the mean over the language pairs (of one pair: its own), with ``each`` also of every pair."""
    places: list[str | None] = [None, *(results.pairs if each else [])]
    if len(results.pairs) == 1:
        places = list(results.pairs)
    parts = []
    for pair in places:
        for names in _alike(results):
            parts.append(f"{'' if style == 'markdown' else '  '}{title(results, pair)}")
            parts.append(_table(results, pair, names).show(style) + "\n")
    pairs = [f"language pairs, forward: {', '.join(results.pairs)}"] if None in places else []
    foot = "\n".join(f"  {line}" for line in (*WHAT, *pairs, results.signature))
    return "\n".join(parts) + ("" if style == "tsv" else "\n" + foot)


def _alike(results: ProbeResults) -> list[list[str]]:
    """Systems with the same number of layers stand in one table."""
    by_layers: dict[int, list[str]] = {}
    for name in results.names:
        by_layers.setdefault(results.layers(name), []).append(name)
    return list(by_layers.values())


def _table(results: ProbeResults, pair: str | None, names: Sequence[str]) -> Table:
    columns = [(name, measure, results.values(name, measure, pair)) for name in names for measure in MEASURES]
    rows = [
        (layer_name(layer), [shown(measure, values[layer]) for _, measure, values in columns])
        for layer in range(results.layers(names[0]) + 1)
    ]
    return Table(list(headings(pair)) * len(names), rows, [(name, len(MEASURES)) for name in names])

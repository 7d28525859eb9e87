"""What stands behind the numbers: corpus counts, recipe, signatures, identifier, versions."""

from __future__ import annotations

from typing import Any

from dragoman.evaluate.report.data import Evidence
from dragoman.evaluate.report.markup import Markup, compact, el, join
from dragoman.evaluate.report.summary import scroll

_COUNTS = ("read", "kept", "dropped")


def corpus(evidence: Evidence) -> Markup | None:
    """Lines read, kept and dropped by split; then the drops by reason, and the lines of each direction."""
    splits = {str(name): _object(evidence.manifest.get(name)) for name in ("train", "dev", "test")}
    splits = {name: counts for name, counts in splits.items() if counts}
    if not splits:
        return None
    lines = {name: {key: counts.get(key) for key in _COUNTS} for name, counts in splits.items()}
    parts = [_count_table("Lines", lines)]
    for title, key in (("Dropped, by reason", "reasons"), ("Lines by direction", "directions")):
        turned: dict[str, dict[str, Any]] = {}
        for name, counts in splits.items():
            for what, count in _object(counts.get(key)).items():
                turned.setdefault(str(what), {})[name] = count
        if turned:
            parts.append(_count_table(title, turned))
    note = "Every drop stands with file, line and reason in corpus/dropped.jsonl."
    return join(el("div", *parts, class_="tables"), el("p", note, class_="note"))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count_table(title: str, rows: dict[str, dict[str, Any]]) -> Markup:
    """Names x counts."""
    columns = list(dict.fromkeys(column for counts in rows.values() for column in counts))
    head = el("tr", el("td"), *(el("th", column, scope="col", class_="num") for column in columns))
    body = []
    for name, counts in rows.items():
        cells = [el("td", compact(counts.get(column)), class_="num") for column in columns]
        body.append(el("tr", el("th", name, scope="row"), *cells))
    return scroll(
        title, el("table", el("caption", title), el("thead", head), el("tbody", *body), class_="plain")
    )


def recipe(evidence: Evidence) -> Markup | None:
    """The recipe as it was run, folded."""
    if not evidence.recipe_text:
        return None
    lines = evidence.recipe_text.count("\n")
    return el(
        "details", el("summary", f"recipe.yaml, {lines} lines"), el("pre", el("code", evidence.recipe_text))
    )


def method(evidence: Evidence) -> Markup | None:
    """Signatures by metric, the identifier with its candidates, versions."""
    parts: list[Markup] = []
    signatures: dict[tuple[str, str], list[str]] = {}
    for row in evidence.results.rows:
        places = signatures.setdefault((row.metric, row.signature), [])
        if row.direction not in places:
            places.append(row.direction)
    if signatures:
        every = len(evidence.directions)
        rows = [
            _signature_row(metric, signature, places, every)
            for (metric, signature), places in signatures.items()
        ]
        head = el("tr", *(el("th", name, scope="col") for name in ("Metric", "Signature", "Directions")))
        table = el("table", el("thead", head), el("tbody", *rows), class_="plain")
        parts += [el("h3", "Signatures"), scroll("Signatures", table)]
    for title, content in (
        ("Judge of the language", evidence.results.identifier),
        ("Versions", evidence.versions),
    ):
        if content:
            parts += [el("h3", title), definitions(content)]
    return join(*parts) if parts else None


def _signature_row(metric: str, signature: str, places: list[str], every: int) -> Markup:
    where = "all" if len(places) == every else ", ".join(places)
    return el("tr", el("th", metric, scope="row"), el("td", el("code", signature)), el("td", where))


def definitions(values: dict[str, Any]) -> Markup:
    """Names and values as a list of terms; lists and objects in one line."""
    pairs = [
        join(el("dt", str(key).replace("_", " ")), el("dd", _shown(value))) for key, value in values.items()
    ]
    return el("dl", *pairs)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(its)}" for key, its in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return compact(value) if isinstance(value, int | float) else str(value)

"""report.html: one self-contained page (no script, nothing fetched) made from a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dragoman.evaluate.report import (
    background,
    dialogues,
    languages,
    probe,
    probe_panel,
    samples,
    scores,
    summary,
    training,
)
from dragoman.evaluate.report.charts import scale_css
from dragoman.evaluate.report.data import Evidence, Identify
from dragoman.evaluate.report.load import load
from dragoman.evaluate.report.markup import Markup, el
from dragoman.evaluate.report.verdict import verdict
from dragoman.evaluate.results import ALL

SECTIONS = (
    ("summary", "Summary", "Summary", summary.summary),
    ("directions", "Directions", "Direction by direction", scores.maps),
    ("languages", "Languages", "Which language came out", languages.confusion),
    ("faults", "Faults", "Other faults", scores.faults),
    ("samples", "Samples", "Samples", samples.samples),
    ("dialogues", "Dialogues", "Corrected in dialogues", dialogues.dialogues),
    ("significance", "Significance", "Is the difference real?", scores.significance),
    ("inside", "Inside", "Inside the model", probe.inside),
    ("training", "Training", "Training", training.training),
    ("corpus", "Corpus", "Corpus", background.corpus),
    ("recipe", "Recipe", "Recipe", background.recipe),
    ("method", "Method", "How it was measured", background.method),
)
"""Key, name in the navigation, heading, and the function that makes the section (None = left out)."""
# Nothing may be loaded or run, whatever a translation or a name holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_VIEWPORT = "width=device-width, initial-scale=1"


def write_report(
    run_folder: Path,
    out: Path | None = None,
    extra: dict[str, Any] | None = None,
    identify: Identify | None = None,
) -> Path:
    """Write the report of a run to `out` (default: report.html in the run folder) and return its path.

    Read are results.json, translations/<system>/<direction>.jsonl, stages/<stage>/metrics.jsonl, recipe.yaml,
    corpus/manifest.json, probe.json and transcripts/<system>/<direction>.jsonl; what is absent is left out
    with a remark. `extra` stands over the keys of results.json and may also hold `name`, `versions`, and
    `focus` and `against` (the systems that the verdict compares). `identify` (texts to language codes) marks
    off-target samples where the rows of the translations have no `label`. The same folder gives the same
    bytes. DataError if the folder is none.
    """
    text = page(load(run_folder, extra, identify))
    path = out or run_folder / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    return path


def page(evidence: Evidence) -> str:
    """The whole page."""
    built = [(*names, content) for *names, make in SECTIONS if (content := make(evidence))]
    links = [el("li", el("a", short, href=f"#{key}")) for key, short, _, _ in built]
    sections = [
        el("section", el("h2", title, id=f"{key}-title"), content, id=key, aria_labelledby=f"{key}-title")
        for key, _, title, content in built
    ]
    remarks = list(dict.fromkeys(evidence.remarks))
    footer = el("footer", _remarks(remarks), el("p", "Made by Dragoman."))
    body = el(
        "body",
        el("a", "Skip to the report", href="#main", class_="skip"),
        el("nav", el("ul", *links), aria_label="Sections"),
        el("main", _header(evidence), *sections, footer, id="main"),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("meta", name="viewport", content=_VIEWPORT),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{evidence.name} · Dragoman report"),
        el("style", _style()),
    )
    return "<!doctype html>\n" + el("html", head, body, lang="en") + "\n"


def _style() -> Markup:
    css = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    light, dark = (f"{scale_css(mode)}{probe_panel.css(mode)}" for mode in ("light", "dark"))
    return Markup(f"\n{css}{light}\n@media screen and (prefers-color-scheme: dark){{{dark}}}\n")


def _header(evidence: Evidence) -> Markup:
    facts = []
    if base := evidence.recipe.get("base"):
        facts.append(f"base {base}")
    for group in evidence.groups:
        count = len(evidence.members(group))
        kind = "" if group == ALL else f"{group} "
        facts.append(f"{count} {kind}direction{'s' if count != 1 else ''}")
    if lines := _lines(evidence):
        facts.append(lines)
    return el(
        "header",
        el("p", "Dragoman report", class_="eyebrow"),
        el("h1", el("bdi", evidence.name)),
        el("p", " · ".join(facts), class_="facts") if facts else None,
        verdict(evidence),
        class_="top",
    )


def _lines(evidence: Evidence) -> str:
    """Test lines per direction."""
    counts = {row.lines for row in evidence.results.rows}
    if not counts:
        return ""
    span = f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"
    return f"{span} test lines each"


def _remarks(remarks: list[str]) -> Markup | None:
    if not remarks:
        return None
    return el(
        "div", el("h3", "Remarks"), el("ul", *(el("li", remark) for remark in remarks)), class_="remarks"
    )

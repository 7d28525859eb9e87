"""Side-by-side samples: a few lines per direction, some at random, some the worst, off-target ones marked."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from dragoman.evaluate.faults import copied, runaway
from dragoman.evaluate.report.data import Evidence, language_name, same, split_direction
from dragoman.evaluate.report.focus import focus_and_before, system_spec
from dragoman.evaluate.report.languages import NO_LANGUAGE, label_words
from dragoman.evaluate.report.markup import Markup, el, join
from dragoman.language.language import OTHER, UNKNOWN

RANDOM, WORST = 3, 2
"""Lines per direction of either kind."""
DIRECTIONS = 30
"""Directions that are shown at most."""
_CONSIDERED = 1000
_LONGEST = 360

Rows = list[dict[str, Any]]


def samples(evidence: Evidence) -> Markup | None:
    """A folding block for each direction; the first of the main group is open."""
    if not (evidence.folder / "translations").is_dir():
        return None
    systems = _systems(evidence)
    focus, _ = focus_and_before(evidence)
    blocks: list[Markup] = []
    labelled, left = False, 0
    for direction in _directions(evidence):
        outputs = {s: rows for s in systems if (rows := evidence.translations(s, direction))}
        if not outputs:
            continue
        if len(blocks) == DIRECTIONS:
            left += 1
            continue
        judged = focus if focus in outputs else list(outputs)[-1]
        _label(outputs[judged][:_CONSIDERED], evidence)
        labelled = labelled or "label" in outputs[judged][0]
        blocks.append(_block(evidence, direction, outputs, judged, is_open=not blocks))
    if not blocks:
        return None
    notes = [
        f"For each direction {RANDOM} lines drawn at random and the {WORST} worst of the system in bold: "
        "off-target ones first, then those that share least with the reference. "
        "Systems that say the same stand together."
    ]
    if not labelled:
        notes.append("The language of single lines is not known here, so off-target ones are not marked.")
    if left:
        notes.append(f"{left} more directions are left out to keep the page small.")
    return join(el("p", " ".join(notes), class_="note"), *blocks)


def _label(rows: Rows, evidence: Evidence) -> None:
    """Add the language to rows that lack it, if it can be found out."""
    missing = [row for row in rows if row.get("label") is None]
    if evidence.identify is not None and missing:
        texts = [str(row.get("hypothesis") or "") for row in missing]
        for row, label in zip(missing, evidence.identify(texts), strict=True):
            row["label"] = label


def _systems(evidence: Evidence) -> list[str]:
    found = sorted(path.name for path in (evidence.folder / "translations").iterdir() if path.is_dir())
    ordered = [system for system in evidence.systems if system in found]
    listed = [*ordered, *(system for system in found if system not in ordered)]
    kinds = {system: system_spec(evidence, system).get("kind", system) for system in listed}
    return [system for system in listed if kinds[system] not in ("copy", "references")]


def _directions(evidence: Evidence) -> list[str]:
    """Those of the main group first."""
    found = {path.stem for path in (evidence.folder / "translations").glob("*/*.jsonl")}
    listed = [*evidence.directions, *sorted(found - set(evidence.directions))]
    return sorted(listed, key=lambda direction: evidence.directions.get(direction) != evidence.main_group)


def _block(
    evidence: Evidence, direction: str, outputs: dict[str, Rows], judged: str, is_open: bool
) -> Markup:
    source, target = split_direction(direction)
    by_id = {
        system: {str(row.get("id", i)): row for i, row in enumerate(rows)} for system, rows in outputs.items()
    }
    cards = []
    for place, why in choose(outputs[judged], direction):
        row = outputs[judged][place]
        key = str(row.get("id", place))
        said = {system: rows[key] for system, rows in by_id.items() if key in rows}
        _label(list(said.values()), evidence)
        cards.append(_card(row, said, (source, target), (f"line {key}", why), judged))
    group = el("span", evidence.directions.get(direction, ""), class_="soft")
    title = f"{language_name(source)} → {language_name(target)}"
    return el("details", el("summary", title, " ", group), *cards, open=is_open, class_="direction-block")


def choose(rows: Rows, direction: str) -> list[tuple[int, str]]:
    """(place, why) of the lines to show, in line order; the same for the same rows and direction."""
    target = split_direction(direction)[1]
    count = min(len(rows), _CONSIDERED)
    ranked = sorted(range(count), key=lambda i: (not is_off_target(rows[i], target), _overlap(rows[i]), i))
    worst = ranked[:WORST] if count > RANDOM else []
    left = [place for place in range(count) if place not in worst]
    drawn = random.Random(f"samples {direction}").sample(left, min(RANDOM, len(left)))
    return sorted([*((place, "random") for place in drawn), *((place, "worst") for place in worst)])


def is_off_target(row: dict[str, Any], target: str) -> bool:
    """Whether the output is in another language or empty; False where no label is known."""
    label = row.get("label")
    if label is None:
        return not str(row.get("hypothesis") or "").strip()
    return str(label) in NO_LANGUAGE or not same(str(label), target)


def _overlap(row: dict[str, Any]) -> float:
    """Character trigrams that hypothesis and reference share: F1, 0 to 1."""
    one, other = (_trigrams(str(row.get(key) or "")) for key in ("hypothesis", "reference"))
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def _trigrams(text: str) -> Counter[str]:
    padded = f" {' '.join(text.casefold().split())} "
    return Counter(padded[i : i + 3] for i in range(len(padded) - 2))


def _card(
    row: dict[str, Any],
    said: dict[str, dict[str, Any]],
    direction: tuple[str, str],
    titles: tuple[str, str],
    judged: str,
) -> Markup:
    """Source and reference, where known, side by side; below them what each system made of the line."""
    line, why = titles
    sides = (("source", language_name(direction[0]), direction[0]), ("reference", "reference", direction[1]))
    top = [
        el("div", el("span", tag, class_="tag"), _text(row[key], code))
        for key, tag, code in sides
        if row.get(key) is not None
    ]
    together: dict[tuple[str, str], list[str]] = {}
    for system, its in said.items():
        key = (str(its.get("hypothesis") or "").strip(), str(its.get("label")))
        together.setdefault(key, []).append(system)
    answers = [_answer(systems, said[systems[0]], direction, judged) for systems in together.values()]
    head = el("header", el("span", line), el("span", why, class_=f"why why-{why}"))
    pair = el("div", *top, class_="pair") if top else None
    return el("article", head, pair, el("div", *answers, class_="answers"), class_="sample")


def _answer(systems: list[str], row: dict[str, Any], direction: tuple[str, str], judged: str) -> Markup:
    wrong = is_off_target(row, direction[1])
    label = str(row.get("label") or "")
    language = UNKNOWN if label == OTHER else label if wrong and label not in NO_LANGUAGE else direction[1]
    names = join(*(el("bdi", el("b" if s == judged else "span", s)) for s in systems), between=", ")
    text = _text(row.get("hypothesis"), language, _badges(row, wrong, label))
    return el("div", el("span", names, class_="who"), text, class_="answer" + " off" * wrong)


def _badges(row: dict[str, Any], wrong: bool, label: str) -> list[Markup]:
    hypothesis, source, reference = (str(row.get(key) or "") for key in ("hypothesis", "source", "reference"))
    if not hypothesis.strip():
        return []
    words = []
    if wrong:
        words.append(f"off target: {label_words(label)}")
    if source and copied([hypothesis], [source], [reference])[0]:
        words.append("copied")
    if reference and runaway([hypothesis], [reference])[0]:
        words.append("runs on")
    return [
        el("span", word, class_="badge" if word.startswith("off") else "badge badge-soft") for word in words
    ]


def _text(text: object, language: str, badges: list[Markup] | None = None) -> Markup:
    """A line of text in its own direction of writing, cut for display where it is very long."""
    shown = str(text or "").strip()
    if not shown:
        return el("p", el("span", "empty", class_="badge"))
    rest = len(shown) - _LONGEST
    cut = el("span", f" … {rest} more characters", class_="soft") if rest > 40 else None
    shown = shown[:_LONGEST] if cut else shown
    mark = join(*((" ", badge) for badge in badges or []))
    return el("p", el("span", shown, dir="auto", lang=language), cut, mark, class_="text")

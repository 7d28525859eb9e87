"""A run folder that looks real: four languages, twelve directions, up to ten systems."""

from __future__ import annotations

import json
import math
import random
from itertools import permutations
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "fr", "cs")
# (subject, verb, object, place) in every language; any combination is a sentence.
_WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "en": (
        ("A man", "A young woman", "The child", "An old fisherman", "The teacher"),
        ("sees", "paints", "looks for", "photographs"),
        ("a red boat", "the black dog", "an empty chair", "two bicycles"),
        ("at the harbour", "in the garden", "behind the house", "near the station"),
    ),
    "de": (
        ("Ein Mann", "Eine junge Frau", "Das Kind", "Ein alter Fischer", "Der Lehrer"),
        ("sieht", "malt", "sucht", "fotografiert"),
        ("ein rotes Boot", "den schwarzen Hund", "einen leeren Stuhl", "zwei Fahrräder"),
        ("am Hafen", "im Garten", "hinter dem Haus", "in der Nähe des Bahnhofs"),
    ),
    "fr": (
        ("Un homme", "Une jeune femme", "L’enfant", "Un vieux pêcheur", "Le professeur"),
        ("voit", "peint", "cherche", "photographie"),
        ("un bateau rouge", "le chien noir", "une chaise vide", "deux vélos"),
        ("au port", "dans le jardin", "derrière la maison", "près de la gare"),
    ),
    "cs": (
        ("Muž", "Mladá žena", "Dítě", "Starý rybář", "Učitel"),
        ("vidí", "maluje", "hledá", "fotografuje"),
        ("červenou loď", "černého psa", "prázdnou židli", "dvě kola"),
        ("v přístavu", "na zahradě", "za domem", "u nádraží"),
    ),
}
# System: OTR, BLEU, chrF++ on supervised and on zero-shot directions.
_SYSTEMS = {
    "base": ((78.0, 2.1, 18.0), (86.0, 1.0, 13.5)),
    "stage1": ((0.9, 31.2, 55.4), (63.0, 5.3, 29.0)),
    "post-ins": ((1.0, 30.8, 55.0), (31.0, 9.1, 36.0)),
    "ptl": ((0.8, 30.9, 55.1), (18.0, 11.0, 38.4)),
    "1-shot": ((1.1, 29.9, 54.0), (44.0, 7.2, 32.1)),
    "stage2": ((0.8, 31.0, 55.2), (2.6, 14.8, 43.0)),
    "mle-only": ((0.7, 31.5, 55.7), (64.5, 5.1, 28.8)),
    "oracle": ((0.9, 30.6, 54.9), (1.3, 21.0, 49.2)),
    "pivot": ((0.9, 31.2, 55.4), (1.4, 19.1, 47.3)),
    "copy": ((98.8, 1.8, 15.0), (98.5, 1.4, 14.2)),
}
_FLOOR = {"en": 0.4, "de": 0.9, "fr": 1.1, "cs": 2.0}

RECIPE = """\
# Two-stage tuning on four languages.
name: harbour-two-stage
base: runs/base-small
seed: 1
data:
  train: {folder: text/harbour, split: train}
  test: {folder: text/harbour, split: test}
stages:
  - name: stage1
    tasks: {mt: {directions: english}}
    steps: 281
    learning_rate: 2.0e-5
  - name: stage2
    tasks: {mt: {directions: english}, conflict: {directions: english, negatives: any}}
    objective: {alpha: 0.05}
    steps: 100
    learning_rate: 2.0e-6
  - name: more-of-the-same
    start: stage1
    tasks: {mt: {directions: english}}
    steps: 100
  - name: all-directions
    start: base
    tasks: {mt: {directions: all}}
    steps: 281
evaluate:
  systems:
    - {name: base}
    - {name: stage1, stage: stage1}
    - {name: post-ins, stage: stage1}
    - {name: ptl, stage: stage1, prompt_language: target}
    - {name: 1-shot, stage: stage1, shots: 1}
    - {name: stage2, stage: stage2}
    - {name: mle-only, stage: more-of-the-same}
    - {name: oracle, stage: all-directions}
    - {name: pivot, stage: stage1, kind: pivot}
    - {name: copy, kind: copy}
"""


def make_run(folder: Path, systems: int = 10, lines: int = 200, seeds: int = 3) -> Path:
    """Write the run and return its folder; the same arguments give the same files."""
    names = list(_SYSTEMS)[:systems]
    directions = list(permutations(LANGUAGES, 2))
    confusion: dict[str, dict[str, dict[str, int]]] = {}
    rows: list[dict[str, Any]] = []
    for name in names:
        confusion[name] = {}
        for source, target in directions:
            its = _translate(name, source, target, lines)
            direction = f"{source}-{target}"
            _write_jsonl(folder / "translations" / name / f"{direction}.jsonl", its)
            confusion[name][direction] = _count(row["label"] for row in its)
            rows += _rows(name, direction, its, seeds if name == "stage2" else 1, lines)
    results = {
        "rows": rows,
        "systems": names,
        "floor": {f"{s}-{t}": _FLOOR[t] for s, t in directions},
        "confusion": confusion,
        "significance": _significance(directions) if "stage2" in names else [],
        "identifier": {"name": "py3langid 0.4", "candidates": [*LANGUAGES, "sk", "nl", "other"]},
        "versions": {"dragoman": "0.1.0", "torch": "2.13.0", "sacrebleu": "2.6.0"},
    }
    _write_json(folder / "results.json", results)
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    _write_jsonl(folder / "stages" / "stage1" / "metrics.jsonl", _curve("stage1", 281, negatives=False))
    _write_jsonl(folder / "stages" / "stage2" / "metrics.jsonl", _curve("stage2", 100, negatives=True))
    _write_json(folder / "corpus" / "manifest.json", MANIFEST)
    return folder


MANIFEST = {
    "format": 1,
    "fingerprint": "0" * 64,
    "train": {
        "read": 12312,
        "kept": 12012,
        "dropped": 300,
        "reasons": {"duplicate": 211, "in dev or test": 74, "length ratio": 15, "too long": 12},
        "languages": dict.fromkeys(LANGUAGES, 12000),
        "directions": {"de-en": 11990, "en-de": 11990, "fr-en": 11988, "en-fr": 11988},
    },
    "test": {
        "read": 1000,
        "kept": 1000,
        "dropped": 0,
        "reasons": {},
        "languages": dict.fromkeys(LANGUAGES, 1000),
        "directions": {"-".join(pair): 1000 for pair in permutations(LANGUAGES, 2)},
    },
}


def group_of(direction: str) -> str:
    return "supervised" if "en" in direction.split("-") else "zero-shot"


def _sentence(language: str, parts: tuple[int, ...]) -> str:
    words = (_WORDS[language][place][part] for place, part in enumerate(parts))
    return " ".join(words) + "."


def _translate(name: str, source: str, target: str, lines: int) -> list[dict[str, Any]]:
    random_ = random.Random(f"{name} {source} {target}")
    otr, bleu, _ = _SYSTEMS[name][group_of(f"{source}-{target}") == "zero-shot"]
    found = []
    for line in range(lines):
        picked = random.Random(f"line {line}")
        parts = tuple(picked.randrange(len(choices)) for choices in _WORDS["en"])
        label = target
        if name == "copy":
            label = source
        elif random_.random() < otr / 100:
            label = random_.choice([source, "en", "en", "empty", "nl"])
        if label in _WORDS:
            made = tuple(p if random_.random() < 0.6 + bleu / 80 else random_.randrange(4) for p in parts)
            text = _sentence(label, parts if name == "copy" else made)
        else:
            text = "" if label == "empty" else "Een man zoekt de hond in de tuin."
        if label == target and target == "en" and name != "copy" and random_.random() < 0.3:
            text = _sentence(target, parts)
        found.append(
            {
                "id": str(line + 1),
                "source": _sentence(source, parts),
                "reference": _sentence(target, parts),
                "hypothesis": text,
                "label": label,
            }
        )
    return found


def _rows(
    name: str, direction: str, its: list[dict[str, Any]], seeds: int, lines: int
) -> list[dict[str, Any]]:
    target = direction.split("-")[1]
    group = group_of(direction)
    _, bleu, chrf = _SYSTEMS[name][group == "zero-shot"]
    rows = []
    for seed in range(1, seeds + 1):
        random_ = random.Random(f"{name} {direction} {seed}")
        scale = math.exp(random_.gauss(0, 0.08))
        scores = {
            "BLEU": (bleu * scale, "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|unicode:NFC|version:2.6.0"),
            "chrF++": (
                chrf * scale**0.5,
                "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|unicode:NFC|version:2.6.0",
            ),
            "OTR": (
                _rate(row["label"] != target for row in its),
                "lid:py3langid-0.4|cand:en,de,fr,cs,sk,nl,other",
            ),
            "empty": (_rate(not row["hypothesis"] for row in its), "strip"),
            "copied": (_rate(row["hypothesis"] == row["source"] for row in its), "nfc|casefold"),
            "runaway": (random_.random() * 3, "max_new_tokens:256"),
        }
        rows += [
            {
                "system": name,
                "seed": seed,
                "direction": direction,
                "group": group,
                "metric": metric,
                "value": value,
                "signature": signature,
                "lines": lines,
            }
            for metric, (value, signature) in scores.items()
        ]
    return rows


def _significance(directions: list[tuple[str, str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    signature = "nrefs:1|bs:1000|ar:1000|seed:1|tails:2|drawn:line ids|correction:holm"
    for metric, difference in (("BLEU", 9.5), ("chrF++", 14.0), ("OTR", -60.4)):
        row = {
            "signature": signature,
            "a": "stage1",
            "b": "stage2",
            "metric": metric,
            "p_bootstrap": 0.000999,
            "p_randomisation": 0.000999,
        }
        span = {"low": difference - 0.8, "high": difference + 0.9}
        found.append({**row, **span, "group": "zero-shot", "difference": difference, "p_holm": None})
        calm = {"low": -0.5, "high": 0.2, "p_bootstrap": 0.31, "p_randomisation": 0.288}
        found.append({**row, **calm, "group": "supervised", "difference": -0.2})
        for source, target in directions:
            name = f"{source}-{target}"
            if group_of(name) == "zero-shot":
                found.append({**row, **span, "direction": name, "difference": difference, "p_holm": 0.006})
    return found


def _curve(stage: str, steps: int, negatives: bool) -> list[dict[str, Any]]:
    random_ = random.Random(stage)
    rows: list[dict[str, Any]] = []
    start = 1.42 if negatives else 3.4
    for step in range(1, steps + 1):
        loss = 1.35 + (start - 1.35) * math.exp(-4 * step / steps) + random_.gauss(0, 0.05)
        negative = 0.9 * math.exp(-5 * step / steps) + 0.04 * random_.random() if negatives else None
        row = {"stage": stage, "step": step, "loss": loss, "loss_positive": loss, "loss_negative": negative}
        rows.append({**row, "learning_rate": 2e-5, "pairs_per_second": 2900 + random_.gauss(0, 40)})
        if step % max(1, steps // 10) == 0:
            share = step / steps
            otr = 3 + 60 * math.exp(-4.5 * share) if negatives else 88 - 25 * share
            chrf = 29 + 14 * (1 - math.exp(-4 * share)) if negatives else 13 + 16 * share
            checked = {"loss": loss + 0.03, "zero_shot_otr": otr, "zero_shot_chrf": chrf, "otr": otr / 2}
            rows.append({"stage": stage, "step": step, "validation": checked})
    return rows


def _rate(flags: Any) -> float:
    values = [bool(flag) for flag in flags]
    return 100 * sum(values) / len(values)


def _count(labels: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return counts


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")

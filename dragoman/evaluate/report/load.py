"""Reading a run folder; whatever is absent or broken becomes a remark, never an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from dragoman.errors import DataError
from dragoman.evaluate.probe.result import read_probe
from dragoman.evaluate.report.data import Evidence, Identify, read_jsonl
from dragoman.evaluate.report.markup import finite
from dragoman.evaluate.results import read_results

_PARTS = {"floor": dict, "confusion": dict, "identifier": dict, "significance": list, "remarks": list}


def load(folder: Path, extra: dict[str, Any] | None = None, identify: Identify | None = None) -> Evidence:
    """Everything the report needs; `extra` and `identify` are those of `write_report`.

    DataError only if `folder` is no folder.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder}: not a folder; expected a run (results.json, translations/); check the path"
        )
    evidence = Evidence(folder, identify=identify)
    _take_results(evidence, extra or {})
    _take_recipe(folder / "recipe.yaml", evidence)
    evidence.manifest = _read_json(folder / "corpus" / "manifest.json", evidence)
    _take_stages(folder / "stages", evidence)
    _take_probe(folder / "probe.json", evidence)
    if not (folder / "translations").is_dir():
        evidence.remarks.append("No translations/: samples are left out.")
    name = (extra or {}).get("name") or evidence.recipe.get("name") or folder.resolve().name
    evidence.name = str(name)
    evidence.focus, evidence.against = ((extra or {}).get(key) for key in ("focus", "against"))
    return evidence


def _take_results(evidence: Evidence, extra: dict[str, Any]) -> None:
    path = evidence.folder / "results.json"
    versions: Any = {}
    if path.is_file():
        try:
            evidence.results = read_results(path)
            versions = _read_json(path, evidence).get("versions")
        except (DataError, TypeError, AttributeError) as error:
            evidence.remarks.append(f"The scores are left out: {error}.")
    else:
        evidence.remarks.append("No results.json: nothing has been scored.")
    results = evidence.results
    for key, kind in _PARTS.items():
        value = extra.get(key, getattr(results, key))
        setattr(results, key, value if isinstance(value, kind) else kind())
    results.floor = {name: value for name, value in results.floor.items() if finite(value) is not None}
    results.significance = [row for row in results.significance if isinstance(row, dict)]
    versions = extra.get("versions", versions)
    evidence.versions = versions if isinstance(versions, dict) else {}
    evidence.remarks += [str(remark) for remark in results.remarks]


def _read_json(path: Path, evidence: Evidence) -> dict[str, Any]:
    """The object in a file; empty with a remark if there is none."""
    label = path.relative_to(evidence.folder).as_posix()
    try:
        content = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        evidence.remarks.append(f"No {label}: it is left out.")
        return {}
    except (OSError, ValueError) as error:
        evidence.remarks.append(f"{label} cannot be read ({error}): it is left out.")
        return {}
    return content if isinstance(content, dict) else {}


def _take_recipe(path: Path, evidence: Evidence) -> None:
    if not path.is_file():
        evidence.remarks.append("No recipe.yaml: stages and systems are not described.")
        return
    evidence.recipe_text = path.read_text(encoding="utf-8", errors="replace")
    try:
        content = yaml.safe_load(evidence.recipe_text)
    except yaml.YAMLError:
        evidence.remarks.append("recipe.yaml cannot be parsed: it is shown as text only.")
        return
    evidence.recipe = content if isinstance(content, dict) else {}
    named = [str(system["name"]) for system in system_specs(evidence.recipe) if "name" in system]
    evidence.listed = named or ["base", *stage_names(evidence.recipe)]


def _take_probe(path: Path, evidence: Evidence) -> None:
    """The look inside, which is there only if somebody asked for it."""
    if not path.is_file():
        return
    try:
        evidence.probe = read_probe(path)
    except DataError as error:
        evidence.remarks.append(f"The look inside is left out: {error}.")


def _take_stages(folder: Path, evidence: Evidence) -> None:
    """Curves by stage in the order of the recipe; of a step that was logged twice the later row counts."""
    found = {path.parent.name: path for path in sorted(folder.glob("*/metrics.jsonl"))}
    if not found:
        evidence.remarks.append("No stages/<stage>/metrics.jsonl: training curves are left out.")
    ordered = [name for name in stage_names(evidence.recipe) if name in found]
    for name in [*ordered, *(name for name in found if name not in ordered)]:
        rows, bad = read_jsonl(found[name])
        if bad:
            evidence.remarks.append(f"stages/{name}/metrics.jsonl: broken lines are left out ({bad}).")
        last: dict[tuple[int, bool], dict[str, Any]] = {}
        for row in rows:
            if isinstance(row.get("step"), int):
                last[row["step"], "validation" in row] = row
        evidence.stages[name] = [last[key] for key in sorted(last)]


def stage_names(recipe: dict[str, Any]) -> list[str]:
    """Names of a recipe's stages, in order; empty for a recipe without any."""
    return [str(stage["name"]) for stage in sections(recipe, "stages") if "name" in stage]


def system_specs(recipe: dict[str, Any]) -> list[dict[str, Any]]:
    """The systems that a recipe evaluates; empty if it does not list them."""
    evaluate = recipe.get("evaluate")
    return sections(evaluate, "systems") if isinstance(evaluate, dict) else []


def sections(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The sections in a list of a recipe; empty where there is no such list."""
    found = parent.get(key)
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []

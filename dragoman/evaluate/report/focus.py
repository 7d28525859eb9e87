"""Which system the report is about, what it is held against, and which systems compete at all."""

from __future__ import annotations

from typing import Any

from dragoman.evaluate.report.data import Evidence
from dragoman.evaluate.report.load import sections, system_specs

_CONTROLS = ("copy", "references", "pivot")
_CEILING = "oracle"
_SPECIAL = ("prompt_language", "shots", "contrast_source", "contrast_language")


def system_spec(evidence: Evidence, system: str) -> dict[str, Any]:
    """The recipe's entry for a system; empty if it has none."""
    return next((spec for spec in system_specs(evidence.recipe) if spec.get("name") == system), {})


def focus_and_before(evidence: Evidence) -> tuple[str | None, str | None]:
    """The system the report is about and the one it is held against.

    Those that the caller named; else the first stage that unlearns (task `conflict`) after another stage,
    against that stage, since later ones may be controls; else the last stage, against the one before it.
    Without a recipe: the best system, against none.
    """
    if evidence.focus in evidence.systems:
        return evidence.focus, evidence.against if evidence.against in evidence.systems else None
    found = [pair for pair in _stages(evidence) if pair[0] is not None and pair[0] in evidence.systems]
    unlearning = [pair for pair in found if pair[2] and pair[1] not in (None, "base")]
    if found:
        system, before, _ = unlearning[0] if unlearning else found[-1]
        return system, before if before in evidence.systems else None
    return best(evidence), None


def _stages(evidence: Evidence) -> list[tuple[str | None, str | None, bool]]:
    """For each stage that is no ceiling: its system, that of its start, and whether it unlearns."""
    triples = []
    last = "base"
    for stage in sections(evidence.recipe, "stages"):
        name = str(stage.get("name"))
        tasks = stage.get("tasks")
        unlearns = isinstance(tasks, dict) and "conflict" in tasks
        start = str(stage.get("start") or last)
        if not _is_ceiling(name):
            triples.append((_system_of(evidence, name), _system_of(evidence, start), unlearns))
        last = name
    return triples


def _system_of(evidence: Evidence, stage: str) -> str | None:
    """The system that translates with a stage's weights and nothing else."""
    for spec in system_specs(evidence.recipe):
        plain = spec.get("kind", "model") == "model" and not any(spec.get(key) for key in _SPECIAL)
        if plain and spec.get("stage", "base") == stage:
            return str(spec.get("name"))
    return stage if stage in evidence.systems else None


def best(evidence: Evidence) -> str | None:
    """The system with the best chrF++ (else BLEU) in the main group, ceilings and controls aside."""
    metric = "chrF++" if "chrF++" in evidence.metrics else "BLEU"
    scored = []
    for system in evidence.systems:
        mean = evidence.mean(system, evidence.main_group, metric)
        if mean is not None and is_candidate(evidence, system):
            scored.append((mean.value, system))
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def is_candidate(evidence: Evidence, system: str) -> bool:
    """Whether a system competes: no control (copy, references, pivot) and no ceiling (oracle)."""
    kind = system_spec(evidence, system).get("kind")
    return kind not in _CONTROLS and system.lower() not in _CONTROLS and not _is_ceiling(system)


def ceiling(evidence: Evidence) -> str | None:
    """The system that was tuned on all directions, if there is one."""
    return next((system for system in evidence.systems if _is_ceiling(system)), None)


def _is_ceiling(system: str) -> bool:
    return _CEILING in system.lower()

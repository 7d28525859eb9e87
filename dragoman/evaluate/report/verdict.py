"""The verdict: one paragraph in plain words, every clause computed from the numbers."""

from __future__ import annotations

from typing import Any

from dragoman.evaluate.report.data import Evidence
from dragoman.evaluate.report.focus import best, ceiling, focus_and_before
from dragoman.evaluate.report.load import stage_names
from dragoman.evaluate.report.markup import Markup, el, finite, join, number, p_value, percent
from dragoman.evaluate.results import ALL, SUPERVISED

NEAR_FLOOR = 2.0
"""Points of OTR above the floor that still count as being at it."""


def verdict(evidence: Evidence) -> Markup:
    """The paragraph; says so plainly if nothing was scored."""
    focus, before = focus_and_before(evidence)
    if focus is None:
        scored = "No translation" if evidence.results.dialogues else "Nothing"
        return el("p", f"{scored} has been scored yet, so there is no verdict.", class_="verdict")
    sentences = [
        _off_target(evidence, focus, before),
        _quality(evidence, focus, before),
        _supervised(evidence, focus, before),
        _certainty(evidence, focus, before),
        _faults(evidence, focus),
        _better(evidence, focus),
    ]
    text = join(*sentences, between=" ") or "There is neither an OTR nor a score of quality to judge by."
    return el("p", text, class_="verdict")


def _off_target(evidence: Evidence, focus: str, before: str | None) -> Markup | None:
    """How often the answer is in the wrong language, against before and against the floor."""
    group = evidence.main_group
    now = evidence.mean(focus, group, "OTR")
    if now is None:
        return None
    what = "of its translations" if group == ALL else f"of its {group} translations"
    head = join(
        el("b", focus), " answers in the wrong language in ", el("strong", percent(now.value)), f" {what}"
    )
    then = evidence.mean(before, group, "OTR") if before else None
    if then is not None and before is not None:
        after = "after" if before in stage_names(evidence.recipe) else "with"
        turn = f", {'down' if now.value < then.value else 'up'} from {percent(then.value)} {after} "
        head = join(head, ", as " if number(now.value) == number(then.value) else turn, el("b", before))
    floor = evidence.results.floor_average(group)
    if floor is None:
        return join(head, ".")
    gap = now.value - floor
    if gap <= NEAR_FLOOR:
        return join(
            head, f"; the identifier misjudges {percent(floor)} of the references, so that is its floor."
        )
    return join(head, f"; that is {number(gap)} points above the identifier’s floor of {percent(floor)}.")


def _quality(evidence: Evidence, focus: str, before: str | None) -> Markup | None:
    """BLEU and chrF++ in the main group, and the share of the ceiling."""
    group = evidence.main_group
    clauses: list[Markup] = []
    for metric in quality_metrics(evidence, group):
        now = evidence.mean(focus, group, metric)
        then = evidence.mean(before, group, metric) if before else None
        if now is not None:
            path = f" from {number(then.value)} to " if then else " "
            verb = "" if clauses else " goes" if then else " is"
            clauses.append(join(metric, verb, path, el("strong", number(now.value))))
    if not clauses:
        return None
    head = "" if group == ALL else f"{group.capitalize()} "
    return join(head, join(*clauses, between=" and "), _share_of_ceiling(evidence, focus, group), ".")


def _share_of_ceiling(evidence: Evidence, focus: str, group: str) -> str:
    top = ceiling(evidence)
    if top is None or top == focus:
        return ""
    for metric in quality_metrics(evidence, group):
        most, now = evidence.mean(top, group, metric), evidence.mean(focus, group, metric)
        if most is not None and now is not None and most.value > 0:
            return f", {percent(100 * now.value / most.value, 0)} of the {metric} of {top}"
    return ""


def quality_metrics(evidence: Evidence, group: str) -> list[str]:
    """BLEU, where one tokenization serves the group, and chrF++."""
    return [m for m in ("BLEU", "chrF++") if m in evidence.metrics and not evidence.mixed(group, m)]


def _supervised(evidence: Evidence, focus: str, before: str | None) -> Markup | None:
    if before is None or SUPERVISED not in evidence.groups or evidence.main_group == SUPERVISED:
        return None
    for metric in quality_metrics(evidence, SUPERVISED):
        now, then = (evidence.mean(name, SUPERVISED, metric) for name in (focus, before))
        if now and then:
            change = number(now.value - then.value, sign=True)
            return join(f"On the supervised directions {metric} changes by ", el("strong", change), ".")
    return None


def _certainty(evidence: Evidence, focus: str, before: str | None) -> Markup | None:
    """The test of focus against before on the main group; else how many directions differ significantly."""
    rows = [row for row in evidence.results.significance if row.get("metric") in ("chrF++", "BLEU")]
    rows = [row for row in rows if {str(row.get("a")), str(row.get("b"))} == {focus, before}]
    rows.sort(key=lambda row: row["metric"] != "chrF++")
    for row in rows:
        p = corrected(row)
        if row.get("group") == evidence.main_group and p is not None:
            word = "more" if p < 0.05 else "not more"
            equals = "" if p < 0.001 else "= "
            return join(
                f"The {row['metric']} difference is {word} than chance explains (p {equals}{p_value(p)})."
            )
    members = set(evidence.members(evidence.main_group))
    ps = [
        corrected(row)
        for row in rows
        if row["metric"] == rows[0]["metric"] and row.get("direction") in members
    ]
    known = [p for p in ps if p is not None]
    if not known:
        return None
    sure = sum(p < 0.05 for p in known)
    return join(
        f"The {rows[0]['metric']} difference is significant in {sure} of {len(known)} of these directions."
    )


def corrected(row: dict[str, Any]) -> float | None:
    """The p-value to go by: the one after Holm, else the larger of both tests."""
    if (p := finite(row.get("p_holm"))) is not None:
        return p
    both = (finite(row.get(key)) for key in ("p_randomisation", "p_bootstrap"))
    return max((p for p in both if p is not None), default=None)


def _faults(evidence: Evidence, focus: str) -> Markup | None:
    """Rates that a reader must not overlook: empty, copied, endless output of more than 1 %."""
    words = {"empty": "are empty", "copied": "copy the source", "runaway": "run on without end"}
    found = []
    for fault, said in words.items():
        mean = evidence.mean(focus, evidence.main_group, fault)
        if mean is not None and mean.value > 1:
            found.append(f"{percent(mean.value)} {said}")
    return join(f"Mind that {' and '.join(found)}.") if found else None


def _better(evidence: Evidence, focus: str) -> Markup | None:
    """Honesty: another ordinary system may be better than the one the report is about."""
    other, group = best(evidence), evidence.main_group
    if other is None or other == focus:
        return None
    metric = "chrF++" if "chrF++" in evidence.metrics else "BLEU"
    mean = evidence.mean(other, group, metric)
    where = "" if group == ALL else f"{group} "
    return join(f"The best {where}{metric} is that of ", el("b", other), f": {number(mean and mean.value)}.")

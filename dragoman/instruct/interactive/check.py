"""Whether a dialogue is right: demands met, the rest kept, the way back exact, no draft learned."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dragoman.instruct.interactive.compare import units
from dragoman.instruct.interactive.correction import FIRST, UNDO, Correction, accepted, unasked
from dragoman.instruct.interactive.dialogue import Dialogue, Round

NOT_MET = "demand not met"
MET_BEFORE = "demand met by the draft already"
CHANGED = "changes beyond the demand"
ANOTHER = "not the text that is expected"
SAME = "the answer is the draft"
NOT_BACK = "the way back is not exact"
FAULTY = "a faulty text would be learned"


def fault(dialogue: Dialogue, real: Collection[str], spaceless: bool = False) -> str:
    """What is wrong with a built dialogue, or ''.

    ``real`` are the texts that people wrote: a learned translation must be one of them, and so must what is
    learned in answer to an open wish.
    """
    versions = dialogue.versions
    for one in dialogue.rounds:
        reason = _round_fault(dialogue, one, versions, spaceless)
        if not reason and one.version is not None:
            reason = _learned_fault(one, real)
        if reason:
            return f"{reason} ({one.kind})"
    return ""


def _round_fault(dialogue: Dialogue, one: Round, versions: list[str], spaceless: bool) -> str:
    if one.kind in (UNDO, FIRST):
        there = dialogue.parent(one.before) if one.kind == UNDO and one.before is not None else 0
        return "" if one.version == there and one.answer == versions[there or 0] else NOT_BACK
    if one.version is None or one.before is None:
        return "" if all(c.met("", one.answer) for c in one.corrections) else NOT_MET
    return edit_fault(versions[one.before], one.answer, one.corrections, spaceless)


def edit_fault(
    draft: str,
    answer: str,
    corrections: Sequence[Correction],
    spaceless: bool = False,
    expected: str | None = None,
) -> str:
    """What is wrong with an answer to corrections of a draft, or ''.

    Where the ``expected`` answer is known, the answer has its words, or others that serve in their place.
    """
    if answer == draft:
        return SAME
    if not all(correction.met(draft, answer) for correction in corrections):
        return NOT_MET
    if any(correction.met(draft, draft) for correction in corrections):
        return MET_BEFORE
    if unasked(draft, answer, corrections, spaceless):
        return CHANGED
    if expected is None or any(correction.free for correction in corrections):
        return ""
    return "" if units(answer, spaceless) in accepted(expected, corrections, spaceless) else ANOTHER


def _learned_fault(one: Round, real: Collection[str]) -> str:
    """What is learned as a translation, or in answer to an open wish, must be a text of people.

    Any other version is one that stands there already, but for what the user asked: that is checked before.
    """
    open_ = one.before is None or any(correction.free for correction in one.corrections)
    if one.kind in (UNDO, FIRST) or not open_ or not any(span.weight for span in one.turn().spans):
        return ""
    return "" if one.answer in real else FAULTY

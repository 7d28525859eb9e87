"""Style: other texts of the line that the data holds, as they are.

A revision follows a revision, a post-edit what a machine wrote, a reference another reference. Nothing is
invented.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from dragoman.corpus.variants import MACHINE, REFERENCE, REVISION
from dragoman.instruct.interactive.compare import Hunk, hunks, units
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import context, learned
from dragoman.instruct.interactive.plots import Length, Shares
from dragoman.instruct.interactive.scene import Scene
from dragoman.instruct.interactive.script import Script
from dragoman.instruct.linked import Side

NAMED = 2
"""Most differences between two texts that the user names one by one; more are asked for as a whole."""
WIDE = 4
"""Words of the longest difference that is named."""
BACK = 0.25
"""Share of the dialogues with room for it in which a revision is taken back."""
KINDS = {REVISION: "style/revision", MACHINE: "style/post-edit", REFERENCE: "style/another"}


def chains(scene: Scene) -> dict[str, list[str]]:
    """For each kind of variant its texts in order, none twice in a row; the record's own is the last."""
    found = {}
    for kind, name in KINDS.items():
        texts = [
            v.text for v in scene.record.variants if (v.language, v.kind) == (scene.direction.target, kind)
        ]
        chain = [text for text, after in pairwise([*texts, scene.text]) if text != after]
        if kind == MACHINE:
            chain = [text for text in texts if text != scene.text]
            chain = [scene.rng.choice(chain)] if chain else []
        elif kind == REFERENCE:
            chain = [text for text in dict.fromkeys(texts) if text != scene.text]
        if chain:
            found[name] = [*chain, scene.text]
    return found


def variants(script: Script, length: Length, shares: Shares) -> bool:
    """A draft of the data, its corrections, the corrected texts."""
    found = chains(script.scene)
    if not found:
        return False
    kind = script.rng.choice(list(found))
    chain = found[kind]
    if kind == "style/another":
        script.rng.shuffle(chain)
    chain = chain[-length.turns :]
    draft = kind != "style/another"
    script.dialogue.translate(script.asks, chain[0], context(chain[0]) if draft else learned(chain[0]))
    for text in chain[1:]:
        said, asked = _asked(script, kind, script.dialogue.text, text)
        script.dialogue.correct(said, text, asked, kind=kind)
    rounds = len(script.dialogue.rounds)
    people = kind == "style/revision" and rounds < length.turns
    if people and shares.get("history") and script.rng.random() < BACK:
        script.dialogue.undo(script.say("history/undo"))
    else:
        for _ in range(length.asides(rounds, shares, script.rng)):
            script.ask()
    return True


class Named(NamedTuple):
    """A difference that the user names: the wording, its words, and what the answer must do."""

    key: str
    values: dict[str, str]
    asked: Correction


def _asked(script: Script, kind: str, draft: str, text: str) -> tuple[str, list[Correction]]:
    """What the user says to get from a text to the next one: its differences by name, or in general."""
    cut = script.scene.cut[1]
    old, new = Side(draft, cut), Side(text, cut)
    found = hunks(units(draft, cut), units(text, cut))
    named = [_named(kind, old, new, hunk) for hunk in found[: NAMED + 1]]
    asked = [one for one in named if one is not None]
    exact = all(one.asked.met(draft, text) and not one.asked.met(draft, draft) for one in asked)
    if kind == "style/another" or not found or len(asked) < len(named) or len(found) > NAMED or not exact:
        return script.say(kind), [Correction(kind, free=True)]
    said = [script.say(one.key, **one.values) for one in asked]
    return script.speech.join(said), [one.asked for one in asked]


def _named(kind: str, old: Side, new: Side, hunk: Hunk) -> Named | None:
    """A difference by name; None if it is too long, or in signs alone, or has no word before it."""
    start, end, new_start, new_end = hunk
    gone, come = (_quote(side, span) for side, span in ((old, (start, end)), (new, (new_start, new_end))))
    if max(end - start, new_end - new_start) > WIDE or not any(map(str.isalnum, gone + come)):
        return None
    if gone and come:
        return Named("style/replace", {"old": gone, "new": come}, Correction(kind, (come,), (gone,)))
    if not start or not any(map(str.isalnum, before := _quote(old, (start - 1, start)))):
        return None
    if come:
        whole = _quote(new, (new_start - 1, new_end))
        return Named("style/insert", {"new": come, "before": before}, Correction(kind, (whole,)))
    return Named("style/delete", {"old": gone}, Correction(kind, (), (_quote(old, (start - 1, end)),)))


def _quote(side: Side, span: tuple[int, int]) -> str:
    return side.quote(span) if span[1] > span[0] else ""

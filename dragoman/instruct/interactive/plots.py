"""Plots: how corrections, questions and the way back follow each other in a dialogue of each kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dragoman.instruct.interactive import content, grammar, vocabulary
from dragoman.instruct.interactive.fault import Fault, Maker
from dragoman.instruct.interactive.scene import Scene
from dragoman.instruct.interactive.script import Script

MAKERS: dict[str, dict[str, Maker]] = {
    "vocabulary": vocabulary.MAKERS,
    "grammar": grammar.MAKERS,
    "content": content.MAKERS,
}
TOGETHER = 0.2
"""Share of the dialogues with several faults in which the user reports two of them in one turn."""
ASIDE = 0.3
"""Share of the turns without a fault to report in which the user asks about a word; there are fewer else."""
Shares = Mapping[str, float]


class Length(NamedTuple):
    """User turns of a dialogue: the fewest that it may have, and how many it is to have."""

    least: int
    turns: int

    def asides(self, used: int, shares: Shares, rng: random.Random) -> int:
        """How many questions go into a dialogue that has ``used`` turns."""
        free = self.turns - used if shares.get("question") else 0
        return max(sum(rng.random() < ASIDE for _ in range(free)), min(self.least - used, free), 0)


def make_fault(scene: Scene, group: str) -> Fault | None:
    """A fault of a group somewhere in the scene; its kinds are tried in random order.

    A draft has no two faults of one kind: else nobody knew which of them a user means who names no word.
    """
    there = {fault.correction.kind for fault in scene.faults}
    kinds = [kind for kind in MAKERS[group] if kind not in there]
    scene.rng.shuffle(kinds)
    return _first_that_fits(scene, [MAKERS[group][kind] for kind in kinds])


def _first_that_fits(scene: Scene, makers: Sequence[Maker]) -> Fault | None:
    """A fault of the first maker that finds a place and disturbs no other correction."""
    for maker in makers:
        fault = maker(scene)
        if fault is not None and fault.shows(scene.text, scene.faults):
            scene.faults.append(fault)
            return fault
    return None


def corrections(script: Script, group: str, length: Length, shares: Shares) -> bool:
    """A draft with faults, at least one of the group, that are mended one after another."""
    scene = script.scene
    first = make_fault(scene, group)
    if first is None:
        return False
    faults = [first, *_more(scene, length.turns - 2, shares)]
    script.rng.shuffle(faults)
    script.open(faults)
    steps: list[list[Fault]] = [[fault] for fault in faults]
    if len(steps) > 1 and script.rng.random() < TOGETHER:
        steps[:2] = [steps[0] + steps[1]]
    asides = length.asides(1 + len(steps), shares, script.rng)
    for step in _mixed(steps, asides, script.rng):
        if step:
            script.fix(step)
        else:
            script.ask()
    return True


def _more(scene: Scene, most: int, shares: Shares) -> list[Fault]:
    """Up to ``most`` further faults, each of a group drawn by its share."""
    groups = {group: shares[group] for group in MAKERS if shares.get(group)}
    found: list[Fault] = []
    for _ in range(most if groups else 0):
        (group,) = scene.rng.choices(list(groups), list(groups.values()))
        fault = make_fault(scene, group)
        if fault is not None:
            found.append(fault)
    return found


def _mixed(steps: Sequence[list[Fault]], questions: int, rng: random.Random) -> list[list[Fault]]:
    """The steps in their order, with empty ones (questions) at random places between them."""
    mixed = list(steps)
    for _ in range(questions):
        mixed.insert(rng.randint(0, len(mixed)), [])
    return mixed


def questions(script: Script, length: Length) -> bool:
    """The right translation, and questions about its words."""
    script.open([])
    return all(script.ask() or number > 0 for number in range(length.turns - 1))


def history(script: Script, length: Length, shares: Shares) -> bool:
    """The way back: undo, the first version again, both corrections together.

    Plots with a wish go first, for few lines have room for one, and most have for faults.
    """
    fit = [plot for plot, least in PLOTS if least <= length.turns]
    script.rng.shuffle(fit)
    for plot in sorted(fit, key=lambda plot: plot not in WISHING):
        script.scene.faults.clear()
        if plot(script):
            for _ in range(length.asides(len(script.dialogue.rounds), shares, script.rng)):
                script.ask()
            return True
    return False


def _wish(scene: Scene) -> Fault | None:
    """Something else that a user may want: another word of the corpus, or a phrase left out."""
    makers = [vocabulary.wished_word, content.spared]
    scene.rng.shuffle(makers)
    return _first_that_fits(scene, makers)


def _undo(script: Script) -> bool:
    """Something else is wanted and taken back."""
    wish = _wish(script.scene)
    if wish is None:
        return False
    script.open([])
    script.depart(wish)
    script.undo()
    return True


def _undo_later(script: Script) -> bool:
    """A fault is mended, something else is wanted and taken back: the mended version stays."""
    fault = _any_fault(script.scene)
    wish = _wish(script.scene) if fault else None
    if fault is None or wish is None:
        return False
    script.open([fault])
    script.fix([fault])
    script.depart(wish)
    script.undo()
    return True


def _first(script: Script) -> bool:
    """Two other things are wanted, then the first version again."""
    wishes = [_wish(script.scene), _wish(script.scene)]
    if None in wishes:
        return False
    script.open([])
    for wish in wishes:
        if wish is not None:
            script.depart(wish)
    script.first()
    return True


def _undo_mended(script: Script) -> bool:
    """A fault is mended, and that is taken back: the way back is to what stood there, right or wrong."""
    fault = _any_fault(script.scene)
    if fault is None:
        return False
    script.open([fault])
    script.fix([fault])
    script.undo()
    return True


def _first_mended(script: Script) -> bool:
    """Two faults are mended one after another, then the first version is wanted again."""
    one, two = _any_fault(script.scene), _any_fault(script.scene)
    if one is None or two is None:
        return False
    script.open([one, two])
    script.fix([one])
    script.fix([two])
    script.first()
    return True


def _both(script: Script) -> bool:
    """One fault is mended, then another one instead, then both."""
    one, two = _any_fault(script.scene), _any_fault(script.scene)
    if one is None or two is None:
        return False
    script.open([one, two])
    script.fix([one])
    script.instead(two)
    script.both()
    return True


def _any_fault(scene: Scene) -> Fault | None:
    groups = list(MAKERS)
    scene.rng.shuffle(groups)
    return next((fault for group in groups if (fault := make_fault(scene, group))), None)


PLOTS: tuple[tuple[Callable[[Script], bool], int], ...] = (
    (_undo, 3), (_undo_mended, 3), (_undo_later, 4), (_first, 4), (_first_mended, 4), (_both, 4),
)  # fmt: skip
"""The plots of the kind history, and the user turns that each needs."""
WISHING = (_undo, _undo_later, _first)
"""Those in which the user wants something else than what people wrote."""

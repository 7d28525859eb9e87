"""The check of dialogues, by mutation: whatever is broken on purpose is found, dropped and counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from dragoman.instruct.interactive import check
from dragoman.instruct.interactive.correction import FIRST, UNDO, Correction
from dragoman.instruct.interactive.dialogue import Dialogue, Round, context, learned
from dragoman.instruct.interactive.fault import Fault
from dragoman.instruct.interactive.script import Script
from dragoman.language.language import Direction
from dragoman.language.phrases import contains

from .interactive_text import task
from .test_interactive import many, real_texts

Mutants = Iterator[tuple[int, Round]]
"""The number of a round and what it becomes."""


def corrected(dialogue: Dialogue) -> Iterator[tuple[int, Round, str]]:
    """The rounds that make a version from another one, with that one."""
    versions = dialogue.versions
    for number, one in enumerate(dialogue.rounds):
        if one.version is not None and one.before is not None and one.kind not in (UNDO, FIRST):
            yield number, one, versions[one.before]


def not_met(dialogue: Dialogue) -> Mutants:
    """Of each correction in turn the draft's words are put back, and the rest of the answer stays.

    Nothing of it weighs anything, so that no other check can help.
    """
    for number, one, _ in corrected(dialogue):
        for asked in one.corrections:
            for good, bad in [(phrase, "") for phrase in asked.must] + [
                ("", phrase) for phrase in asked.forbid
            ]:
                answer = one.answer.replace(good, "") if good else f"{one.answer} {bad}"
                if not asked.free and not asked.met("", answer):
                    yield number, replace(one, answer=answer, spans=context(answer))


def not_met_at_all(dialogue: Dialogue) -> Mutants:
    """The answer is the draft, with another end."""
    for number, one, draft in corrected(dialogue):
        if not any(asked.free for asked in one.corrections):
            yield number, replace(one, answer=draft + " .", spans=context(draft + " ."))


def rest_changed(dialogue: Dialogue) -> Mutants:
    """A word that no correction speaks of becomes another one, goes, or gets a neighbour."""
    rng = random.Random(dialogue.id)
    for number, one, _ in corrected(dialogue):
        named = " ".join(phrase for asked in one.corrections for phrase in asked.phrases)
        words = one.answer.split(" ")
        others = [k for k, word in enumerate(words) if not contains(named, word.strip(".,"), True)]
        if any(asked.free for asked in one.corrections) or not others:
            continue
        k = rng.choice(others)
        for new in (["Zebra"], [], [words[k], "Zebra"]):
            answer = " ".join([*words[:k], *new, *words[k + 1 :]])
            yield number, replace(one, answer=answer, spans=context(answer))


def revision_changed(dialogue: Dialogue) -> Mutants:
    """A revision that people wrote, with a word of somebody else."""
    for number, one, _ in corrected(dialogue):
        if any(asked.free for asked in one.corrections):
            for answer in (f"Zebra {one.answer}", f"{one.answer} Zebra", one.answer.partition(" ")[2]):
                yield number, replace(one, answer=answer, spans=learned(answer))


def not_back(dialogue: Dialogue) -> Mutants:
    """The way back ends in another text, or in another version."""
    versions = dialogue.versions
    for number, one in enumerate(dialogue.rounds):
        if one.kind in (UNDO, FIRST):
            for answer in (one.answer[:-1], one.answer + " ", one.answer.replace(" ", "  ", 1)):
                yield number, replace(one, answer=answer, spans=())
            for version, text in enumerate(versions):
                if version != one.version:
                    yield number, replace(one, version=version, answer=text, spans=())


def draft_learned(dialogue: Dialogue) -> Mutants:
    """A draft with something wrong in it is learned as a translation."""
    first = dialogue.rounds[0]
    if first.answer not in real_texts(dialogue):
        yield 0, replace(first, spans=learned(first.answer))
        yield 0, replace(first, spans=())  # no spans: learned whole


def wrong_answer(dialogue: Dialogue) -> Mutants:
    """A question is answered with another word."""
    for number, one in enumerate(dialogue.rounds):
        if one.version is None and one.corrections:
            for asked in one.corrections:
                yield number, replace(one, answer=one.answer.replace(asked.must[0], "Zebra"))


MUTATIONS: list[tuple[Callable[[Dialogue], Mutants], set[str]]] = [
    (not_met, {check.NOT_MET, check.CHANGED, check.SAME}),
    (not_met_at_all, {check.NOT_MET}),
    (rest_changed, {check.CHANGED, check.NOT_MET, check.SAME}),
    (revision_changed, {check.FAULTY}),
    (not_back, {check.NOT_BACK}),
    (draft_learned, {check.FAULTY}),
    (wrong_answer, {check.NOT_MET}),
]


@pytest.mark.parametrize(("mutate", "reasons"), MUTATIONS, ids=lambda one: getattr(one, "__name__", ""))
def test_no_broken_dialogue_passes(mutate: Callable[[Dialogue], Mutants], reasons: set[str]) -> None:
    found: Counter[str] = Counter()
    for dialogue in many():
        real = real_texts(dialogue)
        for number, broken in mutate(dialogue):
            rounds = list(dialogue.rounds)
            rounds[number] = broken
            told = check.fault(replace(dialogue, rounds=rounds), real)
            found[told.partition(" (")[0]] += 1
            assert told, (mutate.__name__, dialogue.rounds[number], broken.answer, broken.spans)
    assert found.total() >= 20, found
    assert set(found) <= reasons, found


def broken_script(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """A writer of dialogues with one error in it."""
    fix, text, undo = Script._correct, Script._text, Script.undo

    def demand_not_met(
        self: Script, said: str, faults: list[Fault], edits: frozenset[Fault], *rest: object
    ) -> None:
        fix(self, said, faults, edits | set(faults), *rest)  # type: ignore[arg-type]

    def rest_changed(self: Script, faults: list[Fault]) -> str:
        return text(self, faults) + (" So." if self.dialogue.rounds else "")

    def undo_not_exact(self: Script) -> None:
        undo(self)
        last = self.dialogue.rounds[-1]
        self.dialogue.rounds[-1] = replace(last, answer=last.answer.upper(), spans=())

    changes = {
        "demand not met": ("_correct", demand_not_met),
        "rest changed": ("_text", rest_changed),
        "undo not exact": ("undo", undo_not_exact),
    }
    monkeypatch.setattr(Script, *changes[what])


def test_the_way_back_to_a_draft_is_learned_and_the_draft_is_not() -> None:
    draft, right = "Ein Hund läuft.", "Ein Rüde läuft."
    made = Dialogue("A dog runs.", Direction("en", "de"))
    made.translate("Translate:", draft, context(draft))
    made.correct("Use “Rüde”.", right, [Correction("vocabulary/replace", ("Rüde",), ("Hund",))])
    made.undo("Undo that.")
    assert check.fault(made, [right]) == "", "the way back is learned, also to what is wrong"
    made.rounds[0] = replace(made.rounds[0], spans=learned(draft))
    assert check.fault(made, [right]).startswith(check.FAULTY), "the draft is not"


@pytest.mark.parametrize("what", ["demand not met", "rest changed", "undo not exact"])
def test_what_a_broken_writer_writes_is_dropped_and_counted(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {"history": 1} if what == "undo not exact" else {"vocabulary": 1, "content": 1}
    whole = task(kinds=kinds)
    wanted = {item: whole.dialogue(item, random.Random(item)) for item in range(120)}
    broken_script(monkeypatch, what)
    writer = task(kinds=kinds)
    touched = hurt = 0
    for item, before in wanted.items():
        dialogue = writer.dialogue(item, random.Random(item))
        hits = before is not None and (what != "undo not exact" or any(r.kind == UNDO for r in before.rounds))
        touched += hits
        hurt += hits and dialogue is None
        if not hits:
            assert (dialogue is None) == (before is None)
    counted = {why: n for why, n in writer.material.skipped.items() if "no room" not in why}
    assert touched > 30 and hurt == touched == sum(counted.values()), counted
    reasons = {"demand not met": check.SAME, "rest changed": check.CHANGED, "undo not exact": check.NOT_BACK}
    assert any(reasons[what] in why for why in counted), counted

"""The writing of one dialogue: what is said and answered, round by round, about a scene.

A version is the text that people wrote with the edits of some faults in it. A draft with faults is context.
An answer is learned as a whole: what the user did not speak of is to be copied, right or wrong, what the user
dictates is to be written, and the way back is to the letter.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from dragoman.instruct.interactive.correction import INSTEAD
from dragoman.instruct.interactive.dialogue import Dialogue, context, learned
from dragoman.instruct.interactive.edits import edited
from dragoman.instruct.interactive.fault import Fault
from dragoman.instruct.interactive.phrases import Phrase
from dragoman.instruct.interactive.question import question
from dragoman.instruct.interactive.scene import Scene
from dragoman.instruct.interactive.wordings import Speech

VAGUE = 0.2
"""Share of the grammar faults of which the user only says that there is one."""


class Script:
    """A dialogue that is being written. ``asks`` is the user turn that asks for the translation."""

    def __init__(self, scene: Scene, speech: Speech, asks: str, prompt_language: str) -> None:
        self.scene, self.speech, self.asks = scene, speech, asks
        self.dialogue = Dialogue(
            scene.source.text, scene.direction, scene.record.id, prompt_language=prompt_language,
            user_language=speech.language,
        )  # fmt: skip
        self._edits: list[frozenset[Fault]] = []
        self._questions: list[Phrase] = []

    @property
    def rng(self) -> random.Random:
        """The randomness of the scene."""
        return self.scene.rng

    @property
    def left(self) -> frozenset[Fault]:
        """The faults, and the wishes, whose edits are in the present version."""
        return self._edits[self.dialogue.current or 0]

    def say(self, key: str, **values: str) -> str:
        """A wording in the user's language."""
        return self.speech.say(key, self.rng, self.scene.direction, **values)

    def open(self, faults: Sequence[Fault]) -> None:
        """The request, and a draft with faults: context; without any the right translation: learned."""
        text = self._text(faults)
        self._edits.append(frozenset(faults))
        self.dialogue.translate(self.asks, text, context(text) if faults else learned(text))

    def fix(self, faults: Sequence[Fault]) -> None:
        """The user reports faults, and they are mended."""
        said = self.speech.join([self._report(fault, self.left - {fault}) for fault in faults])
        self._correct(said, faults, self.left - set(faults))

    def depart(self, fault: Fault) -> None:
        """The user wants another word than the one that people wrote."""
        wish = fault.departure()
        self._correct(self._report(wish, self.left), [wish], self.left | {fault})

    def undo(self) -> None:
        """Back to the version before."""
        self.dialogue.undo(self.say("history/undo"))

    def first(self) -> None:
        """Back to the first version."""
        self.dialogue.first(self.say("history/first"))

    def instead(self, fault: Fault) -> None:
        """Another fault is mended, in the version before the last correction."""
        before = self.dialogue.parent(self.dialogue.current or 0) or 0
        rest = self._edits[before] - {fault}
        said = self.say(INSTEAD, demand=self._report(fault, rest))
        self._correct(said, [fault], rest, INSTEAD, before)

    def both(self) -> None:
        """The last two corrections together."""
        edits = self._edits[-2] & self._edits[-1]
        self._edits.append(edits)
        self.dialogue.both(self.say("history/both"), self._text(edits))

    def ask(self) -> bool:
        """The user asks about a word; False if there is none left to ask about."""
        found = question(self.scene, self._questions)
        if found is None:
            return False
        self._questions.append(found.phrase)
        said, answer = self.say(found.kind, **found.values), self.say(found.answer_key, **found.values)
        self.dialogue.reply(said, answer, found.kind, [found.asked])
        return True

    def _report(self, fault: Fault, rest: frozenset[Fault]) -> str:
        """What a user says of a fault; of grammar in general only if no other fault is left."""
        vague = fault.correction.group == "grammar" and not rest and self.rng.random() < VAGUE
        return self.say("grammar/any") if vague else self.say(fault.key, **fault.values)

    def _correct(
        self,
        said: str,
        faults: Sequence[Fault],
        edits: frozenset[Fault],
        kind: str = "",
        before: int | None = None,
    ) -> None:
        self._edits.append(edits)
        asked = [fault.correction for fault in faults]
        self.dialogue.correct(said, self._text(edits), asked, kind=kind, before=before)

    def _text(self, faults: Sequence[Fault] | frozenset[Fault]) -> str:
        return edited(self.scene.text, [fault.edit for fault in faults])

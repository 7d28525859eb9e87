"""Asking a system: all dialogues side by side, turn after turn; and baselines that do not listen.

The draft is fixed: each turn is asked with the versions of the dialogue before it, whatever the system said
to earlier turns. So all systems are asked the same. Or it is the system's own: the first version is the
dialogue's, for nothing else has the faults that are spoken of, and what comes after it is the system's. A
user then says only what makes sense of that text, see :func:`measure.speaks_of`.

With ``terms`` what a user dictates or bans for certain is a demand on the search besides, as in a chat: it is
read off what the user says, by :mod:`dragoman.instruct.interactive.dictated`, and nothing else is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dragoman.evaluate.interactive.measure import speaks_of
from dragoman.evaluate.interactive.transcript import Answer, Transcript
from dragoman.instruct.interactive.correction import FIRST, UNDO
from dragoman.instruct.interactive.dialogue import Dialogue, Round
from dragoman.instruct.interactive.dictated import dictated
from dragoman.instruct.interactive.single import HISTORY, one_turn
from dragoman.language.language import Direction
from dragoman.prompt.example import Turn, assistant, user
from dragoman.translate.demand import joined
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request

Answerer = Callable[[list[Request], list[str]], list[str]]
"""The answers to requests; beside them the drafts that they speak of."""


def copy_draft(requests: list[Request], drafts: list[str]) -> list[str]:
    """Nothing is done: the answer is the draft."""
    return drafts


def answerer(translator: Translator) -> Answerer:
    """The answers of a model; what cannot be asked (too long with its history) is answered with nothing.

    Where nothing meets a demand on the search, the answer is the one without it.
    """

    def answers(requests: list[Request], drafts: list[str]) -> list[str]:
        first = translator.translate(requests)
        texts = [one.text.strip() for one in first]
        refused = [
            k for k, one in enumerate(first) if requests[k].demand and (one.error or not one.text.strip())
        ]
        found = translator.translate([replace(requests[k], demand=None) for k in refused])
        for k, one in zip(refused, found, strict=True):
            texts[k] = one.text.strip()
        return texts

    return answers


def retranslator(translator: Translator) -> Answerer:
    """The plain translation of the source, whatever a user says: what it meets owes nothing to the turns."""
    known: dict[tuple[str, Direction], str] = {}

    def answers(requests: list[Request], drafts: list[str]) -> list[str]:
        asked = [(request.source, request.direction) for request in requests]
        new = [pair for pair in dict.fromkeys(asked) if pair not in known]
        found = translator.translate([Request(*pair) for pair in new])
        known.update(zip(new, (one.text.strip() for one in found), strict=True))
        return [known[pair] for pair in asked]

    return answers


def ask_all(
    dialogues: Sequence[Dialogue],
    answers: Answerer,
    own: bool = False,
    single: bool = False,
    tell: Callable[[int], None] = lambda done: None,
    terms: bool = False,
) -> list[Transcript]:
    """Have every turn behind the request answered.

    ``own``: the drafts are the system's own. ``single``: source, draft and demand stand in one user turn,
    but for rounds that speak of earlier versions. ``tell`` is called with the number of turns that are done.
    ``terms``: what the user dictates binds the search.
    """
    sessions = [_Session(dialogue, own, single, terms) for dialogue in dialogues]
    done = 0
    for number in range(1, max((len(dialogue.rounds) for dialogue in dialogues), default=1)):
        here = [session for session in sessions if number < len(session.dialogue.rounds)]
        asked = [session for session in here if session.opens(number)]
        requests = [session.request(number) for session in asked]
        drafts = [session.draft(number) for session in asked]
        for session, text in zip(asked, answers(requests, drafts), strict=True):
            session.take(number, text)
        done += len(here)
        tell(done)
    return [Transcript(session.dialogue, tuple(session.answers)) for session in sessions]


class _Session:
    """One dialogue while it is held: its turns so far, and the versions that the system's user sees."""

    def __init__(self, dialogue: Dialogue, own: bool, single: bool, terms: bool = False) -> None:
        self.dialogue, self.own, self.single, self.terms = dialogue, own, single, terms
        self.answers: list[Answer | None] = [None]
        self.versions = dict(enumerate(dialogue.versions[: 1 if own else None]))
        first = dialogue.rounds[0]
        self.head = [Turn("system", dialogue.system)] if dialogue.system else []
        self.turns = [*self.head, user(first.said, dialogue.source), assistant(first.answer)]

    def draft(self, number: int) -> str:
        """The version that a round speaks of."""
        return self.versions[self.dialogue.rounds[number].before or 0]

    def opens(self, number: int) -> bool:
        """Whether a round can be asked; if not, it is passed over, and the version stays as it is."""
        one, draft = self.dialogue.rounds[number], self.draft(number)
        if not self.own:
            return True
        if one.kind in (UNDO, FIRST):
            sensible = self.versions[one.version or 0] != draft
        else:
            sensible = any(speaks_of(correction, draft) for correction in one.corrections)
        if not sensible:
            self.answers.append(None)
            self._keep(one, draft)
        return sensible

    def request(self, number: int) -> Request:
        """What the system is asked."""
        one = self.dialogue.rounds[number]
        turns = [*self.turns, user(one.said)]
        if self.single and one.kind not in HISTORY:
            turns = [*self.head, one_turn(self.dialogue, one, self.draft(number))]
        named = None
        if self.terms and one.version is not None:
            named = dictated(one.said, self.dialogue.direction, self.dialogue.source, self.draft(number))
        demand = joined(None, named.must, named.forbid) if named else None
        return Request(self.dialogue.source, self.dialogue.direction, tuple(turns), demand=demand)

    def take(self, number: int, text: str) -> None:
        """Write an answer down and go on: with it, or with the dialogue's own."""
        one, draft = self.dialogue.rounds[number], self.draft(number)
        back = one.kind in (UNDO, FIRST)
        expected = None if self.own and not back else self.versions[one.version or 0] if back else one.answer
        self.answers.append(Answer(text, draft, expected))
        if not self.own:
            self.turns += [user(one.said), assistant(one.answer)]
        elif text:  # an empty answer cannot stand in a conversation: the user goes on as if it had not been
            self.turns += [user(one.said), assistant(text)]
            self._keep(one, text)
        else:
            self._keep(one, draft)

    def _keep(self, one: Round, text: str) -> None:
        """The text of a new version; going back makes none."""
        if one.version is not None and one.version not in self.versions:
            self.versions[one.version] = text

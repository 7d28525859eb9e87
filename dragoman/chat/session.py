"""What a chat keeps: every text as a dialogue with its versions, and the terms that hold in a direction.

Nothing here knows a model or a terminal. A dialogue is the object that training reads
(:mod:`dragoman.instruct.interactive.dialogue`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dragoman.errors import DataError
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Dialogue, context, learned
from dragoman.language.language import Direction
from dragoman.translate.demand import Demand
from dragoman.translate.glossary import Glossary

WORDS = "chat/words"
"""The kind of a correction that the user put in words of their own: what it asks for is not known."""
QUESTION = "question/free"
"""The kind of a question that is not one of those that training asks."""


@dataclass
class Terms:
    """The hard demands of one direction: ``entries`` as in a glossary, ``forbidden`` phrases."""

    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    forbidden: list[str] = field(default_factory=list)

    def copy(self) -> Terms:
        """The same terms, to go back to."""
        return Terms(dict(self.entries), list(self.forbidden))

    def found(self, source: str) -> list[tuple[str, tuple[str, ...]]]:
        """The terms that stand in a source text, each with the forms of which one is demanded."""
        glossary = Glossary(self.entries)
        terms = dict.fromkeys(term for term, _ in glossary.find(source))
        return list(zip(terms, glossary.demands(source), strict=True))

    def demand(self, source: str) -> Demand | None:
        """What a translation of a source text must and must not hold; None if there is no demand."""
        must = tuple(forms for _, forms in self.found(source))
        return Demand(must, tuple(self.forbidden)) if must or self.forbidden else None


@dataclass
class Session:
    """The texts of a chat. ``dialogue`` is the one that is open: what is said next is about it.

    ``prompt_language`` is a code, or ``target`` for that of the direction's target. ``files`` are those that
    hold dialogues of this session, and may be written again.
    """

    direction: Direction
    prompt_language: str = "en"
    dialogue: Dialogue | None = None
    closed: list[Dialogue] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    _terms: dict[Direction, Terms] = field(default_factory=dict)
    _rounds: dict[int, int] = field(default_factory=dict)
    """Rounds of the dialogues that came from a file, by identity."""

    @property
    def language(self) -> str:
        """The language of the prompt's fixed words."""
        if self.dialogue is not None:
            return self.dialogue.prompt_language
        return self.direction.target if self.prompt_language == "target" else self.prompt_language

    @property
    def terms(self) -> Terms:
        """The terms of the present direction."""
        return self._terms.setdefault(self.direction, Terms())

    def set_terms(self, terms: Terms) -> None:
        """Other terms for the present direction."""
        self._terms[self.direction] = terms

    def opened(self) -> Dialogue:
        """The open dialogue; DataError if there is none."""
        if self.dialogue is None:
            raise DataError("there is no translation yet: write a text first")
        return self.dialogue

    def close(self) -> None:
        """The next text begins a dialogue of its own."""
        if self.dialogue is not None:
            self.closed.append(self.dialogue)
        self.dialogue = None

    def turn_to(self, direction: Direction) -> None:
        """Another direction, for the texts to come."""
        self.close()
        self.direction = direction

    def resume(self, dialogues: Sequence[Dialogue]) -> Dialogue:
        """Take in dialogues of a file; the last one is open again."""
        self.close()
        self._rounds |= {id(one): len(one.rounds) for one in dialogues}
        *before, last = dialogues
        self.closed += before
        self.dialogue, self.direction = last, last.direction
        return last

    def begin(self, source: str, said: str, answer: str) -> None:
        """A dialogue with its first version."""
        made = Dialogue(source, self.direction, prompt_language=self.language)
        made.translate(said, answer)
        self.dialogue = made

    def corrected(self, said: str, answer: str, asked: Sequence[Correction] = ()) -> None:
        """An answer to a correction; one that repeats the version before, or the first, goes back to it."""
        dialogue = self.opened()
        current = dialogue.current or 0
        parent = dialogue.parent(current)
        if parent is not None and answer == dialogue.versions[parent]:
            dialogue.undo(said)
        elif current and answer == dialogue.versions[0]:
            dialogue.first(said)
        else:
            dialogue.correct(said, answer, asked or [Correction(WORDS, free=True)])

    def kept(self) -> list[Dialogue]:
        """All dialogues as training shall read them: the version that holds at the end is learned, what the
        user had changed is context. What a file held stays as it was, unless it went on here."""
        every = [*self.closed, *([self.dialogue] if self.dialogue is not None else [])]
        return [
            one if self._rounds.get(id(one)) == len(one.rounds) else _judged(one, f"chat:{number}")
            for number, one in enumerate(every, 1)
        ]


def _judged(dialogue: Dialogue, name: str) -> Dialogue:
    last = dialogue.current
    rounds = [
        replace(one, spans=learned(one.answer) if one.version == last else context(one.answer))
        for one in dialogue.rounds
    ]
    return replace(dialogue, id=dialogue.id or name, rounds=rounds)

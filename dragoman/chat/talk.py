"""A session with a model: what is said becomes a request, what is answered a version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from dragoman.chat.session import QUESTION, Session
from dragoman.chat.speech import demand_said, question_kind, undo_said
from dragoman.errors import DataError
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dictated import dictated
from dragoman.language.phrases import holds
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Turn, user
from dragoman.translate.demand import Demand, check, joined
from dragoman.translate.engine import TOO_LONG, Translation, Translator
from dragoman.translate.prompts import Request
from dragoman.translate.state import State

Tell = Callable[[str], None]
"""Is told the text of an answer so far, whenever there is more of it."""
UNMET = "this version does not meet what /terms and /forbid list; answers to come will"
UNTUNED = "the model was not tuned on dialogues (task interactive): it may not do what is asked"


class Answer(NamedTuple):
    """What is shown of an answer. ``before``: the version that it takes the place of, None if there is none;
    ``notes``: what else there is to say."""

    text: str
    before: str | None = None
    notes: tuple[str, ...] = ()


class Watch:
    """A score processor that changes nothing: it tells the text of a greedy search as it grows."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.tell: Tell | None = None

    def __call__(self, scores: Tensor, state: State) -> Tensor:
        """The scores as they are."""
        if self.tell is not None and state.step and len(scores) == 1:  # a beam has a row for each hypothesis
            text = self.encoder.decode(state.tokens[0].tolist())
            self.tell(text.rstrip("\ufffd"))  # the first bytes of a character that is not yet whole
        return scores


class Talk:
    """Answers what a user says. ``tuned``: whether the model has learned from dialogues.

    DataError, in one line, for what cannot be answered; the session then is as it was before.
    """

    def __init__(self, session: Session, translator: Translator, tuned: bool = True) -> None:
        self.session, self.translator, self.tuned = session, translator, tuned
        self.watch = Watch(translator.encoder)
        translator.processors.append(self.watch)
        self._warned = tuned

    @property
    def carries_turns(self) -> bool:
        """Whether the template can hold a correction: its words behind an instruction say that an answer is
        due, and are not blank."""
        session = self.session
        template = self.translator.encoder.template
        (block,) = template.blocks([user("a")], session.direction, session.language)
        last = max(place for place, piece in enumerate(block.before) if piece.data)
        return any(piece.text.strip() for piece in block.before[last + 1 :])

    def say(self, text: str) -> Answer:
        """A text to translate; or, if one is open, what is said about its translation."""
        if self.session.dialogue is None:
            return self.translate(text)
        kind = question_kind(text, self.session.direction)
        return self.ask(text, kind) if kind else self.correct(text)

    def translate(self, source: str) -> Answer:
        """The first version of a text, as ``dragoman translate`` makes it with the same terms."""
        session = self.session
        session.close()
        found = self._answer(Request(source, session.direction, demand=session.terms.demand(source)))
        session.begin(source, self._request(), found.text)
        return Answer(found.text, notes=_notes(found))

    def correct(self, said: str, asked: Sequence[Correction] = ()) -> Answer:
        """A new version of the open text, asked for in words. The terms hold on.

        Words that the user dictates or bans for certain bind the search this once, if they can be met.
        """
        dialogue = self.session.opened()
        before, terms = dialogue.text, self.session.terms.demand(dialogue.source)
        named = dictated(said, dialogue.direction, dialogue.source, before)
        notes: tuple[str, ...] = ()
        if named is None:
            found = self._converse(said, terms)
        else:
            found, notes = self._obey(said, named, terms)
            asked = asked or ([named] if named.met(before, found.text) else ())
        self.session.corrected(said, found.text, asked)
        notes += ("nothing changed",) if found.text == before else ()
        return Answer(found.text, before, notes=(*self._warning(), *notes, *_notes(found)))

    def _obey(
        self, said: str, named: Correction, terms: Demand | None
    ) -> tuple[Translation, tuple[str, ...]]:
        """An answer that meets what is dictated; where nothing does, the model's own, and a note of that."""
        try:
            found = self._converse(said, joined(terms, named.must, named.forbid))
            if not found.error:
                return found, ()
            reason = found.reason
        except DataError as error:
            reason = str(error).partition(";")[0]
        return self._converse(said, terms), (f"not as you said: {reason}",)

    def ask(self, said: str, kind: str | None = None) -> Answer:
        """An answer that is no translation; versions and terms have nothing to do with it."""
        found = self._converse(said, None)
        self.session.opened().reply(said, found.text, kind or QUESTION)
        return Answer(found.text, notes=(*self._warning(), *_notes(found)))

    def meet(self) -> Answer | None:
        """A new version of the open text if the present one does not meet the terms; None if it does.

        A model that was tuned on dialogues is asked in words, by a turn of its dialogue, and the search sees
        to it; another one translates the source text again.
        """
        session, dialogue = self.session, self.session.dialogue
        demand = session.terms.demand(dialogue.source) if dialogue else None
        if dialogue is None or demand is None or (outcome := check(dialogue.text, demand)).satisfied:
            return None
        terms = [
            (term, forms) for term, forms in session.terms.found(dialogue.source) if forms in outcome.unmet
        ]
        said = demand_said(
            session.language, session.direction, [(term, forms[0]) for term, forms in terms], outcome.found
        )
        before = dialogue.text
        if self.tuned and self.carries_turns:
            found = self._converse(said, demand)
        else:
            found = self._answer(Request(dialogue.source, dialogue.direction, demand=demand))
        must = [next((form for form in forms if holds(found.text, form)), forms[0]) for _, forms in terms]
        asked = [Correction("vocabulary/replace", (form,)) for form in must]
        asked += [Correction("vocabulary/exclude", (), (phrase,)) for phrase in outcome.found]
        session.corrected(said, found.text, asked)
        return Answer(found.text, before, notes=_notes(found))

    def undo(self) -> Answer:
        """The version that the present one was made from, as it was."""
        dialogue = self.session.opened()
        before = dialogue.text
        text = dialogue.undo(undo_said(dialogue.prompt_language, dialogue.direction))
        demand = self.session.terms.demand(dialogue.source)
        met = demand is None or check(text, demand).satisfied
        return Answer(text, before, () if met else (UNMET,))

    def _request(self) -> str:
        """The instruction of the template that asks for a translation."""
        session = self.session
        template = self.translator.encoder.template
        return template.instruction("mt", session.direction, session.language)

    def turns(self, said: str) -> tuple[Turn, ...]:
        """The open dialogue and what is said now: what the model is asked with."""
        return (*self.session.opened().example().turns, user(said))

    def _converse(self, said: str, demand: Demand | None) -> Translation:
        dialogue = self.session.opened()
        if not self.carries_turns:
            name = self.translator.encoder.template.name
            raise DataError(
                f"the template {name!r} carries one turn only, so this model cannot be corrected in words; "
                "use /terms or /forbid, or an empty line and another text"
            )
        return self._answer(
            Request(said, dialogue.direction, self.turns(said), dialogue.prompt_language, demand=demand)
        )

    def _answer(self, request: Request) -> Translation:
        (found,) = self.translator.translate([request])
        if found.text.strip():
            return found
        if found.error:
            raise DataError(f"{found.reason}; /terms and /forbid show what holds")
        if found.reason.startswith(TOO_LONG):
            cure = "begin anew with an empty line (/save FILE keeps what there is)"
            raise DataError(f"{found.reason}; {cure if request.turns else 'give the text in parts'}")
        raise DataError(found.reason or "the model has no answer to that")

    def _warning(self) -> tuple[str, ...]:
        """Said once."""
        told, self._warned = self._warned, True
        return () if told else (UNTUNED,)


def _notes(found: Translation) -> tuple[str, ...]:
    """What became of an answer that is not as it should be."""
    return (found.reason,) if found.reason else ()

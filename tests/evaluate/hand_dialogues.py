"""Dialogues written by hand, one for each kind, and what systems may answer in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dragoman.evaluate.interactive.ask import ask_all
from dragoman.evaluate.interactive.transcript import Answer, Talk, Transcript
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Dialogue, context
from dragoman.language.language import Direction
from dragoman.translate.prompts import Request

SOURCE, DRAFT, RIGHT = "A dog runs in the garden.", "Ein Hund läuft im Garten.", "Ein Rüde läuft im Garten."
SWAP = Correction("vocabulary/replace", ("Rüde",), ("Hund",))
DIRECTION = Direction("en", "de")


def opened(draft: str = DRAFT, id: str = "test:1", user: str = "en") -> Dialogue:
    """A dialogue with its first version."""
    found = Dialogue(SOURCE, DIRECTION, id, user_language=user)
    found.translate("Translate into German:", draft, context(draft))
    return found


def corrected(id: str = "test:1", user: str = "en") -> Dialogue:
    """One correction."""
    found = opened(id=id, user=user)
    found.correct("Use Rüde for Hund.", RIGHT, [SWAP])
    return found


def long(id: str = "test:2") -> Dialogue:
    """Correction, question, another wish, undo."""
    found = corrected(id, "de")
    asked = Correction("question/target", ("Garten",), (), ("garden",))
    found.reply("Wie hast du garden übersetzt?", "“garden” ist “Garten”.", asked.kind, [asked])
    wish = Correction("content/leave-out", (), ("im Garten",))
    found.correct("Lass im Garten weg.", "Ein Rüde läuft.", [wish])
    found.undo("Doch nicht.")
    return found


def both(id: str = "test:3") -> Dialogue:
    """Two corrections one at a time, then together."""
    found = opened("Ein Hund läuft läuft im Garten.", id)
    double = Correction("grammar/double", (), ("läuft läuft",), ("läuft",))
    found.correct("A word is doubled.", DRAFT, [double])
    text = "Ein Rüde läuft läuft im Garten."
    found.correct("Undo; use Rüde for Hund.", text, [SWAP], kind="history/instead", before=0)
    found.both("Both corrections, please.", RIGHT)
    return found


def said(dialogue: Dialogue, *texts: str) -> Transcript:
    """The transcript of a system that says these texts; the draft is fixed."""
    versions = dialogue.versions
    answers = [
        Answer(text, versions[one.before or 0], one.answer)
        for one, text in zip(dialogue.rounds[1:], texts, strict=True)
    ]
    return Transcript(dialogue, (None, *answers))


def talk(*transcripts: Transcript, system: str = "system", **how: object) -> Talk:
    """The transcripts of a system."""
    return Talk(system, DIRECTION, transcripts, **({"asked": "12345678"} | how))  # type: ignore[arg-type]


def perfect(dialogue: Dialogue) -> Transcript:
    """Every answer is the dialogue's own."""
    return said(dialogue, *(one.answer for one in dialogue.rounds[1:]))


def scripted(answer: Callable[[str, str], str]) -> Callable[[list[Request], list[str]], list[str]]:
    """A system that answers by a function of what the user says last and the draft."""

    def answers(requests: list[Request], drafts: list[str]) -> list[str]:
        asked = [request.turns[-1].content for request in requests if request.turns]
        return [answer(said, draft) for said, draft in zip(asked, drafts, strict=True)]

    return answers


def held(dialogues: Sequence[Dialogue], answer: Callable[[str, str], str], **how: bool) -> list[Transcript]:
    """The transcripts of a scripted system."""
    return ask_all(dialogues, scripted(answer), **how)

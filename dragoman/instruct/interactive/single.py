"""A dialogue without its turns: each correction asked in one user turn that holds source, draft and demand.

The same edits as in the dialogue, said in the same words; what only makes sense with a history is left out.
So a model that learns these tells what the turns of a dialogue are worth.
"""

from __future__ import annotations

from dragoman.instruct.interactive.correction import BOTH, FIRST, INSTEAD, UNDO
from dragoman.instruct.interactive.dialogue import TASK, Dialogue, Round
from dragoman.prompt.example import Example, Turn, user

HISTORY = frozenset({UNDO, FIRST, BOTH, INSTEAD})
"""Kinds of rounds that speak of earlier versions."""


def one_turn(dialogue: Dialogue, one: Round, draft: str) -> Turn:
    """The user turn for a round: the request; its input is the source, the draft and what is said of it."""
    return user(dialogue.rounds[0].said, "\n".join((dialogue.source, draft, one.said)))


def single_turns(dialogue: Dialogue) -> list[Example]:
    """An example for each round with something to learn: the translation, corrections, questions."""
    found = []
    versions = dialogue.versions
    system = [Turn("system", dialogue.system)] if dialogue.system else []
    for number, one in enumerate(dialogue.rounds):
        answer = one.turn()
        if one.kind in HISTORY or not any(span.weight for span in answer.spans):
            continue
        asked = user(one.said, dialogue.source)
        if number:
            asked = one_turn(dialogue, one, versions[one.before or 0])
        turns = (*system, asked, answer)
        language = dialogue.prompt_language
        found.append(Example(turns, TASK, dialogue.direction, dialogue.id, "", language, one.kind))
    return found

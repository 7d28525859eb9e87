"""Questions about words: how one was translated, or what one translates; answered from the links."""

from __future__ import annotations

from typing import NamedTuple

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.grammar import small
from dragoman.instruct.interactive.phrases import LONGEST, Phrase
from dragoman.instruct.interactive.scene import Scene
from dragoman.instruct.interactive.vocabulary import complete, says_something, sure

PHRASES = 0.3
"""Share of the questions that may be about several words."""


class Question(NamedTuple):
    """``kind`` names the wordings, of the question and behind ``answer/`` of the answer."""

    kind: str
    answer_key: str
    values: dict[str, str]
    asked: Correction
    phrase: Phrase


def question(scene: Scene, asked: list[Phrase]) -> Question | None:
    """A question about words that no edit has touched and that were not asked about yet."""
    longer = [p for p in scene.phrases if 1 < p.target[1] - p.target[0] < LONGEST and _whole(scene, p)]
    found = longer if longer and scene.rng.random() < PHRASES else [p for p in scene.pairs if sure(scene, p)]
    for phrase in scene.shuffled([p for p in found if complete(scene, p)]):
        word, new = scene.source.quote(phrase.source), scene.target.quote(phrase.target)
        says = all(says_something(text, cut) for text, cut in zip((word, new), scene.cut, strict=True))
        told = says and word.casefold() != new.casefold()  # else the question holds its answer
        if not told or phrase in asked or not _once(scene, word, new):
            continue
        spans = [fault.span for fault in scene.faults]
        if any(stop > phrase.target[0] and start < phrase.target[1] for start, stop in spans):
            continue
        side = scene.rng.choice(("target", "source"))
        answer, named = (new, word) if side == "target" else (word, new)
        reply = Correction(f"question/{side}", (answer,), (), (named,))
        return Question(reply.kind, f"answer/{side}", {"word": word, "new": new}, reply, phrase)
    return None


def _whole(scene: Scene, phrase: Phrase) -> bool:
    """Whether a phrase ends a clause, and begins with a small word."""
    return scene.ends_a_clause(phrase) and small(scene, scene.word(phrase.target[0]))


def _once(scene: Scene, word: str, new: str) -> bool:
    """Whether both stand once in their text: else nobody knew which one is meant."""
    sides = ((scene.source.text, word), (scene.text, new))
    return all(text.casefold().count(words.casefold()) == 1 for text, words in sides)

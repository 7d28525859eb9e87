"""What the chat says for its user, and which user turns are questions, by the wordings that training uses."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Sequence
from functools import lru_cache

from dragoman.instruct.interactive.wordings import Speech, has_speech, speech
from dragoman.language.language import Direction

UNDO, REPLACE, EXCLUDE = "history/undo", "vocabulary/replace", "vocabulary/exclude"
QUESTIONS = ("question/target", "question/source")
_QUOTES = re.compile("[\"'“”„‟‘’‚‛«»‹›「」『』]")
_FIRST = 0
"""Seed of the wordings: the same command always says the same."""


def undo_said(language: str, direction: Direction) -> str:
    """The user turn that takes the last correction back."""
    return _speech(language).say(UNDO, random.Random(_FIRST), direction)


def demand_said(
    language: str, direction: Direction, terms: Sequence[tuple[str, str]], forbidden: Sequence[str]
) -> str:
    """The user turn that asks for words: ``terms`` are pairs of a term and what it must become."""
    spoken, rng = _speech(language), random.Random(_FIRST)
    sentences = [spoken.say(REPLACE, rng, direction, word=word, new=new) for word, new in terms]
    sentences += [spoken.say(EXCLUDE, rng, direction, old=old) for old in forbidden]
    return spoken.join(sentences)


def question_kind(said: str, direction: Direction) -> str | None:
    """The kind of a question, if a user turn is one that training asks in English, source or target."""
    plain = _plain(said)
    for code in dict.fromkeys(("en", *direction)):
        if has_speech(code):
            for kind, pattern in _patterns(code):
                if pattern.fullmatch(plain):
                    return kind
    return None


def _speech(language: str) -> Speech:
    return speech(language if has_speech(language) else "en")


@lru_cache(maxsize=16)
def _patterns(code: str) -> list[tuple[str, re.Pattern[str]]]:
    """Wordings of questions, with anything in place of their words; quotes, case and spaces do not count."""
    spoken = speech(code)
    return [(kind, _pattern(text)) for kind in QUESTIONS for text in spoken.wordings[kind]]


def _pattern(wording: str) -> re.Pattern[str]:
    parts = string.Formatter().parse(wording)
    return re.compile(
        "".join(re.escape(_plain(text)) + (".+?" if key is not None else "") for text, key, _, _ in parts)
    )


def _plain(text: str) -> str:
    return re.sub(r"\s", "", _QUOTES.sub("", text)).casefold()

"""Checks of what a teacher answers: an answer that fails is dropped with its reason and never learned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dragoman.language.identify import Identifier, knows
from dragoman.language.language import Direction, same_language

REVISIONS = ("shorter", "formal", "another")
"""Requests whose answer is another version of the translation."""
KINDS = (*REVISIONS, "comment")
LONGEST_COMMENT = 800
SURE = 0.9
"""Confidence from which the identifier is believed; short texts often get less."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks of a translation: ``kind`` is one of KINDS, ``said`` the words, in ``language``."""

    kind: str
    said: str
    language: str
    source: str
    direction: Direction


Check = Callable[[str, Request, str], str | None]
"""Draft, request and answer to the reason why the answer cannot be used, or None."""

_TALK = re.compile(
    r"\A((sure|certainly|of course|natürlich|gerne|bien sûr|volontiers|当然|好的)\s*[,!.，！。]"
    r"|(here|hier|voici|sure|certainly|以下|这是|这里)[^.!?。]{0,60}[:：]"
    r"|(translation|übersetzung|traduction|译文|翻译)\s*[:：])",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"```|\*\*|\A#+ |\A[-*] |</?\w+>")
_NUMBER = re.compile(r"\d+")


def check_answer(draft: str, request: Request, answer: str) -> str | None:
    """What holds for every kind, then for the kind: something is said, and nothing around it."""
    if not answer.strip():
        return "an empty answer"
    if answer == draft:
        return "the answer is the draft"
    if request.kind == "comment":
        return _check_comment(request, answer)
    return _check_form(draft, answer) or _check_version(draft, request, answer)


def _check_comment(request: Request, answer: str) -> str | None:
    if len(answer) > LONGEST_COMMENT:
        return "a comment that is too long"
    return "the answer is the source" if answer == request.source else None


def _check_form(draft: str, answer: str) -> str | None:
    """The text alone is the answer: no talk, no markup, no more lines than the draft has."""
    if answer.count("\n") > draft.count("\n"):
        return "more lines than the draft"
    if _TALK.match(answer) and not _TALK.match(draft):
        return "talk around the text"
    return "markup" if _MARKUP.search(answer) and not _MARKUP.search(draft) else None


def _check_version(draft: str, request: Request, answer: str) -> str | None:
    if answer == request.source:
        return "the answer is the source"
    if Counter(_NUMBER.findall(answer)) != Counter(_NUMBER.findall(draft)):
        return "numbers changed"
    ratio = len(answer) / len(draft)
    if request.kind == "shorter":
        return "not shorter" if ratio >= 1 else "too short" if ratio < 0.3 else None
    return "too short" if ratio < 0.5 else "too long" if ratio > 2 else None


def check_language(identifier: Identifier) -> Check:
    """A check that a version is in the target language and a comment in the user's, as far as the identifier
    knows the language and is sure."""

    def check(draft: str, request: Request, answer: str) -> str | None:
        wanted = request.language if request.kind == "comment" else request.direction.target
        if not knows(identifier, wanted):
            return None
        ((found, confidence),) = identifier.identify([answer])
        return None if confidence < SURE or same_language(found, wanted) else "another language"

    return check


def first_fault(checks: Sequence[Check], draft: str, request: Request, answer: str) -> str | None:
    """The reason of the first check that fails."""
    return next((reason for check in checks if (reason := check(draft, request, answer))), None)

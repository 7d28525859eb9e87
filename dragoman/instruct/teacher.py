"""Dialogues about translations that a teacher answers: open-ended requests, which no pair or link can answer.

The draft is the line's own translation. The user asks for a shorter, a more formal or another version, or for
a comment; a model on some server answers; what passes the checks is learned, the draft is context.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from dragoman.corpus.pair import Record
from dragoman.endpoint.ask import Asks
from dragoman.endpoint.client import Message
from dragoman.errors import DataError
from dragoman.instruct.interactive.check import fault
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Dialogue, context, learned
from dragoman.instruct.task import Material, PairItems, stream_seed
from dragoman.instruct.teacher_check import KINDS, REVISIONS, Check, Request, check_answer, first_fault
from dragoman.language.language import Direction, canonical, name_in

CUT = "cut at the longest output"
ASSUMED_COMMENT = "x" * 240
"""Stands for a comment in an estimate: about 60 tokens."""
SYSTEM = """You are the translator in a dialogue that will teach a smaller model. A text in {source} was \
translated into {target}. The user speaks about the translation; requests come as JSON.
If the user wants another version (kind shorter, formal or another): answer with the new version in {target} \
alone, on as many lines as before, without quotation marks, labels, notes or apology. Keep the meaning, and \
every name and number. Change no more than the request needs.
If the user wants a comment (kind comment): answer in {user}, in one to three sentences, about this very \
text and its present translation. Say only what you are sure of."""


class Lesson(NamedTuple):
    """A line in a direction, and the requests that will be made of its translation, in order."""

    record: Record
    direction: Direction
    language: str
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A request whose answer was dropped, and why."""

    id: str
    request: Request
    answer: str
    reason: str


class Taught(NamedTuple):
    """What became of a lesson: the dialogue up to the first answer that was dropped, if it has any answer."""

    dialogue: Dialogue | None
    lost: Lost | None


@cache
def wordings(language: str) -> dict[str, list[str]] | None:
    """What users say who speak a language, by kind; None if there is no file for it."""
    import yaml

    folder = resources.files("dragoman.instruct") / "teacher_wordings"
    file = folder / f"{canonical(language)}.yaml"
    if not file.is_file():
        return None
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or set(found) != set(KINDS) or not all(found.values()):
        raise DataError(f"{file}: expected wordings for each of {', '.join(KINDS)}")
    return found


def lessons(
    material: Material,
    directions: Sequence[Direction],
    count: int,
    kinds: Sequence[str],
    turns: int,
    seed: int,
) -> Iterator[Lesson]:
    """``count`` lines of the directions, drawn without repetition, each with 1 to ``turns`` requests.

    The user speaks English or one of the two languages, where there are wordings. A line's requests depend on
    nothing but seed, line and direction: with another ``count`` the same lines get the same ones.
    """
    items = PairItems(material.store, directions)
    order = np.random.default_rng(stream_seed(seed, "teach")).permutation(items.size)
    for item in order[:count]:
        record, direction = items[int(item)]
        rng = random.Random(stream_seed(seed, "teach", record.id, direction))
        known = [code for code in dict.fromkeys(("en", *direction)) if wordings(code)]
        language = rng.choice(known)
        said = wordings(language) or {}
        chosen = rng.sample(list(kinds), min(rng.randint(1, turns), len(kinds)))
        requests = tuple(
            Request(kind, rng.choice(said[kind]), language, record.texts[direction.source], direction)
            for kind in chosen
        )
        yield Lesson(record, direction, language, requests)


class Teacher:
    """Makes dialogues of lessons. ``checks`` see each answer, after those that hold for any."""

    def __init__(self, material: Material, checks: Sequence[Check] = ()) -> None:
        self.material, self.checks = material, (check_answer, *checks)

    def teach(self, lesson: Lesson, ask: Asks) -> Taught:
        """Ask for the answers of a lesson, one after the other; the first that fails ends its dialogue."""
        record, direction = lesson.record, lesson.direction
        source, draft = record.texts[direction.source], record.texts[direction.target]
        name = f"{record.id}/{direction}"
        dialogue = Dialogue(source, direction, name, self.material.prompt_language(direction))
        dialogue.translate(self.material.instruction("mt", direction), draft, context(draft))
        messages = [_system(lesson)]
        for number, request in enumerate(lesson.requests):
            messages.append(_asked(request, None if number else dialogue))
            assumed = ASSUMED_COMMENT if request.kind == "comment" else dialogue.text
            answer = ask(messages, assumed)
            text = _bare(answer.text, dialogue.text)
            if not answer.assumed:
                reason = CUT if not answer.whole else None
                reason = reason or first_fault(self.checks, dialogue.text, request, text)
                reason = reason or _with_round(dialogue, request, text)
                if reason:
                    return Taught(dialogue if number else None, Lost(name, request, answer.text, reason))
            else:
                _add(dialogue, request, text)
            messages.append({"role": "assistant", "content": text})
        return Taught(dialogue, None)


def _with_round(dialogue: Dialogue, request: Request, text: str) -> str:
    """Add the round, unless the check that every built dialogue passes finds a fault in it: then its name."""
    _add(dialogue, request, text)
    reason = fault(dialogue, dialogue.versions)
    if reason:
        dialogue.rounds.pop()
    return reason


def _add(dialogue: Dialogue, request: Request, text: str) -> None:
    kind = f"open/{request.kind}"
    if request.kind in REVISIONS:
        dialogue.correct(request.said, text, [Correction(kind, free=True)], learned(text))
    else:
        dialogue.reply(request.said, text, kind)


def _system(lesson: Lesson) -> Message:
    names = {
        "source": name_in(lesson.direction.source, "en"),
        "target": name_in(lesson.direction.target, "en"),
        "user": name_in(lesson.language, "en"),
    }
    return {"role": "system", "content": SYSTEM.format_map(names)}


def _asked(request: Request, dialogue: Dialogue | None) -> Message:
    """A request; the first one with the text and its translation."""
    told = {"kind": request.kind, "request": request.said}
    if dialogue is not None:
        told = {"text": dialogue.source, "translation": dialogue.text} | told
    return {"role": "user", "content": json.dumps(told, ensure_ascii=False)}


def _bare(text: str, draft: str) -> str:
    """An answer without white space around it, and without quotation marks that the draft does not have."""
    text = text.strip()
    for marks in ('""', "“”", "„“", "«»", "「」"):
        inner = text[1:-1]
        if text[:1] + text[-1:] == marks and inner.strip() and not {*marks} & {*inner, draft[:1]}:
            return inner.strip()
    return text

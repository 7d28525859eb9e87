"""A dialogue about one translation: its versions, what was asked of them, and the way back.

Training reads it, a chat keeps it: JSONL in ``messages`` form (:mod:`dragoman.prompt.example`), where beside
the messages stand ``kind``, ``versions`` and ``rounds``. Readers that do not know these see a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dragoman.errors import DataError
from dragoman.instruct.interactive.correction import BOTH, FIRST, TRANSLATE, UNDO, Correction
from dragoman.jsonl import read_jsonl, write_jsonl
from dragoman.language.language import Direction
from dragoman.prompt.example import Example, Span, Turn, assistant_spans, user

TASK = "interactive"


@dataclass(frozen=True, slots=True)
class Round:
    """A user turn and the answer to it.

    ``version`` is the number of the version that the answer is, None if it is no translation (the answer to a
    question); ``before`` the version that it was made from. ``spans`` are the answer with its weights.
    """

    said: str
    answer: str
    kind: str
    version: int | None = None
    before: int | None = None
    corrections: tuple[Correction, ...] = ()
    spans: tuple[Span, ...] = ()

    def turn(self) -> Turn:
        """The answer as a turn."""
        return assistant_spans(self.spans or (Span(self.answer, 1.0),))


def learned(text: str) -> tuple[Span, ...]:
    """All of an answer is learned."""
    return (Span(text, 1.0),)


def context(text: str) -> tuple[Span, ...]:
    """Nothing of an answer is learned: a draft with something wrong in it."""
    return (Span(text, 0.0),)


@dataclass
class Dialogue:
    """A source text, and rounds in which its translation is made, corrected and asked about.

    ``user_language``: what the user speaks, '' if that is not known. Every method that adds a round returns
    its answer; DataError if the user says nothing or the answer is empty.
    """

    source: str
    direction: Direction
    id: str = ""
    prompt_language: str = "en"
    system: str = ""
    rounds: list[Round] = field(default_factory=list)
    user_language: str = ""

    @property
    def versions(self) -> list[str]:
        """The texts of all versions, the oldest first."""
        found: list[str] = []
        for one in self.rounds:
            if one.version == len(found):
                found.append(one.answer)
        return found

    @property
    def current(self) -> int | None:
        """The number of the version that holds now; None before the first translation."""
        return next((r.version for r in reversed(self.rounds) if r.version is not None), None)

    @property
    def text(self) -> str:
        """The version that holds now."""
        return self.versions[self._current()]

    @property
    def kind(self) -> str:
        """The kinds of its rounds behind the request, each once: ``content/number + history/undo``."""
        return " + ".join(dict.fromkeys(one.kind for one in self.rounds if one.kind != TRANSLATE))

    def translate(self, said: str, answer: str, spans: tuple[Span, ...] = ()) -> str:
        """The first version."""
        if self.rounds:
            raise DataError("a dialogue begins with one translation; the next source text begins another")
        return self._add(Round(said, answer, TRANSLATE, 0, None, (), spans))

    def correct(
        self,
        said: str,
        answer: str,
        corrections: Sequence[Correction],
        spans: tuple[Span, ...] = (),
        kind: str = "",
        before: int | None = None,
    ) -> str:
        """A new version, made from the present one or from ``before``."""
        made_from = self._current() if before is None else before
        name = kind or " + ".join(dict.fromkeys(one.kind for one in corrections))
        number = len(self.versions)
        return self._add(Round(said, answer, name, number, made_from, tuple(corrections), spans))

    def reply(self, said: str, answer: str, kind: str, corrections: Sequence[Correction] = ()) -> str:
        """An answer that is no translation; the versions stay as they are."""
        return self._add(Round(said, answer, kind, None, self.current, tuple(corrections)))

    def undo(self, said: str) -> str:
        """Back to the version that the present one was made from, word for word."""
        made_from = self.parent(self._current())
        if made_from is None:
            raise DataError("there is nothing to undo: this is the first version")
        return self._return(said, made_from, UNDO)

    def first(self, said: str) -> str:
        """Back to the first version, word for word."""
        if self._current() == 0:
            raise DataError("this is the first version already")
        return self._return(said, 0, FIRST)

    def both(self, said: str, answer: str) -> str:
        """The corrections of the last two versions together, on the version that both were made from."""
        pair = [one for one in self.rounds if one.corrections and one.version is not None][-2:]
        if len(pair) < 2 or pair[0].before != pair[1].before:
            raise DataError("both corrections need two versions that were made from the same one")
        asked = [correction for one in pair for correction in one.corrections]
        return self.correct(said, answer, asked, kind=BOTH, before=pair[0].before)

    def parent(self, version: int) -> int | None:
        """The version that one was made from; None of the first."""
        return next((r.before for r in self.rounds if r.version == version), None)

    def example(self, task: str = TASK) -> Example:
        """The dialogue as an example: the source text is the input of the first user turn."""
        turns = [Turn("system", self.system)] if self.system else []
        for number, one in enumerate(self.rounds):
            turns += [user(one.said, None if number else self.source), one.turn()]
        return Example(tuple(turns), task, self.direction, self.id, "", self.prompt_language, self.kind)

    def to_json(self) -> dict[str, Any]:
        """A row in messages form with ``kind``, ``versions`` and ``rounds``."""
        rounds = []
        for one in self.rounds:
            row: dict[str, Any] = {"kind": one.kind, "version": one.version}
            if one.before is not None:
                row["before"] = one.before
            if one.corrections:
                row["corrections"] = [correction.to_json() for correction in one.corrections]
            rounds.append(row)
        spoken = {"user_language": self.user_language} if self.user_language else {}
        return self.example().to_json() | spoken | {"versions": self.versions, "rounds": rounds}

    @classmethod
    def from_json(cls, row: dict[str, Any], where: str = "dialogue") -> Dialogue:
        """Inverse of :meth:`to_json`; DataError if turns, rounds and versions do not fit each other."""
        example = Example.from_json(row, where)
        turns = list(example.turns)
        system = turns.pop(0).content if turns[0].role == "system" else ""
        told = row.get("rounds")
        if example.direction is None or not turns or turns[0].input is None:
            raise DataError(f"{where}: a dialogue has a `direction`, and its first user turn an `input`")
        if len(turns) % 2 or not isinstance(told, list) or len(told) != len(turns) // 2:
            raise DataError(f"{where}: `rounds` must have one entry for each user turn and its answer")
        if any(turn.input is not None for turn in turns[1:]):
            raise DataError(
                f"{where}: only the first user turn of a dialogue has an `input`, the source text"
            )
        found = cls(turns[0].input, example.direction, example.id, example.prompt_language, system)
        found.user_language = str(row.get("user_language", ""))
        for number, (asked, answer) in enumerate(zip(turns[::2], turns[1::2], strict=True)):
            found._add(_round(told[number], asked, answer, f"{where}, round {number}"), where)
        if row.get("versions") != found.versions:
            raise DataError(f"{where}: `versions` are not the answers that `rounds` number")
        return found

    def _current(self) -> int:
        if self.current is None:
            raise DataError("there is no translation yet")
        return self.current

    def _return(self, said: str, version: int, kind: str) -> str:
        text = self.versions[version]
        return self._add(Round(said, text, kind, version, self.current))

    def _add(self, one: Round, where: str = "dialogue") -> str:
        for what, text in (("source text", self.source), ("user turn", one.said), ("answer", one.answer)):
            if not text.strip():
                raise DataError(f"{where}: the {what} of round {len(self.rounds)} is empty")
        versions = self.versions
        last = len(versions) if one.kind not in (UNDO, FIRST) else len(versions) - 1
        numbers = [number for number in (one.version, one.before) if number is not None]
        if any(not 0 <= number <= last for number in numbers):
            raise DataError(f"{where}: round {len(self.rounds)} speaks of a version that there is not")
        if one.version is not None and one.version < len(versions) and versions[one.version] != one.answer:
            raise DataError(f"{where}: the answer of round {len(self.rounds)} is not version {one.version}")
        self.rounds.append(one)
        return one.answer


def _round(told: Any, asked: Turn, answer: Turn, where: str) -> Round:
    if not isinstance(told, dict) or not isinstance(told.get("kind"), str):
        raise DataError(f"{where}: an entry of `rounds` is an object with `kind` and `version`")
    version, before = told.get("version"), told.get("before")
    if not all(number is None or type(number) is int for number in (version, before)):
        raise DataError(f"{where}: `version` and `before` are whole numbers or null")
    corrections = tuple(Correction.from_json(one, where) for one in told.get("corrections", ()))
    return Round(asked.content, answer.content, told["kind"], version, before, corrections, answer.spans)


def write_dialogues(path: Path, dialogues: Iterable[Dialogue]) -> int:
    """Write dialogues as JSONL (beside, then renamed); returns their number."""
    return write_jsonl(path, (dialogue.to_json() for dialogue in dialogues))


def read_dialogues(path: Path) -> Iterator[Dialogue]:
    """Read JSONL dialogues; a bad line is a DataError with its number."""
    for where, row in read_jsonl(path):
        yield Dialogue.from_json(row, where)

"""What a user asks of a version of a translation, in a form that can be checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dragoman.errors import DataError
from dragoman.instruct.interactive.compare import Hunk, hunks, units
from dragoman.language.phrases import contains, occurrences

UNDO, FIRST, BOTH = "history/undo", "history/first", "history/both"
INSTEAD = "history/instead"
"""The user goes back and wants something else done in its place."""
LEAVE_OUT = "content/leave-out"
"""The user wants a phrase left out, and takes that back later."""
TRANSLATE = "translate"
_LISTS = ("must", "forbid", "around", "instead")


@dataclass(frozen=True, slots=True)
class Correction:
    """One thing that an answer must do to the version before it.

    ``must``: phrases that stand in the answer; ``forbid``: phrases that do not, at word borders. ``around``:
    further words that may change with them. ``free``: anything else may change too, as in a revision by
    people. ``instead``: phrases any of which serves as well as the right one, the first of ``must`` (of
    ``around``, where nothing must stand there).
    """

    kind: str
    must: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    free: bool = False
    instead: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The kind without its part behind the stroke: vocabulary, grammar, content, style."""
        return self.kind.partition("/")[0]

    @property
    def phrases(self) -> tuple[str, ...]:
        """All that it speaks of: what lies outside must stay."""
        return (*self.must, *self.forbid, *self.around, *self.instead)

    @property
    def right(self) -> str:
        """The phrase of the expected answer in place of which others may serve; '' if none may."""
        return next(iter((*self.must, *self.around)), "") if self.instead else ""

    def met(self, draft: str, answer: str) -> bool:
        """Whether an answer does what is asked; without any phrase, another text than the draft's does."""
        if not self.must and not self.forbid:
            return answer != draft
        first, rest = self.must[:1], self.must[1:]
        held = not first or any(holds(answer, phrase) for phrase in (*first, *self.instead))
        held = held and all(holds(answer, phrase) for phrase in rest)
        return held and not any(holds(answer, phrase) for phrase in self.forbid)

    def to_json(self) -> dict[str, Any]:
        """As it stands in a dialogue's row; what is empty is left out."""
        row: dict[str, Any] = {"kind": self.kind}
        row |= {name: list(value) for name in _LISTS if (value := getattr(self, name))}
        return row | ({"free": True} if self.free else {})

    @classmethod
    def from_json(cls, row: Any, where: str) -> Correction:
        """Inverse of :meth:`to_json`."""
        lists = [row.get(name, []) for name in _LISTS] if isinstance(row, dict) else []
        good = all(isinstance(value, list) and all(isinstance(v, str) for v in value) for value in lists)
        if not lists or not good or not isinstance(row.get("kind"), str):
            raise DataError(f"{where}: a correction is an object with `kind` and lists {', '.join(_LISTS)}")
        must, forbid, around, instead = map(tuple, lists)
        return cls(row["kind"], must, forbid, around, bool(row.get("free", False)), instead)


def holds(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text at word borders; at the text's start also with a capital."""
    capital = phrase[:1].upper() + phrase[1:]
    return contains(text, phrase) or (text.startswith(capital) and contains(text, capital))


def unasked(
    draft: str, answer: str, corrections: Sequence[Correction], spaceless: bool = False
) -> list[Hunk]:
    """Where an answer differs from its draft in words that no correction speaks of."""
    if any(correction.free for correction in corrections):
        return []
    named = _words([phrase for one in corrections for phrase in one.phrases], spaceless)
    old, new = units(draft, spaceless), units(answer, spaceless)
    return [
        hunk
        for hunk in hunks(old, new)
        if not named.issuperset(map(str.casefold, old[hunk.start : hunk.end]))
        or not named.issuperset(map(str.casefold, new[hunk.new_start : hunk.new_end]))
    ]


def accepted(
    expected: str, corrections: Sequence[Correction], spaceless: bool = False
) -> set[tuple[str, ...]]:
    """The answers that are as good as the expected one, in words and signs: with each phrase that serves in
    the place of the right one."""
    texts = {expected}
    for one in corrections:
        texts |= {_exchanged(text, one.right, other) for text in texts for other in one.instead}
    return {units(text, spaceless) for text in texts}


def _exchanged(text: str, old: str, new: str) -> str:
    found = list(occurrences(text, old)) if old else []
    return text[: found[0][0]] + new + text[found[0][1] :] if found else text


def _words(phrases: Iterable[str], spaceless: bool) -> set[str]:
    return {word.casefold() for phrase in phrases for word in units(phrase, spaceless)}

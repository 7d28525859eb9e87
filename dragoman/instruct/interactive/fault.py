"""A fault that a draft may have: an edit of the right text, and the correction that takes it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.edits import Edit
from dragoman.instruct.interactive.scene import Scene
from dragoman.instruct.linked import Link


@dataclass(frozen=True, eq=False)
class Fault:
    """``span``: the target words that the edit concerns. ``key``: the wordings that ask for the correction;
    ``values``: the words that they name."""

    edit: Edit
    span: Link
    correction: Correction
    key: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def departs(self) -> bool:
        """Whether a user may ask for the edit itself: another word for the one that stands there."""
        return self.key == "vocabulary/replace"

    def departure(self) -> Fault:
        """The wish for the edit: what must stand there must not, and the other way round."""
        asked = self.correction
        turned = Correction(asked.kind, asked.forbid, asked.must)
        values = self.values | {"new": self.values["old"], "old": self.values["new"]}
        return Fault(self.edit, self.span, turned, self.key, values)


Maker = Callable[[Scene], Fault | None]
"""Makes a fault of one kind somewhere in a scene where there is room; None if it finds no place."""


def replacing(scene: Scene, span: Link, wrong: str, kind: str, key: str = "", **values: str) -> Fault:
    """The fault that other words stand in a place: the right ones must stand there, the others must not."""
    right = scene.target.quote(span)
    asked = Correction(kind, (right,), (wrong,))
    values = {"old": wrong, "new": right} | values
    return Fault(Edit(*scene.spot(span), wrong), span, asked, key or kind, values)


def insertion(scene: Scene, place: int, text: str) -> Edit:
    """The edit that puts words behind a target word."""
    end = scene.target.words[place].end
    return Edit(end, end, scene.space + text)


def deletion(scene: Scene, span: Link) -> Edit:
    """The edit that takes target words out; it shows in the word behind them."""
    return Edit(*scene.gap(span), "", scene.target.words[span[1]].end if span[1] < scene.size else 0)

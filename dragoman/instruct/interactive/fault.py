"""A fault that a draft may have: an edit of the right text, and the correction that takes it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dragoman.instruct.interactive.correction import LEAVE_OUT, Correction
from dragoman.instruct.interactive.edits import Edit, edited
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

    def shows(self, text: str, others: Sequence[Fault] = ()) -> bool:
        """Whether a draft with this fault fails what its correction asks for, and only then; with each of the
        others in the draft as well as without them."""
        alone = _turns(text, self, ())
        return alone and all(
            _turns(text, self, [other.edit]) and _turns(text, other, [self.edit]) for other in others
        )

    def departure(self) -> Fault:
        """The wish for the edit itself: another word instead of the right one, or a phrase left out."""
        asked = self.correction
        turned = Correction(asked.kind if asked.forbid else LEAVE_OUT, asked.forbid, asked.must)
        (right,) = asked.must
        values = self.values | {"new": self.edit.text, "old": right}
        return Fault(self.edit, self.span, turned, self.key if asked.forbid else "style/delete", values)


def _turns(text: str, fault: Fault, others: Sequence[Edit]) -> bool:
    """Whether a correction is met without its fault and not with it, with other edits there."""
    draft, mended = edited(text, [fault.edit, *others]), edited(text, others)
    return fault.correction.met(draft, mended) and not fault.correction.met(draft, draft)


Maker = Callable[[Scene], Fault | None]
"""Makes a fault of one kind somewhere in a scene where there is room; None if it finds no place."""


def replacing(
    scene: Scene,
    span: Link,
    wrong: str,
    kind: str,
    key: str = "",
    instead: Sequence[str] = (),
    **values: str,
) -> Fault:
    """The fault that other words stand in a place: the right ones must stand there, the others must not.

    ``instead``: words that serve as well as the right ones, for a user who does not name them.
    """
    right = scene.target.quote(span)
    asked = Correction(kind, (right,), (wrong,), instead=tuple(instead))
    values = {"old": wrong, "new": right} | values
    return Fault(Edit(*scene.spot(span), wrong), span, asked, key or kind, values)


def insertion(scene: Scene, place: int, text: str) -> Edit:
    """The edit that puts words behind a target word."""
    end = scene.target.words[place].end
    return Edit(end, end, scene.space + text)


def deletion(scene: Scene, span: Link) -> Edit:
    """The edit that takes target words out."""
    return Edit(*scene.gap(span), "")

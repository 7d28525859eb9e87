"""Edits of a text: what stands elsewhere in a draft than in the text that people wrote.

A version is the text with some of its edits made; a correction takes one of them back. So every version
follows from the text and a set of edits, and what lies outside the edits never changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dragoman.prompt.example import Span


class Edit(NamedTuple):
    """Characters [start, end) of a text are replaced by ``text``.

    ``shown``: where the word ends in which a deletion shows, 0 if nothing but the edit counts as edited.
    """

    start: int
    end: int
    text: str
    shown: int = 0


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits made, which must not overlap."""
    return "".join(piece for piece, _ in pieces(text, edits))


def pieces(text: str, edits: Iterable[Edit]) -> list[tuple[str, bool]]:
    """The edited text in pieces: is the piece as in the text?"""
    found: list[tuple[str, bool]] = []
    done = 0
    for edit in sorted(edits):
        found += [(text[done : edit.start], True), (edit.text, False)]
        done = max(edit.end, edit.shown)
        found.append((text[edit.end : done], False))
    found.append((text[done:], True))
    return [piece for piece in found if piece[0]]


def weighted(text: str, edits: Iterable[Edit]) -> tuple[Span, ...]:
    """The edited text as spans: what people wrote weighs 1, what an edit made 0.

    A space belongs to what follows it, as in most tokens.
    """
    found: list[Span] = []
    space = ""
    for piece, real in pieces(text, edits):
        kept = piece.rstrip(" ")
        if kept:
            found.append(Span(space + kept, float(real)))
        space = piece[len(kept) :] if kept else space + piece
    if space:
        found[-1] = Span(found[-1].text + space, found[-1].weight)
    return tuple(found)

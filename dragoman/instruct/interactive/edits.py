"""Edits of a text: what stands elsewhere in a draft than in the text that people wrote.

A version is the text with some of its edits made; a correction takes one of them back. So every version
follows from the text and a set of edits, and what lies outside the edits never changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """Characters [start, end) of a text are replaced by ``text``."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits made, which must not overlap."""
    found = ""
    done = 0
    for edit in sorted(edits):
        found += text[done : edit.start] + edit.text
        done = edit.end
    return found + text[done:]

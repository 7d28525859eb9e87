"""Words of a sentence, what they express, and the gold links that follow from it.

Every word carries tags that name the parts of the meaning it expresses: "sn" the subject's noun, "v" the
verb, "t1" a time word. Two words of different languages are linked if they share a tag. So links are right by
construction, many-to-many where a form is synthetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

TOKEN = re.compile(r"\w+(?:-\w+)+|\w+'s\b|'s\b|\w+'?|[^\w\s]")
"""A token: a word (with its apostrophe, an English or Dutch 's, inner hyphens) or a mark."""


class Word(NamedTuple):
    """A word and the parts of the meaning that it expresses."""

    text: str
    tags: tuple[str, ...] = ()


Words = list[Word]


def text_of(words: Iterable[Word]) -> str:
    """Words as text: no space before a mark or after an apostrophe that ends a word."""
    text = ""
    for word in words:
        glued = not text or text.endswith("'") or word.text in (".", "?", ",")
        text += word.text if glued else " " + word.text
    return text


def tokens(text: str) -> list[str]:
    """The tokens that links count; :func:`text_of` puts them together again."""
    return TOKEN.findall(text)


def links_of(source: Words, target: Words) -> list[tuple[int, int]]:
    """All (source, target) positions whose words share a tag, sorted."""
    places: dict[str, list[int]] = {}
    for position, word in enumerate(target):
        for tag in word.tags:
            places.setdefault(tag, []).append(position)
    return sorted({(i, j) for i, word in enumerate(source) for tag in word.tags for j in places.get(tag, ())})

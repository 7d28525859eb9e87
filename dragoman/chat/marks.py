"""Words that changed between two versions of a text."""

from __future__ import annotations

from typing import NamedTuple

from dragoman.instruct.interactive.compare import hunks
from dragoman.instruct.words import words


class Part(NamedTuple):
    """A stretch of the new text, or of the old one if it is ``gone``; ``new``: it was not in the old text."""

    text: str
    new: bool = False
    gone: bool = False


def parts(old: str, new: str) -> list[Part]:
    """The new text in stretches; where words went without others in their place, these stand as ``gone``.

    Joined without those that are gone, the stretches are the new text. Words are compared as training
    compares versions; scripts without spaces are compared by their units.
    """
    old_words, new_words = words(old, True), words(new, True)
    before = [old[word.start : word.end] for word in old_words]
    after = [new[word.start : word.end] for word in new_words]
    found: list[Part] = []
    place = 0
    for hunk in hunks(before, after):
        if hunk.new_start < hunk.new_end:
            start, end = new_words[hunk.new_start].start, new_words[hunk.new_end - 1].end
            found += [Part(new[place:start]), Part(new[start:end], new=True)]
            place = end
        else:
            end = new_words[hunk.new_start - 1].end if hunk.new_start else 0
            lost = old[old_words[hunk.start].start : old_words[hunk.end - 1].end]
            found += [Part(new[place:end]), Part(lost, gone=True)]
            place = end
    found.append(Part(new[place:]))
    return [part for part in found if part.text]


def in_signs(old: str, new: str) -> str:
    """The new text with ``[+new words+]`` and ``[-lost words-]`` in it."""
    told = ""
    for part in parts(old, new):
        if part.gone:
            told += f" [-{part.text}-]" if told else f"[-{part.text}-] "
        else:
            told += f"[+{part.text}+]" if part.new else part.text
    return told

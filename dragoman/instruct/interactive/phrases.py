"""Which words of a line answer which: pairs of words, and phrases that are linked to nothing outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dragoman.instruct.linked import Link, Side

LONGEST = 5
"""Words of the longest phrase that is spoken of."""


class Phrase(NamedTuple):
    """Source words [source[0], source[1]) and the target words that are linked to them and to no others."""

    source: Link
    target: Link


def word_pairs(links: Sequence[Link], source: Side, target: Side, cut: tuple[bool, bool]) -> list[Phrase]:
    """Words that answer each other and nothing else, neither of them a sign or a number.

    Where text has no spaces (``cut``: of source, of target) a word may be several units in a row.
    """
    found: list[Phrase] = []
    left = list(links)
    while left:
        pair = [left.pop(0)]
        while more := [link for link in left if any(link[0] == i or link[1] == j for i, j in pair)]:
            pair += more
            left = [link for link in left if link not in more]
        spans = _span({i for i, _ in pair}, cut[0]), _span({j for _, j in pair}, cut[1])
        if spans[0] and spans[1]:
            phrase = Phrase(spans[0], spans[1])
            sides = zip((source, target), phrase, strict=True)
            if all(word.content for side, span in sides for word in side.words[slice(*span)]):
                found.append(phrase)
    return sorted(found)


def _span(places: set[int], cut: bool) -> Link | None:
    """The span of a word: one place, or in cut text several in a row."""
    start, end = min(places), max(places) + 1
    return (start, end) if end - start == len(places) and (cut or len(places) == 1) else None


def phrases(links: Sequence[Link], source: Side, target: Side) -> Iterator[Phrase]:
    """Phrases of at most LONGEST words on each side, without signs, whose ends are linked, and which are
    linked to nothing outside."""
    linked = sorted({j for _, j in links})
    for start in linked:
        for end in range(start + 1, min(start + LONGEST, len(target.words)) + 1):
            if not _is_word(target, end - 1):
                break
            if end - 1 not in linked:
                continue
            inside = [i for i, j in links if start <= j < end]
            span = (min(inside), max(inside) + 1)
            out = any(span[0] <= i < span[1] and not start <= j < end for i, j in links)
            if not out and span[1] - span[0] <= LONGEST and all(_is_word(source, k) for k in range(*span)):
                yield Phrase(span, (start, end))


def _is_word(side: Side, place: int) -> bool:
    word = side.words[place]
    return any(map(str.isalnum, side.text[word.start : word.end]))

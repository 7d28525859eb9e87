"""A line of the corpus as a scene: its words, their links, and what the corpus knows of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from dragoman.corpus.pair import Record
from dragoman.instruct.interactive.compare import units
from dragoman.instruct.interactive.facts import Facts, facts
from dragoman.instruct.interactive.lexicon import EDGE, Lexicon
from dragoman.instruct.interactive.phrases import Phrase, phrases, word_pairs
from dragoman.instruct.linked import Link, Side
from dragoman.instruct.words import APOSTROPHES, word_type
from dragoman.language.language import Direction

if TYPE_CHECKING:
    from dragoman.instruct.interactive.fault import Fault

LONG = 4
"""Letters of a word that says something, one of grammar alone is mostly shorter."""
GAP = 2
"""Words that stay between two edits at least, so that each correction can name the words around its own."""
_ENDS = frozenset('.!?…:;"“”„«»()[]。！？：；')


@dataclass
class Scene:
    """A line in a direction; ``links`` are those that reach the posterior asked for, sorted.

    ``cut``: whether source and target are text without spaces. ``other`` gives the scene of another line;
    ``related`` tells whether a source word and a target word ever met in a link. ``faults`` are those
    that the drafts of its dialogue have.
    """

    record: Record
    direction: Direction
    source: Side
    target: Side
    links: list[Link]
    cut: tuple[bool, bool]
    lexicon: Lexicon
    rng: random.Random
    other: Callable[[], Scene]
    related: Callable[[str, str], bool]
    faults: list[Fault] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The translation that people wrote."""
        return self.target.text

    @property
    def size(self) -> int:
        """Number of target words, signs included."""
        return len(self.target.words)

    @property
    def space(self) -> str:
        """What stands between two target words."""
        return "" if self.cut[1] else " "

    @cached_property
    def source_facts(self) -> Facts:
        """Number words and negations of the source language."""
        return facts(self.direction.source)

    @cached_property
    def target_facts(self) -> Facts:
        """Those of the target language."""
        return facts(self.direction.target)

    @cached_property
    def pairs(self) -> list[Phrase]:
        """Words that answer each other and nothing else."""
        return word_pairs(self.links, self.source, self.target, self.cut)

    @cached_property
    def phrases(self) -> list[Phrase]:
        """Words and phrases that answer each other and nothing else."""
        return list(phrases(self.links, self.source, self.target))

    def shuffled(self, found: list[Phrase]) -> list[Phrase]:
        """Phrases in random order."""
        return self.rng.sample(found, len(found))

    def word(self, place: int) -> str:
        """A target word; EDGE beyond the line's ends."""
        return self.target.quote((place, place + 1)) if 0 <= place < self.size else EDGE

    def is_word(self, place: int) -> bool:
        """Whether there is a target word in a place, not a sign."""
        return any(map(str.isalnum, self.word(place)))

    def once(self, span: Link) -> bool:
        """Whether the first of some target words stands once in the line, whatever its case."""
        return self.target.types.count(self.target.types[span[0]]) == 1

    def said_once(self, span: Link) -> bool:
        """Whether source words stand once in their text: else nobody knows which of them a user means."""
        return self.source.text.casefold().count(self.source.quote(span).casefold()) == 1

    def has(self, word: str) -> bool:
        """Whether the target has all the words of a text, whatever their case."""
        return {word_type(unit) for unit in units(word, self.cut[1])} <= set(self.target.types)

    def free(self, first: int, end: int) -> bool:
        """Whether target words [first, end) are far enough from every fault of the scene."""
        spans = [fault.span for fault in self.faults]
        return all(end + GAP <= start or stop + GAP <= first for start, stop in spans)

    def apart(self, place: int) -> bool:
        """Whether a target word is parted from its neighbours, not tied to one by an apostrophe."""
        start, end = self.spot((place, place + 1))
        return not set(self.text[max(0, start - 1) : start] + self.text[end - 1 : end + 1]) & set(APOSTROPHES)

    def met(self, *words: str) -> bool:
        """Whether words of the target language ever stand beside each other in this order, two by two."""
        code = self.direction.target
        return all(self.lexicon.beside(code, *pair) for pair in pairwise(words))

    def strange(self, *words: str) -> bool:
        """Whether some of these words never follow each other, though they are frequent enough to."""
        return any(self.lexicon.strange(self.direction.target, *pair) for pair in pairwise(words))

    def fits(self, span: Link, word: str) -> bool:
        """Whether another text in the place of some target words has neighbours that it had elsewhere."""
        inside = units(word, self.cut[1])
        ends = self.word(span[0] - 1), self.word(span[1])
        return bool(inside) and self.met(ends[0], inside[0]) and self.met(inside[-1], ends[1])

    def known_between(self, span: Link, word: str) -> bool:
        """Whether a word in the place of some target words had both its neighbours elsewhere, at once."""
        ends = self.word(span[0] - 1), self.word(span[1])
        inside = units(word, self.cut[1])
        return all(
            self.lexicon.between(self.direction.target, *three)
            for three in zip((ends[0], *inside), inside, (*inside[1:], ends[1]), strict=False)
        )

    def ends_a_clause(self, phrase: Phrase) -> bool:
        """Whether a sign or the line's end follows in the source: nobody names a phrase that breaks off."""
        after = phrase.source[1]
        return after == len(self.source.words) or not self.source.quote((after, after + 1))[0].isalnum()

    def ends_without(self, span: Link) -> bool:
        """Whether the word before some target words may end their clause: it often has the sign behind it."""
        before, after = self.word(span[0] - 1), self.word(span[1])
        return not self.is_word(span[1]) and self.lexicon.often(self.direction.target, before, after)

    def closes(self, span: Link) -> bool:
        """Whether target words may end a clause, or be put there: no small word leads up to them."""
        return len(self.word(span[0] - 1)) >= LONG or self.is_word(span[1])

    def spot(self, span: Link) -> tuple[int, int]:
        """The characters of target words."""
        return self.target.words[span[0]].start, self.target.words[span[1] - 1].end

    def gap(self, span: Link) -> tuple[int, int]:
        """The characters that go if target words go, with the space before them."""
        start, end = self.spot(span)
        return (start - 1, end) if self.text[start - 1 : start] == " " else (start, end)


def begins(side: Side, place: int) -> bool:
    """Whether a word is the first of a sentence: a capital says nothing there."""
    return place == 0 or side.quote((place - 1, place)) in _ENDS

"""Lines of parallel text: a record holds one line in every language it has, a pair one direction of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dragoman.corpus.variants import Variant
from dragoman.language.language import Direction


@dataclass(frozen=True, slots=True)
class SentencePair:
    """One source sentence and its translation; ``id`` is the line id that all languages of a line share."""

    source: str
    target: str
    direction: Direction
    id: str
    file: str
    line: int


class Record(NamedTuple):
    """One line of a corpus in two or more languages.

    ``texts`` maps a language code (as the user gave it) to the text of the line; a bilingual corpus has two.
    ``skip`` holds unordered language pairs, as ``"a b"`` with a < b, that a filter took out of this line.
    ``line`` counts from 1. ``variants`` are other texts of the line, such as earlier revisions.
    """

    id: str
    texts: dict[str, str]
    file: str
    line: int
    skip: frozenset[str] = frozenset()
    variants: tuple[Variant, ...] = ()

    def has(self, direction: Direction) -> bool:
        """True if both sides of the direction are present and no filter took the pair out."""
        return (
            direction.source in self.texts
            and direction.target in self.texts
            and pair_key(direction.source, direction.target) not in self.skip
        )

    def pair(self, direction: Direction) -> SentencePair:
        """The two sides of one direction."""
        return SentencePair(
            self.texts[direction.source],
            self.texts[direction.target],
            direction,
            self.id,
            self.file,
            self.line,
        )


def pair_key(first: str, second: str) -> str:
    """The unordered name of a language pair, as it stands in :attr:`Record.skip`."""
    return " ".join(sorted((first, second)))

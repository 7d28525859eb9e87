"""The phrasebook: millions of distinct sentences in four languages, with gold word links.

Sentence ``index`` is found without making the others: a seeded permutation sends the index to a leaf of the
patterns and to a combination of its words. So disjoint ranges of indices hold disjoint sentences, and every
range is an even sample of all patterns. Line i says the same in the four languages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, combinations
from pathlib import Path

from dragoman.demo.dutch import Dutch
from dragoman.demo.english import English
from dragoman.demo.grammar import Meaning, Speaker
from dragoman.demo.italian import Italian
from dragoman.demo.lexicon import LANGUAGES
from dragoman.demo.linking import Words, links_of, text_of
from dragoman.demo.patterns import PATTERNS
from dragoman.demo.romanian import Romanian
from dragoman.demo.spaces import Permutation, Space, quotas
from dragoman.errors import DataError

SPEAKERS: dict[str, Speaker] = {
    speaker.language: speaker for speaker in (English(), Italian(), Dutch(), Romanian())
}
TARGET = 4_000_000
"""Sentences asked of the patterns together; small patterns give all they have."""
BASE_LINES = 3_000_000
"""Lines before this one are pre-training text of the demo's base; the demo's own lines come from here on."""
DEMO_SPLITS = {"train": (BASE_LINES, 20_000), "dev": (3_500_000, 1_000), "test": (3_600_000, 1_000)}
"""First line and number of lines of the demo's text."""


@dataclass(frozen=True)
class Line:
    """One line: its index, its pattern, and its words by language."""

    index: int
    pattern: str
    words: Mapping[str, Words]

    def text(self, language: str) -> str:
        """The sentence as plain text."""
        return text_of(self.words[language])

    def tokens(self, language: str) -> list[str]:
        """The tokens that links count."""
        return [word.text for word in self.words[language]]

    def links(self, source: str, target: str) -> list[tuple[int, int]]:
        """Gold links (source token, target token), sorted."""
        return links_of(self.words[source], self.words[target])


@dataclass(frozen=True)
class _Leaf:
    pattern: str
    space: Space
    share: int


@cache
def _leaves() -> tuple[_Leaf, ...]:
    """All leaves with their shares of the phrasebook."""
    found = [
        (name, weight / len(spaces), space)
        for name, (weight, make) in PATTERNS.items()
        for spaces in [make()]
        for space in spaces
    ]
    shares = quotas([space.size for _, _, space in found], [weight for _, weight, _ in found], TARGET)
    return tuple(_Leaf(name, space, share) for (name, _, space), share in zip(found, shares, strict=True))


class Phrasebook:
    """All sentences, in an order that the seed decides."""

    def __init__(self, seed: int = 1) -> None:
        self.leaves = _leaves()
        self.ends = list(accumulate(leaf.share for leaf in self.leaves))
        self.order = Permutation(self.ends[-1], seed)
        self.inner = [
            Permutation(leaf.space.size, seed + 1 + number) for number, leaf in enumerate(self.leaves)
        ]

    def __len__(self) -> int:
        return self.ends[-1]

    def meaning(self, index: int) -> tuple[str, Meaning]:
        """Pattern and meaning of a sentence; DataError if there is none of that index."""
        if not 0 <= index < len(self):
            raise DataError(
                f"the phrasebook has sentences 0 to {len(self) - 1:,}, there is no {index:,}; ask for fewer"
            )
        place = self.order(index)
        which = bisect_right(self.ends, place)
        leaf = self.leaves[which]
        within = self.inner[which](place - (self.ends[which] - leaf.share))
        return leaf.pattern, leaf.space.at(within)

    def sentence(self, index: int) -> Line:
        """One line by its index."""
        pattern, meaning = self.meaning(index)
        return Line(index, pattern, {language: SPEAKERS[language].words(meaning) for language in LANGUAGES})

    def lines(self, start: int = 0, count: int | None = None) -> Iterator[Line]:
        """Lines from an index on, one at a time."""
        for index in range(start, len(self) if count is None else start + count):
            yield self.sentence(index)

    def write_folder(self, path: Path, splits: Mapping[str, tuple[int, int]]) -> None:
        """Write ``<split>.<lang>``; under links/ the tokens and ``<split>.<a>-<b>.align`` (Pharaoh, from 0).

        splits: name to (start, count). Every file is written beside and renamed.
        """
        folder = path / "links"
        folder.mkdir(parents=True, exist_ok=True)
        pairs = list(combinations(LANGUAGES, 2))
        for split, (start, count) in splits.items():
            names = [path / f"{split}.{language}" for language in LANGUAGES]
            names += [folder / f"{split}.{language}" for language in LANGUAGES]
            names += [folder / f"{split}.{a}-{b}.align" for a, b in pairs]
            parts = [name.with_name(name.name + ".part") for name in names]
            files = [part.open("w", encoding="utf-8", newline="\n") for part in parts]
            try:
                for line in self.lines(start, count):
                    rows = [line.text(language) for language in LANGUAGES]
                    rows += [" ".join(line.tokens(language)) for language in LANGUAGES]
                    rows += [" ".join(f"{i}-{j}" for i, j in line.links(a, b)) for a, b in pairs]
                    for file, row in zip(files, rows, strict=True):
                        file.write(row + "\n")
            finally:
                for file in files:
                    file.close()
            for part, name in zip(parts, names, strict=True):
                part.replace(name)

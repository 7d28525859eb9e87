"""From lines to numbers: what the aligner remembers of a language, and a text in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from dragoman.align.bitext import Tokens
from dragoman.align.result import Links, projected
from dragoman.align.segment import SAMPLE, cut_line, kinds_of, needs_cutting
from dragoman.align.table import Ints, Longs
from dragoman.align.vocabulary import NotText, Vocabulary, stem_order
from dragoman.errors import DataError

_BLOCK = 1 << 20


class Language:
    """The types of one side, sorted by stem once :meth:`sort` was called, and how its text is cut."""

    def __init__(self, types: Iterable[str] = (), *, stem: int, segment: str, cut: str | None = None) -> None:
        self.stem_length, self.segment = stem, segment
        self.vocabulary = Vocabulary(types)
        self.stems: Ints = np.empty(0, np.int32)
        self.cut = cut
        """The scripts whose text is cut into units; '' for text in words; None before it was looked at."""
        if self.vocabulary.types:
            self.stems = stem_order(self.types, stem)[1]

    @property
    def types(self) -> list[str]:
        """The types in the order of their numbers."""
        return list(self.vocabulary.types)

    def copy(self) -> Language:
        """Another that may learn new words while this one stays as it is."""
        return Language(self.types, stem=self.stem_length, segment=self.segment, cut=self.cut)

    def sort(self) -> Ints:
        """Give types new numbers, by stem; returns the new number of each old one."""
        types = self.types
        _, stems, order = stem_order(types, self.stem_length)
        numbers = np.empty(len(order), np.int32)
        numbers[order] = np.arange(len(order), dtype=np.int32)
        self.vocabulary = Vocabulary(types[old] for old in order)
        self.stems = stems[order]
        return numbers

    def new_stems(self, known: int) -> Ints:
        """The stems of the types that were added behind the first ``known``."""
        return stem_order(self.types, self.stem_length)[1][known:]

    def read(self, lines: Iterable[str | bytes], name: str) -> tuple[Tokens, Longs | None]:
        """Lines as numbers; for text that was cut also the word that each unit belongs to."""
        ahead = iter(lines)
        if self.cut is None:
            first = list(islice(ahead, SAMPLE))
            sample = [line if isinstance(line, str) else line.decode("utf-8", "replace") for line in first]
            cuts = self.segment == "units" or (self.segment == "auto" and needs_cutting(sample))
            self.cut = (kinds_of(sample) or "none") if cuts else ""
            ahead = chain(first, ahead)
        owners: list[Ints] = []
        return encode(self._units(ahead, owners) if self.cut else _words(ahead), self.vocabulary, name), (
            np.concatenate([np.zeros(0, np.int32), *owners]).astype(np.int64) if self.cut else None
        )

    @staticmethod
    def _units(lines: Iterable[str | bytes], owners: list[Ints]) -> Iterator[list[bytes]]:
        for line in lines:
            units, owner = cut_line(
                line if isinstance(line, str) else line.decode("utf-8", "surrogateescape")
            )
            owners.append(np.array(owner, np.int32))
            yield units


def _words(lines: Iterable[str | bytes]) -> Iterator[list[bytes]]:
    for line in lines:
        yield (line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line).split()


def encode(lines: Iterable[list[bytes]], vocabulary: Vocabulary, name: str = "text") -> Tokens:
    """Lines of words as numbers; new words are added to the vocabulary. DataError where bytes are no
    UTF-8."""
    blocks: list[Ints] = []
    lengths: list[int] = []
    pending: list[int] = []
    number = vocabulary.__getitem__
    try:
        for words in lines:
            lengths.append(len(words))
            pending.extend(map(number, words))
            if len(pending) > _BLOCK:
                blocks.append(np.array(pending, np.int32))
                pending.clear()
    except NotText:
        raise DataError(f"{name}:{len(lengths):,}: is no UTF-8; convert the text or drop the line") from None
    blocks.append(np.array(pending, np.int32))
    return Tokens(np.concatenate(blocks), np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))


@dataclass
class Text:
    """Both sides of a text as numbers; ``words`` counts what stands in each line, before cutting."""

    source: Language
    target: Language
    source_tokens: Tokens
    target_tokens: Tokens
    source_owners: Longs | None
    target_owners: Longs | None

    @classmethod
    def of(
        cls, source: Language, target: Language, lines: Iterable[str | bytes], others: Iterable[str | bytes]
    ) -> Text:
        """Read both sides; DataError if they are not equally many lines."""
        tokens, owners = source.read(lines, "source")
        more, more_owners = target.read(others, "target")
        if len(tokens.offsets) != len(more.offsets):
            raise DataError(
                f"source has {len(tokens.offsets) - 1:,} lines, target {len(more.offsets) - 1:,}; "
                "expected equally many, line i of one answering line i of the other"
            )
        return cls(source, target, tokens, more, owners, more_owners)

    def project(self, links: Links) -> Links:
        """Links of units as links of words, where text was cut."""
        if self.source_owners is None and self.target_owners is None:
            return links
        pairs = ((self.source_tokens, self.source_owners), (self.target_tokens, self.target_owners))
        owners = [None if owner is None else (tokens.offsets, owner) for tokens, owner in pairs]
        return projected(links, owners[0], owners[1])

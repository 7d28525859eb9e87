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
from dragoman.align.tokenize import tokenize
from dragoman.align.vocabulary import NotText, Vocabulary, stem_order
from dragoman.errors import DataError

_BLOCK = 1 << 18
"""Lines that are looked at together."""


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
        ahead = (line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line for line in lines)
        first = list(islice(ahead, SAMPLE))
        if self.cut is None:
            sample = [line.decode("utf-8", "replace") for line in first]
            cuts = self.segment == "units" or (self.segment == "auto" and needs_cutting(sample))
            self.cut = (kinds_of(sample) or "none") if cuts else ""
        whole = chain(first, ahead)
        if not self.cut:
            return encode(whole, self.vocabulary, name), None
        owners: list[Ints] = [np.zeros(0, np.int32)]
        tokens = encode(_units(whole, owners), self.vocabulary, name)
        return tokens, np.concatenate(owners).astype(np.int64)


def _units(lines: Iterable[bytes], owners: list[Ints]) -> Iterator[bytes]:
    """Lines with blanks between their units; ``owners`` gets the word of each."""
    for line in lines:
        units, owner = cut_line(line.decode("utf-8", "surrogateescape"))
        owners.append(np.array(owner, np.int32))
        yield b" ".join(units)


def encode(lines: Iterable[bytes], vocabulary: Vocabulary, name: str = "text") -> Tokens:
    """Lines of words as numbers; new words are added to the vocabulary. DataError where bytes are no
    UTF-8."""
    ids: list[Ints] = [np.zeros(0, np.int32)]
    ends: list[Longs] = [np.zeros(1, np.int64)]
    ahead, done = iter(lines), 0
    while block := list(islice(ahead, _BLOCK)):
        data = b"\n".join(block)
        if data.count(b"\n") >= len(block):  # a line break inside a line is a blank
            data = b"\n".join(line.replace(b"\n", b" ") for line in block)
        found, stops, starts, lengths = tokenize(np.frombuffer(data, np.uint8))
        numbers = np.empty(len(starts), np.int32)
        for word, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
            try:
                numbers[word] = vocabulary[data[start : start + length]]
            except NotText:
                line = done + data.count(b"\n", 0, start) + 1
                raise DataError(f"{name}:{line:,}: is no UTF-8; convert the text or drop the line") from None
        ids.append(numbers[found])
        ends.append(stops[1:] + ends[-1][-1])
        done += len(block)
    return Tokens(np.concatenate(ids), np.concatenate(ends))


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

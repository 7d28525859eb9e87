"""Leaks: training lines whose text, in any language, stands in dev or test too.

Texts are compared without case, punctuation and spaces. A hit on one side takes the line out in all its
languages, because the other sides say the same. The text that a base is pre-trained on needs the same care:
:meth:`Leaks.without` (records) and ``text in leaks`` (single texts) serve scripts that make one;
:func:`dragoman.corpus.prepare.held_out` reads the leaks of a recipe.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from dragoman.corpus.drops import Drop, DropTo
from dragoman.corpus.hashes import TextSet
from dragoman.corpus.pair import Record
from dragoman.corpus.readers import read_source
from dragoman.corpus.sources import line_files
from dragoman.recipe import Source

REASON = "leak"

_IGNORED = frozenset({"Cc", "Cf", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp"})


class _Letters(dict[int, int | None]):
    """For str.translate: drops what is no part of the comparison; each character is looked up once."""

    def __missing__(self, code_point: int) -> int | None:
        kept = unicodedata.category(chr(code_point)) not in _IGNORED
        self[code_point] = value = code_point if kept else None
        return value


_LETTERS = _Letters()


def normalise(text: str) -> str:
    """The text as it is compared: NFKC, case folded, without punctuation, spaces and control characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFKC", folded.translate(_LETTERS))


class Leaks:
    """The normalised texts of dev and test; ``text in leaks`` tells whether a text is one of them.

    A text without any letter, digit or symbol is never a hit. Costs at most 16 bytes a text.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._texts = TextSet()
        for record in records:
            self.add(record)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, record: Record) -> None:
        """Remember every side of a held-out record, and its variants."""
        for text in (*record.texts.values(), *(variant.text for variant in record.variants)):
            if key := normalise(text):
                self._texts.add(key)

    def __contains__(self, text: str) -> bool:
        return normalise(text) in self._texts

    def hits(self, record: Record) -> tuple[str, ...]:
        """The languages of the record whose side, or a variant of it, is held out."""
        sides = [*record.texts.items(), *((variant.language, variant.text) for variant in record.variants)]
        return tuple(dict.fromkeys(code for code, text in sides if text in self))

    def without(self, records: Iterable[Record], drop: DropTo | None = None) -> Iterator[Record]:
        """The records of which no side is held out; ``drop`` is told of the others and which sides hit."""
        for record in records:
            if codes := self.hits(record):
                if drop is not None:
                    drop(Drop(record.file, record.line, record.id, REASON, codes, True))
            else:
                yield record


def leaked_lines(sources: Sequence[Source], leaks: Leaks) -> set[tuple[str, int]]:
    """Lines, as (file, number), that leak by a side which only one of several sources reads; see line_files.

    Where two sources share a file (English with German, the same English with French), they are one
    multi-parallel text: a hit on the French side takes out the German pair too. Only such sources are read.
    """
    files = [line_files(source) for source in sources]
    uses = Counter(chain.from_iterable(set(names) for names in files))
    leaked: set[tuple[str, int]] = set()
    for source, names in zip(sources, files, strict=True):
        if any(uses[name] > 1 for name in names):
            for record in read_source(source, lambda _: None):
                if leaks.hits(record):
                    leaked.update((name, record.line) for name in names)
    return leaked

"""Pre-training text of the demo's base: documents made of phrasebook lines, as token ids.

Half-way between a web page and a textbook: a document has some lines of one language, some lines in two
languages with the languages' names as labels or in a head line, or a glossary of words or phrases in two
languages. Glossaries come from the gold links; without them a base this small takes far longer to find out
that labelled lines mean the same. No document is worded as an instruction or follows a prompt template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from dragoman.demo.lexicon import LANGUAGES
from dragoman.demo.linking import text_of
from dragoman.demo.phrasebook import Line, Phrasebook
from dragoman.language.language import name_in

Ids = np.ndarray
Entry = tuple[tuple[str, str], int]  # a pair of languages and the words of a phrase in the first
DIRECTIONS = tuple(permutations(LANGUAGES, 2))
GLOSSARY_LINES = 1000  # lines of a block whose linked words make its glossaries
PHRASE = 5  # words of the longest phrase in a glossary
TOKENS_PER_LINE = 22
"""Tokens of documents that a line gives in one pass, roughly; for planning."""


class Shares(NamedTuple):
    """What the documents are: the share of bilingual ones; of those with English, the share whose languages
    are named in a head line; and how many glossaries there are for each other document."""

    bilingual: float = 0.95
    heads: float = 0.0
    glossary: float = 0.8


SHARES = Shares()


@cache
def book() -> Phrasebook:
    """The phrasebook that the demo uses."""
    return Phrasebook(1)


def label(language: str) -> str:
    """`Italian:`"""
    return name_in(language, "en") + ":"


def head(pair: tuple[str, str]) -> str:
    """`Italian and Dutch:`"""
    return f"{name_in(pair[0], 'en')} and {label(pair[1])}"


class Pieces:
    """Ids of a block of lines in all languages, at the start of a text line and after a space; and of labels.

    Byte-level BPE splits a text at spaces and line ends first: ids of pieces, joined, are ids of the text.
    """

    def __init__(self, backend: Any, start: int, count: int) -> None:
        texts: dict[str, list[str]] = {language: [] for language in LANGUAGES}
        glossary: dict[Entry, dict[tuple[str, str], None]] = {}
        for number, line in enumerate(book().lines(start, count)):
            for language in LANGUAGES:
                texts[language].append(line.text(language))
            if number < GLOSSARY_LINES:
                for pair in DIRECTIONS:
                    for size, phrases in linked_phrases(line, pair):
                        glossary.setdefault((pair, size), {})[phrases] = None
        self.count = count
        self.encode: Callable[[list[str]], list[Ids]] = lambda many: [
            np.array(row.ids, dtype=np.int16) for row in backend.encode_batch(many, add_special_tokens=False)
        ]
        self.fresh = {code: self.encode(rows) for code, rows in texts.items()}
        self.spaced = {code: self.encode([" " + text for text in rows]) for code, rows in texts.items()}
        self.glossary = {entry: self._phrases(list(found)) for entry, found in glossary.items()}
        self.labels = dict(zip(LANGUAGES, self.encode([label(code) for code in LANGUAGES]), strict=True))
        self.heads = dict(zip(DIRECTIONS, self.encode([head(pair) for pair in DIRECTIONS]), strict=True))
        self.newline = self.encode(["\n"])[0]
        self.begin, self.end = (
            np.array([backend.token_to_id(token)], dtype=np.int16) for token in ("<s>", "</s>")
        )

    def _phrases(self, found: list[tuple[str, str]]) -> list[tuple[Ids, Ids]]:
        """Both sides of phrases, after a space."""
        left, right = (self.encode([f" {texts[side]}" for texts in found]) for side in (0, 1))
        return list(zip(left, right, strict=True))

    def monolingual(self, rows: Ids, language: str, style: int) -> list[Ids]:
        """Lines below each other (style 0), under a label (1), or one after the other (2)."""
        fresh, spaced = self.fresh[language], self.spaced[language]
        if style == 2:
            return [fresh[rows[0]], *(spaced[row] for row in rows[1:])]
        parts = [self.labels[language], self.newline] if style == 1 else []
        for row in rows:
            parts += [fresh[row], self.newline]
        return parts

    def bilingual(self, rows: Ids, pair: tuple[str, str], style: int) -> list[Ids]:
        """Line by line, each text after its label (style 0) or below it (1); or all, then all again (2).

        Or the two languages are named once, at the head, and the lines alternate without labels (3).
        """
        parts: list[Ids] = []
        if style == 3:
            parts += [self.heads[pair], self.newline]
            return parts + [
                part for row in rows for code in pair for part in (self.fresh[code][row], self.newline)
            ]
        if style == 2:
            return [piece for code in pair for piece in self.monolingual(rows, code, 1)]
        for row in rows:
            for code in pair:
                text = [self.spaced[code][row]] if style == 0 else [self.newline, self.fresh[code][row]]
                parts += [self.labels[code], *text, self.newline]
        return parts

    def words(self, rng: np.random.Generator, heads: float = 0.0) -> Ids:
        """A glossary: 3 to 8 words, or phrases of one length, of two languages."""
        pair = DIRECTIONS[int(rng.integers(len(DIRECTIONS)))]
        sizes = [size for size in range(1, PHRASE + 1) if (pair, size) in self.glossary]
        known = self.glossary[pair, sizes[int(rng.integers(len(sizes)))]]
        headed = self.headed(pair, rng, heads)
        parts: list[Ids] = [self.begin, self.heads[pair], self.newline] if headed else [self.begin]
        for chosen in rng.integers(len(known), size=int(rng.integers(3, 9))):
            for code, word in zip(pair, known[chosen], strict=True):
                parts += [word, self.newline] if headed else [self.labels[code], word, self.newline]
        return np.concatenate([*parts[:-1], self.end])

    @staticmethod
    def headed(pair: tuple[str, str], rng: np.random.Generator, share: float) -> bool:
        """Whether a head line names the languages: English is always one of them, as in most such lists."""
        return rng.random() < share and "en" in pair

    def documents(self, rng: np.random.Generator, shares: Shares) -> Iterator[Ids]:
        """Each line once: in a bilingual document of 1 to 4 lines, or in a monolingual one of 3 to 8."""
        order = rng.permutation(self.count)
        place = 0
        while place < self.count:
            if rng.random() < shares.glossary:
                yield self.words(rng, shares.heads)
            if rng.random() < shares.bilingual:
                rows = order[place : place + int(rng.integers(1, 5))]
                pair = DIRECTIONS[int(rng.integers(len(DIRECTIONS)))]
                style = 3 if self.headed(pair, rng, shares.heads) else int(rng.integers(3))
                parts = self.bilingual(rows, pair, style)
            else:
                rows = order[place : place + int(rng.integers(3, 9))]
                code = LANGUAGES[int(rng.integers(len(LANGUAGES)))]
                parts = self.monolingual(rows, code, int(rng.integers(3)))
            place += len(rows)
            # The last line end of a document is its end token.
            yield np.concatenate(
                [self.begin, *(parts[:-1] if parts[-1] is self.newline else parts), self.end]
            )


def linked_phrases(line: Line, pair: tuple[str, str]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Length in source words, and texts, of neighbouring words linked to neighbouring words and to no others.

    Words only, no marks; as in phrase extraction for statistical translation.
    """
    first, second = (line.words[code] for code in pair)
    links = line.links(*pair)
    for start in range(len(first)):
        for end in range(start + 1, min(start + PHRASE, len(first)) + 1):
            found = [j for i, j in links if start <= i < end]
            if not found:
                continue
            low, high = min(found), max(found) + 1
            block = [*first[start:end], *second[low:high]]
            closed = all(start <= i < end for i, j in links if low <= j < high)
            if closed and all(word.text[0].isalpha() for word in block):
                texts = (text_of(first[start:end]).lower(), text_of(second[low:high]).lower())
                yield end - start, texts


def token_stream(backend: Any, lines: range, passes: int, seed: int, shares: Shares = SHARES) -> Ids:
    """Documents of some lines one after the other, ``passes`` times in other company: int16 ids."""
    pieces = Pieces(backend, lines.start, len(lines))
    streams = [
        document
        for number in range(passes)
        for document in pieces.documents(np.random.default_rng([seed, lines.start, number]), shares)
    ]
    return np.concatenate(streams)

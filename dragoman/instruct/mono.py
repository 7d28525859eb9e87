"""Task ``mono``: likelihood on documents without any prompt, monolingual or bilingual.

For pre-training small bases, and for continued pre-training on a new language. A monolingual document is a
few neighbouring lines of one language, after its name; a bilingual one holds two lines in two languages, each
text after its language's name; in a share of ``heads`` of these a head line names both languages instead.
``labelled: false`` leaves all names out.

A share of ``again`` says its texts a second time: a model that never met a text twice has not learnt to copy,
and cannot take a draft up again. Before or behind a share of ``quoted`` a few of their words stand in quotes:
to most tokenizers a word without the space before it is other tokens, which a model meets nowhere else.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from dragoman.align.segment import needs_cutting
from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.instruct.task import Material
from dragoman.instruct.words import words
from dragoman.language.language import Direction, name_in, same_language
from dragoman.prompt.example import Example, assistant
from dragoman.recipe import TaskSpec

LINES = 4  # lines of a monolingual document
QUOTES = ("“{}”", '"{}"', "'{}'", "„{}“", "«{}»")


class Document(NamedTuple):
    """Texts, each with its language; ``head``: a line of names, in place of one before each text."""

    texts: tuple[tuple[str, str], ...]
    direction: Direction | None
    id: str
    head: str = ""


class Mono:
    """One document for each few lines and language; a share of ``bilingual`` has two languages instead."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.store = spec, material.store
        self.languages = [
            code
            for code in self.store.languages
            if not spec.languages or any(same_language(code, wanted) for wanted in spec.languages)
        ]
        for wanted in spec.languages:
            if not any(same_language(code, wanted) for code in self.languages):
                known = ", ".join(self.store.languages)
                raise RecipeError(f"task mono: no training line in {wanted}; the text has: {known}")
        if spec.bilingual > 0 and len(self.languages) == 1:
            raise RecipeError(
                f"task mono: bilingual documents need two languages; there is {self.languages[0]}"
            )
        self.size = -(-len(self.store) // LINES) * len(self.languages)

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """One document; empty if its lines lack the language."""
        block, which = divmod(item, len(self.languages))
        code = self.languages[which]
        lines = range(block * LINES, min((block + 1) * LINES, len(self.store)))
        records = [self.store[i] for i in lines]
        if len(self.languages) > 1 and rng.random() < self.spec.bilingual:
            document = self._bilingual(records, code, rng)
        else:
            document = self._monolingual(records, code)
        if document is None:
            return []
        text = "\n".join(self._written(document, rng))
        return [Example((assistant(text),), "mono", document.direction, document.id)]

    def _monolingual(self, records: Sequence[Record], code: str) -> Document | None:
        texts = tuple((code, record.texts[code]) for record in records if code in record.texts)
        return Document(texts, None, records[0].id) if texts else None

    def _bilingual(self, records: Sequence[Record], first: str, rng: random.Random) -> Document | None:
        """Two lines, each followed by its translation: the same two languages in the same order.

        The second language is one that the lines have beside the first; without one the document is
        monolingual. Names far from their text, in a head line, are what a model meets in an instruction.
        """
        usable = {
            code: found
            for code in self.languages
            if code != first and (found := [r for r in records if r.has(Direction(first, code))])
        }
        if not usable:
            return self._monolingual(records, first)
        second = rng.choice(list(usable))
        direction, found = Direction(first, second), usable[second]
        chosen = [found[place] for place in sorted(rng.sample(range(len(found)), min(2, len(found))))]
        headed = self.spec.labelled and rng.random() < self.spec.heads
        head = " and ".join(name_in(code, "en") for code in direction) + ":" if headed else ""
        texts = tuple((code, record.texts[code]) for record in chosen for code in direction)
        return Document(texts, direction, chosen[0].id, head)

    def _written(self, document: Document, rng: random.Random) -> list[str]:
        """The lines of a document; perhaps once more in random order, perhaps with words in quotes."""
        lines = [document.head] if document.head else []
        lines += self._labelled(document, document.texts)
        if self.spec.again > 0 and rng.random() < self.spec.again:
            lines += self._labelled(document, rng.sample(document.texts, len(document.texts)))
        if self.spec.quoted > 0 and rng.random() < self.spec.quoted and (said := _quoted(document, rng)):
            lines = [*lines, said] if rng.random() < 0.5 else [said, *lines]
        return lines

    def _labelled(self, document: Document, texts: Sequence[tuple[str, str]]) -> list[str]:
        """Texts behind their languages' names; of a monolingual document the first alone has it."""
        lines = [text for _, text in texts]
        if self.spec.labelled and not document.head:
            named = range(len(texts) if document.direction else 1)
            for k in named:
                lines[k] = f"{name_in(texts[k][0], 'en')}: {lines[k]}"
        return lines


def _quoted(document: Document, rng: random.Random) -> str:
    """Two to six different words of the document in quotes, as far as it has so many; empty without one."""
    found = {
        text[word.start : word.end]: None
        for _, text in document.texts
        for word in words(text, spaceless=needs_cutting([text]))
        if word.content
    }
    chosen = rng.sample(list(found), min(len(found), rng.randint(2, 6)))
    quotes = rng.choice(QUOTES)
    return ", ".join(quotes.format(word) for word in chosen)

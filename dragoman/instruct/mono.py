"""Task ``mono``: likelihood on documents without any prompt, monolingual or bilingual.

For pre-training small bases, and for continued pre-training on a new language. A monolingual document is a
few neighbouring lines of one language; a bilingual one holds two lines in two languages. Each text stands
after its language's name; in a share of ``heads`` of the bilingual ones a head line names both languages
instead. ``labelled: false`` leaves all names out. A share of ``again`` says its lines a second time: a model
that never met a text twice has not learnt to copy, and cannot take a draft up again. Before or behind a share
of ``quoted`` a few of their words stand in quotes: to most tokenizers a word without the space before it is
other tokens, and a model that never met them does not know which word a user dictates.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

from dragoman.errors import RecipeError
from dragoman.instruct.task import Material
from dragoman.language.language import Direction, name_in, same_language
from dragoman.prompt.example import Example, assistant
from dragoman.recipe import TaskSpec

LINES = 4  # lines of a monolingual document
QUOTES = ("“{}”", '"{}"', "'{}'", "„{}“", "«{}»")


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
        if len(self.languages) > 1 and rng.random() < self.spec.bilingual:
            documents = self._bilingual(lines, code, rng)
        else:
            documents = self._monolingual(lines, code)
        for share, more in ((self.spec.again, _said_again), (self.spec.quoted, _with_quotes)):
            if share > 0 and rng.random() < share:
                documents = [more(document, rng) for document in documents]
        return documents

    def _monolingual(self, lines: range, code: str) -> list[Example]:
        texts = [record.texts[code] for i in lines if code in (record := self.store[i]).texts]
        if not texts:
            return []
        return [
            Example(
                (assistant(self._labelled(code, "\n".join(texts))),), "mono", None, self.store[lines[0]].id
            )
        ]

    def _bilingual(self, lines: range, first: str, rng: random.Random) -> list[Example]:
        """Two lines, each followed by its translation: the same two languages in the same order.

        Names far from their text, in a head line, are what a model meets in an instruction.
        """
        second = rng.choice([code for code in self.languages if code != first])
        direction = Direction(first, second)
        usable = [record for i in lines if (record := self.store[i]).has(direction)]
        if not usable:
            return self._monolingual(lines, first)
        places = sorted(rng.sample(range(len(usable)), min(2, len(usable))))
        chosen = [usable[place] for place in places]
        if self.spec.labelled and rng.random() < self.spec.heads:
            names = " and ".join(name_in(code, "en") for code in direction)
            texts = [f"{names}:", *(record.texts[code] for record in chosen for code in direction)]
        else:
            texts = [self._labelled(code, record.texts[code]) for record in chosen for code in direction]
        return [Example((assistant("\n".join(texts)),), "mono", direction, chosen[0].id)]

    def _labelled(self, code: str, text: str) -> str:
        return f"{name_in(code, 'en')}: {text}" if self.spec.labelled else text


def _said_again(document: Example, rng: random.Random) -> Example:
    """The document, then its lines once more in random order (without a head line)."""
    text = document.turns[0].content
    lines = [line for line in text.split("\n") if not line.endswith(":")]
    rng.shuffle(lines)
    return replace(document, turns=(assistant("\n".join([text, *lines])),))


def _with_quotes(document: Example, rng: random.Random) -> Example:
    """The document, and a line of two to six of its words in quotes before or behind it."""
    text = document.turns[0].content
    words = re.findall(r"[^\W\d_]+", "\n".join(line.split(": ", 1)[-1] for line in text.split("\n")))
    chosen = rng.sample(words, min(len(words), rng.randint(2, 6)))
    quotes = rng.choice(QUOTES)
    lines = [text, ", ".join(quotes.format(word) for word in chosen)]
    return replace(document, turns=(assistant("\n".join(lines if rng.random() < 0.5 else lines[::-1])),))

"""A line with its word links: which can be spoken of, and which words surely do not belong together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.instruct.links import Cell, PairLinks, pair_links
from dragoman.instruct.task import Material, PairItems, stream_seed, task_directions
from dragoman.instruct.words import Word, word_type, words
from dragoman.language.language import Direction
from dragoman.prompt.example import Turn, user
from dragoman.recipe import TaskSpec

Link = tuple[int, int]
NEAR, FAR = 3, 4
"""Links nearer than NEAR words, on both sides, are never exchanged: people link phrases, each word with each.
Those nearer than FAR are exchanged only where a line has no others."""
UNLIKE = 0.6
"""How much the words of two links may differ in form, where a line has others: see :meth:`Linked.unlike`."""


class Unit(NamedTuple):
    """Linked words: source words ``[source[0], source[1])`` and the target words that answer them."""

    source: Link
    target: Link

    @property
    def size(self) -> tuple[int, int]:
        """Words of both sides."""
        return self.source[1] - self.source[0], self.target[1] - self.target[0]


class Side:
    """A text and its words."""

    def __init__(self, text: str, spaceless: bool) -> None:
        self.text = text
        self.words: list[Word] = words(text, spaceless)
        self.types = [word_type(text[word.start : word.end]) for word in self.words]

    def quote(self, span: Link) -> str:
        """The words ``[first, end)`` as they stand in the text."""
        return self.text[self.words[span[0]].start : self.words[span[1] - 1].end]

    def replaced(self, place: int, word: str) -> str:
        """The text with another word in a place."""
        old = self.words[place]
        return self.text[: old.start] + word + self.text[old.end :]


class Linked:
    """A line in a direction. ``links``: the usable one-to-one links, sorted by source word.

    A link is usable if it reaches the posterior that the task asks for, neither of its words has another that
    does, and (``words_only``) both are words, not signs or numbers. With ``placebo`` the target words of the
    links are shuffled, each time alike; a line with a single link, which cannot be shuffled, has none.
    """

    def __init__(self, source: Side, target: Side, cells: Iterable[Cell], spec: TaskSpec, id: str) -> None:
        self.source, self.target = source, target
        cells = list(cells)
        likely = sorted((i, j) for i, j, score in cells if score >= spec.posterior)
        ahead, back = Counter(i for i, _ in likely), Counter(j for _, j in likely)
        self.links = [
            (i, j)
            for i, j in likely
            if ahead[i] == back[j] == 1
            and not (spec.words_only and not (source.words[i].content and target.words[j].content))
        ]
        related: Iterable[Link] = [(i, j) for i, j, _ in cells]
        if spec.placebo:
            self.links = self.links if len(self.links) > 1 else []
            places = [j for _, j in self.links]
            random.Random(stream_seed("placebo", id)).shuffle(places)
            related = self.links = [(i, j) for (i, _), j in zip(self.links, places, strict=True)]
        self._related = {(source.types[i], target.types[j]) for i, j in related}

    def apart(self, source: Link, target: Link) -> bool:
        """True if no word of the one span has to do with any of the other; words of a type count as one."""
        return not any(
            (one, two) in self._related
            for one in self.source.types[slice(*source)]
            for two in self.target.types[slice(*target)]
        )

    def units(self, phrases: float, rng: random.Random) -> list[Unit]:
        """The links as units; two links that are neighbours on both sides join with chance ``phrases``."""
        found: list[Unit] = []
        for i, j in self.links:
            last = found[-1] if found else None
            if last and phrases and last.source == (i - 1, i) and rng.random() < phrases:
                (before, _) = last.target
                if last.target[1] - before == 1 and abs(before - j) == 1:
                    found[-1] = Unit((i - 1, i + 1), (min(before, j), max(before, j) + 1))
                    continue
            found.append(Unit((i, i + 1), (j, j + 1)))
        return found

    def partners(
        self, units: list[Unit], rng: random.Random, most: int | None = None
    ) -> list[tuple[Unit, Unit]]:
        """At most so many pairs of units, no unit twice, whose words may be exchanged: both ways are wrong.

        Partners are equally many words, look alike and stand far apart. Words that answer each other are
        often both long, or both capitals; if those of false assertions were not, form alone would give the
        answer away. A line that has no such pair gives the one that comes closest.
        """
        free = units[:]
        pairs: list[tuple[Unit, Unit]] = []
        rest: list[tuple[float, tuple[Unit, Unit]]] = []
        rng.shuffle(free)
        while free and (most is None or len(pairs) < most):
            one = free.pop()
            found = [(self._cost(one, two), k) for k, two in enumerate(free) if self._wrong(one, two)]
            if not found:
                continue
            cost, place = min(found)
            if cost <= UNLIKE:
                pairs.append((one, free.pop(place)))
            else:
                rest.append((cost, (one, free[place])))
        return pairs or [pair for _, pair in sorted(rest)[:1]]

    def _wrong(self, one: Unit, two: Unit) -> bool:
        """Whether both exchanges of two units are surely wrong."""
        return (
            one.size == two.size
            and not (_near(one.source, two.source, NEAR) and _near(one.target, two.target, NEAR))
            and self.apart(one.source, two.target)
            and self.apart(two.source, one.target)
        )

    def _cost(self, one: Unit, two: Unit) -> float:
        near = _near(one.source, two.source, FAR) and _near(one.target, two.target, FAR)
        return near + self.unlike(one, two)

    def unlike(self, one: Unit, two: Unit) -> float:
        """How much two units differ in form: the difference in length as a share of the longer one, for both
        sides together, and 1 more for each side where only one begins with a capital."""
        found = 0.0
        for side, spans in ((self.source, (one.source, two.source)), (self.target, (one.target, two.target))):
            a, b = map(side.quote, spans)
            found += abs(len(a) - len(b)) / max(len(a), len(b)) + (a[0].isupper() != b[0].isupper())
        return found


def _near(one: Link, two: Link, words: int) -> bool:
    return max(one[0], two[0]) - min(one[1], two[1]) < words


class LinkedItems:
    """The lines of a task's directions with their links, under one numbering."""

    def __init__(self, spec: TaskSpec, material: Material, task: str) -> None:
        self.spec, self.material, self.task = spec, material, task
        self.directions = task_directions(spec, material.store, task)
        self.items = PairItems(material.store, self.directions)
        self.size = self.items.size
        self._links: dict[tuple[str, ...], PairLinks] = {}

    def __getitem__(self, item: int) -> tuple[Record, Direction, Linked]:
        """The record, the direction and the links of an item."""
        record, direction = self.items[item]
        links = self.links(direction)
        return record, direction, self._linked(record, direction, self.items.line(item), links)

    def links(self, direction: Direction) -> PairLinks:
        """The links of a direction's pair; the first call makes them if need be."""
        pair = tuple(sorted(direction))
        if pair not in self._links:
            self._links[pair] = pair_links(self.material.store, direction)
        return self._links[pair]

    def other(self, direction: Direction, rng: random.Random) -> Linked:
        """A random line of a direction."""
        indices, links = self.material.store.indices(direction), self.links(direction)
        line = rng.randrange(len(indices))
        return self._linked(self.material.store[int(indices[line])], direction, line, links)

    def skip(self, why: str) -> None:
        """Count an item that cannot be used."""
        self.material.skipped[f"{self.task}: {why}"] += 1

    def _linked(self, record: Record, direction: Direction, line: int, links: PairLinks) -> Linked:
        source, target = (Side(record.texts[code], links.spaceless(code)) for code in direction)
        cells = links.cells(line, direction.source)
        return Linked(source, target, cells, self.spec, f"{record.id}/{direction}")


def asked(material: Material, task: str, direction: Direction, line: Linked, **values: str) -> Turn:
    """The user turn of a task: its wording, and that of ``<task>_input`` as what it speaks of.

    An empty wording of the input leaves it out.
    """
    values = {"source_text": line.source.text, "target_text": line.target.text} | values
    text = material.instruction(f"{task}_input", direction, **values)
    return user(material.instruction(task, direction, **values), text or None)


def check_wordings(
    material: Material, directions: Iterable[Direction], wordings: Iterable[str], *needed: str, **values: str
) -> None:
    """RecipeError unless the wordings together can be filled and hold the placeholders that are ``needed``.

    To be called before anything is drawn: a misspelt placeholder ends a run before its first step. ``values``
    may be filled besides ``needed``.
    """
    marks = {name: f"\x02{name}\x03" for name in needed}
    for direction in directions:
        text = "".join(material.instruction(name, direction, **values, **marks) for name in wordings)
        for name, mark in marks.items():
            if mark not in text:
                raise RecipeError(
                    f"template {material.template.name!r}, wording of {' and '.join(wordings)} "
                    f"({material.prompt_language(direction)}): {{{name}}} is missing; write it there"
                )

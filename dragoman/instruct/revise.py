"""Task ``revise``: name the wrong word of a translation and the right one (ReviseInstruct, arXiv 2401.05811).

The wrong word stands in the place of a linked one. It is a linked word of another line, so that wrong words
are as frequent as right ones; where it comes from it stands beside the same words, if a few lines have such a
one. It begins like the right one with a capital or not, does not stand in the sentence, and is never an
answer to the source word anywhere in the text.
"""

from __future__ import annotations

import random

from dragoman.instruct.linked import Link, Linked, LinkedItems, Side, asked, check_wordings
from dragoman.instruct.task import Material
from dragoman.instruct.words import word_type
from dragoman.language.language import Direction
from dragoman.prompt.example import Example, assistant
from dragoman.recipe import TaskSpec

TRIES = 8  # lines and places that are looked at


class Revise:
    """A line whose translation has a wrong word; the answer, which names both words, is learned."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.lines = LinkedItems(spec, material, "revise")
        self.size = self.lines.size
        directions = self.lines.directions
        check_wordings(material, directions, ("revise", "revise_input"), "target_text", source_text="")
        check_wordings(material, directions, ("revise_answer",), "wrong", "right")

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """One example; none if the line has no link whose word can be replaced."""
        record, direction, line = self.lines[item]
        once = [link for link in line.links if line.target.types.count(line.target.types[link[1]]) == 1]
        if not once:
            self.lines.skip("no usable link")
            return []
        for link in rng.sample(once, min(TRIES, len(once))):
            wrong = self._other(line, link, direction, rng)
            if wrong is not None:
                break
        else:
            self.lines.skip("no other word for a link")
            return []
        right = line.target.quote((link[1], link[1] + 1))
        text = line.target.replaced(link[1], wrong)
        if self.spec.placebo:
            wrong, right = _drawn_words(line, link, wrong, rng)
        answer = self.material.instruction("revise_answer", direction, wrong=wrong, right=right)
        turns = (asked(self.material, "revise", direction, line, target_text=text), assistant(answer))
        language = self.material.prompt_language(direction)
        return [Example(turns, "revise", direction, record.id, prompt_language=language)]

    def _other(self, line: Linked, link: Link, direction: Direction, rng: random.Random) -> str | None:
        """A word of another line that is wrong in the place of a link's target word, of those seen the one
        whose neighbours fit best; None if none was found."""
        links = self.lines.links(direction)
        source = line.source.quote((link[0], link[0] + 1))
        right = line.target.quote((link[1], link[1] + 1))
        found, best = None, -1
        for _ in range(TRIES):
            if best == 2:
                break
            other = self.lines.other(direction, rng)
            places = [j for _, j in other.links]
            rng.shuffle(places)
            for place in places:
                pairs = zip(_beside(other.target, place), _beside(line.target, link[1]), strict=True)
                alike = sum(one == two for one, two in pairs)
                word = other.target.quote((place, place + 1))
                fits = word[0].isupper() == right[0].isupper() and word_type(word) not in line.target.types
                if alike > best and fits and not links.known(direction.source, source, word):
                    found, best = word, alike
        return found


def _beside(side: Side, place: int) -> tuple[str, str]:
    """The types before and after a word; empty at the ends of a line."""
    types = ["", *side.types, ""]
    return types[place], types[place + 2]


def _drawn_words(line: Linked, link: Link, wrong: str, rng: random.Random) -> tuple[str, str]:
    """For the placebo: two linked words of the line as the learner sees it, whichever they are."""
    one, two = rng.sample([j for _, j in line.links], 2)
    named, right = (wrong if j == link[1] else line.target.quote((j, j + 1)) for j in (one, two))
    return named, right

"""Task ``align``: is it true that this word answers that one? (AlignInstruct, arXiv 2401.05811)

Two linked pairs of words of a sentence, each wrong for the other, give an assertion that is true and one
that exchanges their words and is false. Which of the pairs is asserted and which way they are exchanged is
drawn evenly, so a word stands in true assertions as often as in false ones: a word alone tells nothing.
"""

from __future__ import annotations

import random

from dragoman.errors import RecipeError
from dragoman.instruct.linked import LinkedItems, Unit, asked, check_wordings
from dragoman.instruct.task import Material
from dragoman.prompt.example import Example, assistant
from dragoman.recipe import TaskSpec

TRUE, FALSE = "align_true", "align_false"


class Align:
    """Assertions about a line's words, half of them true; the answer is learned."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.lines = LinkedItems(spec, material, "align")
        self.size = self.lines.size
        self._check()

    def _check(self) -> None:
        texts = {"source_text": "", "target_text": ""}
        names = ("source_word", "target_word")
        check_wordings(self.material, self.lines.directions, ("align", "align_input"), *names, **texts)
        for direction in self.lines.directions:
            if self.material.instruction(TRUE, direction) == self.material.instruction(FALSE, direction):
                raise RecipeError(
                    f"template {self.material.template.name!r}: the wordings of {TRUE} and {FALSE} are the "
                    "same; write two different answers"
                )

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """As many assertions as the task asks for, or as the line gives."""
        record, direction, line = self.lines[item]
        if not line.links:
            self.lines.skip("no usable link")
            return []
        pairs = line.partners(line.units(self.spec.phrases, rng), rng, self.spec.assertions // 2)
        if not pairs:
            self.lines.skip("no wrong word for a link")
            return []
        language = self.material.prompt_language(direction)
        made = []
        for source, target, truth in drawn(pairs, self.spec.assertions, rng):
            names = {"source_word": line.source.quote(source), "target_word": line.target.quote(target)}
            answer = self.material.instruction(TRUE if truth else FALSE, direction)
            turns = (asked(self.material, "align", direction, line, **names), assistant(answer))
            made.append(
                Example(turns, "align", direction, record.id, f"{record.id}/{direction}/align", language)
            )
        return made


def drawn(
    pairs: list[tuple[Unit, Unit]], count: int, rng: random.Random
) -> list[tuple[tuple[int, int], tuple[int, int], bool]]:
    """At most ``count`` assertions (an even number): source span, target span, is it true; in random order.

    A true and a false one from each pair, then the other true and the other false one.
    """
    rounds: list[list[tuple[tuple[int, int], tuple[int, int], bool]]] = [[], []]
    for one, two in pairs:
        if rng.random() < 0.5:
            one, two = two, one
        right = [(one.source, one.target, True), (two.source, two.target, True)]
        wrong = [(one.source, two.target, False), (two.source, one.target, False)]
        if rng.random() < 0.5:
            wrong.reverse()
        for number in range(2):
            rounds[number] += [right[number], wrong[number]]
    chosen = [*rounds[0], *rounds[1]][:count]
    rng.shuffle(chosen)
    return chosen

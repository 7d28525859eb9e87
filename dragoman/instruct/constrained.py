"""Task ``constrained``: translate, with words in the instruction that the translation must hold.

The words are linked words of the line's own translation, drawn anew each epoch and in any order, as in
BayLing's test (arXiv 2306.10968). A share of the lines also names words that must not appear: linked words of
other lines that met a word of this source somewhere in the text, so that they could have been chosen here.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from dragoman.instruct.linked import Linked, LinkedItems
from dragoman.instruct.task import Material
from dragoman.language.language import Direction
from dragoman.language.phrases import contains, holds
from dragoman.prompt.example import Example, Turn, assistant, user
from dragoman.prompt.templates import Template
from dragoman.recipe import TaskSpec

TRIES = 8
"""Other lines that are looked at for a word to forbid."""
BETWEEN_FORMS = " / "
"""Stands between forms of which one is demanded."""


def demand_turn(
    template: Template,
    direction: Direction,
    prompt_language: str,
    source_text: str,
    must: Sequence[Iterable[str]] = (),
    forbid: Sequence[str] = (),
) -> Turn:
    """The user turn that asks for a translation with these words (``must``: forms of which one is demanded)
    and without those."""
    lists = {"must": [BETWEEN_FORMS.join(forms) for forms in must], "forbid": list(forbid)}
    lines = [
        template.instruction(f"constrained_{name}", direction, prompt_language, phrases=", ".join(phrases))
        for name, phrases in lists.items()
        if phrases
    ]
    values = {"demand": "\n".join(lines), "source_text": source_text}
    parts = [
        template.instruction(task, direction, prompt_language, **values)
        for task in ("constrained", "constrained_input")
    ]
    return user(parts[0], parts[1] or None)


class Constrained:
    """A translation example whose instruction demands words of the translation, which is learned."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.lines = LinkedItems(spec, material, "constrained")
        self.size = self.lines.size

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """One example; none if the line has no usable link."""
        record, direction, line = self.lines[item]
        quotes = [line.target.quote(unit.target) for unit in line.units(self.spec.phrases, rng)]
        fit = [quote for quote in dict.fromkeys(quotes) if contains(line.target.text, quote)]
        if not fit:
            self.lines.skip("no usable link")
            return []
        must = rng.sample(fit, rng.randint(1, min(self.spec.demands, len(fit))))
        forbid = self._rivals(line, direction, rng) if rng.random() < self.spec.forbidden else []
        language = self.material.prompt_language(direction)
        asked = demand_turn(
            self.material.template, direction, language, line.source.text, [[one] for one in must], forbid
        )
        turns = (asked, assistant(line.target.text))
        return [Example(turns, "constrained", direction, record.id, prompt_language=language)]

    def _rivals(self, line: Linked, direction: Direction, rng: random.Random) -> list[str]:
        """A word that could stand in the translation but does not; none if a few other lines have none."""
        links = self.lines.links(direction)
        for _ in range(TRIES):
            other = self.lines.other(direction, rng)
            found = [other.target.quote((place, place + 1)) for _, place in other.links]
            for word in found:
                met = any(links.known(direction.source, kind, word) for kind in set(line.source.types))
                if met and not holds(line.target.text, word, ignore_case=True):
                    return [word]
        return []

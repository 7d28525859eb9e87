"""Task ``hint``: translate, with linked words of both languages as hints (HintInstruct, arXiv 2401.05811)."""

from __future__ import annotations

import random

from dragoman.instruct.linked import Linked, LinkedItems, Unit, check_wordings
from dragoman.instruct.task import Material
from dragoman.prompt.example import Example, assistant, user
from dragoman.recipe import TaskSpec


class Hint:
    """A translation example whose instruction lists links of the line; the translation is learned."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.lines = LinkedItems(spec, material, "hint")
        self.size = self.lines.size
        check_wordings(material, self.lines.directions, ("hint",), "hints")
        check_wordings(material, self.lines.directions, ("hint_line",), "source_word", "target_word")

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """One example; none if the line has no usable link."""
        record, direction, line = self.lines[item]
        units = line.units(self.spec.phrases, rng)
        if not units:
            self.lines.skip("no usable link")
            return []
        chosen = sorted(rng.sample(units, min(self.spec.hints or len(units), len(units))))
        rows = []
        for unit in chosen:
            target = self._target(line, unit, units, rng)
            names = {"source_word": line.source.quote(unit.source), "target_word": line.target.quote(target)}
            rows.append(self.material.instruction("hint_line", direction, **names))
        between = self.material.instruction("hint_between", direction)
        instruction = self.material.instruction("hint", direction, hints=between.join(rows))
        turns = (user(instruction, line.source.text), assistant(line.target.text))
        language = self.material.prompt_language(direction)
        return [Example(turns, "hint", direction, record.id, prompt_language=language)]

    def _target(self, line: Linked, unit: Unit, units: list[Unit], rng: random.Random) -> tuple[int, int]:
        """The words that a hint names; for a share of ``wrong_hints`` those of another link."""
        if rng.random() < self.spec.wrong_hints:
            wrong = [other.target for other in units if line.apart(unit.source, other.target)]
            if wrong:
                return rng.choice(wrong)
        return unit.target

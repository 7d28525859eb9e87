"""Task ``conflict``: the right answer under a wrong instruction, to be unlearned (arXiv 2403.14399).

``any`` draws the instruction of a random other pair, as the paper does: it differs from the pair's own, but may name
the same target language. ``target`` draws one that names another target language. Either way the pair is left
without a negative if its answer would be right under the wrong instruction: it equals the source, or stands
identically in the language that the instruction names. Negatives are drawn anew each epoch.
"""

from __future__ import annotations

import random
import unicodedata

from dragoman.corpus.pair import Record
from dragoman.instruct.mt import mt_example
from dragoman.instruct.task import Material, PairItems, task_directions
from dragoman.language.language import Direction, canonical, same_language
from dragoman.prompt.example import Example, Span, assistant, assistant_spans, user
from dragoman.recipe import TaskSpec


class Conflict:
    """A pair under its own instruction (learned, as task ``mt``) and under a conflicting one (unlearned)."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.directions = task_directions(spec, material.store, "conflict")
        self.items = PairItems(material.store, self.directions)
        self.size = self.items.size
        self._wrong = {direction: self._candidates(direction) for direction in self.directions}

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """The pair and its negative; without ``positives`` the negative alone."""
        record, direction = self.items[item]
        group = f"{record.id}/{direction}"
        right = mt_example(record, direction, self.material)
        made = [Example(right.turns, "mt", direction, record.id, group, right.prompt_language)]
        if not self.spec.positives:
            made = []
        if rng.random() < self.spec.negative_share:
            wrong = self._draw(record, direction, rng)
            if wrong is None:
                self.material.skipped["conflict: every wrong instruction would be right"] += 1
            else:
                made.append(self._negative(record, direction, wrong, group))
        return made

    def _candidates(self, own: Direction) -> list[Direction]:
        """Wrong instructions for a direction, one for each pair-weighted draw: as many lines, as many tickets."""
        if self.spec.wrong_targets:
            named = [Direction(own.source, target) for target in self.spec.wrong_targets]
            return [d for d in named if not same_language(d.target, own.target) and canonical(d.target) != canonical(d.source)]
        others = [d for d in self.directions if d != own]
        if self.spec.negatives == "target":
            others = [d for d in others if not same_language(d.target, own.target)]
        return others

    def _draw(self, record: Record, own: Direction, rng: random.Random) -> Direction | None:
        answer = _plain(record.texts[own.target])
        if answer == _plain(record.texts[own.source]):
            return None
        fit = [d for d in self._wrong[own] if not self._is_right(record, d, answer, own)]
        if not fit:
            return None
        sizes = [len(self.material.store.indices(d)) or 1 for d in fit] if not self.spec.wrong_targets else None
        return rng.choices(fit, sizes)[0]

    @staticmethod
    def _is_right(record: Record, wrong: Direction, answer: str, own: Direction) -> bool:
        """True if the answer stands identically in the (other) language that the wrong instruction names."""
        if same_language(wrong.target, own.target):
            return False  # `any` only promises another instruction
        sides = [text for code, text in record.texts.items() if same_language(code, wrong.target)]
        return any(_plain(text) == answer for text in sides)

    def _negative(self, record: Record, own: Direction, wrong: Direction, group: str) -> Example:
        source, answer = record.texts[own.source], record.texts[own.target]
        end = 0.0 if self.spec.spare_end else None
        turn = assistant(answer, -1.0, end)
        if self.spec.spare_shared:
            turn = assistant_spans(spare_shared(answer, source), -1.0 if end is None else end)
        language = self.material.prompt_language(wrong)
        turns = (user(self.material.instruction("mt", wrong), source), turn)
        return Example(turns, "conflict", own, record.id, group, language)


def spare_shared(answer: str, source: str) -> list[Span]:
    """Spans of an answer: words without a letter, and words that the source holds too, weigh 0, the rest -1."""
    held = {word.strip(_EDGES).casefold() for word in source.split()}
    spans: list[Span] = []
    for index, word in enumerate(answer.split(" ")):
        shared = not any(c.isalpha() for c in word) or word.strip(_EDGES).casefold() in held
        text = word if index == 0 else " " + word
        weight = 0.0 if shared else -1.0
        if spans and spans[-1].weight == weight:
            spans[-1] = Span(spans[-1].text + text, weight)
        else:
            spans.append(Span(text, weight))
    return spans


_EDGES = ".,;:!?\"'()[]«»„“”‚‘’…"


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

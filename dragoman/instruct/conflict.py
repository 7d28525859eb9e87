"""Task ``conflict``: the right answer under a wrong instruction, to be unlearned (arXiv 2403.14399).

``any`` draws the instruction of a random other pair, as the paper does: it differs from the pair's own, but
may name the same target language. ``target`` draws one that names another target language. Either way the
pair is
left without a negative if its answer would be right under the wrong instruction: it equals the source, or
stands identically in the language that the instruction names. Negatives are drawn anew each epoch.
"""

from __future__ import annotations

import random
import unicodedata
from itertools import groupby

from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.instruct.mt import mt_example
from dragoman.instruct.task import Material, PairItems, task_directions
from dragoman.language.language import Direction, same_language
from dragoman.prompt.example import Example, Span, assistant, assistant_spans, user
from dragoman.recipe import TaskSpec

RIGHT = "conflict: every wrong instruction would be right"
SPARED = "conflict: nothing to unlearn, all words are spared"


class Conflict:
    """A pair under its own instruction (learned, as task ``mt``) and under a conflicting one (unlearned)."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.directions = task_directions(spec, material.store, "conflict")
        self.items = PairItems(material.store, self.directions)
        self.size = self.items.size
        self._wordings = {direction: self._wording(direction) for direction in self.directions}
        self._wrong = {direction: self._candidates(direction) for direction in self.directions}
        if self.directions and not any(self._wrong.values()):
            raise RecipeError(
                "task conflict: no instruction conflicts with another here; give more directions, or name "
                "languages in wrong_targets"
            )

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """The pair and its negative; without ``positives`` the negative alone."""
        record, direction = self.items[item]
        made: list[Example] = []
        if self.spec.positives:
            made.append(mt_example(record, direction, self.material, group=_group(record, direction)))
        if rng.random() < self.spec.negative_share:
            wrong = self._draw(record, direction, rng)
            negative = None if wrong is None else self._negative(record, direction, wrong)
            if negative is not None:
                made.append(negative)
            else:
                self.material.skipped[RIGHT if wrong is None else SPARED] += 1
        return made

    def _candidates(self, own: Direction) -> dict[Direction, int]:
        """Wrong instructions for a direction with their tickets: as many as the pairs that have them."""
        if self.spec.wrong_targets:
            named = [Direction(own.source, target) for target in self.spec.wrong_targets]
            return {d: 1 for d in named if not same_language(d.target, own.target) and not _same(d)}
        others = {d: len(self.material.store.indices(d)) for d in self.directions if d != own}
        if self.spec.negatives == "target":
            return {d: n for d, n in others.items() if not same_language(d.target, own.target)}
        # a template that does not name the source says the same for several directions
        return {d: n for d, n in others.items() if self._wordings[d] != self._wordings[own]}

    def _wording(self, direction: Direction) -> object:
        """All that a prompt says of its direction, whatever the text."""
        turns = (user(self.material.instruction("mt", direction), ""),)
        return self.material.template.blocks(turns, direction, self.material.prompt_language(direction))

    def _draw(self, record: Record, own: Direction, rng: random.Random) -> Direction | None:
        """A wrong instruction under which the answer is wrong; None if there is none."""
        answer = _plain(record.texts[own.target])
        alike = [code for code, text in record.texts.items() if code != own.target and _plain(text) == answer]
        if own.source in alike:
            return None
        fit = self._wrong[own]
        if alike:
            fit = {d: n for d, n in fit.items() if not any(same_language(d.target, code) for code in alike)}
        return rng.choices(list(fit), list(fit.values()))[0] if fit else None

    def _negative(self, record: Record, own: Direction, wrong: Direction) -> Example | None:
        """The pair's texts in a prompt that speaks of the wrong direction alone; None if all is spared."""
        source, answer = record.texts[own.source], record.texts[own.target]
        end = 0.0 if self.spec.spare_end else -1.0
        turn = assistant(answer, -1.0, end)
        if self.spec.spare_shared:
            turn = assistant_spans(spare_shared(answer, source), end)
            if not any(span.weight for span in turn.spans):
                return None
        language = self.material.prompt_language(wrong)
        turns = (user(self.material.instruction("mt", wrong), source), turn)
        return Example(turns, "conflict", wrong, record.id, _group(record, own), language)


def _group(record: Record, direction: Direction) -> str:
    return f"{record.id}/{direction}"


def _same(direction: Direction) -> bool:
    return same_language(direction.source, direction.target)


def spare_shared(answer: str, source: str) -> list[Span]:
    """Spans of an answer: digits, punctuation and words that the source holds too weigh 0, the rest -1.

    A space belongs to what follows it, as in most tokens.
    """
    held = {text.casefold() for is_word, text in _parts(source) if is_word}
    spans: list[Span] = []
    space = ""
    for is_word, text in _parts(answer):
        if text.isspace():
            space += text
            continue
        weight = -1.0 if is_word and text.casefold() not in held else 0.0
        if spans and spans[-1].weight == weight:
            spans[-1] = Span(spans[-1].text + space + text, weight)
        else:
            spans.append(Span(space + text, weight))
        space = ""
    if space and spans:
        spans[-1] = Span(spans[-1].text + space, spans[-1].weight)
    return spans


def _parts(text: str) -> list[tuple[bool, str]]:
    """Runs of a text: words (letters with their marks), spaces, and whatever stands between; is it a word?"""
    kinds = groupby(text, lambda char: " " if char.isspace() else unicodedata.category(char)[0] in "LM")
    return [(kind is True, "".join(run)) for kind, run in kinds]


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

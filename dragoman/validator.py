"""What is measured while a stage is tuned: dev loss, chrF++, and zero-shot OTR from source text alone.

The tuning loop gets this from the run; it knows nothing of decoding or scores itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from statistics import fmean
from typing import Any

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store
from dragoman.evaluate.metrics import make_metric
from dragoman.evaluate.off_target import off_target
from dragoman.instruct.mt import mt_example
from dragoman.instruct.task import Material
from dragoman.language.identify import Identifier, knows
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Decoding, Recipe
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request
from dragoman.tune.step import Stepper
from dragoman.tune.validate import dev_loss

SHOWN = 160  # characters of a sample translation


class Validator:
    """Scores a model on the first dev lines of every direction; ``tuned`` tells supervised from zero-shot.

    A direction of which no line has both sides is judged by OTR alone. Where the recipe does not name the
    directions, all of these together get no more lines than the others: among many languages they are many.
    """

    def __init__(
        self,
        recipe: Recipe,
        dev: Store,
        directions: Sequence[Direction],
        tuned: Sequence[Direction],
        identifier: Identifier,
        say: Callable[[str], None],
    ) -> None:
        self.recipe, self.identifier, self.say = recipe, identifier, say
        self.tuned = set(tuned)
        lines = few = recipe.validation.lines
        self.alone = {d for d in directions if not len(dev.indices(d))}
        paired = len(directions) - len(self.alone)
        if paired and self.alone and recipe.validation.directions == "all":
            few = max(1, min(lines, lines * paired // len(self.alone)))
        self.records: dict[Direction, list[Record]] = {}
        for d in directions:
            with_both = (dev[int(i)] for i in dev.indices(d))
            with_source = (record for record in dev if d.source in record.texts)
            self.records[d] = list(islice(with_source, few) if d in self.alone else islice(with_both, lines))

    def bind(self, model: Any, encoder: Encoder, stepper: Stepper) -> Callable[[Any, int], dict[str, float]]:
        """The function that the loop calls with the model and the step."""
        recipe = self.recipe
        decoding = Decoding(
            max_new_tokens=recipe.validation.max_new_tokens,
            batch_tokens=recipe.evaluate.decoding.batch_tokens,
        )
        translator = Translator(model, encoder, decoding, prompt_language=recipe.prompt.language)
        material = Material(None, encoder.template, recipe.prompt.language == "target")  # type: ignore[arg-type]
        examples = [
            mt_example(record, d, material)
            for d, records in self.records.items()
            if d in self.tuned - self.alone
            for record in records
        ]

        def validate(model: Any, step: int) -> dict[str, float]:
            scores = {"loss": dev_loss(stepper, encoder, examples)} if examples else {}
            return {**scores, **self.translate(translator, step)}

        return validate

    def translate(self, translator: Translator, step: int) -> dict[str, float]:
        """Means over the supervised and over the zero-shot directions; samples are told."""
        chrf: dict[bool, list[float]] = {True: [], False: []}
        otr: dict[bool, list[float]] = {True: [], False: []}
        requests = [Request(r.texts[d.source], d) for d, records in self.records.items() for r in records]
        texts = iter(translator.translate(requests))
        for direction, records in self.records.items():
            found = [next(texts).text for _ in records]
            supervised = direction in self.tuned
            if direction not in self.alone:
                metric = make_metric("chrF++", direction.target)
                chrf[supervised].append(metric.corpus(found, [r.texts[direction.target] for r in records]))
            if knows(self.identifier, direction.target):
                otr[supervised].append(off_target(found, direction.target, self.identifier).ratio)
            self._show(step, direction, [r.texts[direction.source] for r in records], found)
        named = {
            "chrf": chrf[True],
            "zero_shot_chrf": chrf[False],
            "otr": otr[True],
            "zero_shot_otr": otr[False],
        }
        return {name: fmean(values) for name, values in named.items() if values}

    def _show(self, step: int, direction: Direction, sources: Sequence[str], found: Sequence[str]) -> None:
        """Sample translations: off-target output is seen here long before a score shows it."""
        names = sorted(self.records, key=lambda d: (d in self.tuned, d))
        if direction not in names[: self.recipe.validation.samples] or not sources:
            return
        place = step % len(sources)
        answer = found[place][:SHOWN] or "(nothing)"
        self.say(f"   step {step} {direction}: {sources[place][:SHOWN]} -> {answer}")

"""What is measured while a stage is tuned: dev loss, chrF++, and zero-shot OTR from source text alone.

The tuning loop gets this from the run; it knows nothing of decoding or scores itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from dragoman.corpus.pair import SentencePair
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
    """Scores a model on the first dev lines of every direction; ``tuned`` tells supervised from zero-shot."""

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
        lines = recipe.validation.lines
        self.pairs: dict[Direction, list[SentencePair]] = {
            d: [dev[int(i)].pair(d) for i in dev.indices(d)[:lines]] for d in directions
        }
        self.records = {d: [dev[int(i)] for i in dev.indices(d)[:lines]] for d in directions}

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
            if d in self.tuned
            for record in records
        ]

        def validate(model: Any, step: int) -> dict[str, float]:
            scores = {"loss": dev_loss(stepper, encoder, examples)} if examples else {}
            return {**scores, **self._translate(translator, step)}

        return validate

    def _translate(self, translator: Translator, step: int) -> dict[str, float]:
        chrf: dict[bool, list[float]] = {True: [], False: []}
        otr: dict[bool, list[float]] = {True: [], False: []}
        requests = [Request(p.source, d) for d, pairs in self.pairs.items() for p in pairs]
        texts = iter(translator.translate(requests))
        for direction, pairs in self.pairs.items():
            found = [next(texts).text for _ in pairs]
            supervised = direction in self.tuned
            metric = make_metric("chrF++", direction.target)
            chrf[supervised].append(metric.corpus(found, [p.target for p in pairs]))
            if knows(self.identifier, direction.target):
                otr[supervised].append(off_target(found, direction.target, self.identifier).ratio)
            self._show(step, direction, pairs, found)
        named = {
            "chrf": chrf[True],
            "zero_shot_chrf": chrf[False],
            "otr": otr[True],
            "zero_shot_otr": otr[False],
        }
        return {name: fmean(values) for name, values in named.items() if values}

    def _show(
        self, step: int, direction: Direction, pairs: Sequence[SentencePair], found: Sequence[str]
    ) -> None:
        """Sample translations: off-target output is seen here long before a score shows it."""
        names = sorted(self.pairs, key=lambda d: (d in self.tuned, d))
        if direction not in names[: self.recipe.validation.samples] or not pairs:
            return
        place = step % len(pairs)
        answer = found[place][:SHOWN] or "(nothing)"
        self.say(f"   step {step} {direction}: {pairs[place].source[:SHOWN]} -> {answer}")

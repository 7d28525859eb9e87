"""The translator: requests in, translations out, in order; batches by token budget, sorted by length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import Any

import torch

from dragoman.errors import ModelError
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Decoding
from dragoman.translate.batches import Item, batches
from dragoman.translate.contrastive import Contrast, Contrasting
from dragoman.translate.demand import Outcome, check
from dragoman.translate.meet import Meeting, Mode
from dragoman.translate.prompts import Contexts, Prompter, Request, Shots
from dragoman.translate.satisfy import Unsatisfiable
from dragoman.translate.search import Hypothesis, Job, Processor, Settings, search

USUAL = 128
"""Tokens of a usual prompt and its answer, by which the size of a window is reckoned."""
EMPTY = "empty source"
TOO_LONG = "too long"
CHARACTERS = 32
"""A source with more characters than this for each token that fits is not even encoded."""

Progress = Callable[[int], None]
"""Is told, after every batch, how many requests are done."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of a request.

    ``finished``: the text ended by itself. ``reason`` says what else happened: the text was cut at the
    longest output, or there is no text because the source is empty, too long or unwritable, or because its
    demand cannot be met; ``error`` then names why: contradictory, unwritable or too-long; or it is unmet,
    where the search found no way. ``score`` is that of the search (0 without text); ``alternatives`` are the
    next best texts with their scores, if asked for. ``outcome``: what became of the demand, if there was one.
    """

    text: str
    score: float
    ids: tuple[int, ...]
    finished: bool
    reason: str = ""
    alternatives: tuple[tuple[str, float], ...] = ()
    outcome: Outcome | None = None
    error: str = ""


class Translator:
    """Translates with one model, one prompt and one search.

    ``decoding`` gives beam, length penalty, longest output and token budget; ``n_best`` the number of texts
    kept for a request. ``constraints`` says how the demands of requests are met (see meet.py). About
    ``window`` batches are read at a time: within such a window requests are sorted by length and equal ones
    are computed once. Memory holds one window.
    """

    def __init__(
        self,
        model: Any,
        encoder: Encoder,
        decoding: Decoding | None = None,
        *,
        prompt_language: str = "en",
        shots: Shots | None = None,
        contrast: Contrast | None = None,
        others: Mapping[str, Sequence[str]] | None = None,
        n_best: int = 1,
        window: int = 16,
        constraints: Mode = "hard",
    ) -> None:
        self.model, self.encoder, self.window = model, encoder, window
        self.decoding = decoding or Decoding()
        self.prompter = Prompter(encoder, prompt_language, shots, contrast, others, constraints != "hard")
        self.settings = Settings(
            stop_ids=tuple(sorted(encoder.stop_ids)),
            beam=self.decoding.beam,
            n_best=n_best,
            length_penalty=self.decoding.length_penalty,
        )
        self.processors: list[Processor] = []
        if self.prompter.contrast.active:
            self.processors.append(Contrasting(self.prompter.contrast.form))
        self.meeting = Meeting(encoder, self.settings, constraints)
        config = model.config.get_text_config(decoder=True)
        self.positions: int = getattr(config, "max_position_embeddings", None) or 2**31
        self.limit = min(self.positions, self.decoding.batch_tokens)

    def translate(self, requests: Iterable[Request], progress: Progress | None = None) -> list[Translation]:
        """The translations of all requests, in their order."""
        return list(self.translate_stream(requests, progress))

    def translate_stream(
        self, requests: Iterable[Request], progress: Progress | None = None
    ) -> Iterator[Translation]:
        """Translations in order, a window at a time."""
        for window in self.windows(requests, progress):
            yield from window

    def windows(
        self, requests: Iterable[Request], progress: Progress | None = None
    ) -> Iterator[list[Translation]]:
        """The translations of one window after the other.

        Where a window ends depends only on the requests from its start on: a reader that starts again at
        such a place gets the same windows, batches and results.
        """
        stream, done = iter(requests), 0
        while window := self._read(stream):
            copies = Counter(window)
            found = self._prepare(list(copies))
            results = {request: what for request, what in found.items() if isinstance(what, Translation)}
            done += sum(copies[request] for request in results)
            items = {what: request for request, what in found.items() if isinstance(what, Item)}
            for batch in self._decoded(items):
                for item in batch:
                    results[items[item]] = self._translation(items[item], item)
                done += sum(copies[items[item]] for item in batch)
                if progress:
                    progress(done)
            yield [results[request] for request in window]

    def _decoded(self, items: Mapping[Item, Request]) -> Iterator[list[Item]]:
        """Items whose hypotheses are found, batch after batch; those that miss a hard demand come last."""
        missed: list[Item] = []
        for batch in batches(list(items), self.decoding.beam, self.decoding.batch_tokens):
            for item, hypotheses in zip(batch, self._decode(batch), strict=True):
                item.found = hypotheses
            misses = [self._misses(item, items[item]) for item in batch]
            missed += [item for item, miss in zip(batch, misses, strict=True) if miss]
            yield [item for item, miss in zip(batch, misses, strict=True) if not miss]
        for item in missed:
            item.cost = min(item.cost, self.meeting.cost(item))
        for beam, group in groupby(sorted(missed, key=self.meeting.beam), key=self.meeting.beam):
            for batch in batches(list(group), beam, self.decoding.batch_tokens):
                for item, hypotheses in zip(batch, self._decode(batch, beam), strict=True):
                    demand = items[item].demand
                    assert demand is not None
                    item.found = self.meeting.best(item.found, hypotheses, demand)
                yield batch

    def _misses(self, item: Item, request: Request) -> bool:
        """Whether any hypothesis that would be told misses a hard demand."""
        if item.automaton is None or request.demand is None:
            return False
        return len(self.meeting.good(item.found, request.demand)) < len(item.found)

    def _read(self, stream: Iterator[Request]) -> list[Request]:
        tokens = self.window * self.decoding.batch_tokens
        most, characters = max(1, tokens // (USUAL * self.decoding.beam)), 0
        window: list[Request] = []
        for request in islice(stream, most):
            window.append(request)
            characters += len(request.source)
            if characters > 4 * tokens:
                break
        return window

    def _prepare(self, requests: Sequence[Request]) -> dict[Request, Item | Translation]:
        """What to decode for each request, or why there is nothing to decode."""
        found: dict[Request, Item | Translation] = {}
        fit: list[Request] = []
        for request in requests:
            if request.turns is None and not request.source.strip():
                found[request] = _refused(request, EMPTY)
            elif len(request.source) > CHARACTERS * self.limit:
                found[request] = _refused(request, self._too_long(f"{len(request.source):,} characters"))
            else:
                fit.append(request)
        for request, contexts in zip(fit, self.prompter.contexts(fit), strict=True):
            try:
                found[request] = self._asked(request, contexts)
            except Unsatisfiable as why:
                found[request] = _refused(request, f"{why.name}: {why}", why.name)
        return found

    def _asked(self, request: Request, contexts: Contexts | str) -> Item | Translation:
        """What to decode for a request, or why nothing is; Unsatisfiable if its demand cannot be met."""
        item = self._item(request, contexts)
        if isinstance(item, str) and request.demand:  # no prompt can ask for what cannot be written
            spoken = self.meeting.writable(request.demand, self._longest(request))
            item = self._item(request, *self.prompter.contexts([replace(request, demand=spoken)]))
        return (
            _refused(request, item) if isinstance(item, str) else self.meeting.prepare(item, request.demand)
        )

    def _item(self, request: Request, contexts: Contexts | str) -> Item | str:
        if isinstance(contexts, str):
            return contexts
        longest = self._longest(request)
        needs = [len(ids) + min(longest, len(ids)) for ids in contexts.ids]
        if needs[0] > self.limit:
            return self._too_long(f"{len(contexts.ids[0]):,} tokens with its instruction")
        kept = [k for k, need in enumerate(needs) if need <= self.limit]  # a contrast too long is left out
        ids = tuple(contexts.ids[k] for k in kept)
        room = min(longest, self.positions - max(map(len, ids)))
        weights = tuple(contexts.weights[k] for k in kept)
        return Item(Job(ids, weights, room), max(needs[k] for k in kept))

    def _longest(self, request: Request) -> int:
        return request.max_new_tokens or self.decoding.max_new_tokens

    def _too_long(self, what: str) -> str:
        return f"{TOO_LONG}: {what}, with its translation at most {self.limit:,} tokens fit"

    def _decode(self, items: Sequence[Item], beam: int | None = None) -> list[list[Hypothesis]]:
        """The hypotheses of a batch; ``beam``: search so that demands are met."""
        try:
            with evaluating(self.model):
                if beam is not None:
                    return self.meeting.search(self.model, items, beam, self.processors)
                return search(self.model, [item.job for item in items], self.settings, self.processors)
        except torch.OutOfMemoryError:
            if len(items) == 1:
                raise ModelError(
                    "out of memory with one sentence; give a smaller beam or longest output"
                ) from None
        half = len(items) // 2  # outside `except`, so that what filled the memory is let go
        return self._decode(items[:half], beam) + self._decode(items[half:], beam)

    def _translation(self, request: Request, item: Item) -> Translation:
        best, *others = item.found
        reason = "" if best.finished else f"cut after {len(best.ids):,} tokens"
        alternatives = tuple((self.encoder.decode(other.ids), other.score) for other in others)
        text = self.encoder.decode(best.ids)
        outcome = check(text, request.demand) if request.demand else None
        error = ""
        if outcome and item.automaton and not outcome.satisfied:
            error, reason = "unmet", "unmet: the search found no text that meets all demands"
        ids = tuple(best.ids)
        return Translation(text, best.score, ids, best.finished, reason, alternatives, outcome, error)


def _refused(request: Request, reason: str, error: str = "") -> Translation:
    outcome = check("", request.demand) if request.demand else None
    return Translation("", 0.0, (), reason == EMPTY, reason, outcome=outcome, error=error)


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Evaluation and inference mode; afterwards every module is in the mode it was in before."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True

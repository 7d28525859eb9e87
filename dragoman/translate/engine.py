"""The translator: requests in, translations out, in order; batches by token budget, sorted by length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from dragoman.errors import ModelError
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Decoding
from dragoman.translate.contrastive import Contrast, Contrasting
from dragoman.translate.prompts import Contexts, Prompter, Request, Shots
from dragoman.translate.search import Hypothesis, Job, Processor, Settings, search

USUAL = 128
"""Tokens of a usual prompt and its answer, by which the size of a window is reckoned."""
EMPTY = "empty source"
CHARACTERS = 32
"""A source with more characters than this for each token that fits is not even encoded."""

Progress = Callable[[int], None]
"""Is told, after every batch, how many requests are done."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of a request.

    ``finished``: the text ended by itself. ``reason`` says what else happened: the text was cut at the
    longest output, or there is no text because the source is empty, too long or unwritable. ``score`` is
    that of the search (0 without text); ``alternatives`` are the next best texts with their scores, if
    asked for.
    """

    text: str
    score: float
    ids: tuple[int, ...]
    finished: bool
    reason: str = ""
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class _Item:
    """A distinct request of a window."""

    job: Job
    cost: int  # tokens of a row: the longest prompt and as much again for the output


class Translator:
    """Translates with one model, one prompt and one search.

    ``decoding`` gives beam, length penalty, longest output and token budget; ``n_best`` the number of texts
    kept for a request. About ``window`` batches are read at a time: within such a window requests are
    sorted by length and equal ones are computed once. Memory holds one window.
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
    ) -> None:
        self.model, self.encoder, self.window = model, encoder, window
        self.decoding = decoding or Decoding()
        self.prompter = Prompter(encoder, prompt_language, shots, contrast, others)
        self.settings = Settings(
            stop_ids=tuple(sorted(encoder.stop_ids)),
            beam=self.decoding.beam,
            n_best=n_best,
            length_penalty=self.decoding.length_penalty,
        )
        self.processors: list[Processor] = []
        if self.prompter.contrast.active:
            self.processors.append(Contrasting(self.prompter.contrast.form))
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
            results = {request: _refused(what) for request, what in found.items() if isinstance(what, str)}
            done += sum(copies[request] for request in results)
            items = {request: what for request, what in found.items() if isinstance(what, _Item)}
            for batch in self._batches(items):
                texts = self._decode([items[request] for request in batch])
                results.update(zip(batch, texts, strict=True))
                done += sum(copies[request] for request in batch)
                if progress:
                    progress(done)
            yield [results[request] for request in window]

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

    def _prepare(self, requests: Sequence[Request]) -> dict[Request, _Item | str]:
        """What to decode for each request, or why there is nothing to decode."""
        found: dict[Request, _Item | str] = {}
        fit: list[Request] = []
        for request in requests:
            if request.turns is None and not request.source.strip():
                found[request] = EMPTY
            elif len(request.source) > CHARACTERS * self.limit:
                found[request] = self._too_long(f"{len(request.source):,} characters")
            else:
                fit.append(request)
        for request, contexts in zip(fit, self.prompter.contexts(fit), strict=True):
            found[request] = contexts if isinstance(contexts, str) else self._item(request, contexts)
        return found

    def _item(self, request: Request, contexts: Contexts) -> _Item | str:
        longest = request.max_new_tokens or self.decoding.max_new_tokens
        needs = [len(ids) + min(longest, len(ids)) for ids in contexts.ids]
        if needs[0] > self.limit:
            return self._too_long(f"{len(contexts.ids[0]):,} tokens with its instruction")
        kept = [k for k, need in enumerate(needs) if need <= self.limit]  # a contrast too long is left out
        ids = tuple(contexts.ids[k] for k in kept)
        room = min(longest, self.positions - max(map(len, ids)))
        weights = tuple(contexts.weights[k] for k in kept)
        return _Item(Job(ids, weights, room), max(needs[k] for k in kept))

    def _too_long(self, what: str) -> str:
        return f"too long: {what}, with its translation at most {self.limit:,} tokens fit"

    def _batches(self, items: Mapping[Request, _Item]) -> Iterator[list[Request]]:
        """Requests by falling length, as many together as the token budget allows; at least one."""
        batch: list[Request] = []
        rows = cost = 0
        for request, item in sorted(items.items(), key=lambda pair: -pair[1].cost):
            more = len(item.job.contexts) * self.decoding.beam
            if batch and (rows + more) * cost > self.decoding.batch_tokens:
                yield batch
                batch, rows = [], 0
            cost = item.cost if not batch else cost
            batch.append(request)
            rows += more
        if batch:
            yield batch

    def _decode(self, items: Sequence[_Item]) -> list[Translation]:
        try:
            with evaluating(self.model):
                found = search(self.model, [item.job for item in items], self.settings, self.processors)
        except torch.OutOfMemoryError:
            if len(items) == 1:
                raise ModelError(
                    "out of memory with one sentence; give a smaller beam or longest output"
                ) from None
        else:
            return [self._translation(hypotheses) for hypotheses in found]
        half = len(items) // 2  # outside `except`, so that what filled the memory is let go
        return self._decode(items[:half]) + self._decode(items[half:])

    def _translation(self, hypotheses: Sequence[Hypothesis]) -> Translation:
        best, *others = hypotheses
        reason = "" if best.finished else f"cut after {len(best.ids):,} tokens"
        alternatives = tuple((self.encoder.decode(other.ids), other.score) for other in others)
        text = self.encoder.decode(best.ids)
        return Translation(text, best.score, tuple(best.ids), best.finished, reason, alternatives)


def _refused(reason: str) -> Translation:
    return Translation("", 0.0, (), reason == EMPTY, reason)


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

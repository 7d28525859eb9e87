"""Requests to prompt ids: the plain request, worked examples before it, and the prompts to contrast with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dragoman.errors import DataError
from dragoman.instruct.constrained import demand_turn
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Turn, user
from dragoman.prompt.shots import few_shot_turns
from dragoman.translate.contrastive import Contrast, other_sources, wrong_directions
from dragoman.translate.demand import Demand

Shots = Callable[[str, Direction], Sequence[tuple[str, str]]]
"""Gives worked examples (source, translation) for a source and a direction, in the order of the prompt."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to translate.

    ``turns``: a conversation that ends with a user turn, in place of the plain request; it gets neither
    worked examples nor contrasts. ``prompt_language`` and ``max_new_tokens`` override those of the
    translator. ``demand``: what the translation must and must not hold.
    """

    source: str
    direction: Direction
    turns: tuple[Turn, ...] | None = None
    prompt_language: str | None = None
    max_new_tokens: int | None = None
    demand: Demand | None = None


class Contexts(NamedTuple):
    """Prompt ids of a request, the real prompt first, and the weight of each (see search.Job)."""

    ids: tuple[list[int], ...]
    weights: tuple[float, ...]


class _Ask(NamedTuple):
    """One prompt to encode, for the request with this index."""

    request: int
    weight: float
    turns: tuple[Turn, ...]
    direction: Direction
    prompt_language: str


class Prompter:
    """Makes contexts with one encoder. ``prompt_language`` is a code, or ``target`` for that of the target.

    ``others`` holds, by source language, sentences to contrast with; without it they are taken from the
    requests that are made ready together. ``missing`` counts the requests that found no other source.
    ``soft``: demands stand in the prompt.
    """

    def __init__(
        self,
        encoder: Encoder,
        prompt_language: str = "en",
        shots: Shots | None = None,
        contrast: Contrast | None = None,
        others: Mapping[str, Sequence[str]] | None = None,
        soft: bool = False,
    ) -> None:
        self.encoder, self.prompt_language, self.shots, self.soft = encoder, prompt_language, shots, soft
        self.contrast, self.others = contrast or Contrast(), others
        self.missing = 0

    def contexts(self, requests: Sequence[Request]) -> list[Contexts | str]:
        """The contexts of each request, or the reason why it cannot be asked."""
        pools = self._pools(requests)
        asks = [ask for index, request in enumerate(requests) for ask in self._asks(index, request, pools)]
        encoded = self._encode(asks)
        failed: dict[int, str] = {}
        parts: dict[int, list[tuple[list[int], float]]] = defaultdict(list)
        for ask, ids in zip(asks, encoded, strict=True):
            if isinstance(ids, str):
                failed.setdefault(ask.request, ids)
            else:
                parts[ask.request].append((ids, ask.weight))
        return [
            failed[index]
            if index in failed
            else Contexts(tuple(ids for ids, _ in parts[index]), tuple(weight for _, weight in parts[index]))
            for index in range(len(requests))
        ]

    def _pools(self, requests: Sequence[Request]) -> Mapping[str, Sequence[str]]:
        if self.contrast.source == 0:
            return {}
        if self.others is not None:
            return self.others
        pools: dict[str, dict[str, None]] = defaultdict(dict)
        for request in requests:
            pools[request.direction.source][request.source] = None
        return {code: list(texts) for code, texts in pools.items()}

    def _asks(self, index: int, request: Request, pools: Mapping[str, Sequence[str]]) -> list[_Ask]:
        direction, contrast = request.direction, self.contrast
        language = request.prompt_language or self.prompt_language
        language = direction.target if language == "target" else language
        if request.turns is not None:
            return [_Ask(index, 1.0, request.turns, direction, language)]
        shots = self.shots(request.source, direction) if self.shots else ()

        def ask(weight: float, source: str, asked: Direction) -> _Ask:
            template, demand = self.encoder.template, request.demand
            instruction = template.instruction("mt", asked, language)
            last = user(instruction, source)
            if self.soft and demand:
                last = demand_turn(template, asked, language, source, demand.must, demand.forbid)
            turns = (*few_shot_turns(shots, instruction), last)
            return _Ask(index, weight, turns, asked, language)

        asks = [ask(1.0, request.source, direction)]
        if contrast.source > 0:
            pool = pools.get(direction.source, ())
            others = other_sources(request.source, pool, contrast.sources, contrast.seed)
            self.missing += not others
            asks += [ask(-contrast.source / len(others), other, direction) for other in others]
        if contrast.language > 0:
            asks += [ask(-contrast.language, request.source, wrong) for wrong in wrong_directions(direction)]
        return asks

    def _encode(self, asks: Sequence[_Ask]) -> list[list[int] | str]:
        """Ids of each prompt, or why there are none; prompts of one direction are encoded together."""
        found: list[list[int] | str] = [""] * len(asks)
        groups: dict[tuple[Direction, str], list[int]] = defaultdict(list)
        for place, ask in enumerate(asks):
            groups[ask.direction, ask.prompt_language].append(place)
        for (direction, language), places in groups.items():
            try:
                many = self.encoder.prompts([asks[place].turns for place in places], direction, language)
            except DataError:  # some text cannot be written: find out which
                for place in places:
                    found[place] = self._alone(asks[place])
            else:
                for place, ids in zip(places, many, strict=True):
                    found[place] = ids
        return found

    def _alone(self, ask: _Ask) -> list[int] | str:
        try:
            return self.encoder.prompt(ask.turns, ask.direction, ask.prompt_language)
        except DataError as error:
            return str(error)

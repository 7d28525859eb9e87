"""Weights of a turn: of its tokens, of its end, and whether it has any."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from dragoman.prompt.example import Turn


def in_spans(turn: Turn | None) -> bool:
    """Whether the turn's tokens may differ in weight."""
    return turn is not None and len(turn.spans) > 1


def matters(turn: Turn) -> bool:
    """Whether anything of the turn is learned or unlearned."""
    return any(span.weight for span in turn.spans) or bool(turn.end_weight)


def as_context(turn: Turn) -> Turn:
    """The turn with nothing to learn."""
    spans = tuple(replace(span, weight=0.0) for span in turn.spans)
    return replace(turn, spans=spans, end_weight=0.0 if turn.spans else None)


def end_weight(turn: Turn) -> float:
    """The weight of the token that ends the turn."""
    if turn.end_weight is not None:
        return turn.end_weight
    return turn.spans[-1].weight if turn.spans else 0.0


def span_weights(turn: Turn, starts: Sequence[int]) -> list[float]:
    """The weight of the span in which each token's first character lies."""
    borders: list[int] = []
    weights: list[float] = []
    place = 0
    for span in turn.spans:
        if span.text:
            borders.append(place)
            weights.append(span.weight)
        place += len(span.text)
    return [weights[bisect_right(borders, max(0, start)) - 1] for start in starts]

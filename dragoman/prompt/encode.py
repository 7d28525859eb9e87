"""Examples to ids and weights, and turns to the prompt ids that decoding starts from.

The ids of training are the ids of decoding: a prompt, then the answer, encoded apart from it, then the end token.
The weights are made with the ids, never guessed from them afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dragoman.errors import DataError, ModelError
from dragoman.language.language import Direction
from dragoman.prompt.example import Example, Turn
from dragoman.prompt.safe import SafeText, Text, Unwritable
from dragoman.prompt.templates import Piece, Template

TOO_LONG = "longer than max_length"


@dataclass(slots=True)
class Encoded:
    """Token ids of an example; ``weights[i]`` is the weight of learning ``ids[i]`` as a prediction (0: context)."""

    ids: list[int]
    weights: list[float]
    task: str
    group: str
    id: str


@dataclass(slots=True)
class _Row:
    """An example laid out: texts to encode and fixed ids, each with the answer's turn where it is one."""

    parts: list[tuple[Text | int, Turn | None]]
    delimiters: tuple[str, ...]


class Encoder:
    """Turns to ids with one tokenizer and one template.

    ``max_length`` is in tokens, the end token included. ``dropped`` counts examples that were left out, by reason.
    ModelError if the tokenizer has no end token or is of an unknown kind.
    """

    def __init__(self, tokenizer: Any, template: Template, max_length: int = 512) -> None:
        self.tokenizer, self.template, self.max_length = tokenizer, template, max_length
        self.safe = SafeText(tokenizer)
        self.dropped: Counter[str] = Counter()
        if tokenizer.eos_token_id is None:
            raise ModelError("the tokenizer has no end token (eos_token); set one before tuning")
        self.end_id: int = tokenizer.eos_token_id
        probe = tokenizer("a").input_ids
        bos = tokenizer.bos_token_id
        self.bos_id: int | None = bos if bos is not None and probe[:1] == [bos] else None
        self.stop_ids: frozenset[int] = frozenset({self.end_id, tokenizer.eos_token_id})

    def encode(self, example: Example) -> Encoded | None:
        """Ids and weights of an example; None if it was dropped (see :attr:`dropped`).

        DataError if the turns do not fit each other or nothing in them is learned or unlearned.
        """
        return self.encode_many([example])[0]

    def encode_many(self, examples: Sequence[Example]) -> list[Encoded | None]:
        """:meth:`encode` for many examples at once, which is faster; one result for each, in order."""
        rows = [self._row(example) for example in examples]
        encodings = self._encode_texts(rows)
        results: list[Encoded | None] = []
        for example, row in zip(examples, rows, strict=True):
            try:
                results.append(self._weigh(example, row, encodings))
            except Unwritable as reason:
                self.dropped[str(reason)] += 1
                results.append(None)
        return results

    def prompt(
        self, turns: Sequence[Turn], direction: Direction | None = None, prompt_language: str = "en"
    ) -> list[int]:
        """The ids from which to decode the answer to the last turn, which must be a user's.

        DataError if the data cannot be written with this tokenizer.
        """
        if not turns or turns[-1].role != "user":
            raise DataError("a prompt must end with a user turn")
        row = self._layout(turns, direction, prompt_language)
        ids: list[int] = []
        try:
            for part, _ in row.parts:
                ids += [part] if isinstance(part, int) else self.safe.encode(part, row.delimiters)
        except Unwritable as reason:
            raise DataError(f"the text holds {reason}; the model cannot be given it") from reason
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer up to its end token; only the space that encoding put before it is taken off."""
        kept: list[int] = []
        for index in ids:
            if index in self.stop_ids:
                break
            if index not in self.safe.vocabulary.control:
                kept.append(index)
        text = self.safe.vocabulary.text(kept).decode(errors="replace")
        return text[1:] if self.safe.fresh_space and text.startswith(" ") else text

    def _row(self, example: Example) -> _Row:
        if not example.turns or example.turns[-1].role != "assistant":
            raise DataError(f"example {example.id or '?'} ({example.task}) does not end with an assistant turn")
        return self._layout(example.turns, example.direction, example.prompt_language)

    def _layout(self, turns: Sequence[Turn], direction: Direction | None, prompt_language: str) -> _Row:
        """BOS, then for each turn pair the prompt's text, cut at control tokens, the answer and its end."""
        row = _Row([], self.template.delimiters_for(direction, prompt_language))
        if self.bos_id is not None:
            row.parts.append((self.bos_id, None))
        fresh = True
        for block in self.template.blocks(turns, direction, prompt_language):
            fresh = self._append(row, block.before, fresh)
            if block.answer is not None:
                spans = tuple(Piece(span.text, True) for span in block.answer.spans)
                row.parts.append((Text(spans or (Piece(block.answer.content, True),), True), block.answer))
                row.parts.append((self.end_id, block.answer))
                fresh = self.safe.fresh_after_control
        return row

    def _append(self, row: _Row, pieces: Sequence[Piece], fresh: bool) -> bool:
        """Lay out pieces: one text between two control tokens of the template's words."""
        gathered: list[Piece] = []
        for piece in pieces:
            for part in (piece.text,) if piece.data else self.safe.controls(piece.text):
                if isinstance(part, str):
                    gathered.append(Piece(part, piece.data))
                    continue
                if gathered:
                    row.parts.append((Text(tuple(gathered), fresh), None))
                    gathered = []
                row.parts.append((part, None))
                fresh = self.safe.fresh_after_control
        if gathered:
            row.parts.append((Text(tuple(gathered), fresh), None))
        return fresh

    def _encode_texts(self, rows: Sequence[_Row]) -> dict[tuple[int, str], Any]:
        """Every text of the rows, encoded in two batches (starts of texts, continuations), each string once."""
        wanted: dict[int, tuple[Any, dict[str, None]]] = {}
        for row in rows:
            for part, _ in row.parts:
                if not isinstance(part, int):
                    backend, text = self.safe.backend(part)
                    wanted.setdefault(id(backend), (backend, {}))[1][text] = None
        found: dict[tuple[int, str], Any] = {}
        for key, (backend, texts) in wanted.items():
            encodings = backend.encode_batch(list(texts), add_special_tokens=False)
            found |= {(key, text): encoding for text, encoding in zip(texts, encodings, strict=True)}
        return found

    def _weigh(self, example: Example, row: _Row, encodings: dict[tuple[int, str], Any]) -> Encoded | None:
        ids: list[int] = []
        weights: list[float] = []
        for part, turn in row.parts:
            if isinstance(part, int):
                ids.append(part)
                weights.append(_end_weight(turn) if turn is not None else 0.0)
                continue
            backend, text = self.safe.backend(part)
            encoding = encodings[id(backend), text]
            if turn is not None and len(turn.spans) > 1:
                pairs = self.safe.finish_with_starts(part, row.delimiters, encoding)
                ids += [index for index, _ in pairs]
                weights += _span_weights(turn, [start for _, start in pairs])
            else:
                found = self.safe.finish(part, row.delimiters, encoding)
                ids += found
                weights += [turn.spans[0].weight if turn is not None and turn.spans else 0.0] * len(found)
        if not any(weights):
            raise DataError(f"example {example.id or '?'} ({example.task}) has no token to learn: all weights are 0")
        if len(ids) > self.max_length:
            self.dropped[TOO_LONG] += 1
            return None
        return Encoded(ids, weights, example.task, example.group, example.id)


def _end_weight(turn: Turn) -> float:
    if turn.end_weight is not None:
        return turn.end_weight
    return turn.spans[-1].weight if turn.spans else 0.0


def _span_weights(turn: Turn, starts: list[int]) -> list[float]:
    """The weight of the span in which each token's first character lies."""
    borders, weights, place = [], [], 0
    for span in turn.spans:
        if span.text:
            borders.append(place)
            weights.append(span.weight)
        place += len(span.text)
    return [weights[bisect_right(borders, start) - 1] for start in starts]

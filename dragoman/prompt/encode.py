"""Examples to ids and weights, and turns to the prompt ids that decoding starts from.

The ids of training are the ids of decoding: a prompt, then the answer, encoded apart from it, then the end
token. The weights are made with the ids, never guessed from them afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from dragoman.errors import DataError, ModelError
from dragoman.language.language import Direction
from dragoman.prompt.example import Example, Turn, user
from dragoman.prompt.safe import SafeText, Text, Unwritable
from dragoman.prompt.shared import encode_shared
from dragoman.prompt.templates import Piece, Template
from dragoman.prompt.weights import as_context, end_weight, in_spans, matters, span_weights

TOO_LONG = "longer than max_length"


@dataclass(slots=True)
class Encoded:
    """Token ids of an example; ``weights[i]`` is the weight of learning ``ids[i]`` (0: context).

    Nothing predicts the first id: ``weights[0]`` is 0.
    """

    ids: list[int]
    weights: list[float]
    task: str
    group: str
    id: str


class _Part(NamedTuple):
    """A text or one id; ``turn`` is the answer it belongs to, ``lead`` what precedes the answer's words."""

    what: Text | int
    turn: Turn | None = None
    lead: int = 0


class Encoder:
    """Turns to ids with one tokenizer and one template.

    ``max_length`` counts tokens, the end token included. ``dropped`` counts the examples left out, by reason.
    ``stop_ids`` end an answer. ModelError if the tokenizer has no end token, is of an unknown kind, or
    (template ``chat``) has no chat template.
    """

    def __init__(self, tokenizer: Any, template: Template, max_length: int = 512) -> None:
        self.tokenizer, self.max_length = tokenizer, max_length
        self.template = template.bound(tokenizer)
        self.safe = SafeText(tokenizer)
        self.dropped: Counter[str] = Counter()
        if tokenizer.eos_token_id is None:
            raise ModelError("the tokenizer has no end token (eos_token); set one in tokenizer_config.json")
        self.eos_id: int = tokenizer.eos_token_id
        end = self.template.end_token
        self.end_id: int = self.eos_id if end is None else self.safe.vocabulary.ids[end]
        self.stop_ids: frozenset[int] = frozenset({self.end_id, self.eos_id})
        bos = tokenizer.bos_token_id
        self.bos_id: int | None = bos if bos is not None and tokenizer("a").input_ids[:1] == [bos] else None
        self._answers_fresh = self._starts_text(self._layout([user("a")], None, "en"))

    def encode(self, example: Example) -> Encoded | None:
        """Ids and weights of an example; None if it was dropped (see :attr:`dropped`), never cut.

        DataError if the turns do not fit each other, or no token is learned or unlearned.
        """
        return self.encode_many([example])[0]

    def encode_many(self, examples: Sequence[Example]) -> list[Encoded | None]:
        """:meth:`encode` for many examples at once, which is faster; one result for each, in order."""
        rows = [self._row(example) for example in examples]
        results = self._encode_texts(rows)
        encoded: list[Encoded | None] = []
        for example, row in zip(examples, rows, strict=True):
            try:
                encoded.append(self._weigh(example, row, results))
            except Unwritable as reason:
                self.dropped[str(reason)] += 1
                encoded.append(None)
        return encoded

    def rows(self, example: Example) -> list[Example]:
        """The examples to encode in place of one with several turns.

        The example itself; or, where the model's chat template rewrites earlier turns, one for each answer
        that is learned or unlearned, with the turns up to it, so that training sees what decoding will see.
        """
        if self.template.stable(_roles(example.turns)):
            return [example]
        ends = [k for k, turn in enumerate(example.turns) if matters(turn)]
        return [
            replace(example, turns=(*(as_context(turn) for turn in example.turns[:k]), example.turns[k]))
            for k in ends
        ]

    def prompt(
        self, turns: Sequence[Turn], direction: Direction | None = None, prompt_language: str = "en"
    ) -> list[int]:
        """The ids from which to decode the answer to the last turn, which must be a user's.

        Of an example's turns up to an answer, these are the ids that stand before the answer in
        :meth:`encode`. DataError if the data cannot be written with this tokenizer.
        """
        return self.prompts([turns], direction, prompt_language)[0]

    def prompts(
        self, many: Sequence[Sequence[Turn]], direction: Direction | None = None, prompt_language: str = "en"
    ) -> list[list[int]]:
        """:meth:`prompt` for many conversations at once, which is faster."""
        for turns in many:
            if not turns or turns[-1].role != "user":
                raise DataError("a prompt must end with a user turn")
        rows = [self._layout(turns, direction, prompt_language) for turns in many]
        results = self._encode_texts(rows)
        found: list[list[int]] = []
        for row in rows:
            ids: list[int] = []
            for part in row:
                try:
                    if isinstance(part.what, int):
                        ids.append(part.what)
                    elif in_spans(part.turn):
                        ids += [index for index, _ in self.safe.encode_with_starts(part.what)]
                    else:
                        ids += _taken(results[part.what])
                except Unwritable as reason:
                    raise DataError(f"a text holds {reason}: the model cannot be given it") from reason
            found.append(ids)
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer up to its end token; only what encoding put before it is taken off."""
        kept: list[int] = []
        for index in ids:
            if index in self.stop_ids:
                break
            if index not in self.safe.vocabulary.control:
                kept.append(index)
        text = self.safe.vocabulary.text(kept).decode(errors="replace")
        if self._answers_fresh and self.safe.fresh_space:
            text = text.removeprefix(" ")
        return text.removeprefix(self.template.lead)

    def _row(self, example: Example) -> list[_Part]:
        if not example.turns or example.turns[-1].role != "assistant":
            raise DataError(f"{_name(example)} does not end with an assistant turn")
        if any(map(matters, example.turns[:-1])) and not self.template.stable(_roles(example.turns)):
            raise DataError(
                f"{_name(example)}: the model's chat template rewrites earlier turns, so only the last "
                "answer can be learned; take the examples that Encoder.rows makes of it"
            )
        return self._layout(example.turns, example.direction, example.prompt_language)

    def _layout(
        self, turns: Sequence[Turn], direction: Direction | None, prompt_language: str
    ) -> list[_Part]:
        """BOS, then for each answer the text before it, cut at control tokens, its text and its end token."""
        delimiters = self.template.delimiters_for(direction, prompt_language)
        row: list[_Part] = []
        fresh, end = True, ""
        for block in self.template.blocks(turns, direction, prompt_language):
            fresh = self._append(row, block.before, fresh, delimiters, end)
            if block.answer is None:
                continue
            document = not block.before and not row
            lead = "" if document else self.template.lead
            spans = tuple([Piece(span.text, True) for span in block.answer.spans])
            pieces = (
                *([Piece(lead, False)] if lead else ()),
                *(spans or (Piece(block.answer.content, True),)),
            )
            # A document forges nothing: it stands without a template, and its own labels may look like one's.
            text = Text(pieces, document or self._starts_text(row), () if document else delimiters)
            row.append(_Part(text, block.answer, len(lead)))
            row.append(_Part(self.eos_id if document else self.end_id, block.answer))
            fresh, end = self.safe.fresh_after_control, self.safe.vocabulary.added.get(self.end_id, "")
        if self.bos_id is not None and (not row or row[0].what != self.bos_id):
            row.insert(0, _Part(self.bos_id))
        return row

    def _starts_text(self, row: list[_Part]) -> bool:
        """Whether an answer behind these parts is encoded like the start of a text.

        It is in a text template. In a chat it goes on after the header of its turn, as a server has it that
        encodes the whole conversation; where the header is a control token, the tokenizer's own habit
        decides.
        """
        if self.template.answers_fresh:
            return True
        return bool(row) and isinstance(row[-1].what, int) and self.safe.fresh_after_control

    def _append(
        self, row: list[_Part], pieces: Sequence[Piece], fresh: bool, delimiters: tuple[str, ...], end: str
    ) -> bool:
        """Lay out pieces: one text between two control tokens. Returns ``fresh`` for what follows.

        ``end`` is the name of the end token that stands before them: it may eat white space.
        """
        gathered: list[Piece] = []
        for place, piece in enumerate(pieces):
            name = "" if place else end
            found = (piece.text,) if piece.data else self.safe.controls(name + piece.text)
            for part in found[1:] if name and not piece.data else found:
                if isinstance(part, str):
                    if gathered and not piece.data and not gathered[-1].data:
                        part = gathered.pop().text + part
                    gathered.append(Piece(part, piece.data))
                    continue
                if gathered:
                    row.append(_Part(Text(tuple(gathered), fresh, delimiters)))
                    gathered = []
                row.append(_Part(part))
                fresh = self.safe.fresh_after_control
        if gathered:
            row.append(_Part(Text(tuple(gathered), fresh, delimiters)))
        return fresh

    def _encode_texts(self, rows: Sequence[list[_Part]]) -> dict[Text, list[int] | Unwritable]:
        """The ids of every text, each encoded once; answers of several spans are left to :meth:`_weigh`."""
        texts = list(
            {
                part.what: None
                for row in rows
                for part in row
                if not isinstance(part.what, int) and not in_spans(part.turn)
            }
        )
        return dict(zip(texts, encode_shared(self.safe, texts), strict=True))

    def _weigh(
        self, example: Example, row: list[_Part], results: dict[Text, list[int] | Unwritable]
    ) -> Encoded | None:
        ids: list[int] = []
        weights: list[float] = []
        for part in row:
            turn = part.turn
            if isinstance(part.what, int):
                ids.append(part.what)
                weights.append(0.0 if turn is None else end_weight(turn))
            elif turn is not None and in_spans(turn):
                pairs = self.safe.encode_with_starts(part.what)
                ids += [index for index, _ in pairs]
                weights += span_weights(turn, [start - part.lead for _, start in pairs])
            else:
                found = _taken(results[part.what])
                ids += found
                weights += [turn.spans[0].weight if turn is not None and turn.spans else 0.0] * len(found)
        weights[0] = 0.0
        if not any(weights):
            raise DataError(f"{_name(example)} has no token to learn or unlearn: all its weights are 0")
        if len(ids) > self.max_length:
            self.dropped[TOO_LONG] += 1
            return None
        return Encoded(ids, weights, example.task, example.group, example.id)


def _taken(result: list[int] | Unwritable) -> list[int]:
    if isinstance(result, Unwritable):
        raise result
    return result


def _roles(turns: Sequence[Turn]) -> list[str]:
    return [turn.role for turn in turns]


def _name(example: Example) -> str:
    return f"example {example.id or '?'} ({example.task})"

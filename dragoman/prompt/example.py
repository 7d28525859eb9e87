"""Examples: turns of a conversation whose spans say what is learned, context, or unlearned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.errors import DataError
from dragoman.jsonl import read_jsonl, write_jsonl
from dragoman.language.language import Direction

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of an assistant turn. ``weight`` > 0: learn it; 0: context only; < 0: unlearn it."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. ``content`` is the instruction or the answer; ``input`` the text a user turn hands along.

    Only assistant turns have ``spans``; joined they are the content. ``end_weight`` is the weight of the
    token that ends the turn; None gives it the weight of the last span.
    """

    role: str
    content: str
    input: str | None = None
    spans: tuple[Span, ...] = ()
    end_weight: float | None = None


def user(content: str, text: str | None = None) -> Turn:
    """A user turn: an instruction and, if given, the text it speaks of."""
    return Turn("user", content, text)


def assistant(text: str, weight: float = 1.0, end_weight: float | None = None) -> Turn:
    """An assistant turn whose whole text has one weight."""
    return Turn("assistant", text, None, (Span(text, weight),), end_weight)


def assistant_spans(spans: Iterable[Span], end_weight: float | None = None) -> Turn:
    """An assistant turn with a weight for each span."""
    kept = tuple(spans)
    return Turn("assistant", "".join(span.text for span in kept), None, kept, end_weight)


@dataclass(frozen=True, slots=True)
class Example:
    """What a model is shown once: turns, the task that made them, and the direction they speak of.

    ``group`` ties a pair to its negative: examples of one group stay in one optimiser step. ``id`` is the
    line id. ``prompt_language`` names the language of the template's fixed words (``en`` unless said).
    ``kind`` tells people what of its task the example is.
    """

    turns: tuple[Turn, ...]
    task: str
    direction: Direction | None = None
    id: str = ""
    group: str = ""
    prompt_language: str = "en"
    kind: str = ""

    @property
    def is_negative(self) -> bool:
        """True if any span is to be unlearned."""
        return any(span.weight < 0 for turn in self.turns for span in turn.spans)

    @property
    def is_document(self) -> bool:
        """True for a lone assistant turn: text without a prompt."""
        return len(self.turns) == 1 and self.turns[0].role == "assistant"

    def check(self, place: str = "") -> None:
        """Raise DataError naming the turn if roles do not alternate, a turn is empty or spans do not fit.

        ``place`` (file and line) is told before it. A lone assistant turn is a document: it is encoded
        without any template.
        """
        wanted = ("assistant",) if self.is_document else ("user",)
        for index, turn in enumerate(self.turns):
            where = f"{place}{': ' * bool(place)}example {self.id or '?'} ({self.task}), turn {index}"
            if turn.role not in ROLES:
                raise DataError(f"{where}: role {turn.role!r} is none of {', '.join(ROLES)}")
            if not (index == 0 and turn.role == "system") and turn.role not in wanted:
                raise DataError(f"{where}: expected {' or '.join(wanted)}, found {turn.role}")
            if not turn.content.strip():
                raise DataError(f"{where}: the turn is empty")
            if turn.role == "assistant" and "".join(s.text for s in turn.spans) != turn.content:
                raise DataError(f"{where}: the spans do not add up to the content")
            if turn.role != "system":
                wanted = ("assistant",) if turn.role == "user" else ("user",)

    def to_json(self) -> dict[str, Any]:
        """The ``messages`` form: spans stand as ``[text, weight]`` beside the content."""
        messages: list[dict[str, Any]] = []
        for turn in self.turns:
            message: dict[str, Any] = {"role": turn.role, "content": turn.content}
            if turn.input is not None:
                message["input"] = turn.input
            if turn.spans:
                message["spans"] = [[span.text, span.weight] for span in turn.spans]
            if turn.end_weight is not None:
                message["end_weight"] = turn.end_weight
            messages.append(message)
        row: dict[str, Any] = {"messages": messages, "task": self.task}
        if self.direction is not None:
            row["direction"] = [self.direction.source, self.direction.target]
        row |= {key: value for key in ("id", "group", "kind") if (value := getattr(self, key))}
        if self.prompt_language != "en":
            row["prompt_language"] = self.prompt_language
        return row

    @classmethod
    def from_json(cls, row: dict[str, Any], where: str = "") -> Example:
        """Inverse of :meth:`to_json`; an assistant message without spans is learned whole."""
        try:
            turns = tuple(_turn(message) for message in row["messages"])
            pair = row.get("direction")
            direction = Direction(*pair) if pair else None
            task = str(row["task"])
        except (KeyError, TypeError, ValueError) as error:
            told = f"not in messages form ({type(error).__name__}: {error})"
            raise DataError(f"{where or 'example'}: {told}") from error
        language = row.get("prompt_language", "en")
        id, group, kind = (str(row.get(key, "")) for key in ("id", "group", "kind"))
        example = cls(turns, task, direction, id, group, language, kind)
        example.check(where)
        return example


def _turn(message: dict[str, Any]) -> Turn:
    if not isinstance(message["content"], str) or not isinstance(message.get("input") or "", str):
        raise TypeError("a turn without text")
    spans = tuple(Span(str(text), float(weight)) for text, weight in message.get("spans", []))
    if message["role"] == "assistant" and not spans:
        spans = (Span(message["content"], 1.0),)
    return Turn(message["role"], message["content"], message.get("input"), spans, message.get("end_weight"))


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write examples as JSONL (beside, then renamed); returns their number."""
    return write_jsonl(path, (example.to_json() for example in examples))


def read_examples(path: Path) -> Iterator[Example]:
    """Read JSONL examples; a bad line is a DataError with its number."""
    for where, row in read_jsonl(path):
        yield Example.from_json(row, where)

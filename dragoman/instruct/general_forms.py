"""Forms of dialogues: rows of Alpaca, ShareGPT, `messages` and Self-Instruct files to turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dragoman.corpus.hub import Row
from dragoman.errors import DataError
from dragoman.language.language import Direction, canonical
from dragoman.prompt.example import Example, Span, Turn, assistant, user
from dragoman.prompt.weights import matters

ROLES = {
    "system": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant",
}  # fmt: skip
"""What files call the roles, and which they are."""
NO_ANSWER = "the last turn has no answer"
SURROGATE = "not Unicode text"


class Unusable(Exception):
    """A dialogue that cannot be learned from; the message is the reason under which it is counted."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns of one dialogue, checked; ``shortened`` if a last turn without an answer was left out."""

    turns: tuple[Turn, ...]
    direction: Direction | None = None
    prompt_language: str = "en"
    shortened: bool = False

    def example(self, task: str, id: str) -> Example:
        """The dialogue as an example of a task."""
        return Example(self.turns, task, self.direction, id, prompt_language=self.prompt_language)


def form_of(row: Row) -> str | None:
    """The name of the form that a row has; None if it has none of them."""
    return next((name for name, (keys, _) in FORMS.items() if all(key in row for key in keys)), None)


def dialogues(row: Row, form: str) -> Iterator[Dialogue | Unusable]:
    """The dialogues of a row, or why one cannot be used; only a Self-Instruct row may have several."""
    keys, read = FORMS[form]
    if not all(key in row for key in keys):
        yield Unusable(f"not in the form of the file ({form})")
        return
    for part in _instances(row) if form == "self-instruct" else [row]:
        try:
            yield read(part)
        except Unusable as reason:
            yield reason


def _instances(row: Row) -> list[Row]:
    """The row once for each of its instances; what is no instance has no text, and is told so."""
    found = row["instances"] if isinstance(row["instances"], list) else [None]
    return [{**row, **one} if isinstance(one, dict) else row for one in found or [None]]


def _instruction(row: Row) -> Dialogue:
    """An instruction with its input and answer; `system` and earlier rounds (`history`) where there are."""
    turns = _system(row.get("system"))
    history = row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(r, list) and len(r) == 2 for r in history):
        raise Unusable("history is no list of pairs")
    for asked, answered in history:
        turns += [user(_text(asked)), assistant(_text(answered))]
    given = _text(row.get("input") or "")
    turns += [user(_text(row["instruction"]), given if given.strip() else None)]
    turns += [assistant(_text(row.get("output")))]
    return _checked(turns)


def _sharegpt(row: Row) -> Dialogue:
    return _turns(row, row["conversations"])


def _messages(row: Row) -> Dialogue:
    return _turns(row, row["messages"])


def _turns(row: Row, messages: Any) -> Dialogue:
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Unusable("turns are no list of objects")
    turns = _system(row.get("system"))
    for message in messages:
        name = message.get("role", message.get("from"))
        role = ROLES.get(name) if isinstance(name, str) else None
        if role is None:
            raise Unusable(f"unknown role {str(name)[:24]!r}")
        content = message["content"] if "content" in message else message.get("value")
        if role == "system":
            turns += _system(content)
        elif role == "user":
            given = message.get("input")
            turns.append(user(_text(content), None if given is None else _text(given)))
        else:
            turns.append(_answer(message, _text(content)))
    direction, language = _languages(row)
    return _checked(turns, direction, language)


def _languages(row: Row) -> tuple[Direction | None, str]:
    """Direction and prompt language, where a row has them, as Dragoman's own do."""
    pair, language = row.get("direction"), row.get("prompt_language") or "en"
    try:
        direction = None if pair is None else Direction(*pair)
        for code in (*(direction or ()), language):
            canonical(code)
    except (TypeError, AttributeError, DataError):
        raise Unusable("an unknown language") from None
    return direction, language


def _answer(message: Row, text: str) -> Turn:
    """An assistant turn: with its own `spans` (as Dragoman writes them) or `weight`, else learned whole."""
    try:
        end = message.get("end_weight")
        end = None if end is None else float(end)
        if message.get("spans"):
            spans = tuple(Span(_text(piece), float(weight)) for piece, weight in message["spans"])
            if "".join(span.text for span in spans) != text:
                raise Unusable("spans do not add up to the content")
            return Turn("assistant", text, None, spans, end)
        weight = message.get("weight")
        return assistant(text, 1.0 if weight is None else float(weight), end)
    except (TypeError, ValueError):
        raise Unusable("a weight is no number") from None


def _system(content: Any) -> list[Turn]:
    """A system turn; an absent or empty one is none."""
    text = _text(content) if content else ""
    return [Turn("system", text)] if text.strip() else []


def _text(value: Any) -> str:
    """A text, or the joined text parts of a list of parts; Unusable if there is none."""
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        parts = [part.get("text") if part.get("type", "text") == "text" else None for part in value]
        if not all(isinstance(part, str) for part in parts):
            raise Unusable("a turn holds more than text")
        value = "".join(map(str, parts))
    if not isinstance(value, str):
        raise Unusable("a turn without text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unusable(SURROGATE) from None
    return value


def _checked(turns: list[Turn], direction: Direction | None = None, language: str = "en") -> Dialogue:
    """The dialogue if its turns alternate, none is empty, and something of it is learned."""
    talk = turns[1:] if turns and turns[0].role == "system" else turns
    for place, turn in enumerate(talk):
        if turn.role != ("assistant" if place % 2 else "user"):
            before = talk[place - 1].role if place else "the start"
            raise Unusable(f"turns out of order: {turn.role} after {before}")
        if not turn.content.strip():
            raise Unusable("an empty turn")
    shortened = bool(talk) and talk[-1].role == "user"
    if shortened:
        turns = turns[:-1]
    if len(talk) - shortened < 2:
        raise Unusable(NO_ANSWER if talk else "no turns")
    if not any(map(matters, turns)):
        raise Unusable("no answer with a weight")
    return Dialogue(tuple(turns), direction, language, shortened)


FORMS: dict[str, tuple[tuple[str, ...], Callable[[Row], Dialogue]]] = {
    "messages": (("messages",), _messages),
    "sharegpt": (("conversations",), _sharegpt),
    "self-instruct": (("instruction", "instances"), _instruction),
    "alpaca": (("instruction", "output"), _instruction),
}
"""Forms by name: the keys that a row must have, and how it is read."""

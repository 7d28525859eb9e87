"""``dragoman chat``: the direction, then line after line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.chat.commands import COMMANDS, is_command, reply
from dragoman.chat.history import history_file, line_editing
from dragoman.chat.screen import Screen
from dragoman.chat.talk import Talk
from dragoman.errors import DataError, DragomanError, RecipeError, told
from dragoman.language.language import Direction, language, parse_direction

CORRECT = "correct> "
OPENING = (
    "{direction}: write a text, then say what is wrong with its translation. An empty line begins the next "
    "text; /help lists the commands, Ctrl-D leaves."
)


def pick_direction(card: dict[str, Any], screen: Screen) -> Direction | None:
    """The direction that a model was tuned on; of several the one that the user picks, None if they leave.

    RecipeError if nobody can be asked.
    """
    known = [Direction(*pair) for pair in card.get("tuned_directions") or card.get("directions") or ()]
    if len(known) == 1:
        return known[0]
    if not screen.interactive:
        those = f"; the model was tuned on {', '.join(map(str, known))}" if known else ""
        raise RecipeError(f"which direction? Give --direction, such as de-en{those}")
    if known:
        screen.lines(["This model was tuned on:"])
        screen.lines(
            [f"{number:>3}  {direction}  {_names(direction)}" for number, direction in enumerate(known, 1)]
        )
    prompt = "direction (a number, or such as de-en)> " if known else "direction (such as de-en)> "
    while (line := screen.ask(prompt)) is not None:
        if line.strip():
            try:
                return _picked(line.strip(), known)
            except DragomanError as error:
                screen.note(str(error))
    return None


def _picked(text: str, known: Sequence[Direction]) -> Direction:
    if not text.isdecimal():
        return parse_direction(text)
    if not 1 <= int(text) <= len(known):
        raise DataError(
            f"there is no number {text}; they go from 1 to {len(known)}" if known else "no number"
        )
    return known[int(text) - 1]


def _names(direction: Direction) -> str:
    return " to ".join(language(code).name for code in direction)


def converse(talk: Talk, screen: Screen, history: bool = True) -> int:
    """Answer line after line until the end; returns the number of lines that were refused."""
    if not screen.interactive:
        return _lines(talk, screen)
    talk.watch.tell = screen.tell
    screen.note(OPENING.format(direction=f"{talk.session.direction}, {_names(talk.session.direction)}"))
    with line_editing(history_file() if history else None, list(COMMANDS)):
        return _lines(talk, screen)


def _lines(talk: Talk, screen: Screen) -> int:
    refused = 0
    while True:
        prompt = f"{talk.session.direction}> " if talk.session.dialogue is None else CORRECT
        line: str | None = None
        try:
            line = screen.ask(prompt)
            if line is None or not _line(talk, screen, line):
                return refused
        except KeyboardInterrupt:
            if not screen.interactive:
                raise
            screen.stopped()
            screen.note("Ctrl-D or /quit leaves" if line is None else "stopped; all is as it was before")
        except BrokenPipeError:  # the reader of the answers has left
            raise
        except (DragomanError, OSError) as error:
            refused += 1
            reason = told(error) if isinstance(error, OSError) else str(error)
            screen.refuse(reason, due=not is_command(line or ""))


def _line(talk: Talk, screen: Screen, line: str) -> bool:
    """Answer one line; False if the chat is over."""
    found = reply(talk, line)
    if found.answer is not None:
        screen.answer(found.answer)
    if found.lines:
        screen.lines(found.lines)
    if found.note:
        screen.note(found.note)
    return not found.leave

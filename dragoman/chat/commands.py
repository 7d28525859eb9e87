"""The commands of a chat: what stands behind a stroke."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dragoman.chat.session import Terms
from dragoman.chat.talk import Answer, Talk
from dragoman.errors import DataError
from dragoman.instruct.interactive.correction import TRANSLATE
from dragoman.instruct.interactive.dialogue import read_dialogues, write_dialogues
from dragoman.language.language import Direction, parse_direction
from dragoman.language.phrases import normal
from dragoman.translate.glossary import BETWEEN, read_glossary


class Reply(NamedTuple):
    """What comes of a line: an answer, lines to read, something to know; ``leave``: the chat is over."""

    answer: Answer | None = None
    lines: tuple[str, ...] = ()
    note: str = ""
    leave: bool = False


class Command(NamedTuple):
    """A command: what it takes, what it does, and the function of what stands behind it."""

    takes: str
    does: str
    run: Callable[[Talk, str], Reply]


def reply(talk: Talk, line: str) -> Reply:
    """What comes of a line. DataError, in one line, if nothing can."""
    text = line.strip()
    if not text:
        talk.session.close()
        return Reply()
    if is_command(text):
        return _command(talk, text)
    return Reply(talk.say(text[1:] if text.startswith("/") else text))


def is_command(line: str) -> bool:
    """Whether a line is a command: ``//`` begins a text that begins with a stroke."""
    return line.strip().startswith("/") and not line.strip().startswith("//")


def _command(talk: Talk, text: str) -> Reply:
    name, _, rest = text.partition(" ")
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else "/help lists them"
        raise DataError(f"unknown command {name[:40]}; {hint} (a text that begins with / is written with //)")
    return COMMANDS[name].run(talk, rest.strip())


def _undo(talk: Talk, rest: str) -> Reply:
    return Reply(talk.undo())


def _versions(talk: Talk, rest: str) -> Reply:
    dialogue = talk.session.opened()
    made = {one.version: one for one in reversed(dialogue.rounds) if one.version is not None}
    lines = []
    for number, text in enumerate(dialogue.versions):
        sign = "*" if number == dialogue.current else " "
        said = "" if made[number].kind == TRANSLATE else f"   <- {made[number].said}"
        lines.append(f"{sign} {number + 1}  {' '.join(text.splitlines())}{said}")
    return Reply(lines=tuple(lines))


def _ask(talk: Talk, rest: str) -> Reply:
    return Reply(talk.ask(_needed(rest, "/ask QUESTION")))


def _new(talk: Talk, rest: str) -> Reply:
    talk.session.close()
    return Reply(talk.translate(rest)) if rest else Reply()


def _terms(talk: Talk, rest: str) -> Reply:
    if not rest:
        told = [
            f"{term} = {f' {BETWEEN} '.join(forms)}" for term, forms in talk.session.terms.entries.items()
        ]
        return Reply(lines=tuple(told), note="" if told else "no terms; /terms word=translation sets one")
    terms = talk.session.terms.copy()
    if "=" not in rest:
        terms.entries |= read_glossary(Path(rest).expanduser()).entries
        return _changed(talk, terms)
    term, _, given = map(normal, rest.partition("="))
    forms = [normal(form) for form in given.split(BETWEEN)] if given else []
    if term and forms and all(forms):
        terms.entries[term] = tuple(dict.fromkeys(forms))
    elif term in terms.entries and not given:
        del terms.entries[term]
    elif not term and not given:
        terms.entries.clear()
    else:
        raise DataError(
            f"/terms {rest[:60]}: write word=translation or word=one{BETWEEN}another; word= takes back a "
            "word that has been set, = all of them"
        )
    return _changed(talk, terms)


def _forbid(talk: Talk, rest: str) -> Reply:
    terms = talk.session.terms.copy()
    if not rest:
        return Reply(lines=tuple(terms.forbidden), note="" if terms.forbidden else "nothing is forbidden")
    if normal(rest) not in terms.forbidden:
        terms.forbidden.append(normal(rest))
    return _changed(talk, terms)


def _allow(talk: Talk, rest: str) -> Reply:
    terms = talk.session.terms.copy()
    if rest and normal(rest) not in terms.forbidden:
        raise DataError(f"{rest[:60]!r} is not forbidden; /forbid lists what is")
    terms.forbidden = [phrase for phrase in terms.forbidden if rest and phrase != normal(rest)]
    return _changed(talk, terms)


def _changed(talk: Talk, terms: Terms) -> Reply:
    """Other terms, and a version that meets them; the terms stay as they were if there is none."""
    before = talk.session.terms
    talk.session.set_terms(terms)
    try:
        answer = talk.meet()
    except BaseException:  # Ctrl-C too
        talk.session.set_terms(before)
        raise
    counts = f"terms: {len(terms.entries)}, forbidden: {len(terms.forbidden)}"
    return Reply(answer, note="" if answer else counts)


def _swap(talk: Talk, rest: str) -> Reply:
    return _turn(talk, talk.session.direction.reversed())


def _direction(talk: Talk, rest: str) -> Reply:
    return _turn(talk, parse_direction(rest)) if rest else Reply(lines=(str(talk.session.direction),))


def _turn(talk: Talk, direction: Direction) -> Reply:
    talk.session.turn_to(direction)
    return Reply(note=f"from now on {direction}")


def _save(talk: Talk, rest: str) -> Reply:
    path = Path(_needed(rest, "/save FILE")).expanduser()
    kept = talk.session.kept()
    if not kept:
        raise DataError("there is nothing to save yet: write a text first")
    if path.exists() and path.resolve() not in talk.session.files:
        raise DataError(f"{path} is there already; give another name, or /load it first to go on with it")
    count = write_dialogues(path, kept)
    talk.session.files.add(path.resolve())
    return Reply(note=f"{_dialogues(count)} in {path}")


def _load(talk: Talk, rest: str) -> Reply:
    path = Path(_needed(rest, "/load FILE")).expanduser()
    found = list(read_dialogues(path))
    if not found:
        raise DataError(f"{path}: holds no dialogue; give a file that /save has written")
    last = talk.session.resume(found)
    talk.session.files.add(path.resolve())
    note = f"{_dialogues(len(found))} of {path}; the last one, {last.direction}, is open"
    return Reply(Answer(last.text, notes=(note,)))


def _dialogues(count: int) -> str:
    return "1 dialogue" if count == 1 else f"{count:,} dialogues"


def _help(talk: Talk, rest: str) -> Reply:
    width = max(len(f"{name} {command.takes}") for name, command in COMMANDS.items())
    told = [f"{f'{name} {command.takes}':<{width}}  {command.does}" for name, command in COMMANDS.items()]
    first = "First a text, then what is said about its translation; an empty line begins anew."
    return Reply(lines=(first, *told))


def _quit(talk: Talk, rest: str) -> Reply:
    return Reply(leave=True)


def _needed(rest: str, usage: str) -> str:
    if not rest:
        raise DataError(f"something is missing; write {usage}")
    return rest


COMMANDS = {
    "/new": Command("[TEXT]", "begin anew, as an empty line does", _new),
    "/undo": Command("", "back to the version before, word for word", _undo),
    "/versions": Command("", "all versions of this text", _versions),
    "/ask": Command("QUESTION", "ask something; the answer is no version", _ask),
    "/terms": Command("[WORD=FORM or FILE]", "terms that must be met; WORD= takes one back, = all", _terms),
    "/forbid": Command("[PHRASE]", "what a translation must not hold", _forbid),
    "/allow": Command("[PHRASE]", "take back what was forbidden, or all of it", _allow),
    "/swap": Command("", "the other way round", _swap),
    "/direction": Command("[DIRECTION]", "another direction, such as de-en", _direction),
    "/save": Command("FILE", "keep all dialogues, in a file that training reads", _save),
    "/load": Command("FILE", "go on with the last dialogue of a file", _load),
    "/help": Command("", "this list", _help),
    "/quit": Command("", "leave, as Ctrl-D does", _quit),
}

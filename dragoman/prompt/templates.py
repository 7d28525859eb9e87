"""Templates: how turns become text. Wordings are data (templates.yaml, or `prompt.templates` of a recipe).

A template writes pieces. A piece is either the template's own words, which may hold control tokens, or data:
an instruction, a source text, an answer. Data can never become a control token or a delimiter (see
encode.py).
"""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dragoman.errors import DataError, RecipeError
from dragoman.language.language import Direction, canonical, name_in
from dragoman.prompt.example import Turn

if TYPE_CHECKING:
    from dragoman.recipe import Prompt

Wording = TypeVar("Wording")

ANY = "*"
CHAT = "chat"
FRAME_FIELDS = ("instruction", "input", "source", "target")


class Piece(NamedTuple):
    """A stretch of prompt text; ``data`` marks what users wrote."""

    text: str
    data: bool


class Block(NamedTuple):
    """What stands before one answer, and the answer's turn (None: the answer is still to be written)."""

    before: tuple[Piece, ...]
    answer: Turn | None


class Frame(NamedTuple):
    """The text around one instruction, with an input and without."""

    with_input: str
    without_input: str


@dataclass(frozen=True)
class Template:
    """How turns become text. ``frames`` and ``system`` go by prompt language; the key ``*`` serves all."""

    name: str
    frames: Mapping[str, Frame]
    wordings: Mapping[str, Mapping[str, str]]
    system: Mapping[str, str] = field(default_factory=dict)
    turn_end: str = ""
    delimiters: tuple[str, ...] = ()
    end_token: str | None = None
    lead: str = ""
    answers_fresh: bool = True

    def bound(self, tokenizer: Any) -> Template:
        """The template for one tokenizer: itself, but for ``chat``."""
        return self

    def stable(self, roles: Sequence[str]) -> bool:
        """Whether a conversation's text up to each answer begins that of the whole conversation."""
        return True

    def instruction(
        self, task: str, direction: Direction | None = None, prompt_language: str = "en", **values: str
    ) -> str:
        """The instruction of a task in a prompt language, with language names and ``values`` filled in.

        RecipeError if the template has no wording for the task or the language, or a placeholder has no
        value.
        """
        by_language = self.wordings.get(task)
        if not by_language:
            raise RecipeError(
                f"template {self.name!r} has no wording for task {task!r}; add it under `wordings`"
            )
        wording = self._in_language(by_language, prompt_language, f"wording of task {task!r}")
        filled = dict(values)
        if direction is not None:
            filled["source"] = name_in(direction.source, prompt_language)
            filled["target"] = name_in(direction.target, prompt_language)
        try:
            return wording.format_map(filled)
        except (KeyError, IndexError, ValueError) as error:
            known = ", ".join("{" + key + "}" for key in filled) or "none"
            raise RecipeError(
                f"template {self.name!r}, wording of task {task!r} ({prompt_language}): placeholder {error} "
                f"has no value; known: {known}"
            ) from error

    def blocks(
        self, turns: Sequence[Turn], direction: Direction | None = None, prompt_language: str = "en"
    ) -> list[Block]:
        """One block per user turn: its text (system text, end of the turn before) and its answer.

        A lone assistant turn is a document: it stands without any words of the template.
        """
        if check_order(turns):
            return [Block((), turns[0])]
        blocks: list[Block] = []
        before: list[Piece] = []
        rest = list(turns)
        if rest and rest[0].role == "system":
            before += [Piece(rest.pop(0).content, True), Piece("\n\n", False)]
        elif self.system:
            before.append(Piece(self._in_language(self.system, prompt_language, "system text"), False))
        while rest:
            before += self._framed(rest.pop(0), direction, prompt_language)
            answer = rest.pop(0) if rest else None
            blocks.append(Block(tuple(before), answer))
            before = [Piece(self.turn_end, False)] if self.turn_end else []
        return blocks

    def delimiters_for(self, direction: Direction | None, prompt_language: str) -> tuple[str, ...]:
        """The strings that data must not forge, with this direction's language names in them."""
        if direction is None:
            return tuple(text for text in self.delimiters if "{" not in text)
        names = _names(direction, prompt_language)
        return tuple(text.format_map(names) if "{" in text else text for text in self.delimiters)

    def _framed(self, turn: Turn, direction: Direction | None, prompt_language: str) -> list[Piece]:
        frame = self._in_language(self.frames, prompt_language, "frame")
        parts = _parse(frame.without_input if turn.input is None else frame.with_input)
        values = {"instruction": turn.content, "input": turn.input or ""}
        labelled = any(key in ("source", "target") for _, key in parts)
        names: Mapping[str, str] = {}
        if labelled and direction is None:
            parts = _parse(frame.without_input)
            values["instruction"] = "\n".join(text for text in (turn.content, turn.input) if text)
        elif labelled and direction is not None:
            names = _names(direction, prompt_language)
        pieces: list[Piece] = []
        for literal, key in parts:
            if literal:
                pieces.append(Piece(literal, False))
            if key in values:
                pieces.append(Piece(values[key], True))
            elif key:
                pieces.append(Piece(names[key], False))
        return pieces

    def _in_language(self, table: Mapping[str, Wording], language: str, what: str) -> Wording:
        code = canonical(language)
        for key in (language, code, code.split("-")[0], ANY):
            if key in table:
                return table[key]
        known = ", ".join(sorted(table))
        raise RecipeError(
            f"template {self.name!r} has no {what} in {language!r}; known: {known}; add one's own"
        )


def check_order(turns: Sequence[Turn]) -> bool:
    """True for a document, which is a lone assistant turn.

    DataError unless user and assistant turns alternate behind at most one system turn.
    """
    if len(turns) == 1 and turns[0].role == "assistant":
        return True
    rest = turns[1:] if turns and turns[0].role == "system" else turns
    for k, turn in enumerate(rest):
        due = "assistant" if k % 2 else "user"
        if turn.role != due:
            raise DataError(f"turn {k}: role {turn.role} stands where {due} is due")
    if not rest:
        raise DataError("a conversation needs a user turn")
    return False


@cache
def _names(direction: Direction, prompt_language: str) -> Mapping[str, str]:
    return {
        "source": name_in(direction.source, prompt_language),
        "target": name_in(direction.target, prompt_language),
    }


@cache
def _parse(frame: str) -> list[tuple[str, str | None]]:
    return [(literal, key) for literal, key, _, _ in string.Formatter().parse(frame)]


def load_template(prompt: Prompt | str, tokenizer: Any = None) -> Template:
    """The template that a recipe's prompt section (or a name) asks for.

    RecipeError if nothing has this name (it says the nearest), or a wording has an unknown placeholder. The
    ``tokenizer`` is needed by ``chat`` only, which is checked against the model's own chat template.
    """
    name = prompt if isinstance(prompt, str) else prompt.template
    own = (
        {}
        if isinstance(prompt, str)
        else {key: value.model_dump() for key, value in prompt.templates.items()}
    )
    table = {**_built_in(), **own}
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise RecipeError(f"unknown template {name!r}; known: {', '.join(sorted(table))}{hint}")
    template = _template(name, table[name])
    return template if tokenizer is None else template.bound(tokenizer)


@cache
def _built_in() -> dict[str, dict[str, Any]]:
    import yaml

    text = resources.files("dragoman.prompt").joinpath("templates.yaml").read_text(encoding="utf-8")
    table = yaml.safe_load(text)
    assert isinstance(table, dict)
    return table


def _template(name: str, row: dict[str, Any]) -> Template:
    if name == CHAT and "frame" not in row:
        from dragoman.prompt.chat import ChatTemplate

        return ChatTemplate(name, {}, _built_in()["alpaca"]["wordings"])
    if "frames" in row:
        frames = {key: Frame(value["frame"], value["frame_no_input"]) for key, value in row["frames"].items()}
    else:
        frames = {ANY: Frame(row["frame"], row["frame_no_input"] or row["frame"])}
    wordings = row.get("wordings") or _built_in()["alpaca"]["wordings"]
    system = row.get("system") or {}
    template = Template(
        name=name,
        frames=frames,
        wordings={**_built_in()["alpaca"]["wordings"], **wordings},
        system={ANY: system} if isinstance(system, str) else system,
        turn_end=row.get("turn_end", ""),
        delimiters=tuple(row["delimiters"]) if "delimiters" in row else _found_delimiters(frames),
    )
    for language, frame in frames.items():
        for text in frame:
            keys = _placeholders(f"template {name!r}, frame ({language})", text, FRAME_FIELDS)
            if "instruction" not in keys:
                raise RecipeError(f"template {name!r}, frame ({language}): {{instruction}} is missing")
    for language, text in template.wordings["mt"].items():
        _placeholders(f"template {name!r}, wording of task 'mt' ({language})", text, ("source", "target"))
    return template


def _placeholders(where: str, text: str, known: Sequence[str]) -> list[str]:
    """The placeholders of a text; RecipeError if it has an unknown one."""
    try:
        keys = [key for _, key in _parse(text) if key is not None]
    except ValueError as error:
        raise RecipeError(f"{where}: {error}; write a literal brace twice") from error
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {{{near[0]}}}?" if near else ""
            names = ", ".join("{" + name + "}" for name in known)
            raise RecipeError(f"{where}: unknown placeholder {{{key}}}; known: {names}{hint}")
    return keys


def _found_delimiters(frames: Mapping[str, Frame]) -> tuple[str, ...]:
    """The lines of a user's frame that touch a text: what a reader takes for its border."""
    found: dict[str, None] = {}
    for frame in frames.values():
        for text in frame:
            for words in re.split(r"\{(?:instruction|input)\}", text):
                found |= dict.fromkeys(border_lines(words))
    return tuple(found)


def border_lines(words: str) -> list[str]:
    """The first and the last line of a template's words, as strings that user text must not forge.

    A line that is one plain word is left out: it says nothing. A label such as ``Answer:`` counts only at the
    start of a line where the template has it there; one with a sign such as ``###`` or ``[INST]`` counts
    anywhere.
    """
    found: list[str] = []
    for match in (re.match(r"\s*([^\n]+)", words), re.search(r"([^\n]+)\s*\Z", words)):
        line = match[1].strip() if match else ""
        if len(line) < 2 or line.isalnum():
            continue
        label = not re.search(r"[^\w\s{}]{2}|[\[<|#]", line)
        starts = label and words[: match.start(1)].endswith("\n") if match else False
        found.append("\n" + line if starts else line)
    return found

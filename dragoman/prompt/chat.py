"""The template `chat`: turns as the model's own chat template writes them.

The template is rendered once for each order of roles, with marks in place of the texts. What stands between
the marks are its own words, which may hold control tokens; the texts are put in their places as data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from dragoman.errors import ModelError
from dragoman.language.language import Direction
from dragoman.prompt.example import Turn
from dragoman.prompt.templates import Block, Piece, Template, border_lines, check_order
from dragoman.prompt.vocabulary import is_control

MARK = re.compile(r"dragomanTurn(\d+)Text")
DAY = {
    "%d": "26",
    "%b": "Jul",
    "%B": "July",
    "%m": "07",
    "%Y": "2024",
    "%y": "24",
    "%A": "Friday",
    "%a": "Fri",
}
"""The date for templates that write today's, by format codes: a model must not see other ids tomorrow."""


class _Layout(NamedTuple):
    """For each block, template words and the numbers of turns between them, and the number of its answer."""

    blocks: tuple[tuple[tuple[str | int, ...], int | None], ...]
    stable: bool


@dataclass(frozen=True)
class ChatTemplate(Template):
    """The model's own chat template; :meth:`bound` gives it the tokenizer that holds it."""

    tokenizer: Any = None
    folds_system: bool = False
    layouts: Any = field(default=None, repr=False, compare=False)

    def bound(self, tokenizer: Any) -> Template:
        """The template with the chat template of ``tokenizer``; ModelError if it has none or drops texts."""
        if self.tokenizer is tokenizer:
            return self
        if not getattr(tokenizer, "chat_template", None):
            name = getattr(tokenizer, "name_or_path", "") or "this model"
            raise ModelError(
                f"the tokenizer of {name} has no chat template; take prompt.template alpaca, alpaca-post, "
                "plain, alma or bayling, or a model that was tuned for chat"
            )
        render = _Render(tokenizer)
        lead, end = render.answer_form()
        return ChatTemplate(
            name=self.name,
            frames=self.frames,
            wordings=self.wordings,
            delimiters=render.delimiters(),
            end_token=end,
            lead=lead,
            answers_fresh=False,
            tokenizer=tokenizer,
            folds_system=not render.takes_system(),
            layouts=lru_cache(maxsize=256)(render.layout),
        )

    def stable(self, roles: Sequence[str]) -> bool:
        """Whether the conversation's text up to each answer begins that of the whole conversation.

        DataError if the roles do not alternate: a chat template may refuse them in other words, or take them.
        """
        if check_order([Turn(role, "") for role in roles]):
            return True
        layout: _Layout = self.layouts(tuple(roles[1:] if self._folded(roles) else roles))
        return layout.stable

    def _folded(self, roles: Sequence[str]) -> bool:
        return self.folds_system and roles[0] == "system"

    def blocks(
        self, turns: Sequence[Turn], direction: Direction | None = None, prompt_language: str = "en"
    ) -> list[Block]:
        """The blocks of a conversation, see :meth:`Template.blocks`; ModelError before :meth:`bound`."""
        if self.layouts is None:
            raise ModelError(
                "the template chat needs the model's tokenizer: load_template(prompt, tokenizer)"
            )
        if check_order(turns):
            return [Block((), turns[0])]
        texts = [_pieces(turn) for turn in turns]
        roles = [turn.role for turn in turns]
        kept = list(turns)
        if self._folded(roles):
            texts[:2] = [(*texts[0], Piece("\n\n", False), *texts[1])]
            del roles[0], kept[0]
        layout: _Layout = self.layouts(tuple(roles))
        return [
            Block(
                tuple(
                    piece
                    for part in before
                    for piece in ((Piece(part, False),) if isinstance(part, str) else texts[part])
                ),
                None if answer is None else kept[answer],
            )
            for before, answer in layout.blocks
        ]


class _Render:
    """One tokenizer's chat template, rendered with marks."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        try:
            self.source: str = tokenizer.get_chat_template()
        except ValueError as error:
            raise ModelError(f"the model has no default chat template: {error}") from error
        if "strftime_now" in self.source:
            codes = "".join(f" | replace('{code}', '{text}')" for code, text in DAY.items())
            macro = "{%- macro strftime_now(format) -%}{{ format" + codes + " }}{%- endmacro -%}"
            self.source = macro + self.source
        added = sorted(filter(is_control, tokenizer.get_added_vocab()), key=len, reverse=True)
        self.control = re.compile("|".join(map(re.escape, added)) or r"(?!)")

    def text(self, roles: Sequence[str], ask: bool) -> str:
        """The rendering with marks; ``ask`` ends it where an answer is due."""
        from jinja2.exceptions import TemplateError

        messages = [{"role": role, "content": f"dragomanTurn{k}Text"} for k, role in enumerate(roles)]
        try:
            text: str = self.tokenizer.apply_chat_template(
                messages,
                tokenize=False,
                add_generation_prompt=ask,
                enable_thinking=False,
                chat_template=self.source,
                date_string="26 Jul 2024",
            )
        except (TemplateError, TypeError, ValueError, KeyError, IndexError) as error:
            raise ModelError(
                f"the model's chat template refuses the turns {', '.join(roles)}: {error}"
            ) from error
        found = {int(number) for number in MARK.findall(text)}
        if missing := set(range(len(roles))) - found:
            raise ModelError(f"the model's chat template leaves out the {roles[min(missing)]} turn")
        return text

    def takes_system(self) -> bool:
        """Whether the template has a place for a system turn."""
        try:
            return self.text(("system", "user"), True) != self.text(("user",), True)
        except ModelError:
            return False

    def answer_form(self) -> tuple[str, str | None]:
        """White space that the template puts before an answer, and the token after it (None: the eos)."""
        prompt, whole = self.text(("user",), True), self.text(("user", "assistant"), False)
        before, _, after = whole.rpartition("dragomanTurn1Text")
        lead = before.removeprefix(prompt) if before.startswith(prompt) else ""
        match = self.control.search(after)
        end = match[0] if match and not after[: match.start()].strip() else None
        return "" if lead.strip() else lead, end

    def delimiters(self) -> tuple[str, ...]:
        """The plain words that mark where texts begin and end; user text must not forge them."""
        orders = [("user",), ("user", "assistant", "user")]
        orders += [("system", "user")] if self.takes_system() else []
        found: dict[str, None] = {}
        for roles in orders:
            for words in MARK.split(self.text(roles, True))[::2]:
                around = self.control.split(words)
                found |= dict.fromkeys(
                    line for text in (around[0], around[-1]) for line in border_lines(text)
                )
        return tuple(found)

    def layout(self, roles: tuple[str, ...]) -> _Layout:
        """Where the template puts its words and the turns, for one order of roles."""
        answers = [k for k, role in enumerate(roles) if role == "assistant"]
        asked = [*answers, len(roles)] if roles[-1] != "assistant" else answers
        lead, end = self.answer_form()
        blocks: list[tuple[tuple[str | int, ...], int | None]] = []
        done = ""
        for k in asked:
            text = self.text(roles[:k], True)
            if not text.startswith(done):
                last = self.text(roles[: asked[-1]], True)
                return _Layout(((_cut(last), len(roles) - 1 if roles[-1] == "assistant" else None),), False)
            rest = text[len(done) :]
            if done and end is not None and rest.lstrip().startswith(end):
                rest = rest.lstrip()[len(end) :]
            blocks.append((_cut(rest), k if k < len(roles) else None))
            done = f"{text}{lead}dragomanTurn{k}Text"
        return _Layout(tuple(blocks), True)


def _cut(text: str) -> tuple[str | int, ...]:
    parts = MARK.split(text)
    return tuple(int(part) if k % 2 else part for k, part in enumerate(parts) if k % 2 or part)


def _pieces(turn: Turn) -> tuple[Piece, ...]:
    if turn.input is None:
        return (Piece(turn.content, True),)
    return (Piece(turn.content, True), Piece("\n\n", False), Piece(turn.input, True))

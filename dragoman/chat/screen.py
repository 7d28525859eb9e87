"""Where a chat is shown: a terminal, with answers that grow and marks on changes; or a pipe, with lines."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol, TextIO

from rich.cells import get_character_cell_size

from dragoman.chat.marks import in_signs, parts
from dragoman.chat.talk import Answer
from dragoman.corpus.opening import Bad, decode
from dragoman.errors import DataError

CHANGED, QUIET, PLAIN = "\x1b[1;4m", "\x1b[2m", "\x1b[0m"
"""Bold and underlined; dim; as before. No colour: that would have to suit the terminal's own."""
GONE = 40
"""Characters of a stretch that went that are told."""
_UNSHOWN = ("Cc", "Cs")


class Screen(Protocol):
    """What a chat needs of the place where it is shown. ``interactive``: somebody sits there."""

    interactive: bool

    def ask(self, prompt: str) -> str | None:
        """The next line, None at the end; DataError if the line is no text."""

    def tell(self, text: str) -> None:
        """An answer so far."""

    def answer(self, answer: Answer) -> None:
        """A whole answer."""

    def lines(self, lines: Sequence[str]) -> None:
        """What was asked for by a command."""

    def note(self, text: str) -> None:
        """Something to know beside an answer."""

    def refuse(self, reason: str, due: bool) -> None:
        """Why a line was not answered; ``due``: an answer was due."""

    def stopped(self) -> None:
        """Ctrl-C: what was being written, by either side, ends here."""


class Terminal:
    """A terminal; ``styled``: it knows the usual escape sequences, so that answers can be marked."""

    interactive = True

    def __init__(self, out: TextIO, styled: bool, read: Callable[[str], str] = input) -> None:
        self.out, self.styled, self.read = out, styled, read
        self._told = ""

    def ask(self, prompt: str) -> str | None:
        try:
            return self.read(prompt)
        except EOFError:
            self._write("\n")
            return None

    def tell(self, text: str) -> None:
        text = shown(text)
        if text.startswith(self._told):  # else the search began anew: the whole answer will come
            self._write(text[len(self._told) :])
            self._told = text

    def answer(self, answer: Answer) -> None:
        text, before = shown(answer.text), answer.before
        changed = before is not None and shown(before) != text
        if self._told and (changed or not text.startswith(self._told)) and not self._erase():
            self._told = ""
            self._write("\n")
        lost: list[str] = []
        if changed and self.styled:
            found = parts(shown(before or ""), text)
            lost = [textwrap.shorten(part.text, GONE, placeholder=" ...") for part in found if part.gone]
            marked = (f"{CHANGED}{p.text}{PLAIN}" if p.new else p.text for p in found if not p.gone)
            self._write("".join(marked))
        elif changed:
            self._write(in_signs(shown(before or ""), text))
        else:
            self._write(text[len(self._told) :])
        self._told = ""
        self._write("\n")
        if lost:
            self.note(f"gone: {', '.join(lost)}")
        for note in answer.notes:
            self.note(note)

    def lines(self, lines: Sequence[str]) -> None:
        self._write("".join(f"{shown(line)}\n" for line in lines))

    def note(self, text: str) -> None:
        told = _wrapped(f"({text})")
        self._write(f"{QUIET}{told}{PLAIN}\n" if self.styled else f"{told}\n")

    def refuse(self, reason: str, due: bool) -> None:
        if self._told:
            self.stopped()
        self._write(f"{_wrapped(reason)}\n")

    def stopped(self) -> None:
        self._told = ""
        self._write("\n")

    def _erase(self) -> bool:
        """Take back what was told of an answer; False if it has left the screen or cannot be taken back."""
        columns, height = shutil.get_terminal_size()
        rows = rows_of(self._told, columns)
        if not self.styled or rows > height:
            return False
        self._write("\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J")
        self._told = ""
        return True

    def _write(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()


class Pipe:
    """Lines in, lines out: an answer is one line; what is said besides goes to ``say``."""

    interactive = False

    def __init__(self, source: BinaryIO, out: TextIO, say: Callable[[str], None], marked: bool) -> None:
        self.source, self.out, self.say, self.marked = source, out, say, marked
        self._number = 0

    def ask(self, prompt: str) -> str | None:
        raw = self.source.readline()
        if not raw:
            return None
        self._number += 1
        line = decode(raw.removesuffix(b"\n").removesuffix(b"\r"))
        if isinstance(line, Bad):
            raise DataError(line.reason)
        return line

    def tell(self, text: str) -> None:
        pass

    def answer(self, answer: Answer) -> None:
        text = answer.text
        if self.marked and answer.before is not None and answer.before != text:
            text = in_signs(answer.before, text)
        self.lines([" ".join(text.splitlines())])
        for note in answer.notes:
            self.note(note)

    def lines(self, lines: Sequence[str]) -> None:
        self.out.write("".join(f"{line}\n" for line in lines))
        self.out.flush()

    def note(self, text: str) -> None:
        self.say(f"line {self._number}: {text}")

    def refuse(self, reason: str, due: bool) -> None:
        if due:
            self.lines([""])
        self.note(reason)

    def stopped(self) -> None:
        pass


def screen_of(marked: bool, say: Callable[[str], None]) -> Screen:
    """A terminal where standard input and output are one, else a pipe."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return Terminal(sys.stdout, os.environ.get("TERM", "dumb") != "dumb")
    return Pipe(sys.stdin.buffer, sys.stdout, say, marked)


def shown(text: str) -> str:
    """A text without what a terminal would obey: control characters are replaced, but for line ends."""
    text = re.sub(r"\r\n?|\t", lambda match: " " if match[0] == "\t" else "\n", text)
    return "".join(
        "\ufffd" if char != "\n" and unicodedata.category(char) in _UNSHOWN else char for char in text
    )


def _wrapped(text: str) -> str:
    """A text in lines of the terminal's width, cut between words."""
    return textwrap.fill(shown(text), max(shutil.get_terminal_size().columns, 20), break_long_words=False)


def rows_of(text: str, columns: int) -> int:
    """Rows that a text takes on a screen of some width, from the first column on."""
    rows, used = 1, 0
    for char in text:
        size = get_character_cell_size(char)
        if char == "\n" or used + size > columns:
            rows, used = rows + 1, 0
        used += 0 if char == "\n" else size
    return rows

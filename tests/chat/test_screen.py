"""What is shown: marks on what changed, answers that grow and are put right, lines over a pipe."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.chat.marks import in_signs, parts
from dragoman.chat.screen import CHANGED, PLAIN, Pipe, Terminal, rows_of, shown
from dragoman.chat.talk import Answer
from dragoman.errors import DataError

OLD = "Ein Mann mit einem grünen Oberteil."
NEW = "Ein Mann mit einem grünen Hemd."


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (OLD, NEW, "Ein Mann mit einem grünen [+Hemd+]."),
        ("a b c", "a x y c", "a [+x y+] c"),
        ("a den den b", "a den b", "a den [-den-] b"),
        ("a b", "b", "[-a-] b"),
        ("a b", "a b", "a b"),
        ("", "a b", "[+a b+]"),
        ("一个人在看书", "一个女人在看书", "一个[+女+]人在看书"),
        ("Say l'eau", "Say l'or", "Say l'[+or+]"),
    ],
)
def test_changed_words_are_marked(old: str, new: str, told: str) -> None:
    assert in_signs(old, new) == told


@given(st.text(max_size=30), st.text(max_size=30))
def test_marks_lose_nothing_of_the_new_text(old: str, new: str) -> None:
    assert "".join(part.text for part in parts(old, new) if not part.gone) == new
    assert not any(part.new or part.gone for part in parts(new, new))


class Glass:
    """A terminal of a few columns and endless rows that knows the sequences that are written to it."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows, self.row, self.column = [""], 0, 0

    def feed(self, text: str) -> str:
        """What can be read on it after some output."""
        while text:
            if text.startswith("\x1b["):
                end = next(k for k, char in enumerate(text) if char.isalpha())
                self.obey(text[2:end], text[end])
                text = text[end + 1 :]
                continue
            self.put(text[0])
            text = text[1:]
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n")

    def obey(self, number: str, what: str) -> None:
        if what == "A":
            self.row -= int(number)
        elif what == "J":
            self.rows = [*self.rows[: self.row], self.rows[self.row][: self.column]]
        else:
            assert what == "m"

    def put(self, char: str) -> None:
        if char == "\r":
            self.column = 0
            return
        if char == "\n" or self.column == self.columns:
            self.row, self.column = self.row + 1, 0
            self.rows += [""] * (self.row == len(self.rows))
        if char != "\n":
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> int:
    """The width of the terminal, in columns."""
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((12, 24)))
    return 12


def grown(screen: Terminal, text: str) -> None:
    for end in range(1, len(text) + 1, 3):
        screen.tell(text[:end])


@pytest.mark.parametrize("told", ["", OLD, "Ein Mann mit", "Ein", NEW])
def test_an_answer_that_grew_is_put_right_where_it_stands(told: str, narrow: int) -> None:
    """Whatever was told before, the whole answer stands there once, with marks on the new words."""
    out = io.StringIO()
    screen = Terminal(out, styled=True)
    screen.lines(["before"])
    grown(screen, told)
    screen.answer(Answer(NEW, OLD))
    screen.lines(["after"])
    wrapped = [NEW[k : k + narrow] for k in range(0, len(NEW), narrow)]
    wanted = "\n".join(["before", *(line.rstrip() for line in wrapped), "after"])
    assert Glass(narrow).feed(out.getvalue()) == wanted
    assert f"{CHANGED}Hemd{PLAIN}" in out.getvalue()


def test_an_answer_without_change_is_not_written_twice(narrow: int) -> None:
    out = io.StringIO()
    screen = Terminal(out, styled=True)
    screen.tell("Ein Hund")
    screen.answer(Answer("Ein Hund läuft"))
    assert out.getvalue() == "Ein Hund läuft\n"


def test_words_that_went_are_named(narrow: int) -> None:
    out = io.StringIO()
    Terminal(out, styled=True).answer(Answer("a den b", "a den den b", notes=("cut",)))
    assert Glass(40).feed(out.getvalue()) == "a den b\n(gone: den)\n(cut)"


def test_a_terminal_without_sequences_gets_signs(narrow: int) -> None:
    out = io.StringIO()
    screen = Terminal(out, styled=False)
    grown(screen, NEW)
    screen.answer(Answer(NEW, OLD))
    assert "\x1b" not in out.getvalue() and out.getvalue().endswith("\n" + in_signs(OLD, NEW) + "\n")


def test_what_a_model_writes_is_no_command_to_the_terminal() -> None:
    out = io.StringIO()
    screen = Terminal(out, styled=True)
    screen.answer(Answer("a\x1b[2Jb\x07\tc\r\nd"))
    assert out.getvalue() == "a\ufffd[2Jb\ufffd c\nd\n"
    assert shown("\ud83d") == "\ufffd"


def test_rows_of_a_text() -> None:
    assert [rows_of(text, 4) for text in ("", "abcd", "abcde", "ab\ncd", "一二三", "a一二")] == [
        1,
        1,
        2,
        2,
        2,
        2,
    ]


def test_a_pipe_gives_a_line_for_an_answer() -> None:
    out, said = io.StringIO(), list[str]()
    pipe = Pipe(io.BytesIO(b"one\r\n\xff\nlast"), out, said.append, marked=False)
    assert pipe.ask("prompt> ") == "one"
    pipe.tell("nothing of this")
    pipe.answer(Answer("a\nb", "a c", notes=("cut",)))
    with pytest.raises(DataError, match="UTF-8"):
        pipe.ask("")
    pipe.refuse("no text", due=True)
    pipe.refuse("no command", due=False)
    assert pipe.ask("") == "last" and pipe.ask("") is None
    assert out.getvalue() == "a b\n\n"
    assert said == ["line 1: cut", "line 2: no text", "line 2: no command"]


def test_a_pipe_marks_if_it_shall() -> None:
    out = io.StringIO()
    Pipe(io.BytesIO(), out, lambda text: None, marked=True).answer(Answer(NEW, OLD))
    assert out.getvalue() == in_signs(OLD, NEW) + "\n"

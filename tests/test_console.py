"""Progress: a bar on a terminal, a line now and then elsewhere; always how far, how fast."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dragoman import console


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the console has written."""
    written = io.StringIO()
    monkeypatch.setattr(console, "console", Console(file=written, width=200, highlight=False))
    return written


def test_lines_where_nobody_watches(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "QUIET_SECONDS", 0.0)
    with console.progress(" corpus") as advance:
        advance(1000)
        advance(3000)
    with console.progress(" translate base", 40) as advance:
        advance(10, "en-de")
        advance(20, "2.5 lines/s")
    first, second, third, fourth = screen.getvalue().splitlines()
    assert first.split() == ["corpus", "1,000"]
    assert second.startswith(" corpus  3,000  ") and second.rstrip().endswith("/s")
    assert third.split() == ["translate", "base", "10/40", "en-de"]
    assert fourth == " translate base  20/40  2.5 lines/s"


def test_the_first_line_has_a_rate_too(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "QUIET_SECONDS", 1000.0)
    with console.progress(" align") as advance:
        advance(1000)
        monkeypatch.setattr(console, "QUIET_SECONDS", 0.0)
        advance(5000)
    (line,) = screen.getvalue().splitlines()
    assert line.startswith(" align  5,000  ") and line.rstrip().endswith("/s")


def test_a_line_number_is_no_emoji() -> None:
    with console.console.capture() as shown:
        console.say("gold:100: is no link")
    assert shown.get() == "gold:100: is no link\n"


def test_few_lines_where_it_is_quick(screen: io.StringIO) -> None:
    with console.progress(" evaluate", 3) as advance:
        for done in range(3):
            advance(done)
    assert screen.getvalue() == ""


@pytest.mark.parametrize("total", [None, 50])
def test_a_bar_on_a_terminal(total: int | None, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "console", Console(file=screen, width=200, force_terminal=True))
    with console.progress(" stage1", total) as advance:
        advance(0)
        advance(10, "loss 1.234", 50)
        advance(50)
    assert "stage1" in screen.getvalue()
    assert "50/50" in screen.getvalue() or total is None


def test_one_of_several_processes_speaks(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    console.say("first")
    monkeypatch.setenv("RANK", "1")
    console.say("second")
    assert screen.getvalue() == "first\n"

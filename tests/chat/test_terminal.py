"""A chat in a real terminal: answers grow, Ctrl-C stops one, Ctrl-D leaves, lines are remembered."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")
ROOT = Path(__file__).parents[2]


class Person:
    """Somebody at a terminal: types, and reads what comes."""

    def __init__(self, state: Path) -> None:
        self.own, other = pty.openpty()
        environment = {
            **os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(state), "INPUTRC": os.devnull,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chat.in_terminal"], stdin=other, stdout=other, stderr=other,
            env=environment,
        )  # fmt: skip
        os.close(other)

    def read_until(self, pattern: str, seconds: float = 240) -> str:
        """All that came until a pattern stands at its end."""
        told, end = "", time.monotonic() + seconds
        while not re.search(pattern + r"\Z", told):
            assert time.monotonic() < end, told
            if select.select([self.own], [], [], 0.1)[0]:
                try:
                    told += os.read(self.own, 4096).decode()
                except OSError:  # the other side has gone
                    break
        return told

    def type(self, text: str) -> None:
        os.write(self.own, text.encode())

    def press_ctrl_c(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def interrupted(self) -> str:
        """What comes of Ctrl-C while a line is being written.

        It is pressed again if nothing comes: Python sees one that comes while a key is handled only with the
        next key.
        """
        for _ in range(20):
            self.press_ctrl_c()
            if select.select([self.own], [], [], 10)[0]:
                return self.read_until("correct> ")
        raise AssertionError("nothing comes of Ctrl-C")


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    found = Person(tmp_path)
    yield found
    found.process.kill()
    found.process.wait()
    os.close(found.own)


def test_a_person_at_a_terminal(person: Person, tmp_path: Path) -> None:
    person.read_until("en-de> ")
    person.type("one two three\r")
    assert "/undo" not in person.read_until("three\r\n.+")  # the answer has begun
    sooner = time.monotonic()
    first = person.read_until("correct> ")
    assert time.monotonic() - sooner > 0.3, "the answer came at once"

    (tmp_path / "hold").touch()
    person.type("Say it in another way.\r")
    person.read_until(r"way.\r\n(\x1b\S+\r)?[^\x1b\r](.|\s)*")  # behind the end of bracketed paste
    person.press_ctrl_c()
    (tmp_path / "hold").unlink()
    assert "stopped; all is as it was before" in person.read_until("correct> ")
    person.type("/versions\r")
    told = person.read_until("correct> ")
    assert "* 1" in told and "  2" not in told
    assert first.strip().splitlines()[0][-8:].strip() in told

    person.type("half a li")
    person.read_until("half a li")
    assert "Ctrl-D or /quit leaves" in person.interrupted()
    person.type("\x1b[A\r")  # the line before: /versions
    assert "* 1" in person.read_until("correct> ")
    if "libedit" not in (pytest.importorskip("readline").__doc__ or ""):
        person.type("\r")
        person.read_until("en-de> ")
        person.type("\x1b[200~zero one\ntwo\x1b[201~\r")  # as a terminal pastes
        person.read_until("correct> ")
        person.type("/versions\r")
        told = person.read_until("correct> ")
        assert "* 1" in told and "  2" not in told
    person.type("\x04")
    person.read_until("never", 5)
    assert person.process.wait(20) == 0
    history = tmp_path / "dragoman" / "chat-history"
    assert history.read_text().splitlines()[:2] == ["one two three", "Say it in another way."]
    assert history.stat().st_mode & 0o777 == 0o600

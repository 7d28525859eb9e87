"""What is done in a run folder: a key for each finished step, in ``run.json``.

A key is a hash of everything that a step depends on (:mod:`dragoman.keys`). A step is done if its key is the
one that was written down, stale if it is another, and to do if there is none.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from dragoman.errors import DataError

State = Literal["done", "stale", "to do"]
FILE, LOCK, MARK = "run.json", ".lock", "key"


class Done:
    """The finished steps of a run folder; ``writes``: this process keeps the file (one of several does)."""

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.path, self.writes = folder / FILE, writes
        self._keys: dict[str, str] = {}

    def read(self) -> None:
        """Read what is done; DataError if the file is damaged."""
        if not self.path.exists():
            return
        try:
            steps = json.loads(self.path.read_text(encoding="utf-8"))["steps"]
            self._keys = {str(name): str(key) for name, key in steps.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{self.path}: damaged; delete it to have every step checked again") from error

    def state(self, name: str, key: str) -> State:
        """Whether a step is done, stale or to do."""
        if name not in self._keys:
            return "to do"
        return "done" if self._keys[name] == key else "stale"

    def drop(self, name: str) -> bool:
        """Forget a step that is no longer asked for; True if it was done."""
        if name not in self._keys:
            return False
        del self._keys[name]
        self._write()
        return True

    def finish(self, name: str, key: str) -> None:
        """Write down that a step is done."""
        self._keys[name] = key
        self._write()

    def _write(self) -> None:
        if self.writes:
            write_text(self.path, json.dumps({"steps": self._keys}, indent=1) + "\n")


def make_room(folder: Path, key: str) -> bool:
    """A folder for work under a key; what was begun there under another key is set aside (then True)."""
    mark = folder / MARK
    stale = folder.is_dir() and (not mark.exists() or mark.read_text(encoding="utf-8") != key)
    if stale:
        set_aside(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(mark, key)
    return stale


def set_aside(folder: Path) -> None:
    """Rename a folder to ``<name>.old``, in place of what was there."""
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place, then rename it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Only one run works in a folder at a time; DataError if another one does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise DataError(
                f"{folder}: another process ({holder}) works here; wait for it, stop it, or give name=another"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield

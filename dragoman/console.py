"""What the command line shows: one console, progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dragoman.distributed import is_first

console = Console(stderr=True, highlight=False, emoji=False)  # `file:100:` is a line, no emoji
QUIET_SECONDS = 15.0  # between two lines of progress where there is no terminal


def say(text: str) -> None:
    """One line for the user, on standard error; said once however many processes there are."""
    if is_first():
        console.print(text, markup=False, soft_wrap=True)


class Advance(Protocol):
    """Tells a progress display how far the work is."""

    def __call__(self, done: int, note: str = "", total: int | None = None) -> None: ...


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Advance]:
    """A progress bar with rate and end time; a line every quarter of a minute where nobody watches.

    ``title`` is what stands in front, with its indent; the rate is told unless a ``note`` holds one.
    """
    if not (console.is_terminal and is_first()):
        yield _lines(title, total)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[note]}"), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total, count="", note="")
        rate = _Rate()

        def advance(done: int, note: str = "", total: int | None = total) -> None:
            bar.update(task, completed=done, total=total, count=_count(done, total), note=rate(done, note))

        yield advance


def _lines(title: str, total: int | None) -> Advance:
    last = time.monotonic()
    rate = _Rate()

    def advance(done: int, note: str = "", total: int | None = total) -> None:
        nonlocal last
        now, told = time.monotonic(), rate(done, note)
        if now - last >= QUIET_SECONDS:
            last = now
            say(f"{title}  {_count(done, total)}  {told}")

    return advance


def _count(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,}/{total:,}"


class _Rate:
    """Things a second since the first call; what was done before that does not count."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def __call__(self, done: int, note: str) -> str:
        """The note with the rate before it, unless the note tells one itself."""
        now = time.monotonic()
        if self._first is None:
            self._first = (done, now)
        count, start = self._first
        if "/s" in note or done == count:
            return note
        return f"{(done - count) / max(now - start, 1e-6):,.0f}/s  {note}"

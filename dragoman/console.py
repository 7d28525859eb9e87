"""What the command line shows: one console, progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dragoman.distributed import is_first

console = Console(stderr=True, highlight=False)
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
    """A progress bar with rate and end time; a line every quarter of a minute where nobody watches."""
    if not sys.stderr.isatty() or not is_first():
        yield _lines(title, total)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24),
        TextColumn("{task.completed:,}/{task.total:,}"), TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total or 0, note="")

        def advance(done: int, note: str = "", total: int | None = None) -> None:
            bar.update(task, completed=done, note=note, total=total or bar.tasks[task].total)

        yield advance


def _lines(title: str, total: int | None) -> Advance:
    last = time.monotonic()

    def advance(done: int, note: str = "", total: int | None = total) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= QUIET_SECONDS:
            last = now
            say(f" {title}  {done:,}{f'/{total:,}' if total else ''}  {note}")

    return advance

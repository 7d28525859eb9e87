"""Writing a folder so that it exists only when it is complete."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dragoman.errors import ModelError


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a folder beside ``folder``, then put it in its place.

    If that fails nothing of it stays, and what stood at ``folder`` is as it was; a full disk is a ModelError.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with telling_full(folder):
            part.mkdir(parents=True)
            write(part)
            replace_folder(part, folder)
    except Exception:
        shutil.rmtree(part, ignore_errors=True)
        raise


@contextmanager
def telling_full(path: Path) -> Iterator[None]:
    """Make a ModelError of a full disk while ``path`` is written."""
    try:
        yield
    except Exception as error:
        # safetensors reports a full disk as an error of its own, with the system's words in it
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise ModelError(
                f"disk full while writing {path}; what was written before is whole; free space, run again"
            ) from error
        raise


def replace_folder(part: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one; at no time is there a half-written ``folder``."""
    for path in part.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)

"""Folders that exist only when they are complete: written beside, renamed, their manifest written last."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dragoman.errors import DataError

FORMAT = 1
MANIFEST = "manifest.json"


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a folder's manifest: its existence says that everything beside it is complete."""
    part = folder / (MANIFEST + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST)


def read_manifest(folder: Path, what: str = "corpus") -> dict[str, Any]:
    """The manifest of a complete folder; DataError if there is none or it is of another format."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder}: no complete {what} (no {MANIFEST}); make it again") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); make the {what} again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError(f"{path}: is not of format {FORMAT}; make the {what} again")
    return manifest


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is inside a block with this file."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, which takes the place of ``folder`` when the block ends well.

    Otherwise nothing stays of it, and what stood at ``folder`` is as it was. A full disk, or a place that
    cannot be written to, is a DataError.
    """
    part, old = (folder.with_name(folder.name + ending) for ending in (".part", ".old"))
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, OSError):
            raise DataError(
                f"{folder}: cannot be written ({error.strerror or error}); nothing was kept"
            ) from error
        raise

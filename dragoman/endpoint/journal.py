"""A journal of answers, so that nothing is asked twice: a JSONL file that survives being killed at any byte.

A row has the hash of the request and the answer. It is on disk before the answer is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from dragoman.endpoint.client import Answer
from dragoman.errors import DataError

ENDING = ".journal.jsonl"


def request_key(body: Mapping[str, Any]) -> str:
    """A hash of a request: everything that decides the answer."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]


def read_journal(path: Path) -> tuple[dict[str, Answer], int]:
    """The answers of a journal, and the bytes of it that are whole: a last row may have been torn.

    An absent file has none. DataError for a damaged row before the last.
    """
    known: dict[str, Answer] = {}
    size = 0
    if not path.exists():
        return known, size
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                row = json.loads(line)
                known[row["key"]] = Answer(row["text"], row["whole"], row["tokens_in"], row["tokens_out"])
            except (ValueError, KeyError, TypeError):
                raise DataError(
                    f"{path}:{number}: is no row of a journal; take the line out, and it is asked again"
                ) from None
            size += len(line)
    return known, size


class Journal:
    """A journal to read from and add to; one process at a time has it open. DataError if another does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DataError(f"{path}: another process is writing it; wait for that or stop it") from None
        self.known, size = read_journal(path)
        self._file.truncate(size)
        self._lock = threading.Lock()

    def add(self, key: str, answer: Answer) -> None:
        """Write an answer down; when this returns it is on disk."""
        row = {
            "key": key,
            "text": answer.text,
            "whole": answer.whole,
            "tokens_in": answer.tokens_in,
            "tokens_out": answer.tokens_out,
        }
        with self._lock:
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self.known[key] = answer

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

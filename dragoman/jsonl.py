"""JSONL files: one JSON value a line, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dragoman.errors import DataError


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Write a value a line (beside, then renamed); returns how many."""
    count = 0
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    part.replace(path)
    return count


def read_jsonl(path: Path) -> Iterator[tuple[str, Any]]:
    """``(where, value)`` for each line, where ``path:number``; a line that is not JSON is a DataError."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            try:
                yield where, json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: not JSON ({error.msg})") from error
            except UnicodeDecodeError as error:
                raise DataError(f"{where}: not UTF-8 (byte {error.start})") from error

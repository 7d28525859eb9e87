"""Text files made on the spot, and a list that collects drops."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import zstandard

from dragoman.corpus.drops import Drop

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write("train.de", "line one", "line two") -> path; bytes are written as they are."""

    def make(name: str, *lines: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(lines) == 1 and isinstance(lines[0], bytes):
            path.write_bytes(lines[0])
        else:
            path.write_bytes(b"".join((x if isinstance(x, bytes) else x.encode()) + b"\n" for x in lines))
        return path

    return make


class Drops(list[Drop]):
    """Collects drops; ``rows`` shows line, reason and languages."""

    def __call__(self, drop: Drop) -> None:
        self.append(drop)

    @property
    def rows(self) -> list[tuple[int, str, tuple[str, ...]]]:
        return [(drop.line, drop.reason, drop.languages) for drop in self]

    @property
    def reasons(self) -> list[str]:
        return [drop.reason for drop in self]


@pytest.fixture
def drops() -> Drops:
    return Drops()


def numbered(word: str, count: int) -> Sequence[str]:
    """Lines that differ: 'word 1', 'word 2' ..."""
    return [f"{word} {number}" for number in range(1, count + 1)]

"""From a file, plain or compressed, to its lines; everything that can be wrong with the bytes is found here.

Only ``\\n`` ends a line (and one ``\\r`` before it goes with it): line numbers are those that ``sed -n`` and
``wc -l`` count. U+2028, U+0085, vertical tab and form feed are part of the text.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import lzma
import math
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from dragoman.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_LINE = 1 << 20
"""Longest line in bytes that is kept in memory; a longer one is skipped and reported as :class:`Bad`."""

COMPRESSIONS = {".gz": "gzip", ".xz": "xz", ".zst": "zstandard"}
_MAGIC = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_SKIPPABLE = b"\x2a\x4d\x18"
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 16
_PIECE = 1 << 20


class Bad(NamedTuple):
    """A line that cannot be used, and why."""

    reason: str


OVERLONG = Bad(f"line over {MAX_LINE >> 20} MB")
BAD_UTF8 = Bad("invalid UTF-8")


class _ZstandardFile(io.RawIOBase):
    """Decompresses frame after frame; unlike the library's reader it notices a last frame that is cut off."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self._file = path.open("rb")
        self._context = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        self._frame = self._context.decompressobj()
        self._ready = memoryview(b"")
        self._waiting = b""
        self._inside = False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, target: WriteableBuffer, /) -> int:
        view = memoryview(target)
        while not self._ready:
            chunk = self._waiting or self._file.read(_CHUNK)
            if not chunk:
                if self._inside:
                    raise EOFError
                return 0
            self._ready = memoryview(self._frame.decompress(chunk))
            self._inside, self._waiting = not self._frame.eof, b""
            if self._frame.eof:
                self._waiting = self._frame.unused_data
                self._frame = self._context.decompressobj()
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def check_file(path: Path) -> None:
    """DataError if the path is missing (told with the nearest name beside it) or no file."""
    if path.is_dir():
        raise DataError(f"{path}: is a directory, expected a text file; for a folder of text use `folder:`")
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "; check the path"
        raise DataError(f"{path}: no such file{hint}")
    if not path.is_file():
        raise DataError(f"{path}: is a pipe or device, expected a file; write the text to a file first")


def plain_name(path: Path) -> str:
    """The file's name without the ending of a compression."""
    return path.stem if path.suffix in COMPRESSIONS else path.name


def sha256_of(path: Path) -> str:
    """SHA-256 of the file as it lies on disk, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def packing(head: bytes) -> str:
    """What data with these first bytes is packed with: gzip, ...; '' for plain data."""
    return COMPRESSIONS.get(_ending(head), "")


def _ending(head: bytes) -> str:
    return next((ending for magic, ending in _MAGIC.items() if head.startswith(magic)), "")


def _compression(path: Path, head: bytes) -> str:
    """'.gz', '.xz', '.zst' or '', told by the first bytes; DataError if the name disagrees, or for UTF-16."""
    found = _ending(head)
    if not found and path.suffix == ".zst" and head[1:4] == _SKIPPABLE:
        found = ".zst"
    if path.suffix in COMPRESSIONS and found != path.suffix:
        kind = COMPRESSIONS[path.suffix]
        raise DataError(f"{path}: is no {kind} file although its name says so; rename it or fetch it again")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path}: is UTF-16, expected UTF-8; convert it with iconv -f UTF-16 -t UTF-8")
    return found


def _open(path: Path) -> IO[bytes]:
    check_file(path)
    with path.open("rb") as file:
        ending = _compression(path, file.read(8))
    if ending == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if ending == ".xz":
        return cast(IO[bytes], lzma.open(path, "rb"))
    return io.BufferedReader(_ZstandardFile(path), _CHUNK) if ending == ".zst" else path.open("rb")


@contextmanager
def _reading(path: Path, done: Callable[[], str]) -> Iterator[IO[bytes]]:
    """The open file; what is wrong with its bytes is a DataError that tells how far it could be read."""
    import zstandard

    broken = (gzip.BadGzipFile, lzma.LZMAError, zlib.error, zstandard.ZstdError)
    try:
        with _open(path) as file:
            yield file
    except EOFError:
        raise DataError(f"{path}: the compressed file ends early, after {done()}; fetch it again") from None
    except broken as error:
        raise DataError(f"{path}: broken after {done()} ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def raw_pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file, decompressed, in pieces, without a byte-order mark; DataError as in
    :func:`raw_lines`."""
    count = 0
    with _reading(path, lambda: f"{count:,} bytes") as file:
        while piece := file.read(_PIECE):
            yield piece if count else piece.removeprefix(_BOM)
            count += len(piece)


def raw_lines(path: Path) -> Iterator[bytes | Bad]:
    """The lines of a file as bytes, without line ends and without a byte-order mark; memory holds one line.

    DataError when the file cannot be read to its end; a file without a single line simply has none.
    """
    number = 0
    with _reading(path, lambda: f"line {number:,}") as file:
        while line := file.readline(MAX_LINE + 2):
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
                if not line:
                    return
            if len(line) > MAX_LINE and not line.endswith(b"\n"):
                while (rest := file.readline(_CHUNK)) and not rest.endswith(b"\n"):
                    pass
                yield OVERLONG
            else:
                yield line.removesuffix(b"\n").removesuffix(b"\r")


def decode(line: bytes | Bad) -> str | Bad:
    """The line as text, exactly as it stands in the file."""
    if isinstance(line, Bad):
        return line
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return BAD_UTF8


class Lines:
    """A choice of line numbers, counted from 1: '1-5000', '5001-', '7', or several with commas; None = all.

    ``last`` is the highest number that can be chosen (infinite for an open end), ``first`` the lowest.
    """

    def __init__(self, spec: str | None, where: str = "lines") -> None:
        parts = "1-" if spec is None else spec
        self._ranges = sorted(_range(part, where) for part in parts.split(","))
        self.spec = spec
        self.first = self._ranges[0][0]
        self.last = max(end for _, end in self._ranges)

    def __contains__(self, number: int) -> bool:
        return any(start <= number <= end for start, end in self._ranges)

    def overlaps(self, other: Lines) -> bool:
        """True if some line is in both choices."""
        return any(a <= d and c <= b for a, b in self._ranges for c, d in other._ranges)


def _range(part: str, where: str) -> tuple[int, float]:
    match = re.fullmatch(r"\s*([0-9]+)\s*(-\s*([0-9]*))?\s*", part)
    start = int(match[1]) if match else 0
    end: float = 0
    if match:
        end = start if match[2] is None else int(match[3]) if match[3] else math.inf
    if not 1 <= start <= end:
        raise DataError(
            f"{where}: lines {part.strip()!r} is no range; expected '1-5000', '5001-' or '7', counted from 1"
        )
    return start, end

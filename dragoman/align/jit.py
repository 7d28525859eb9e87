"""How the loops of this folder are compiled: once, kept on disk, free to run in several threads."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

from dragoman.console import say

F = TypeVar("F", bound=Callable[..., Any])
PATIENCE = 1.0  # seconds after which compiling is told; kernels from the cache load in a fraction of one


def forget_stale(folder: Path) -> None:
    """Drop the compiled loops of a folder if any of its modules has changed since they were made.

    numba looks only at the file of a function, but its machine code holds that of the functions it calls.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()
    cache = folder / "__pycache__"
    stamp = cache / "loops.sha256"
    with suppress(OSError):  # where nothing can be written, nothing of ours is kept either
        if stamp.is_file() and stamp.read_text() == digest:
            return
        for path in cache.glob("*.nbi"):
            path.unlink(missing_ok=True)
        cache.mkdir(exist_ok=True)
        stamp.write_text(digest)


forget_stale(Path(__file__).parent)


def compiled(function: F) -> F:
    """The function as machine code, made at its first call and then kept in numba's cache.

    It runs without the interpreter's lock; sums may be reordered (``reassoc``) so that loops become vectors.
    Where no place for the cache can be written to, it is compiled anew by every process.
    """
    loops = {"nogil": True, "fastmath": {"reassoc", "contract", "nsz", "arcp"}}
    try:
        return cast(F, njit(cache=True, **loops)(function))
    except RuntimeError:
        return cast(F, njit(**loops)(function))


@contextmanager
def announced() -> Iterator[None]:
    """Say that the loops are being compiled if that takes longer than loading them would."""
    start = time.monotonic()
    words = " align      compiling the aligner's loops (once; they are kept for the next time)"
    timer = threading.Timer(PATIENCE, say, [words])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if (took := time.monotonic() - start) > PATIENCE:
        say(f" align      compiled in {took:.0f} s")


def in_threads(work: Callable[..., Any], parts: Sequence[tuple[int, int]], threads: int) -> list[Any]:
    """``work(start, end)`` for each part, in up to ``threads`` threads; results in the order of the parts."""
    if threads == 1 or len(parts) == 1:
        return [work(start, end) for start, end in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda part: work(*part), parts))

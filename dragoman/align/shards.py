"""Text that is too large to be learnt from as a whole: a sample drawn by a seed, and text that can be read
again."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dragoman.align.lines import Origin
from dragoman.errors import DataError

Pair = tuple[bytes, bytes]


def draw(pairs: Iterator[Pair], count: int, seed: int) -> tuple[list[Pair], int]:
    """``count`` pairs, each line as likely as any other, in the order of the text; and how many lines there
    were."""
    rng = random.Random(seed)
    kept: list[tuple[int, Pair]] = []
    seen = 0
    for seen, pair in enumerate(pairs, 1):
        if len(kept) < count:
            kept.append((seen, pair))
        elif (place := rng.randrange(seen)) < count:
            kept[place] = (seen, pair)
    return [pair for _, pair in sorted(kept)], seen


@contextmanager
def spooled(text: Origin, twice: bool) -> Iterator[Origin]:
    """The text, or a copy of it on disk if it must be read twice and is standard input."""
    if not twice or text.again():
        yield text
        return
    with tempfile.TemporaryDirectory(prefix="dragoman-align-") as folder:
        copy = Path(folder) / "text"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        places = [str(copy) if name == "-" else name for name in text if name is not None]
        try:
            yield Origin(*places)
        except DataError as error:
            raise DataError(str(error).replace(str(copy), "standard input")) from None

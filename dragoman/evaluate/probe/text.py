"""The lines that are looked at: of each language pair so many, drawn by a seed, whatever the text is."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from dragoman.corpus.pair import Record
from dragoman.corpus.sources import match_code
from dragoman.errors import DataError
from dragoman.language.language import Direction, same_language

LEAST = 2
"""Lines without which there are no two sentences to tell apart."""
EMPTY, REPEATED, NO_SIDE = "empty", "repeated", "not in both languages"


class Line(NamedTuple):
    """One line of a language pair."""

    source: str
    target: str


@dataclass(slots=True)
class PairLines:
    """The lines of a language pair in the order of the text. ``read``: lines that the text has; ``left_out``:
    how many of them could not be used, by reason (of repeated ones only those that were drawn)."""

    lines: list[Line]
    read: int
    left_out: Counter[str] = field(default_factory=Counter)


class Drawn:
    """Draws at most ``count`` lines of a language pair while a text goes by.

    A line's place in the draw is a hash of the seed and its id, so all pairs of a text get the same lines.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.seen = 0
        self.left_out: Counter[str] = Counter()
        self._kept: list[tuple[int, int, Line]] = []  # a heap: the highest rank comes out first

    def see(self, number: int, record: Record, source: str, target: str) -> None:
        """The next record; ``source`` and ``target`` are its own codes of the two languages."""
        if not record.has(Direction(source, target)):
            return
        self.seen += 1
        line = Line(record.texts[source], record.texts[target])
        if not all(side.strip() for side in line):
            self.left_out[EMPTY] += 1
            return
        told = f"{self.seed} {record.id}".encode(errors="surrogatepass")
        rank = int.from_bytes(hashlib.blake2b(told, digest_size=8).digest())
        entry = (-rank, number, line)
        if len(self._kept) < self.count:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def result(self, read: int) -> PairLines:
        """What was drawn, in the order of the text, each line once."""
        drawn = [line for _, _, line in sorted(self._kept, key=lambda entry: entry[1])]
        lines = list(dict.fromkeys(drawn))
        self.left_out[REPEATED] = len(drawn) - len(lines)
        self.left_out[NO_SIDE] = read - self.seen
        return PairLines(lines, read, +self.left_out)


def draw_lines(
    records: Iterable[Record], wanted: Sequence[Direction], count: int, seed: int, place: str
) -> dict[Direction, PairLines]:
    """At most ``count`` lines of each language pair that is wanted (none named: of every pair).

    A direction and its reverse are one pair, called as it is named first; pairs that are not named are called
    with English last, otherwise in the order of the alphabet. Codes match in any spelling. ``place`` is what
    the text is called. DataError if a pair has fewer than two different lines.
    """
    drawn = {pair: Drawn(count, seed) for pair in _once(wanted)}
    known: dict[tuple[str, ...], list[tuple[Direction, str, str]]] = {}
    read = 0
    for read, record in enumerate(records, 1):
        codes = tuple(record.texts)
        if codes not in known:
            named = list(drawn) if wanted else [_named(*pair) for pair in combinations(codes, 2)]
            known[codes] = [(pair, *_own(pair, codes, place)) for pair in named]
        for pair, source, target in known[codes]:
            drawn.setdefault(pair, Drawn(count, seed)).see(read, record, source, target)
    found = {pair: its.result(read) for pair, its in drawn.items()}
    if not found:
        raise DataError(f"{place}: no line in two languages; expected parallel text")
    codes = tuple(sorted({code for seen in known for code in seen}))
    for pair, its in found.items():
        check_enough(pair, its, f"{place} (text in {', '.join(codes)})")
    return found


def check_enough(pair: Direction, its: PairLines, place: str) -> None:
    """DataError unless there are two sentences to tell apart on each side."""
    if any(len({line[side] for line in its.lines}) < LEAST for side in (0, 1)):
        left_out = "".join(f", {count:,} {reason}" for reason, count in its.left_out.items())
        raise DataError(
            f"{place}: {len(its.lines)} usable lines of {its.read:,} in {pair}{left_out}; expected at least "
            f"{LEAST} different sentences on each side"
        )


def _once(directions: Sequence[Direction]) -> list[Direction]:
    """Each language pair once, as it is named first."""
    kept: list[Direction] = []
    for wanted in directions:
        if same_language(*wanted):
            raise DataError(f"{wanted}: one language twice; a language pair has two")
        if not any(_is_pair(wanted, pair) for pair in kept):
            kept.append(wanted)
    return kept


def _is_pair(one: Direction, other: Direction) -> bool:
    return any(all(map(same_language, one, its)) for its in (other, other.reversed()))


def _named(one: str, other: str) -> Direction:
    """A language pair as it is called where nobody named it."""
    first, second = sorted((one, other))
    return Direction(second, first) if same_language(first, "en") else Direction(first, second)


def _own(pair: Direction, codes: tuple[str, ...], place: str) -> tuple[str, str]:
    """The record's own codes of a pair; the pair's codes where it lacks one."""
    source, target = (match_code(code, codes, place) or code for code in pair)
    return source, target

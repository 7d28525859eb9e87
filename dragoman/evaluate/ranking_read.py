"""Filled sheets: what raters handed back, from a spreadsheet or from the page, with the key put in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dragoman.errors import DataError

NEEDED = ("item", "label", "rank")


@dataclass(frozen=True, slots=True)
class Rating:
    """One person's ranks of one item: by system, 1 is the best, equal ones share the mean of their places."""

    rater: str
    item: str
    ranks: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ratings:
    """All complete ratings; ``left_out`` counts items that someone ranked in part."""

    systems: tuple[str, ...]
    ratings: tuple[Rating, ...]
    left_out: int = 0


def mid_ranks(given: Mapping[str, int]) -> dict[str, float]:
    """Places of given ranks, whatever numbers were used: 1, 1, 3 and 2, 2, 5 are both 1.5, 1.5, 3."""
    order = sorted(given.values())
    return {
        name: order.index(rank) + (order.count(rank) + 1) / 2 for name, rank in given.items()
    }  # places from 1


def read_ratings(key: Path, sheets: Sequence[Path]) -> Ratings:
    """The ratings of filled sheets; an item without any rank was not rated, one with some is left out.

    DataError with file and line for a rank that is none, an item or letter that the key does not have, or a
    person who rated an item twice.
    """
    try:
        content = json.loads(key.read_text(encoding="utf-8"))
        letters: dict[str, dict[str, str]] = content["key"]
        systems = tuple(content["systems"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{key}: is no key of a ranking sheet ({error}); expected its key.json") from error
    found: dict[tuple[str, str], Rating] = {}
    left_out = 0
    for path in sheets:
        for (rater, item), ranks in _read_sheet(path, letters).items():
            if (rater, item) in found:
                raise DataError(f"{path}: {rater} has rated item {item} in another sheet already")
            if len(ranks) < len(systems):
                left_out += 1
                continue
            by_system = {letters[item][letter]: rank for letter, rank in ranks.items()}
            found[rater, item] = Rating(rater, item, mid_ranks(by_system))
    if not found:
        raise DataError(f"{', '.join(map(str, sheets))}: no item is ranked to its end")
    return Ratings(systems, tuple(found.values()), left_out)


def _read_sheet(path: Path, letters: dict[str, dict[str, str]]) -> dict[tuple[str, str], dict[str, int]]:
    """Ranks by letter, for each rater and item of a sheet that has any."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    rows = _rows(path)
    for line, row in rows:
        item, letter, rank = (row[name].strip() for name in NEEDED)
        if not item and not rank:
            continue
        where = f"{path}:{line}"
        if item not in letters or letter not in letters[item]:
            raise DataError(
                f"{where}: the key has no item {item!r} with the letter {letter!r}; is it its own?"
            )
        if not rank:
            continue
        if not rank.isdecimal() or not 1 <= int(rank) <= len(letters[item]):
            raise DataError(f"{where}: rank {rank!r}; expected a number from 1 to {len(letters[item])}")
        ranks = found.setdefault(((row.get("rater") or "").strip() or path.stem, item), {})
        if letter in ranks:
            raise DataError(f"{where}: item {item} {letter} is ranked twice")
        ranks[letter] = int(rank)
    return found


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with the lines where they end; separators are commas, semicolons or tabs."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error}); save it as CSV in UTF-8") from error
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restval="")
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; expected a filled sheet with {', '.join(NEEDED)}")
    return [(reader.line_num, row) for row in reader]

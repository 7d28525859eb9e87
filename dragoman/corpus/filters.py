"""Filters for training text: each takes out sides, pairs or whole lines, says why, and is counted.

A *side* filter looks at one text and takes it out of its line. A *pair* filter looks at two sides and puts
the pair into :attr:`Record.skip`. A line that has no pair left goes as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, combinations, islice

from dragoman.corpus.drops import Drop, DropTo
from dragoman.corpus.hashes import TextSet
from dragoman.corpus.pair import Record, pair_key
from dragoman.errors import RecipeError
from dragoman.language.identify import Identifier, knows
from dragoman.language.language import canonical, language, same_language
from dragoman.recipe import Filters

SCRIPTS_WITHOUT_SPACES = frozenset({"Hans", "Hant", "Hani", "Jpan", "Thai", "Laoo", "Mymr", "Khmr", "Tibt"})
"""Scripts that put no space between words (ISO 15924): there, each character counts as a word."""

IDENTIFIED_TOGETHER = 256
"""Lines whose sides are given to the identifier in one call."""

_RATIO_BASE = 10
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_SPACE = re.compile(r"\s+")

SideCheck = Callable[[str, str], bool]
PairCheck = Callable[[str, str], bool]


def words(text: str, code: str) -> int:
    """Number of words: between spaces, or of characters in a script that has no spaces."""
    if language(code).script in SCRIPTS_WITHOUT_SPACES:
        return len(_SPACE.sub("", text))
    return len(text.split())


def length_ratio(first: str, second: str) -> float:
    """Larger over smaller length in characters, 10 added to both so that short lines may differ more."""
    shorter, longer = sorted((len(first), len(second)))
    return (longer + _RATIO_BASE) / (shorter + _RATIO_BASE)


USABLE: dict[str, SideCheck] = {
    "empty": lambda text, _: not text.strip(),
    "NUL": lambda text, _: "\0" in text,
}
"""Side filters of every split, dev and test too, by reason: a text that they find is none."""


def side_checks(filters: Filters) -> dict[str, SideCheck]:
    """The side filters that the settings ask for, by reason; each is true for a text that must go."""
    checks = dict(USABLE)
    if filters.control_characters:
        checks["control character"] = lambda text, _: _CONTROL.search(text) is not None
    checks["too long (characters)"] = lambda text, _: len(text) > filters.max_chars
    # A text has no more words than characters: the cheap look first.
    checks["too long (words)"] = lambda text, code: (
        len(text) > filters.max_words and words(text, code) > filters.max_words
    )
    return checks


def pair_checks(filters: Filters) -> dict[str, PairCheck]:
    """The pair filters that look at nothing but the pair, by reason; each is true for a pair that must go."""
    checks: dict[str, PairCheck] = {}
    if filters.identical:
        checks["identical sides"] = lambda first, second: first == second
    checks["length ratio"] = lambda first, second: length_ratio(first, second) > filters.max_ratio
    return checks


class Sieve:
    """Applies the filters to a stream of records; ``drop`` is told of everything that goes.

    ``filters`` None leaves only what makes a text unusable (``USABLE``): for dev and test. ``pairs`` are the
    language pairs (:func:`pair_key`) that pair filters look at; None, or a record that has none of them: all.
    The sieve remembers pairs for ``duplicates``: use one for all sources of a split.
    """

    def __init__(
        self,
        filters: Filters | None,
        drop: DropTo,
        pairs: frozenset[str] | None = None,
        identifier: Identifier | None = None,
    ) -> None:
        if filters is not None and filters.wrong_language and identifier is None:
            raise RecipeError("data.filters.wrong_language: needs an identifier; set evaluate.identifier")
        self._drop = drop
        self._pairs = pairs
        self._sides = USABLE if filters is None else side_checks(filters)
        self._pair_checks = {} if filters is None else pair_checks(filters)
        self._seen = TextSet() if filters is not None and filters.duplicates else None
        self._identifier = identifier if filters is not None and filters.wrong_language else None
        self._confidence = 1.0 if filters is None else filters.min_confidence
        self._canonical: dict[str, str] = {}

    def keep(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records that are left, without the sides and pairs that went."""
        stream: Iterator[Record] = chain.from_iterable(map(self._check_sides, records))
        if self._identifier is not None:
            stream = self._check_languages(stream, self._identifier)
        for record in stream:
            yield from self._check_pairs(record)

    def _check_sides(self, record: Record) -> list[Record]:
        gone = {}
        for code, text in record.texts.items():
            for reason, refuses in self._sides.items():
                if refuses(text, code):
                    gone[code] = reason
                    break
        return self._without(self._check_variants(record) if record.variants else record, gone)

    def _check_variants(self, record: Record) -> Record:
        """The record without the variants that the side filters refuse."""
        kept = []
        for variant in record.variants:
            faults = (
                reason for reason, refuses in self._sides.items() if refuses(variant.text, variant.language)
            )
            if reason := next(faults, ""):
                told = f"variant: {reason}"
                self._drop(Drop(record.file, record.line, record.id, told, (variant.language,)))
            else:
                kept.append(variant)
        return record._replace(variants=tuple(kept))

    def _check_languages(self, records: Iterator[Record], identifier: Identifier) -> Iterator[Record]:
        known: dict[str, bool] = {}
        while block := list(islice(records, IDENTIFIED_TOGETHER)):
            for code in {code for record in block for code in record.texts}.difference(known):
                known[code] = knows(identifier, code)
            asked = [
                (index, code) for index, record in enumerate(block) for code in record.texts if known[code]
            ]
            answers = (
                identifier.identify([block[index].texts[code] for index, code in asked]) if asked else []
            )
            gone: list[dict[str, str]] = [{} for _ in block]
            for (index, code), (answer, confidence) in zip(asked, answers, strict=True):
                sure = answer in identifier.candidates and confidence >= self._confidence
                if sure and not same_language(answer, code):
                    gone[index][code] = "wrong language"
            for record, reasons in zip(block, gone, strict=True):
                yield from self._without(record, reasons)

    def _without(self, record: Record, gone: dict[str, str]) -> list[Record]:
        """The record without some sides (each with its reason); none if no pair is left."""
        if not gone:
            return [record]
        texts = {code: text for code, text in record.texts.items() if code not in gone}
        whole = len(texts) < 2
        for reason in dict.fromkeys(gone.values()):
            codes = tuple(code for code in gone if gone[code] == reason)
            self._drop(Drop(record.file, record.line, record.id, reason, codes, whole))
            if whole:
                return []
        variants = tuple([variant for variant in record.variants if variant.language in texts])
        return [record._replace(texts=texts, variants=variants)]

    def _check_pairs(self, record: Record) -> list[Record]:
        """The record with the refused pairs in ``skip``; none if all its pairs went."""
        every = [pair for pair in combinations(sorted(record.texts), 2) if pair_key(*pair) not in record.skip]
        if not self._pair_checks or not every:
            return [record]
        counted = [pair for pair in every if self._pairs is None or pair_key(*pair) in self._pairs] or every
        faults = {pair: reason for pair in counted if (reason := self._pair_fault(record.texts, *pair))}
        if len(faults) == len(counted):
            reason = next(iter(faults.values()))
            self._drop(Drop(record.file, record.line, record.id, reason, tuple(record.texts), True))
            return []
        for pair, reason in faults.items():
            self._drop(Drop(record.file, record.line, record.id, reason, pair))
        return (
            [record._replace(skip=record.skip.union(pair_key(*pair) for pair in faults))]
            if faults
            else [record]
        )

    def _pair_fault(self, texts: dict[str, str], first: str, second: str) -> str:
        """Why a pair must go, or ''. A pair that passes is remembered."""
        for reason, refuses in self._pair_checks.items():
            if refuses(texts[first], texts[second]):
                return reason
        if self._seen is None:
            return ""
        sides = sorted((self._key(code), texts[code]) for code in (first, second))
        return "" if self._seen.add("\0".join(chain.from_iterable(sides))) else "duplicate"

    def _key(self, code: str) -> str:
        if code not in self._canonical:
            self._canonical[code] = canonical(code)
        return self._canonical[code]

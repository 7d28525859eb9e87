"""What a corpus says of its words: how they are translated, what they stand beside, which forms they have.

Made once for a language pair from its links and kept beside them, in ``lexicon/<name>``. So a wrong word in a
draft is one that the corpus uses for the same source word, and a fault is word order or a form that it never
has there.
"""

from __future__ import annotations

import bisect
import hashlib
import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dragoman.corpus.artifact import FORMAT, alone, new_folder, read_manifest, write_manifest
from dragoman.instruct.interactive.phrases import Phrase, word_pairs
from dragoman.instruct.linked import Side
from dragoman.instruct.links import PairLinks
from dragoman.instruct.words import word_type
from dragoman.language.language import Direction

if TYPE_CHECKING:
    from dragoman.corpus.store import Store

MADE = 3
"""Goes up when the same links would give another lexicon."""
LINES = 200_000
"""Lines that are read, evenly spread over the text."""
POSTERIOR = 0.6
"""Least posterior of a link that counts as a translation."""
RARE = 3
"""Times that a translation, or a form, occurs at least."""
SHORT, ENDING = 4, 2
"""Letters that a form has at least (shorter words are of grammar), and in which two differ at most."""
EXPECTED = 2.0
"""Times that two words would stand beside each other by chance, from which on it tells that they never do."""
OFTEN = 0.2
"""Share of a word's places in which another follows, from which on it follows often."""
BESIDE = ("beside", "times")
"""Files of the words that follow each other: sorted hashes, and how often."""
BETWEEN = "between"
"""File of three words that follow each other: sorted hashes."""
EDGE = ""
"""Stands beside the first word and the last."""


class Lexicon:
    """What the text of one language pair says of the words of both sides."""

    def __init__(self, folder: Path) -> None:
        manifest = read_manifest(folder, "lexicon")
        self._translations: dict[str, dict[str, dict[str, int]]] = {}
        self._forms: dict[str, list[tuple[str, str]]] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self._total: dict[str, int] = {}
        self._frequent: dict[tuple[str, float], list[str]] = {}
        self._beside: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._between: dict[str, np.ndarray] = {}
        for number, code in enumerate(manifest["pair"]):
            table = json.loads((folder / f"words-{number}.json").read_text(encoding="utf-8"))
            self._translations[code] = table["translations"]
            self._forms[code] = [(word_type(form), form) for form in table["forms"]]
            self._counts[code], self._total[code] = table["counts"], table["total"]
            hashes, times = (np.load(folder / f"{name}-{number}.npy", mmap_mode="r") for name in BESIDE)
            self._beside[code] = hashes, times
            self._between[code] = np.load(folder / f"{BETWEEN}-{number}.npy", mmap_mode="r")

    def translations(self, source: str, word: str) -> dict[str, int]:
        """How often a word of the language ``source`` is linked to which words, the most frequent first."""
        return self._translations[source].get(word_type(word), {})

    def beside(self, code: str, one: str, two: str) -> int:
        """How often the second word follows the first; EDGE stands for the start and the end of a line."""
        known, times = self._beside[code]
        place = _place(known, one, two)
        return 0 if place is None else int(times[place])

    def between(self, code: str, before: str, word: str, after: str) -> bool:
        """Whether a word ever stands between two others; EDGE stands for the start and the end of a line."""
        return _place(self._between[code], before, word, after) is not None

    def count(self, code: str, word: str) -> int:
        """How often a word is there, whatever its case; 0 also of a rare one."""
        return self._counts[code].get(word_type(word), 0)

    def frequent(self, code: str, share: float) -> list[str]:
        """The types that make up so much of the text, each by itself."""
        if (code, share) not in self._frequent:
            least, counts = share * self._total[code], self._counts[code]
            self._frequent[code, share] = [kind for kind in counts if kind and counts[kind] >= least]
        return self._frequent[code, share]

    def strange(self, code: str, one: str, two: str) -> bool:
        """Whether the second word never follows the first, though by chance it should."""
        by_chance = self.count(code, one) * self.count(code, two) / self._total[code]
        return by_chance >= EXPECTED and not self.beside(code, one, two)

    def often(self, code: str, one: str, two: str) -> bool:
        """Whether the second word follows the first in a good share of the places of the first."""
        times = self.beside(code, one, two)
        return times >= RARE and times >= OFTEN * self.count(code, one)

    def endings(self, code: str, word: str) -> list[str]:
        """Other forms of a word: both differ in at most their last two letters, and the first translation of
        each is one of the other."""
        kind = word_type(word)
        stem = kind[: max(SHORT - 1, len(kind) - ENDING)]
        forms = self._forms[code]
        found: list[str] = []
        for other, form in forms[bisect.bisect_left(forms, (stem, "")) :] if len(kind) >= SHORT else []:
            if not other.startswith(stem):
                break
            alike = other != kind and form[0].isupper() == word[0].isupper()
            if alike and abs(len(other) - len(kind)) <= ENDING and self._one_word(code, kind, other):
                found.append(form)
        return found

    def _one_word(self, code: str, one: str, two: str) -> bool:
        """Whether two types are forms of one word: they look alike and translate alike."""
        short, long = sorted((one, two), key=len)
        alike = long.startswith(short) or short[:-ENDING] == long[: len(short) - ENDING]
        if not alike or len(short) < SHORT:
            return False
        tables = self.translations(code, one), self.translations(code, two)
        return all(next(iter(a), EDGE) in b for a, b in (tables, tables[::-1]))

    def only_with_capital(self, code: str, word: str) -> bool:
        """Whether the text never has a word in small letters."""
        forms = self._forms[code]
        place = bisect.bisect_left(forms, (word_type(word), word.lower()))
        return place >= len(forms) or forms[place] != (word_type(word), word.lower())


def pair_lexicon(store: Store, direction: Direction, links: PairLinks) -> Lexicon:
    """The lexicon of a direction's pair, made now if it is not there; processes wait for each other."""
    told = json.dumps([MADE, LINES, POSTERIOR, RARE, links.folder.name])
    name = hashlib.sha256(told.encode()).hexdigest()[:16]
    folder = store.folder.parent / "lexicon" / f"{links.first}-{links.second}-{name}"
    if not (folder / "manifest.json").exists():
        with alone(folder.with_name(folder.name + ".lock")):
            if not (folder / "manifest.json").exists():
                _make(store, Direction(links.first, links.second), links, folder)
    return Lexicon(folder)


class _Counts:
    """What is counted of one language."""

    def __init__(self) -> None:
        self.forms: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.beside: Counter[int] = Counter()
        self.between = array("Q")
        self.translations: dict[str, Counter[str]] = defaultdict(Counter)

    def see(self, side: Side) -> None:
        """Count the words of a line; not the form of the first: its capital may be due to its place."""
        types = [EDGE, *side.types, EDGE]
        self.types.update(types[1:])
        self.beside.update(_hash(*two) for two in pairwise(types))
        self.between.extend(_hash(*three) for three in zip(types, types[1:], types[2:], strict=False))
        self.forms.update(side.text[word.start : word.end] for word in side.words[1:] if word.content)

    def written(self) -> dict[str, str]:
        """How words are written, by type: in their most frequent form."""
        return {word_type(form): form for form, _ in reversed(_by_count(self.forms))}

    def table(self, written: dict[str, str], cut: bool) -> dict[str, Any]:
        """The counts as they are kept; ``written`` and ``cut`` are of the other language."""
        kept: dict[str, dict[str, int]] = {}
        for word, counts in sorted(self.translations.items()):
            often = [(kind, count) for kind, count in _by_count(counts) if count >= RARE]
            forms = {kind if cut else written.get(kind, ""): count for kind, count in often}
            forms.pop("", None)
            if forms:
                kept[word] = forms
        often_met = [form for form, count in self.forms.items() if count >= RARE]
        return {
            "translations": kept,
            "forms": sorted(often_met, key=lambda form: (word_type(form), form)),
            "counts": {kind: count for kind, count in sorted(self.types.items()) if count >= RARE},
            "total": max(1, self.types.total()),
        }


def _make(store: Store, pair: Direction, links: PairLinks, folder: Path) -> None:
    counts = _Counts(), _Counts()
    for one, two, pairs in _lines(store, pair, links):
        for counted, side in zip(counts, (one, two), strict=True):
            counted.see(side)
        for phrase in pairs:
            types = word_type(one.quote(phrase.source)), word_type(two.quote(phrase.target))
            counts[0].translations[types[0]][types[1]] += 1
            counts[1].translations[types[1]][types[0]] += 1
    with new_folder(folder) as part:
        for number, (counted, other, code) in enumerate(
            zip(counts, reversed(counts), reversed(pair), strict=True)
        ):
            table = counted.table(other.written(), links.spaceless(code))
            text = json.dumps(table, ensure_ascii=False)
            (part / f"words-{number}.json").write_text(text, encoding="utf-8")
            followed = np.array(sorted(counted.beside.items()), np.uint64).reshape(-1, 2)
            for name, column in zip(BESIDE, followed.T, strict=True):
                np.save(part / f"{name}-{number}.npy", np.ascontiguousarray(column))
            np.save(part / f"{BETWEEN}-{number}.npy", np.unique(np.array(counted.between, np.uint64)))
        write_manifest(part, {"format": FORMAT, "pair": list(pair)})


def _lines(store: Store, pair: Direction, links: PairLinks) -> Iterator[tuple[Side, Side, list[Phrase]]]:
    """Both sides of a line, and its words that answer each other."""
    indices = store.indices(pair)
    cut = (links.spaceless(pair.source), links.spaceless(pair.target))
    for line in np.unique(np.linspace(0, len(indices) - 1, min(len(indices), LINES)).astype(int)).tolist():
        texts = store[int(indices[line])].texts
        one, two = Side(texts[pair.source], cut[0]), Side(texts[pair.target], cut[1])
        likely = [(i, j) for i, j, score in links.cells(line, pair.source) if score >= POSTERIOR]
        yield one, two, word_pairs(likely, one, two, cut)


def _by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _place(known: np.ndarray, *words: str) -> int | None:
    """Where the hash of some words stands among sorted ones."""
    wanted = np.uint64(_hash(*map(word_type, words)))
    place = int(np.searchsorted(known, wanted))
    return place if place < len(known) and known[place] == wanted else None


def _hash(*types: str) -> int:
    return int.from_bytes(hashlib.blake2b("\t".join(types).encode(), digest_size=8).digest(), "little")

"""The word links of a corpus, for tasks that speak of words: made once for a language pair, kept beside it.

A folder ``links/<a>-<b>-<hash>`` beside the store, whose name tells the content of the text: ``starts.npy``,
``source.npy``, ``target.npy`` and ``score.npy`` hold for each line of the pair the cells that either
direction of the aligner gives at least :data:`LOW`; a cell's score is the geometric mean of both posteriors.
``known.npy`` holds sorted hashes of the types that meet in some cell of the text.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dragoman.align.segment import SAMPLE, needs_cutting
from dragoman.console import progress
from dragoman.corpus.artifact import FORMAT, alone, new_folder, read_manifest, write_manifest
from dragoman.instruct.words import word_type, words
from dragoman.language.language import Direction

if TYPE_CHECKING:
    from dragoman.corpus.store import Store

MADE = 1
"""Goes up when the same text would get other links."""
LOW = 0.02
"""Posterior below which, in both directions, two words are taken for unrelated."""
AT_ONCE = 1_000_000
"""Pairs that the aligner learns from; more are linked with what a sample of that size taught it."""
_BLOCK = 200_000
Cell = tuple[int, int, float]


class PairLinks:
    """The cells of a language pair, read from disk line by line; ``first`` and ``second`` name its sides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder, "set of links")
        self.first, self.second = self.manifest["pair"]
        self._spaceless = dict(zip(self.manifest["pair"], self.manifest["spaceless"], strict=True))
        self._starts, self._source, self._target, self._score, self._known = (
            np.load(folder / f"{name}.npy", mmap_mode="r")
            for name in ("starts", "source", "target", "score", "known")
        )

    def __len__(self) -> int:
        return len(self._starts) - 1

    def spaceless(self, code: str) -> bool:
        """Whether text of a language is cut into units."""
        return bool(self._spaceless[code])

    def cells(self, line: int, source: str) -> list[Cell]:
        """(source word, target word, score) of a line of the pair, sorted, seen from the language
        ``source``."""
        span = slice(int(self._starts[line]), int(self._starts[line + 1]))
        sides = self._source[span].tolist(), self._target[span].tolist()
        ahead = sides if source == self.first else sides[::-1]
        return sorted(zip(*ahead, self._score[span].tolist(), strict=True))

    def known(self, source: str, word: str, other: str) -> bool:
        """Whether a word of ``source`` and one of the other language are of types that ever met."""
        pair = (word, other) if source == self.first else (other, word)
        wanted = np.uint64(_pair_hash(*map(word_type, pair)))
        place = int(np.searchsorted(self._known, wanted))
        return place < len(self._known) and bool(self._known[place] == wanted)


def pair_links(store: Store, direction: Direction) -> PairLinks:
    """The links of a direction's pair, made now if they are not there; processes wait for the one that makes
    them.

    DataError if no line has words on both sides, or the place cannot be written to.
    """
    pair = sorted(direction)
    told = json.dumps([MADE, FORMAT, LOW, AT_ONCE, store.manifest["sha256"], pair])
    name = f"{'-'.join(pair)}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    folder = store.folder.parent / "links" / name
    if not (folder / "manifest.json").exists():
        with alone(folder.with_name(name + ".lock")):
            if not (folder / "manifest.json").exists():
                _make(store, Direction(*pair), folder)
    return PairLinks(folder)


def _make(store: Store, pair: Direction, folder: Path) -> None:
    indices = store.indices(pair)
    sample = [store[int(index)].texts for index in indices[:SAMPLE]]
    spaceless = [needs_cutting([texts[code] for texts in sample]) for code in pair]
    sides: tuple[list[str], list[str]] = ([], [])
    for index in indices:
        texts = store[int(index)].texts
        for side, code, cuts in zip(sides, pair, spaceless, strict=True):
            text = texts[code]
            side.append(" ".join(word_type(text[w.start : w.end]) for w in words(text, cuts)))
    arrays = _align(sides, f" links     {pair}")
    arrays["known"] = _known(sides, arrays)
    with new_folder(folder) as part:
        for name, values in arrays.items():
            np.save(part / f"{name}.npy", values)
        facts = {"lines": len(indices), "low": LOW, "pair": list(pair), "spaceless": spaceless}
        write_manifest(part, {"format": FORMAT, **facts})


def _align(sides: tuple[list[str], list[str]], title: str) -> dict[str, np.ndarray]:
    """The cells of all lines, as the arrays of a folder."""
    from dragoman.align.aligner import Aligner

    # every cell that either direction thinks likely enough: what is missing is a safe negative
    aligner = Aligner("hmm", "union", LOW, segment="words")
    count = len(sides[0])
    with progress(title, min(count, AT_ONCE) * aligner.passes()) as advance:
        if count <= AT_ONCE:
            found = [aligner.train_align(sides[0], sides[1], tell=advance)]
        else:
            chosen = np.linspace(0, count - 1, AT_ONCE).astype(int).tolist()
            one, two = ([side[line] for line in chosen] for side in sides)
            aligner.train(one, two, tell=advance)
            blocks = (slice(first, first + _BLOCK) for first in range(0, count, _BLOCK))
            found = [aligner.align(*(side[block] for side in sides)) for block in blocks]
    lengths = np.concatenate([np.diff(part.starts) for part in found])
    return {
        "starts": np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        "source": np.concatenate([part.source for part in found]),
        "target": np.concatenate([part.target for part in found]),
        "score": np.concatenate([part.score for part in found]),
    }


def _known(sides: tuple[list[str], list[str]], arrays: dict[str, np.ndarray]) -> Any:
    hashes = array("Q")
    starts = arrays["starts"]
    for line, texts in enumerate(zip(*sides, strict=True)):
        one, two = (text.split(" ") for text in texts)
        span = slice(starts[line], starts[line + 1])
        for i, j in zip(arrays["source"][span].tolist(), arrays["target"][span].tolist(), strict=True):
            hashes.append(_pair_hash(one[i], two[j]))
    return np.unique(np.array(hashes, np.uint64))


def _pair_hash(one: str, two: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{one}\t{two}".encode(), digest_size=8).digest(), "little")

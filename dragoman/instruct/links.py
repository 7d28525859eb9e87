"""The word links of a corpus, for tasks that speak of words: made once for a language pair, kept in the run.

A folder ``links/<a>-<b>-<hash>`` beside the run's corpus (beside the store where there is no run), whose name
tells the content of the text and what the aligner was set to: ``starts.npy``, ``source.npy``, ``target.npy``
and ``score.npy`` hold for each line of the pair the cells that either direction of the aligner gives at least
:data:`LOW`; a cell's score is the geometric mean of both posteriors. ``known.npy`` holds sorted hashes of the
types that meet in some cell of the text with at least :data:`MET`. A run takes the links that another run
beside it has made of the same text.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dragoman.align.segment import SAMPLE, needs_cutting
from dragoman.console import progress, say
from dragoman.corpus.artifact import FORMAT, MANIFEST, alone, new_folder, read_manifest, write_manifest
from dragoman.errors import DataError
from dragoman.instruct.words import word_type, words
from dragoman.language.language import Direction

if TYPE_CHECKING:
    from dragoman.align.aligner import Aligner
    from dragoman.corpus.store import Store

MADE = 3
"""Goes up when the same text would get other links of an aligner with the same settings."""
LOW = 0.001
"""Posterior below which, in both directions, two words of a line are taken for unrelated."""
MET = 0.01
"""Score from which on two types count as known to answer each other, anywhere in the text."""
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
        try:
            self._starts, self._source, self._target, self._score, self._known = (
                np.load(folder / f"{name}.npy", mmap_mode="r")
                for name in ("starts", "source", "target", "score", "known")
            )
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder}: the links are damaged ({error}); remove the folder, they are made again"
            ) from None

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
    told = json.dumps([MADE, FORMAT, MET, AT_ONCE, _aligner().depends(), store.manifest["sha256"], pair])
    name = f"{'-'.join(pair)}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    folder = _home(store) / name
    if not (folder / MANIFEST).exists():
        with alone(folder.with_name(name + ".lock")):
            if not (folder / MANIFEST).exists() and not _taken(folder):
                _make(store, Direction(*pair), folder)
    return PairLinks(folder)


def _aligner() -> Aligner:
    """Every cell that either direction thinks at all likely: what is missing is a safe negative."""
    from dragoman.align.aligner import Aligner

    return Aligner("hmm", "union", LOW, segment="words")


def _home(store: Store) -> Path:
    """Where links are kept: in the run, so that they outlive a corpus that is made anew."""
    corpus = store.folder.parent
    return (corpus.parent if (corpus.parent / "recipe.yaml").is_file() else corpus) / "links"


def _taken(folder: Path) -> bool:
    """Whether a run beside this one had these links; they stand here, too, then. Files are shared on disk."""
    run = folder.parents[1]
    if not (run / "recipe.yaml").is_file():
        return False
    for found in sorted(run.parent.glob(f"*/{folder.parent.name}/{folder.name}/{MANIFEST}")):
        with new_folder(folder) as part:
            shutil.copytree(found.parent, part, copy_function=_shared, dirs_exist_ok=True)
        say(f" links     {folder.name.rpartition('-')[0]} as in {found.parents[2]}")
        return True
    return False


def _shared(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)


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
        facts = {"lines": len(indices), "pair": list(pair), "spaceless": spaceless}
        facts["aligner"] = _aligner().depends()
        write_manifest(part, {"format": FORMAT, **facts})


def _align(sides: tuple[list[str], list[str]], title: str) -> dict[str, np.ndarray]:
    """The cells of all lines, as the arrays of a folder."""
    aligner = _aligner()
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
    starts, met = arrays["starts"], arrays["score"] >= MET
    for line, texts in enumerate(zip(*sides, strict=True)):
        one, two = (text.split(" ") for text in texts)
        span = slice(starts[line], starts[line + 1])
        ends = (arrays[name][span][met[span]].tolist() for name in ("source", "target"))
        hashes.extend(_pair_hash(one[i], two[j]) for i, j in zip(*ends, strict=True))
    return np.unique(np.array(hashes, np.uint64))


def _pair_hash(one: str, two: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{one}\t{two}".encode(), digest_size=8).digest(), "little")

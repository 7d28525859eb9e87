"""What the tokens of a model write, and how a phrase can be written with them."""

from __future__ import annotations

from functools import lru_cache

from dragoman.prompt.encode import Encoder
from dragoman.prompt.safe import Text
from dragoman.prompt.templates import Piece

FAR = 1 << 20
"""Number of tokens that stands for "cannot be written"."""


class Lexicon:
    """The tokens of an encoder as bytes, as :meth:`Encoder.decode` writes them.

    ``fresh_space``: an answer begins with a space that decoding takes off.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.safe = encoder.safe
        vocabulary = encoder.safe.vocabulary
        silent = vocabulary.control | encoder.stop_ids
        self.surfaces = [b"" if i in silent else text for i, text in enumerate(vocabulary.surface)]
        self.stops = encoder.stop_ids
        self.ids: dict[bytes, int] = {}
        for index, surface in enumerate(self.surfaces):
            if surface and index != vocabulary.unknown and index not in vocabulary.byte_names:
                self.ids.setdefault(surface, index)
        for index in vocabulary.byte_names:
            self.ids.setdefault(self.surfaces[index], index)
        self.longest = max(map(len, self.ids), default=0)
        spelt = vocabulary.spell(b" a")
        self.fresh_space = spelt is not None and encoder.decode(spelt) == "a"
        self.spelled = lru_cache(maxsize=4096)(self._spelled)

    def surface(self, token: int) -> bytes:
        """What a token writes; nothing for control tokens and ids beyond the vocabulary."""
        return self.surfaces[token] if token < len(self.surfaces) else b""

    def pieces(self, rest: bytes) -> list[tuple[int, int]]:
        """The tokens that ``rest`` can begin with, each with the number of bytes it writes."""
        sizes = range(1, min(self.longest, len(rest)) + 1)
        return [(self.ids[rest[:size]], size) for size in sizes if rest[:size] in self.ids]

    def costs(self, text: bytes) -> list[int]:
        """Fewest tokens that write ``text[i:]``, for each i up to its length; FAR if none can."""
        costs = [FAR] * len(text) + [0]
        for start in reversed(range(len(text))):
            found = (1 + costs[start + size] for _, size in self.pieces(text[start:]))
            costs[start] = min(found, default=FAR)
        return costs

    def shortest(self, text: bytes, costs: list[int], start: int = 0) -> list[int]:
        """The fewest tokens that write ``text[start:]``, given its ``costs``."""
        ids = []
        while start < len(text):
            index, size = min(
                self.pieces(text[start:]), key=lambda piece: (costs[start + piece[1]], -piece[1])
            )
            ids.append(index)
            start += size
        return ids

    def _spelled(self, rest: bytes) -> tuple[int, ...]:
        """The tokens with which the tokenizer itself writes text that goes on; empty if none can."""
        try:
            text = rest.decode()
        except UnicodeDecodeError:  # begins inside a character
            text = ""
        if text:
            ids = self.safe.encode_many([Text((Piece(text, True),), False, ())])[0]
            if isinstance(ids, list) and b"".join(map(self.surface, ids)) == rest:
                return tuple(ids)
        costs = self.costs(rest)
        return tuple(self.shortest(rest, costs)) if costs[0] < FAR else ()

"""What the tokens of a model write, and how a phrase can be written with them."""

from __future__ import annotations

from functools import lru_cache

from dragoman.prompt.encode import Encoder
from dragoman.prompt.safe import Text
from dragoman.prompt.templates import Piece

FAR = 1 << 20
"""A number of tokens that no text has."""


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
        self.spelled = lru_cache(maxsize=8192)(self._spelled)
        self.fewest = lru_cache(maxsize=8192)(self._fewest)

    def surface(self, token: int) -> bytes:
        """What a token writes; nothing for control tokens and ids beyond the vocabulary."""
        return self.surfaces[token] if token < len(self.surfaces) else b""

    def writes(self, text: str) -> bool:
        """Whether tokens can write a text; none can write half a surrogate pair, which JSON can hold."""
        half = any("\ud800" <= char <= "\udfff" for char in text)
        return not half and self.fewest(text.encode()) is not None

    def pieces(self, text: bytes, start: int = 0) -> list[tuple[int, int]]:
        """The tokens that ``text[start:]`` can begin with, each with the place where it ends."""
        ends = range(start + 1, min(start + self.longest, len(text)) + 1)
        return [(self.ids[text[start:end]], end) for end in ends if text[start:end] in self.ids]

    def _fewest(self, text: bytes) -> tuple[int, ...] | None:
        """The fewest tokens that write a text, the longest ones first; None if none can."""
        costs = [FAR] * len(text) + [0]
        for start in reversed(range(len(text))):
            costs[start] = min((1 + costs[end] for _, end in self.pieces(text, start)), default=FAR)
        if costs[0] >= FAR:
            return None
        ids, start = [], 0
        while start < len(text):
            index, start = min(self.pieces(text, start), key=lambda piece: (costs[piece[1]], -piece[1]))
            ids.append(index)
        return tuple(ids)

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
        return self.fewest(rest) or ()

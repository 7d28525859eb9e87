"""Text to ids such that data stays data: it never holds a control token nor the ids of a template's delimiter."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from dragoman.prompt.templates import Piece
from dragoman.prompt.vocabulary import Vocabulary, _parts

PROBE = "a b"


class Unwritable(Exception):
    """Data that this tokenizer cannot write safely; the message is the reason under which it is counted."""


class Text(NamedTuple):
    """Pieces between two control tokens, encoded jointly. ``fresh``: as the start of a text, not a continuation."""

    pieces: tuple[Piece, ...]
    fresh: bool


class SafeText:
    """Encodes texts with one tokenizer. Its own copies of the tokenizer never match a control token."""

    def __init__(self, tokenizer: Any) -> None:
        from tokenizers import Tokenizer

        self.vocabulary = Vocabulary(tokenizer)
        spec = json.loads(tokenizer.backend_tokenizer.to_str())
        self._matching = Tokenizer.from_str(json.dumps(_bare(spec)))
        for row in spec["added_tokens"]:
            row["special"] = row["special"] or row["id"] in self.vocabulary.control
        self._fresh = _unmatching(Tokenizer.from_str(json.dumps(_bare(spec))))
        self._next = _unmatching(Tokenizer.from_str(json.dumps(_without_prefix(_bare(spec)))))
        first = self._ids(self._fresh, PROBE)
        # A space put before a continuation writes the same and keeps a leading space that the prefix would swallow.
        self._prefix = " " if first != self._ids(self._next, PROBE) == self._ids(self._next, PROBE) else ""
        self._prefix = " " if first == self._ids(self._next, " " + PROBE) else ""
        if first == self._ids(self._next, PROBE):
            self._prefix, self._fresh = "", self._next
        elif self._prefix:
            self._fresh = self._next
        self.fresh_space = self.vocabulary.text(first).startswith(b" ")
        self.fresh_after_control = self._after_control()
        self.controls = lru_cache(maxsize=4096)(self._controls)
        self._delimiters = lru_cache(maxsize=256)(self._pattern)
        self._expected = lru_cache(maxsize=4096)(self._frame_count)

    @staticmethod
    def _ids(backend: Any, text: str) -> list[int]:
        ids: list[int] = backend.encode(text, add_special_tokens=False).ids
        return ids

    def _after_control(self) -> bool:
        """Whether text behind a control token is encoded like the start of a text."""
        for index in sorted(self.vocabulary.control):
            ids = self._ids(self._matching, self.vocabulary.added[index] + PROBE)
            if ids and ids[0] == index:
                return ids[1:] == self._ids(self._fresh, self._prefix + PROBE)
        return False

    def _controls(self, text: str) -> tuple[str | int, ...]:
        """A template's words cut at control tokens: texts and ids in turn, white space that a token eats taken out."""
        parts: list[str | int] = []
        encoding = self._matching.encode(text, add_special_tokens=False)
        end = 0
        for index, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if index in self.vocabulary.control:
                parts += [text[end:start], index] if start > end else [index]
                end = stop
        return (*parts, text[end:]) if end < len(text) else tuple(parts)

    def _pattern(self, delimiters: tuple[str, ...]) -> tuple[re.Pattern[bytes], list[bytes]]:
        """A pattern that finds every place where a delimiter begins, and those that no other spelling can hide."""
        encoded = sorted((text.encode() for text in delimiters if text), key=len, reverse=True)
        inner = b"|".join(re.escape(text) for text in encoded)
        bare = [text.encode() for text in delimiters if self._ids(self._next, text) == self.vocabulary.spell(text.encode())]
        return re.compile(b"(?=(" + inner + b"))" if encoded else b"(?!)"), bare

    def _frame_count(self, frame: tuple[str | None, ...], delimiters: tuple[str, ...]) -> int:
        pattern, _ = self._delimiters(delimiters)
        return sum(1 for _ in pattern.finditer("\0".join(text or "" for text in frame).encode()))

    def backend(self, text: Text) -> tuple[Any, str]:
        """The tokenizer copy and the string that encode this text."""
        joined = "".join(piece.text for piece in text.pieces)
        return (self._fresh, self._prefix + joined) if text.fresh else (self._next, joined)

    def encode(self, text: Text, delimiters: tuple[str, ...]) -> list[int]:
        """Ids of a text; Unwritable if its data cannot be written, or cannot be kept apart from a delimiter."""
        backend, joined = self.backend(text)
        return self.finish(text, delimiters, backend.encode(joined, add_special_tokens=False))

    def finish(self, text: Text, delimiters: tuple[str, ...], encoding: Any) -> list[int]:
        """The ids of a text from its encoding, with tokens that data must not hold spelt out."""
        ids: list[int] = encoding.ids
        return ids if self._clean(text, delimiters, ids) else [i for i, _ in self._spelt(text, delimiters, encoding)]

    def finish_with_starts(self, text: Text, delimiters: tuple[str, ...], encoding: Any) -> list[tuple[int, int]]:
        """Like :meth:`finish`, each id with the place of its first character in the joined pieces."""
        if self._clean(text, delimiters, encoding.ids):
            shift = len(self._prefix) if text.fresh else 0
            return [(i, max(0, start - shift)) for i, (start, _) in zip(encoding.ids, encoding.offsets, strict=True)]
        return self._spelt(text, delimiters, encoding)

    def _clean(self, text: Text, delimiters: tuple[str, ...], ids: list[int]) -> bool:
        vocabulary = self.vocabulary
        if not vocabulary.control.isdisjoint(ids) or vocabulary.unknown in ids:
            return False
        if not delimiters:
            return True
        frame = tuple(None if piece.data else piece.text for piece in text.pieces)
        pattern, _ = self._delimiters(delimiters)
        return sum(1 for _ in pattern.finditer(vocabulary.text(ids))) == self._expected(frame, delimiters)

    def _spelt(self, text: Text, delimiters: tuple[str, ...], encoding: Any) -> list[tuple[int, int]]:
        ids: list[int] = encoding.ids
        shift = len(self._prefix) if text.fresh else 0
        joined = "".join(piece.text for piece in text.pieces)
        spans = [(max(0, start - shift), max(0, stop - shift)) for start, stop in encoding.offsets]
        data = _data_tokens(text.pieces, spans)
        spell = {k for k, index in enumerate(ids) if index in self.vocabulary.control}
        for k, index in enumerate(ids):
            if index == self.vocabulary.unknown and joined[slice(*spans[k])] != self.vocabulary.added.get(index):
                raise Unwritable("characters unknown to the tokenizer")
        spell |= self._forged(ids, data, delimiters)
        result: list[tuple[int, int]] = []
        for k, index in enumerate(ids):
            result += self._spell(index, spans[k]) if k in spell else [(index, spans[k][0])]
        return result

    def _forged(self, ids: list[int], data: list[bool], delimiters: tuple[str, ...]) -> set[int]:
        """Places of the tokens of data that a delimiter, as the model would read it, lies upon."""
        pattern, bare = self._delimiters(delimiters)
        owner = [k for k, index in enumerate(ids) for _ in self.vocabulary.surface[index]]
        found: set[int] = set()
        for match in pattern.finditer(self.vocabulary.text(ids)):
            tokens = {owner[place] for place in range(match.start(1), match.end(1))}
            mine = {k for k in tokens if data[k]}
            if mine and match[1] in bare:
                raise Unwritable("a delimiter that this tokenizer cannot write in another way")
            found |= mine
        return found

    def _spell(self, index: int, span: tuple[int, int]) -> list[tuple[int, int]]:
        surface = self.vocabulary.surface[index]
        ids = self.vocabulary.spell(surface)
        if ids is None:
            raise Unwritable("characters unknown to the tokenizer")
        start, stop = span
        result, done = [], 0
        for i in ids:
            place = start + len(surface[:done].decode(errors="ignore"))
            result.append((i, min(place, max(start, stop - 1))))
            done += len(self.vocabulary.surface[i])
        return result


def _data_tokens(pieces: Sequence[Piece], spans: list[tuple[int, int]]) -> list[bool]:
    """For each token, whether it holds a character of data."""
    flags: list[bool] = []
    for piece in pieces:
        flags += [piece.data] * len(piece.text)
    return [any(flags[start:stop]) for start, stop in spans]


def _bare(spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "post_processor": None, "truncation": None, "padding": None}


def _unmatching(backend: Any) -> Any:
    backend.encode_special_tokens = True
    return backend


def _without_prefix(spec: dict[str, Any]) -> dict[str, Any]:
    """The tokenizer without the space that it puts before a text (kept where it puts one before every word)."""
    spec = json.loads(json.dumps(spec))
    before = _parts(spec["pre_tokenizer"])
    if not any(part["type"].startswith("Whitespace") for part in before):
        for part in before:
            if part["type"] == "Metaspace":
                part["prepend_scheme"] = "never"
            if part["type"] == "ByteLevel":
                part["add_prefix_space"] = False
    normalizer = spec["normalizer"]
    if normalizer is not None:
        kept = [part for part in _parts(normalizer) if part["type"] != "Prepend"]
        spec["normalizer"] = {"type": "Sequence", "normalizers": kept} if kept else None
    return spec

"""Text to ids such that data stays data: it holds no control token and no ids of a template's delimiter."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from dragoman.errors import ModelError
from dragoman.prompt.backends import copy_of, encode_plain, unmatching, without_prefix
from dragoman.prompt.templates import Piece
from dragoman.prompt.vocabulary import SPACE_MARK, Vocabulary

PROBE = "a b"
UNKNOWN_CHARACTERS = "characters that the tokenizer lacks"
BARE_DELIMITER = "a delimiter of the template that the tokenizer cannot spell in another way"
NOT_UNICODE = "half a surrogate pair, which is no Unicode text"


_NAMES = re.compile(f"{SPACE_MARK}|<0x")


class Unwritable(Exception):
    """Data that this tokenizer cannot write safely; the message is the reason under which it is counted."""


class Text(NamedTuple):
    """Pieces between two control tokens, encoded jointly. ``fresh``: as the start of a text, not going on."""

    pieces: tuple[Piece, ...]
    fresh: bool
    delimiters: tuple[str, ...]

    @property
    def joined(self) -> str:
        """The whole text."""
        return "".join([piece.text for piece in self.pieces])


class _Guard(NamedTuple):
    """Delimiters as the tokenizer writes them: a pattern, what is counted, those without another spelling."""

    pattern: re.Pattern[bytes]
    quick: tuple[bytes, ...]
    bare: frozenset[bytes]
    longest: int


class SafeText:
    """Encodes texts with one tokenizer, through copies of it that never match a control token.

    ``fresh_space``: the start of a text gets a space put before it. ``fresh_after_control``: text behind a
    control token is encoded like the start of a text. ``cuts``: text may be cut between a line end and a
    letter.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.vocabulary = Vocabulary(tokenizer)
        self._matching = copy_of(self.vocabulary.spec)
        spec = json.loads(json.dumps(self.vocabulary.spec))
        for row in spec["added_tokens"]:
            row["special"] = row["special"] or row["id"] in self.vocabulary.control
        self._fresh = unmatching(spec)
        self._next = unmatching(without_prefix(spec))
        first = encode_plain(self._fresh, PROBE)
        self._prefix = ""
        if first != encode_plain(self._next, PROBE) and first == encode_plain(self._next, " " + PROBE):
            # Putting the space there ourselves writes the same, and keeps a space that the text begins with.
            self._prefix, self._fresh = " ", self._next
        self.fresh_space = self.vocabulary.text(first).startswith(b" ")
        self.fresh_after_control = self._fresh_after_control()
        # Between a line end and a letter a text may be cut if no token spans both: nothing changes.
        # (Not for unigram models: between equally likely spellings, what stands before decides by rounding.)
        bpe = self.vocabulary.spec["model"]["type"] == "BPE"
        self.cuts = bpe and not any(
            re.search(rb"\n[A-Za-z\x80-\xff]", surface) for surface in self.vocabulary.surface
        )
        self.controls = lru_cache(maxsize=4096)(self._controls)
        self._guard = lru_cache(maxsize=1024)(self._make_guard)
        self._in_frame = lru_cache(maxsize=8192)(self._count_in_frame)
        self._head = lru_cache(maxsize=8192)(self._encode_head)

    def _fresh_after_control(self) -> bool:
        for index in sorted(self.vocabulary.control):
            ids = encode_plain(self._matching, self.vocabulary.added[index] + PROBE)
            if ids and ids[0] == index:
                return ids[1:] == encode_plain(self._fresh, self._prefix + PROBE)
        return False

    def _controls(self, text: str) -> tuple[str | int, ...]:
        """A template's words cut at control tokens; white space that a token eats is left out."""
        found: list[str | int] = []
        encoding = self._matching.encode(text, add_special_tokens=False)
        end = 0
        for index, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            unknown = index == self.vocabulary.unknown and text[start:stop] != self.vocabulary.added.get(
                index
            )
            if index in self.vocabulary.control and not unknown:
                found += [text[end:start], index] if start > end else [index]
                end = stop
        return (*found, text[end:]) if end < len(text) else tuple(found)

    def encode_many(self, texts: Sequence[Text]) -> list[list[int] | Unwritable]:
        """Ids of each text, or the reason why its data cannot be written or not be told from a delimiter."""
        cut = [self._cut(text) for text in texts]
        rests: dict[bool, dict[str, list[int]]] = {True: {}, False: {}}
        for fresh, _, rest in cut:
            rests[fresh][rest] = []
        for fresh, wanted in rests.items():
            backend = self._fresh if fresh else self._next
            try:
                encodings = backend.encode_batch_fast(list(wanted), add_special_tokens=False)
            except (TypeError, UnicodeEncodeError):
                return [self._encode_alone(text) for text in texts]
            rests[fresh] = {rest: encoding.ids for rest, encoding in zip(wanted, encodings, strict=True)}
        results: list[list[int] | Unwritable] = []
        for text, (fresh, head, rest) in zip(texts, cut, strict=True):
            ids = head + rests[fresh][rest]
            results.append(ids if self._clean(text, ids) else self._encode_alone(text))
        return results

    def _encode_alone(self, text: Text) -> list[int] | Unwritable:
        try:
            return [index for index, _ in self.encode_with_starts(text)]
        except Unwritable as reason:
            return reason

    def encode_with_starts(self, text: Text) -> list[tuple[int, int]]:
        """Ids of a text, each with the place of its first character in the text; Unwritable as above."""
        joined = text.joined
        mended, stand_in = joined, ""
        if not self.vocabulary.byte_level and SPACE_MARK in joined:
            stand_in = self._stand_in(joined)
            mended = "".join(p.text.replace(SPACE_MARK, stand_in) if p.data else p.text for p in text.pieces)
        prefix = self._prefix if text.fresh else ""
        backend = self._fresh if text.fresh else self._next
        try:
            encoding = backend.encode(prefix + mended, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise Unwritable(NOT_UNICODE) from error
        spans = [
            (max(0, start - len(prefix)), max(0, stop - len(prefix))) for start, stop in encoding.offsets
        ]
        if self._clean(text, encoding.ids):
            return [(index, start) for index, (start, _) in zip(encoding.ids, spans, strict=True)]
        found = self._spelt(text, encoding.ids, spans)
        return self._put_back(found, stand_in) if stand_in else found

    def _cut(self, text: Text) -> tuple[bool, list[int], str]:
        """A text as the ids of its head, which many texts share, and a rest with the copy that encodes it."""
        pieces = text.pieces
        last = next((k for k in range(len(pieces) - 1, 0, -1) if pieces[k].data), 0)
        if self.cuts and last and pieces[last].text[:1].isalpha():
            head = self._head("".join([piece.text for piece in pieces[:last]]), text.fresh)
            if head is not None:
                return False, head, "".join([piece.text for piece in pieces[last:]])
        return text.fresh, [], (self._prefix if text.fresh else "") + text.joined

    def crossed(self, before: Sequence[int], after: Sequence[int], delimiters: tuple[str, ...]) -> bool:
        """Whether a delimiter begins in the ids before a cut and ends in those after it."""
        guard = self._guard(delimiters)
        left = self.vocabulary.text(before[-guard.longest :])
        right = self.vocabulary.text(after[: guard.longest])
        return any(m.start(1) < len(left) < m.end(1) for m in guard.pattern.finditer(left + right))

    def _encode_head(self, head: str, fresh: bool) -> list[int] | None:
        """The ids of a text's first part as they are before a letter; None unless a line end closes it."""
        if not head.endswith("\n"):
            return None
        backend, prefix = (self._fresh, self._prefix) if fresh else (self._next, "")
        ids = encode_plain(backend, prefix + head + PROBE[0])
        surface = self.vocabulary.surface
        ends = len(ids) > 1 and surface[ids[-1]] == PROBE[0].encode() and surface[ids[-2]].endswith(b"\n")
        return ids[:-1] if ends else None

    def _make_guard(self, delimiters: tuple[str, ...]) -> _Guard:
        vocabulary = self.vocabulary
        written: dict[bytes, bool] = {}
        for text in delimiters:
            ids = encode_plain(self._next, text)
            if ids and vocabulary.unknown not in ids:
                surface = vocabulary.text(ids)
                written[surface] = ids == vocabulary.spell(surface)
        ordered = sorted(written, key=len, reverse=True)
        common = _common_prefix(ordered)
        pattern = b"(?=(" + b"|".join(map(re.escape, ordered)) + b"))" if ordered else b"(?!)"
        bare = frozenset(surface for surface, same in written.items() if same)
        quick = (common,) if len(common) > 2 else tuple(ordered)
        return _Guard(re.compile(pattern), quick, bare, max(map(len, ordered), default=1))

    def _count_in_frame(self, frame: tuple[str, ...], quick: tuple[bytes, ...]) -> int:
        written = b"\0".join([self.vocabulary.text(encode_plain(self._next, text)) for text in frame])
        return sum(map(written.count, quick))

    def _clean(self, text: Text, ids: list[int]) -> bool:
        """Whether the ids hold no control token, no unknown character and no forged delimiter."""
        vocabulary = self.vocabulary
        if vocabulary.unknown in ids or not vocabulary.control.isdisjoint(ids):
            return False
        if not vocabulary.byte_level and any(
            _NAMES.search(piece.text) for piece in text.pieces if piece.data
        ):
            return False
        if not text.delimiters:
            return True
        quick = self._guard(text.delimiters).quick
        frame = tuple([piece.text for piece in text.pieces if not piece.data])
        written = vocabulary.text(ids)
        return sum(map(written.count, quick)) == self._in_frame(frame, quick)

    def _spelt(self, text: Text, ids: list[int], spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        vocabulary = self.vocabulary
        joined = text.joined
        flags = [piece.data for piece in text.pieces for _ in piece.text]
        data = [any(flags[start:stop]) for start, stop in spans]
        for k, index in enumerate(ids):
            if index == vocabulary.unknown and joined[slice(*spans[k])] != vocabulary.added.get(index):
                if data[k]:
                    raise Unwritable(UNKNOWN_CHARACTERS)
                raise ModelError(
                    f"the tokenizer cannot write {joined[slice(*spans[k])]!r}, which the template needs"
                )
        spelt = self._forged(text, ids, data)
        for k, index in enumerate(ids):
            name = vocabulary.byte_names.get(index, "")
            if index in vocabulary.control or (name and joined[slice(*spans[k])] == name):
                spelt[k] = vocabulary.spell(name.encode() or vocabulary.surface[index])
        result: list[tuple[int, int]] = []
        for k, index in enumerate(ids):
            result += self._placed(spelt[k], spans[k]) if k in spelt else [(index, spans[k][0])]
        return result

    def _forged(self, text: Text, ids: list[int], data: list[bool]) -> dict[int, list[int] | None]:
        """The tokens of data under a delimiter as the model would read it: place to tokens."""
        vocabulary, guard = self.vocabulary, self._guard(text.delimiters)
        owner = [k for k, index in enumerate(ids) for _ in vocabulary.surface[index]]
        found: dict[int, list[int] | None] = {}
        for match in guard.pattern.finditer(vocabulary.text(ids)):
            mine = {k for k in owner[match.start(1) : match.end(1)] if data[k]}
            bare = match[1] in guard.bare
            for k in mine:
                surface = vocabulary.surface[ids[k]]
                if bare:
                    found[k] = vocabulary.spell_bytes(surface)
                else:
                    found.setdefault(k, vocabulary.spell(surface))
            if mine and bare and all(found[k] == [ids[k]] for k in mine):
                raise Unwritable(BARE_DELIMITER)
        return found

    def _placed(self, ids: list[int] | None, span: tuple[int, int]) -> list[tuple[int, int]]:
        """Small tokens that stand for one, each with the place of its first character."""
        if ids is None:
            raise Unwritable(UNKNOWN_CHARACTERS)
        written = self.vocabulary.text(ids)
        result: list[tuple[int, int]] = []
        done = 0
        for index in ids:
            place = span[0] + len(written[:done].decode(errors="ignore"))
            result.append((index, min(place, max(span[0], span[1] - 1))))
            done += len(self.vocabulary.surface[index])
        return result

    def _stand_in(self, text: str) -> str:
        """A private character, three bytes like the space mark, that neither text nor vocabulary holds."""
        codes = map(chr, range(0xE000, 0xF8FF))
        return next(c for c in codes if c not in text and c not in self.vocabulary.ids)

    def _put_back(self, found: list[tuple[int, int]], stand_in: str) -> list[tuple[int, int]]:
        """Bytes of the space mark for those of the character that stood in for it."""
        there, wanted = self.vocabulary.spell(stand_in.encode()), self.vocabulary.spell(SPACE_MARK.encode())
        if there is None or wanted is None:
            raise Unwritable(UNKNOWN_CHARACTERS)
        ids = [index for index, _ in found]
        for k in range(len(ids) - len(there) + 1):
            if ids[k : k + len(there)] == there:
                ids[k : k + len(there)] = wanted
        return [(index, start) for index, (_, start) in zip(ids, found, strict=True)]


def _common_prefix(texts: Sequence[bytes]) -> bytes:
    if not texts:
        return b""
    first, last = min(texts), max(texts)
    return first[: next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]

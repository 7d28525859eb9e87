"""What each token of a tokenizer writes, and how to write a text with the smallest tokens.

Two families are known: byte-level BPE, whose tokens are bytes spelt as letters, and SentencePiece-style BPE
and unigram models, whose tokens are characters with a mark for the space and, mostly, tokens such as <0x0A>
for bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from dragoman.errors import ModelError

SPACE_MARK = "▁"
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


class Vocabulary:
    """Surfaces of tokens as bytes, and the small tokens that write any text.

    ``spec`` is the tokenizer as tokenizer.json holds it. ``control`` are the ids that data must never hold:
    every added token that is more than white space. ``surface[i]`` is what token i writes; a control token's
    is its name. ``byte_names`` are the tokens that write one byte: a text may hold the name itself.
    """

    def __init__(self, tokenizer: Any) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        name = getattr(tokenizer, "name_or_path", "") or "this model"
        if backend is None:
            raise ModelError(
                f"the tokenizer of {name} is a {type(tokenizer).__name__} without tokenizer.json; expected "
                "one of the tokenizers library: convert it with transformers and save it again"
            )
        self.spec: dict[str, Any] = json.loads(backend.to_str())
        kinds = sorted({part["type"] for part in parts(self.spec["decoder"])})
        self.byte_level = "ByteLevel" in kinds
        if not self.byte_level and not _marks_space(self.spec):
            raise ModelError(
                f"the tokenizer of {name} decodes by {', '.join(kinds) or 'nothing'}; expected byte-level "
                "BPE or a SentencePiece-style BPE or unigram model"
            )
        self.ids: dict[str, int] = backend.get_vocab(with_added_tokens=True)
        self.added: dict[int, str] = {row["id"]: row["content"] for row in self.spec["added_tokens"]}
        self.control = frozenset(i for i, text in self.added.items() if is_control(text))
        self.unknown = _unknown(self.spec["model"], self.ids)
        self.byte_names = {
            i: t for t, i in self.ids.items() if not self.byte_level and _BYTE_TOKEN.fullmatch(t)
        }
        self._bytes = byte_letters()
        self._letters = {byte: letter for letter, byte in self._bytes.items()}
        self.surface = [b""] * (max(self.ids.values(), default=-1) + 1)
        for token, index in self.ids.items():
            self.surface[index] = token.encode() if index in self.control else self._surface(token)

    def _surface(self, token: str) -> bytes:
        if self.byte_level:
            known = self._bytes
            return bytes(known[c] for c in token) if all(c in known for c in token) else token.encode()
        if match := _BYTE_TOKEN.fullmatch(token):
            return bytes([int(match[1], 16)])
        return token.replace(SPACE_MARK, " ").encode()

    def text(self, ids: Sequence[int]) -> bytes:
        """The bytes that these ids write; an id beyond the vocabulary (padded embeddings) writes nothing."""
        surface = self.surface
        try:
            return b"".join([surface[i] for i in ids])
        except IndexError:
            return b"".join([surface[i] for i in ids if i < len(surface)])

    def spell(self, text: bytes) -> list[int] | None:
        """Ids of the smallest tokens that write these bytes; None if the vocabulary lacks one of them.

        A mark of the space that stands in a text is spelt in bytes: its own token writes a space.
        """
        if self.byte_level:
            return self.spell_bytes(text)
        ids: list[int] = []
        for character in text.decode("utf-8", errors="surrogateescape"):
            token = SPACE_MARK if character == " " else character
            found = None if character == SPACE_MARK else self._known([token])
            if found is None:
                found = self.spell_bytes(character.encode("utf-8", errors="surrogateescape"))
            if found is None:
                return None
            ids += found
        return ids

    def spell_bytes(self, text: bytes) -> list[int] | None:
        """Ids of the tokens that write one byte each; None if the vocabulary lacks one of them."""
        return self._known([self._letters[b] if self.byte_level else f"<0x{b:02X}>" for b in text])

    def _known(self, tokens: Sequence[str]) -> list[int] | None:
        ids = [self.ids.get(token, -1) for token in tokens]
        return None if any(i < 0 or i in self.control or i == self.unknown for i in ids) else ids


def is_control(name: str) -> bool:
    """Whether an added token of this name is more than white space or a byte."""
    return bool(name.strip().strip(SPACE_MARK)) and not _BYTE_TOKEN.fullmatch(name)


def byte_letters() -> dict[str, int]:
    """The letters that stand for bytes in byte-level BPE (GPT-2's table): printable Latin-1 for itself."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def parts(component: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A component of tokenizer.json as a flat list: the members of a sequence, or itself; none if absent."""
    if component is None:
        return []
    for key in ("decoders", "normalizers", "pretokenizers"):
        if key in component:
            return [leaf for member in component[key] for leaf in parts(member)]
    return [component]


def _marks_space(spec: dict[str, Any]) -> bool:
    return any(
        part["type"] == "Metaspace" or (part["type"] == "Replace" and SPACE_MARK in part["pattern"].values())
        for part in parts(spec["decoder"])
    )


def _unknown(model: dict[str, Any], ids: dict[str, int]) -> int | None:
    if model.get("unk_id") is not None:
        return int(model["unk_id"])
    token = model.get("unk_token")
    return ids.get(token) if token is not None else None

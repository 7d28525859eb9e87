"""What each token of a tokenizer writes, and how to write a text with the smallest tokens.

Two families are known: byte-level BPE, whose tokens are bytes spelt as letters, and SentencePiece-style BPE and
unigram models, whose tokens are characters with a mark for the space and, mostly, tokens such as <0x0A> for bytes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from dragoman.errors import ModelError

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
SPACE_MARK = "▁"


def byte_letters() -> dict[str, int]:
    """The letters by which byte-level BPE spells bytes (GPT-2's table): printable Latin-1 stands for itself."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(byte): byte for byte in printable}
    others = [byte for byte in range(256) if byte not in set(printable)]
    table |= {chr(256 + index): byte for index, byte in enumerate(others)}
    return table


class Vocabulary:
    """Surfaces of tokens as bytes, and the small tokens that write any text.

    ``control`` are the ids that data must never hold: every added token that is more than white space.
    """

    def __init__(self, tokenizer: Any) -> None:
        spec = json.loads(tokenizer.backend_tokenizer.to_str())
        kinds = {part["type"] for part in _parts(spec["decoder"])}
        self.byte_level = "ByteLevel" in kinds
        if not self.byte_level and not _marks_space(spec):
            raise ModelError(
                f"the tokenizer of {tokenizer.name_or_path or 'this model'} decodes with {', '.join(sorted(kinds)) or 'nothing'}; "
                "expected byte-level BPE or a SentencePiece-style model"
            )
        self.ids: dict[str, int] = tokenizer.get_vocab()
        added = {int(row["id"]): row["content"] for row in spec["added_tokens"]}
        self.added = added
        self.control = frozenset(i for i, text in added.items() if text.strip().strip(SPACE_MARK))
        self.unknown = _unknown(spec["model"], self.ids)
        self._bytes = byte_letters()
        self._letters = {byte: letter for letter, byte in self._bytes.items()}
        self.surface = [b""] * (max(self.ids.values(), default=-1) + 1)
        for token, index in self.ids.items():
            self.surface[index] = token.encode() if index in added else self._surface(token)

    def _surface(self, token: str) -> bytes:
        if self.byte_level:
            known = self._bytes
            return bytes(known[c] for c in token) if all(c in known for c in token) else token.encode()
        if match := BYTE_TOKEN.fullmatch(token):
            return bytes([int(match[1], 16)])
        return token.replace(SPACE_MARK, " ").encode()

    def spell(self, text: bytes) -> list[int] | None:
        """Ids of the smallest tokens that write these bytes; None if the vocabulary lacks one of them."""
        if self.byte_level:
            return self._known([self._letters[byte] for byte in text])
        ids: list[int] = []
        for piece in _characters(text):
            letter = SPACE_MARK if piece == b" " else piece.decode(errors="replace")
            index = self.ids.get(letter)
            # The mark of the space, met as itself in a text, must not turn into a space.
            if index is None or index in self.control or index == self.unknown or piece == SPACE_MARK.encode():
                found = self._known([f"<0x{byte:02X}>" for byte in piece])
                if found is None:
                    return None
                ids += found
            else:
                ids.append(index)
        return ids

    def _known(self, tokens: list[str]) -> list[int] | None:
        ids = [self.ids.get(token, -1) for token in tokens]
        return None if any(i < 0 or i in self.control for i in ids) else ids

    def text(self, ids: list[int]) -> bytes:
        """The bytes that these ids write; an id that is no token (padded vocabularies) writes nothing."""
        size = len(self.surface)
        return b"".join(self.surface[i] for i in ids if i < size)


def _characters(text: bytes) -> list[bytes]:
    """The UTF-8 characters of a byte string; bytes that are no UTF-8 stand alone."""
    decoded = text.decode("utf-8", errors="surrogateescape")
    return [c.encode("utf-8", errors="surrogateescape") for c in decoded]


def _parts(part: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A component of tokenizer.json with the members of sequences laid flat."""
    if part is None:
        return []
    inner = next((part[key] for key in ("decoders", "normalizers", "pretokenizers") if key in part), None)
    return [part] if inner is None else [leaf for member in inner for leaf in _parts(member)]


def _marks_space(spec: dict[str, Any]) -> bool:
    return any(
        part["type"] == "Metaspace" or (part["type"] == "Replace" and SPACE_MARK in json.dumps(part, ensure_ascii=False))
        for part in _parts(spec["decoder"])
    )


def _unknown(model: dict[str, Any], ids: dict[str, int]) -> int | None:
    if model.get("unk_id") is not None:
        return int(model["unk_id"])
    token = model.get("unk_token")
    return ids.get(token) if token is not None else None

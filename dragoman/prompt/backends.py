"""Copies of a tokenizer that encode plain text: no control token is put in front, cut, padded or matched."""

from __future__ import annotations

import json
from typing import Any

from dragoman.prompt.vocabulary import parts


def encode_plain(backend: Any, text: str) -> list[int]:
    """The ids of a text and nothing else."""
    ids: list[int] = backend.encode(text, add_special_tokens=False).ids
    return ids


def copy_of(spec: dict[str, Any]) -> Any:
    """A tokenizer made of tokenizer.json, without what it adds to a text."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(
        json.dumps({**spec, "post_processor": None, "truncation": None, "padding": None})
    )


def unmatching(spec: dict[str, Any]) -> Any:
    """A copy that reads the names of special tokens as words."""
    backend = copy_of(spec)
    backend.encode_special_tokens = True
    return backend


def without_prefix(spec: dict[str, Any]) -> dict[str, Any]:
    """The tokenizer without the space before a text (kept where it puts one before every word)."""
    spec = json.loads(json.dumps(spec))
    before = parts(spec["pre_tokenizer"])
    if not any(part["type"].startswith("Whitespace") for part in before):
        for part in before:
            if part["type"] == "Metaspace":
                part["prepend_scheme"] = "never"
            if part["type"] == "ByteLevel":
                part["add_prefix_space"] = False
    if spec["normalizer"] is not None:
        kept = [part for part in parts(spec["normalizer"]) if part["type"] != "Prepend"]
        spec["normalizer"] = {"type": "Sequence", "normalizers": kept} if kept else None
    return spec

"""Small tokenizers of the kinds that real models have, each with a chat template in the same manner."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FILES = Path(__file__).parent / "tokenizers"

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Without a thinking part in earlier turns: the prompt of a turn does not begin the whole conversation."""

BRACKETS = (
    "{% if messages[0].role == 'system' %}"
    "{% set system = messages[0].content %}{% set rest = messages[1:] %}"
    "{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if m.role == 'user' %}{{ bos_token }}[INST] "
    "{% if loop.first and system %}<<SYS>>\n{{ system }}\n<</SYS>>\n\n{% endif %}"
    "{{ m.content | trim }} [/INST]"
    "{% else %} {{ m.content | trim }} {{ eos_token }}{% endif %}{% endfor %}"
)
"""Plain-text marks, BOS in every turn, a space on both sides of the answer."""

TURNS = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
"""No system turn; roles of its own."""

HEADERS = (
    "{{ bos_token }}"
    "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "<|header|>system<|/header|>\n\nToday Date: {{ date_string }}\n\n"
    "{% if messages[0].role == 'system' %}"
    "{{ messages[0].content }}{% set messages = messages[1:] %}{% endif %}<|eot|>"
    "{% for m in messages %}<|header|>{{ m.role }}<|/header|>\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|header|>assistant<|/header|>\n\n{% endif %}"
)
"""Writes today's date unless one is given."""

NAMES = ("byte-bpe", "bpe", "unigram", "byte-split", "prepend", "replace")


@cache
def make(name: str) -> Any:
    """One tokenizer of NAMES: the first three as learn_tokenizer makes them, the others changed."""
    return {
        "byte-bpe": lambda: _load("byte-bpe", CHATML),
        "bpe": lambda: _load("bpe", BRACKETS),
        "unigram": lambda: _load("unigram", TURNS),
        "byte-split": _byte_split,
        "prepend": _prepend,
        "replace": _replace,
    }[name]()


def _load(name: str, chat: str, spec: dict[str, Any] | None = None) -> Any:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    text = json.dumps(spec) if spec else (FILES / f"{name}.json").read_text(encoding="utf-8")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(text),
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    )
    tokenizer.chat_template = chat
    return tokenizer


def _spec(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))
    return spec


def _add(spec: dict[str, Any], *names: str, special: bool = True, **options: bool) -> None:
    row = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, **options}
    taken = max([*(r["id"] for r in spec["added_tokens"]), len(spec["model"]["vocab"]) - 1])
    for number, name in enumerate(names, taken + 1):
        spec["added_tokens"].append({"id": number, "content": name, "special": special, **row})


def _byte_split() -> Any:
    """Byte-level BPE behind a pattern of its own, whole words looked up first, as newer models have it."""
    spec = _spec("byte-bpe")
    pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    spec["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, bytes_]}
    spec["model"]["ignore_merges"] = True
    _add(spec, "<|header|>", "<|/header|>", "<|eot|>")
    return _load("", HEADERS, spec)


def _prepend() -> Any:
    """A space before every text, also behind control tokens; no words, merges run over the whole text."""
    spec = _spec("bpe")
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    spec["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]}
    spec["pre_tokenizer"] = None
    _add(spec, "<|user|>", "<|assistant|>", "<|end|>", rstrip=True)
    chat = (
        "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    )
    return _load("", chat, spec)


def _replace() -> Any:
    """No space before a text; line ends are added tokens that are no control tokens; NFKC."""
    spec = _spec("bpe")
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    spec["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, replace]}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    spec["pre_tokenizer"] = split
    spec["decoder"] = {"type": "Sequence", "decoders": spec["decoder"]["decoders"][:-1]}
    _add(spec, "\n\n", "▁▁", special=False)
    _add(spec, "<b>", special=False, lstrip=True, rstrip=True)
    _add(spec, "<start_of_turn>", "<end_of_turn>")
    return _load("", TURNS, spec)


def learn() -> None:
    """Learn the committed tokenizers anew: python -m tests.prompt.kinds"""
    from dragoman.prompt.tokens import learn_tokenizer

    from .text import LINES, WORDS

    FILES.mkdir(exist_ok=True)
    specials = {"byte-bpe": ["<|im_start|>", "<|im_end|>"], "unigram": ["<start_of_turn>", "<end_of_turn>"]}
    for kind in ("byte-bpe", "bpe", "unigram"):
        tokenizer = learn_tokenizer(LINES + WORDS * 8, 800, kind, specials.get(kind, ()))  # type: ignore[arg-type]
        if kind == "byte-bpe":
            tokenizer.add_tokens(["<think>", "</think>"])
        (FILES / f"{kind}.json").write_text(tokenizer.backend_tokenizer.to_str(), encoding="utf-8")


if __name__ == "__main__":
    learn()

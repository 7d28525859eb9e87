"""Small things that several tests need: tiny stores, tokenizers and models, all made on the spot."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman.corpus.pair import Record
from dragoman.language.language import Direction

DATA = Path(os.environ.get("DRAGOMAN_DATA", Path(__file__).parents[1].parent / "shared" / "data"))


def data_folder(name: str) -> Path:
    """A folder of the real text, or skip the test and say so."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"real text {name} is not here (set DRAGOMAN_DATA)")
    return folder


class MemoryStore:
    """Records in memory, with the interface of corpus.store.Store."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = list(records)
        self.languages = sorted({code for record in records for code in record.texts})

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        return self.records[index]

    def indices(self, direction: Direction) -> np.ndarray:
        return np.array([i for i, record in enumerate(self.records) if record.has(direction)], dtype=np.int64)


def toy_records(count: int, languages: Sequence[str] = ("en", "de", "fr")) -> list[Record]:
    """Numbered lines whose languages differ by the form of each word: `one` -> `one`, `oneen`, `lone`."""
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    forms = {"en": "{}", "de": "{}en", "fr": "l{}", "it": "{}o"}
    rng = np.random.default_rng(0)
    records = []
    for line in range(1, count + 1):
        chosen = [words[i] for i in rng.integers(0, 10, size=rng.integers(2, 6))]
        texts = {code: " ".join(forms[code].format(word) for word in chosen) for code in languages}
        records.append(Record(f"train:{line}", texts, "toy", line))
    return records


def tiny_config(kind: str, vocab: int, hidden: int = 32, layers: int = 2) -> Any:
    """Configuration of a tiny model of an architecture: llama, mistral, qwen3, gemma3, bloom."""
    import transformers as t

    common: dict[str, Any] = {
        "vocab_size": vocab, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 4,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
    }  # fmt: skip
    if kind == "bloom":
        names = {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head"}
        return t.BloomConfig(**{names.get(key, key): value for key, value in common.items()})
    common |= {"intermediate_size": hidden * 2, "num_key_value_heads": 2, "max_position_embeddings": 512}
    if kind == "gemma3":
        head = {"head_dim": hidden // 4, "query_pre_attn_scalar": hidden // 4, "sliding_window": 64}
        return t.Gemma3TextConfig(**common, **head, tie_word_embeddings=True)
    if kind == "qwen3":
        return t.Qwen3Config(**common, head_dim=hidden // 4, tie_word_embeddings=True)
    return {"llama": t.LlamaConfig, "mistral": t.MistralConfig}[kind](**common)


def tiny_model(kind: str, vocab: int, hidden: int = 32, layers: int = 2, seed: int = 0) -> Any:
    """A tiny randomly initialised causal LM."""
    import torch
    import transformers as t

    torch.manual_seed(seed)
    return t.AutoModelForCausalLM.from_config(tiny_config(kind, vocab, hidden, layers)).eval()


def fake_comet(folder: Path) -> Path:
    """An interpreter that scores a line by its length in place of COMET, and logs it (runner.log)."""
    (folder / "runner.py").write_text(
        "import json, sys, pathlib\n"
        'print(\'{"protocol": 1, "metric": "comet", "package": "fake", "version": "1"}\')\n'
        "sys.stdout.flush()\n"
        "rows = [json.loads(line) for line in sys.stdin]\n"
        "print(*rows, sep='\\n', file=open(pathlib.Path(__file__).with_suffix('.log'), 'a'))\n"
        "for n, row in enumerate(rows):\n"
        "    print(json.dumps({'index': n, 'score': len(row['hypothesis']) / 100}))\n"
        "print(json.dumps({'done': len(rows)}))\n"
    )
    python = folder / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} {folder / 'runner.py'}\n")
    python.chmod(0o755)
    return python

"""Files of dialogues in every form, made on the spot for tests."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import zstandard

Row = dict[str, Any]

ALPACA: list[Row] = [
    {"instruction": "Name a river.", "input": "", "output": "The Danube."},
    {"instruction": "Count the letters.", "input": "word", "output": "Four."},
]
SHAREGPT: list[Row] = [
    {
        "id": "a1",
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Hello"},
            {"from": "gpt", "value": "Hi."},
            {"from": "human", "value": "Who are you?"},
            {"from": "gpt", "value": "An assistant."},
        ],
    }
]
MESSAGES: list[Row] = [
    {
        "messages": [
            {"role": "user", "content": "Say yes."},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": [{"type": "text", "text": "And "}, {"type": "text", "text": "no."}]},
            {"role": "assistant", "content": "No."},
        ]
    }
]
SELF_INSTRUCT: list[Row] = [
    {
        "id": "seed_1",
        "instruction": "Give the plural.",
        "instances": [{"input": "mouse", "output": "mice"}, {"input": "ox", "output": "oxen"}],
        "is_classification": False,
    }
]
FORMS = {"alpaca": ALPACA, "sharegpt": SHAREGPT, "messages": MESSAGES, "self-instruct": SELF_INSTRUCT}


def talk(*contents: str, roles: tuple[str, ...] = ("user", "assistant")) -> Row:
    """A row of messages whose roles take turns."""
    turns = [{"role": roles[k % len(roles)], "content": text} for k, text in enumerate(contents)]
    return {"messages": turns}


def write_rows(path: Path, rows: list[Any], layout: str = "jsonl") -> Path:
    """Rows as JSONL, or as an array on one line or over many; the name's ending says the compression."""
    if layout == "jsonl":
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    else:
        text = json.dumps(rows, indent=2 if layout == "indented" else None, ensure_ascii=False)
    data = text.encode()
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".xz":
        data = lzma.compress(data)
    elif path.suffix == ".zst":
        data = zstandard.compress(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path

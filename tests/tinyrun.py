"""A run in miniature: text, a base and a recipe, written on the spot; seconds from text to report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from helpers import tiny_model, toy_records

LANGUAGES = ("en", "de", "fr")
SIZES = {"train": 40, "dev": 3, "test": 4}


def write_text(
    folder: Path, languages: tuple[str, ...] = LANGUAGES, sizes: dict[str, int] | None = None
) -> Path:
    """Multi-parallel files ``<split>.<language>`` of distinct toy lines; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sizes or SIZES
    seen: dict[str, dict[str, str]] = {}
    for record in toy_records(4 * sum(wanted.values()), languages):
        seen.setdefault(record.texts[languages[0]], record.texts)
    rows = iter(seen.values())
    for split, count in wanted.items():
        chosen = [next(rows) for _ in range(count)]
        for code in languages:
            lines = "".join(row[code] + "\n" for row in chosen)
            (folder / f"{split}.{code}").write_text(lines, encoding="utf-8")
    return folder


def write_base(folder: Path, kind: str = "llama") -> Path:
    """A tiny untrained causal LM with a tokenizer learned from the toy text; returns the folder."""
    from dragoman.prompt.tokens import learn_tokenizer

    texts = [text for record in toy_records(60, LANGUAGES) for text in record.texts.values()]
    tokenizer = learn_tokenizer(texts, 400)
    tiny_model(kind, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def recipe_content(text: Path, base: Path) -> dict[str, Any]:
    """Two stages of a few steps: likelihood, then unlikelihood on conflicting instructions."""
    stage = {"batch_examples": 4, "batch_tokens": 2048, "learning_rate": 0.003, "validate_every": 4}
    return {
        "name": "tiny",
        "base": str(base),
        "data": {split: {"folder": str(text), "split": split} for split in SIZES},
        "prompt": {"template": "plain"},
        "stages": [
            {"name": "stage1", "tasks": {"mt": {"directions": "english"}}, "steps": 6, **stage},
            {"name": "stage2", "tasks": {"conflict": {"directions": "english"}}, "steps": 4, **stage},
        ],
        "validation": {"lines": 1, "samples": 0, "max_new_tokens": 6},
        "evaluate": {"lines": 3, "bootstrap": 20, "decoding": {"max_new_tokens": 6}},
    }


def write_recipe(path: Path, content: dict[str, Any]) -> Path:
    """The recipe as YAML; returns the path."""
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path

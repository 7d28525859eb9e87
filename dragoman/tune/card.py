"""The model card: what a model folder says of itself, to programs (dragoman.json) and people (README.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import dragoman
from dragoman.corpus.store import Store
from dragoman.language.language import Direction, language
from dragoman.recipe import Recipe, Stage


def model_card(
    recipe: Recipe,
    stage: Stage,
    step: int,
    directions: Sequence[Direction],
    store: Store,
    scores: dict[str, float],
    dropped: dict[str, int],
) -> dict[str, Any]:
    """The card of a stage's model: prompt, directions, recipe, counts, last dev scores."""
    used = sorted({code for direction in directions for code in direction})
    every = [Direction(a, b) for a in store.languages for b in store.languages if a != b]
    return {
        "dragoman": dragoman.__version__,
        "name": recipe.name,
        "base": recipe.base,
        "stage": stage.name,
        "step": step,
        "prompt": recipe.prompt.model_dump(mode="json"),
        "template": recipe.prompt.template,
        "languages": {code: language(code).name for code in sorted({*used, *store.languages})},
        "tuned_directions": [list(d) for d in directions],
        "directions": [list(d) for d in every],
        "training_pairs": {str(d): len(store.indices(d)) for d in directions},
        "dropped_examples": dropped,
        "dev_scores": scores,
        "recipe": recipe.model_dump(mode="json"),
    }


def readme(card: dict[str, Any]) -> str:
    """The card as Markdown."""
    pairs = "\n".join(f"| {d} | {n:,} |" for d, n in card["training_pairs"].items())
    scores = "\n".join(f"| {name} | {value:.2f} |" for name, value in card["dev_scores"].items())
    tuned = {"-".join(d) for d in card["tuned_directions"]}
    zero = [name for d in card["directions"] if (name := "-".join(d)) not in tuned]
    return f"""---
tags: [translation, dragoman]
language: {json.dumps(list(card["languages"]))}
---
# {card["name"]}, {card["stage"]}

Tuned from `{card["base"]}` with Dragoman {card["dragoman"]},
stage `{card["stage"]}`, {card["step"]} steps. Prompt template: `{card["template"]}`.

    dragoman translate . --direction {next(iter(card["training_pairs"]), "en-de")} --input text.txt

## Text

| direction | training pairs |
|---|---|
{pairs}

Zero-shot directions (no stage was tuned on them): {", ".join(zero) or "none"}.

## Scores on dev

| score | value |
|---|---|
{scores or "| none measured | |"}

The whole recipe stands in `dragoman.json`.
"""

"""Small outputs in three languages that the tests of scoring and comparing share."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from dragoman.evaluate.outputs import Output
from dragoman.language.language import Direction

DATA = Path(os.environ.get("DRAGOMAN_DATA", Path(__file__).parents[3] / "shared" / "data")) / "multi30k"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no multi30k at {DATA}")

EN_DE, DE_EN, DE_FR, FR_DE = (Direction(*pair.split("-")) for pair in ("en-de", "de-en", "de-fr", "fr-de"))
TEXT = {
    "en": (
        "the dog runs over the green grass",
        "a man is reading a newspaper",
        "two women talk in the street",
    ),
    "de": (
        "der Hund rennt über das grüne Gras",
        "ein Mann liest eine Zeitung",
        "zwei Frauen reden auf der Straße",
    ),
    "fr": ("le chien court sur l'herbe verte", "un homme lit un journal", "deux femmes parlent dans la rue"),
}


class WordIdentifier:
    """Knows a language by whether a text begins like one of its lines."""

    name = "first-words"
    version = "1"
    languages = ("de", "en", "fr")
    candidates = ("de", "en", "fr", "other")

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        known = {line.split()[0]: code for code, lines in TEXT.items() for line in lines}
        return [(known.get(t.split()[0], "other"), 1.0) if t.split() else ("und", 0.0) for t in texts]


def output(system: str, direction: Direction, hypotheses: tuple[str, ...], seed: int | None = None) -> Output:
    ids = tuple(f"t:{n}" for n in range(len(hypotheses)))
    count = len(hypotheses)
    sources, references = (TEXT[code][:count] for code in direction)
    return Output(system, direction, ids, hypotheses, sources, references, seed)


def perfect(system: str, direction: Direction, seed: int | None = None) -> Output:
    return output(system, direction, TEXT[direction.target], seed)


def copy(system: str, direction: Direction, seed: int | None = None) -> Output:
    return output(system, direction, TEXT[direction.source], seed)


def side(system: str, damage: float, seed: int) -> list[Output]:
    """Forty lines in three directions, with a share of the words lost."""
    draw = random.Random(seed)
    outputs = []
    for direction in (EN_DE, DE_FR, FR_DE):
        references = tuple(f"{TEXT[direction.target][n % 3]} {n} {n * 7}" for n in range(40))
        sources = tuple(f"{TEXT[direction.source][n % 3]} {n} {n * 7}" for n in range(40))
        hypotheses = tuple(
            " ".join(w for i, w in enumerate(t.split()) if not i or draw.random() > damage)
            for t in references
        )
        ids = tuple(f"t:{n}" for n in range(40))
        outputs.append(Output(system, direction, ids, hypotheses, sources, references))
    return outputs

"""Rows of a report: a model under some prompt, a pivot through English, a copy of the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dragoman.corpus.store import Store
from dragoman.errors import RecipeError
from dragoman.language.language import Direction, same_language
from dragoman.prompt.encode import Encoder
from dragoman.prompt.shots import Nearest
from dragoman.recipe import Decoding, Recipe, SystemSpec
from dragoman.translate.contrastive import Contrast
from dragoman.translate.engine import Translator
from dragoman.translate.meet import Mode
from dragoman.translate.prompts import Request

CONTRAST_POOL = 1000  # training lines that a source is contrasted with
NEAREST_POOL = 20_000  # training sentences per direction that nearest examples are chosen from

Progress = Callable[[int], None]


def make_translator(
    model: Any,
    encoder: Encoder,
    decoding: Decoding,
    spec: SystemSpec | None = None,
    recipe: Recipe | None = None,
    train: Store | None = None,
    n_best: int = 1,
    constraints: Mode = "hard",
) -> Translator:
    """The translator of a row; ``train`` gives its worked examples and the sources it contrasts with."""
    spec = spec or SystemSpec(name="model")
    language = spec.prompt_language or (recipe.prompt.language if recipe else "en")
    shots = None
    if spec.shots:
        if train is None:
            raise RecipeError(f"system {spec.name!r}: shots need training text")
        shots = WorkedExamples(train, spec.shots, spec.nearest, recipe.seed if recipe else 1)
    contrast = Contrast(spec.contrast_source, spec.contrast_language)
    others = other_texts(train) if train is not None and spec.contrast_source else None
    return Translator(
        model, encoder, decoding, prompt_language=language, shots=shots, contrast=contrast, others=others,
        n_best=n_best, constraints=constraints,
    )  # fmt: skip


def other_texts(store: Store) -> dict[str, list[str]]:
    """Training sentences by language to contrast with: they do not depend on what is translated together."""
    lines = [store[index].texts for index in range(min(len(store), CONTRAST_POOL))]
    return {code: [texts[code] for texts in lines if code in texts] for code in store.languages}


def translate_lines(
    translator: Translator,
    spec: SystemSpec,
    sources: Sequence[str],
    direction: Direction,
    progress: Progress | None = None,
) -> list[str]:
    """The output lines of a row for the source lines of a direction."""
    if spec.kind == "copy":
        return list(sources)
    english = next(
        (code for code in ("en", "eng") if any(same_language(code, side) for side in direction)), None
    )
    if spec.kind == "pivot" and english is None:
        middle = _texts(translator, sources, Direction(direction.source, "en"), None)
        return _texts(translator, middle, Direction("en", direction.target), progress)
    return _texts(translator, sources, direction, progress)


def _texts(
    translator: Translator, sources: Sequence[str], direction: Direction, progress: Progress | None
) -> list[str]:
    found = translator.translate([Request(source, direction) for source in sources], progress)
    return [" ".join(translation.text.splitlines()) for translation in found]


class WorkedExamples:
    """Examples for a direction from the training text: the same few for every source, or the nearest ones."""

    def __init__(self, store: Store, count: int, nearest: bool, seed: int) -> None:
        self.store, self.count, self.nearest, self.seed = store, count, nearest, seed
        self._fixed: dict[Direction, list[tuple[str, str]]] = {}
        self._indexes: dict[Direction, tuple[Nearest, np.ndarray]] = {}

    def __call__(self, source: str, direction: Direction) -> Sequence[tuple[str, str]]:
        """Pairs of source and translation, the nearest one last, where it helps most."""
        if not self.nearest:
            if direction not in self._fixed:
                self._fixed[direction] = self._draw(direction)
            return self._fixed[direction]
        index, lines = self._index(direction)
        return [self._pair(int(lines[i]), direction) for i in reversed(index.nearest(source, self.count))]

    def _draw(self, direction: Direction) -> list[tuple[str, str]]:
        lines = self.store.indices(direction)
        if len(lines) < self.count:
            raise RecipeError(
                f"{direction}: {len(lines)} training lines, but {self.count} worked examples are asked for"
            )
        chosen = np.random.default_rng([self.seed, 11]).choice(len(lines), self.count, replace=False)
        return [self._pair(int(lines[i]), direction) for i in chosen]

    def _index(self, direction: Direction) -> tuple[Nearest, np.ndarray]:
        if direction not in self._indexes:
            lines = np.asarray(self.store.indices(direction)[:NEAREST_POOL])
            sources = [self._pair(int(i), direction)[0] for i in lines]
            self._indexes[direction] = (Nearest(sources), lines)
        return self._indexes[direction]

    def _pair(self, line: int, direction: Direction) -> tuple[str, str]:
        pair = self.store[line].pair(Direction(self._code(direction.source), self._code(direction.target)))
        return pair.source, pair.target

    def _code(self, code: str) -> str:
        return self.store.code(code) or code

"""The text of a run: the corpus folder that a recipe makes, and its splits."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from dragoman.console import progress, say
from dragoman.corpus.prepare import is_current, prepare
from dragoman.corpus.store import Store
from dragoman.language.identify import Identifier, make_identifier
from dragoman.recipe import Recipe
from dragoman.rows import training_languages, used_directions

SPLITS = ("train", "dev", "test")


class Text:
    """The corpus of a recipe in ``folder``; ``hashes`` is a file that keeps the hashes of text files."""

    def __init__(self, recipe: Recipe, folder: Path, hashes: Path) -> None:
        self.recipe, self.folder, self.hashes = recipe, folder, hashes

    def prepare(self, keep: bool = True) -> None:
        """Read, filter and store the text, unless the folder holds just that. ``keep``: it will stay."""
        if self.is_current():
            say(f" corpus    {self.counts()}    done before")
            return
        wanted = used_directions(self.recipe)
        with progress(" corpus") as advance:
            prepare(self.recipe.data, self.folder, wanted, self._gate(), advance, hashes=self.hashes)
        say(f" corpus    {self.counts(keep)}")

    def is_current(self) -> bool:
        """True if the folder holds what the recipe asks for."""
        name = str(getattr(self._gate(), "name", ""))
        return is_current(self.recipe.data, self.folder, used_directions(self.recipe), name, self.hashes)

    def counts(self, where: bool = True) -> str:
        """Lines by split, languages, and drops, in a line; ``where``: say what file has them."""
        manifest = self._manifest
        parts = [
            f"{split} {manifest[split]['kept']:,} lines in {', '.join(manifest[split]['languages'])}"
            for split in SPLITS
            if split in manifest
        ]
        dropped = manifest["train"]["dropped"]
        told = f" (written to {self.folder / 'dropped.jsonl'})" if dropped and where else ""
        return "  ".join(parts) + f"  dropped {dropped:,}{told}"

    @property
    def fingerprint(self) -> str:
        """Content hash of the text and of how it was filtered."""
        return str(self._manifest["fingerprint"])

    @cached_property
    def train(self) -> Store:
        """The training text."""
        return Store(self.folder / "train")

    @cached_property
    def dev(self) -> Store | None:
        """The text for selection."""
        return self._store("dev")

    @cached_property
    def test(self) -> Store | None:
        """The text for the final scores; dev where the recipe has no test."""
        return self._store("test") or self.dev

    def sample(self, lines: int) -> dict[str, list[str]]:
        """The first training texts of every language, such as an identifier learns from."""
        texts: dict[str, list[str]] = {code: [] for code in self.train.languages}
        for index in range(min(len(self.train), lines)):
            for code, text in self.train[index].texts.items():
                texts[code].append(text)
        return texts

    @property
    def _manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "manifest.json").read_text(encoding="utf-8")))

    def _gate(self) -> Identifier | None:
        """The identifier that filters the text, if the recipe wants that."""
        if not self.recipe.data.filters.wrong_language:
            return None
        return make_identifier("py3langid", training_languages(self.recipe.data))

    def _store(self, split: str) -> Store | None:
        folder = self.folder / split
        return Store(folder) if folder.is_dir() else None

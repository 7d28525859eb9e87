"""Keys: hashes of everything that a step of a run depends on; they tell what is done from what is stale.

A key follows from content, not from times: of a base folder the bytes of its files count, of the text the
corpus's fingerprint. What changes only where or how fast a step runs is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dragoman
from dragoman.corpus.fingerprint import FileHashes
from dragoman.errors import ModelError
from dragoman.instruct.general_store import files_key
from dragoman.instruct.interactive.task import VERSION as DIALOGUES
from dragoman.instruct.interactive.wordings import wordings_key
from dragoman.recipe import Recipe, Stage, SystemSpec
from dragoman.recipe_file import settings_hash
from dragoman.tune.stage import start_of

WEIGHTS = (
    ".json",
    ".safetensors",
    ".model",
    ".txt",
    ".jinja",
)  # endings of a model folder's files that count
NO_WEIGHTS = ("dragoman.json",)  # the card: what the model says of itself
PLACE = {"device", "threads", "sharding"}  # of the model section: where it runs
BESIDE: dict[str, Any] = {  # of a stage: nothing of its weights; where its files lie, not what they hold
    "checkpoint_every": True,
    "control": True,
    "tasks": {"__all__": {"files", "wordings"}},
}


def base_key(base: str, hashes: Path | None = None) -> str:
    """Identity of a base: the content of its folder, or the hub id. ``hashes``: a file to keep hashes in."""
    folder = Path(base)
    if not folder.is_dir():
        return base
    known = FileHashes(hashes)
    files = [p for p in sorted(folder.iterdir()) if p.suffix in WEIGHTS and p.name not in NO_WEIGHTS]
    if not files:
        raise ModelError(f"base {base!r}: the folder holds no model; expected config.json and *.safetensors")
    key = settings_hash([(path.name, known.of(path)) for path in files if path.is_file()])
    known.save()
    return key


class Keys:
    """The keys of one recipe on one corpus."""

    def __init__(self, recipe: Recipe, base: str, corpus: str, hashes: Path | None = None) -> None:
        self.recipe, self.corpus = recipe, corpus
        self.base = base_key(base, hashes)
        self._stages = {stage.name: stage for stage in recipe.stages}
        self._hashes = hashes

    def stage(self, stage: Stage) -> str:
        """Of a stage's weights: its settings, the text, and the weights that it starts from."""
        recipe = self.recipe
        start = start_of(recipe, stage)
        return settings_hash(
            stage.model_dump(mode="json", exclude=BESIDE),
            recipe.model.model_dump(mode="json", exclude=PLACE),
            recipe.prompt,
            recipe.seed,
            self.corpus,
            start,
            self.weights(start),
            recipe.validation if stage.best != "last" else None,
            *self._files(stage),
            *[f"{name} {wordings_key(task.wordings)}" for name, task in stage.tasks.items() if task.wordings],
        )

    def _files(self, stage: Stage) -> list[str]:
        """Of the files that a stage's tasks read."""
        reading = {name: task for name, task in stage.tasks.items() if task.files}
        if not reading:
            return []
        known = FileHashes(self._hashes)
        keys = [f"{name} {files_key(task.files, task.split, known)}" for name, task in reading.items()]
        known.save()
        return keys

    def weights(self, name: str) -> str:
        """Of ``base``, a stage, or a kept step of one."""
        stage = self._stages.get(name.partition("@")[0])
        return self.base if stage is None else self.stage(stage)

    def system(self, system: SystemSpec) -> str:
        """Of a row's translations: its settings, the weights, the prompt, the search and the text."""
        spec = self.recipe.evaluate
        return settings_hash(
            system,
            self.weights(system.stage),
            spec.decoding.model_dump(mode="json", exclude={"batch_tokens"}),
            self.recipe.prompt,
            self.recipe.model.model_dump(mode="json", include={"dtype"}),
            spec.lines,
            self.corpus,
            self.recipe.seed,
        )

    def identifier(self) -> str:
        """Of the judge of output languages."""
        spec = self.recipe.evaluate
        return settings_hash(spec.identifier, spec.candidates, self.corpus)

    def probe(self, rows: dict[str, str]) -> str:
        """Of the look inside: which rows with which weights, how many lines of which text."""
        return settings_hash(
            dragoman.__version__,
            self.recipe.evaluate.probe,
            [(name, self.weights(stage)) for name, stage in rows.items()],
            self.corpus,
            self.recipe.seed,
        )

    def interactive(self, system: SystemSpec, *settings: Any) -> str:
        """Of a row's answers in dialogues: what its translations depend on, and which dialogues."""
        spec = self.recipe.evaluate.interactive
        assert spec is not None
        return settings_hash(
            DIALOGUES,
            self.system(system),
            spec.model_dump(
                mode="json", exclude={"systems", "single_turn", "terms", "retranslate", "wordings"}
            ),
            (system.name in spec.single_turn, system.name in spec.retranslate),
            *(["terms"] if system.name in spec.terms else []),
            wordings_key(spec.wordings) if spec.wordings else None,
            settings,
        )

    def scores(self, translations: Sequence[Path], *settings: Any) -> str:
        """Of the results: the bytes of the translations, the judge, how it is scored and by which version."""
        contents = [
            (str(p.parent.name), p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in translations
        ]
        spec = self.recipe.evaluate
        return settings_hash(
            dragoman.__version__,
            contents,
            self.identifier(),
            spec.ter,
            spec.bootstrap,
            self.recipe.seed,
            settings,
        )

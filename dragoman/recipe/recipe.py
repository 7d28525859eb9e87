"""The whole recipe: its sections, and what must hold between them."""

from __future__ import annotations

from pydantic import Field, model_validator

from dragoman.recipe.data import Data
from dragoman.recipe.evaluate import Evaluate, Validation
from dragoman.recipe.model import Model, Prompt
from dragoman.recipe.section import FolderName, Section, Seed
from dragoman.recipe.stage import Stage


class Recipe(Section):
    """A whole recipe."""

    name: FolderName
    """Name of the run; its folder is runs/<name>."""
    base: str
    """Base model: a folder, a hub id, or `demo` for the embedded one."""
    seed: Seed = 1
    """Seed of every random stream."""
    model: Model = Model()
    """How the base is loaded and tuned."""
    data: Data
    """Text in."""
    prompt: Prompt = Prompt()
    """Turns to text."""
    stages: list[Stage] = Field(min_length=1)
    """The stages, in order."""
    validation: Validation = Validation()
    """What is measured while tuning."""
    evaluate: Evaluate = Evaluate()
    """The final scores."""

    @model_validator(mode="after")
    def _names(self) -> Recipe:
        known = ["base"]
        for stage in self.stages:
            if "@" in stage.name:
                raise ValueError(f"stage {stage.name!r}: @ stands between a stage and one of its kept steps")
            if stage.name in known:
                raise ValueError(f"two stages are called {stage.name!r}")
            if stage.start is not None and stage.start not in known:
                raise ValueError(
                    f"stage {stage.name!r} starts from {stage.start!r}; known before it: {', '.join(known)}"
                )
            known += [stage.name, *(f"{stage.name}@{step}" for step in stage.keep_steps)]
        names = [system.name for system in self.evaluate.systems or []]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two systems are called {twice[0]!r}")
        for system in self.evaluate.systems or []:
            if system.stage not in known:
                raise ValueError(
                    f"system {system.name!r} uses stage {system.stage!r}; known: {', '.join(known)}"
                )
        rows = names or ["base", *(stage.name for stage in self.stages)]
        for row in [row for pair in self.evaluate.compare or [] for row in pair]:
            if row not in rows:
                raise ValueError(f"`evaluate.compare` names row {row!r}; known: {', '.join(rows)}")
        weightless = [system.name for system in self.evaluate.systems or [] if system.kind != "model"]
        inside = [row for row in rows if row not in weightless]
        for row in (self.evaluate.probe and self.evaluate.probe.systems) or []:
            if row not in inside:
                raise ValueError(f"`evaluate.probe` names row {row!r}; rows of a model: {', '.join(inside)}")
        talk = self.evaluate.interactive
        pivots = [system.name for system in self.evaluate.systems or [] if system.kind == "pivot"]
        asked = [row for row in rows if row not in pivots]
        for row in [*(talk.systems or []), *talk.single_turn, *talk.terms, *talk.retranslate] if talk else []:
            if row not in asked:
                raise ValueError(
                    f"`evaluate.interactive` names row {row!r}; rows of a model, or copy: {', '.join(asked)}"
                )
        for row in talk.retranslate if talk else []:
            if row in weightless or (talk and row in (*talk.single_turn, *talk.terms)):
                raise ValueError(
                    f"`evaluate.interactive.retranslate` names row {row!r}, which is no row of a model, or "
                    "one of `single_turn` or `terms`; give it a row of its own"
                )
        for row in talk.terms if talk else []:
            if row in weightless:
                raise ValueError(
                    f"`evaluate.interactive.terms` names row {row!r}, which is no row of a model"
                )
        return self

"""Which rows, directions and comparisons a recipe's report has."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, starmap

from dragoman.corpus.sources import line_languages, split_sources
from dragoman.corpus.store import Store
from dragoman.errors import RecipeError
from dragoman.language.language import Direction, same_language
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import user
from dragoman.recipe import Data, Recipe, SystemSpec
from dragoman.tune.stage import start_of, tuned_directions


def systems_of(recipe: Recipe) -> list[SystemSpec]:
    """The rows: those of the recipe, or the base and every stage. References are no row but the floor."""
    if recipe.evaluate.systems is not None:
        return [system for system in recipe.evaluate.systems if system.kind != "references"]
    names = ["base", *(stage.name for stage in recipe.stages)]
    return [SystemSpec(name=name, stage=name) for name in names]


def supervised_directions(recipe: Recipe, train: Store) -> list[Direction]:
    """Directions that any stage was tuned on, controls and oracles apart."""
    found: dict[Direction, None] = {}
    for stage in recipe.stages:
        if not stage.control:
            found |= dict.fromkeys(tuned_directions(recipe, stage, train))
    return list(found)


def comparisons(recipe: Recipe) -> list[tuple[str, str]]:
    """Pairs of rows to be tested for significance: those of the recipe, or each stage and its start."""
    if recipe.evaluate.compare is not None:
        return recipe.evaluate.compare
    plain: dict[str, str] = {}  # stage -> the row that translates with it and nothing else
    for row in systems_of(recipe):
        if row == SystemSpec(name=row.name, stage=row.stage):
            plain.setdefault(row.stage, row.name)
    pairs = [(start_of(recipe, stage), stage.name) for stage in recipe.stages]
    return [(plain[start], plain[name]) for start, name in pairs if start in plain and name in plain]


def check_row(
    recipe: Recipe, row: SystemSpec, encoder: Encoder, directions: Sequence[Direction], train: Store
) -> None:
    """RecipeError if a row lacks words in its prompt language, or text for its worked examples."""
    if row.kind not in ("model", "pivot"):
        return
    check_prompts(encoder, row.prompt_language or recipe.prompt.language, directions)
    for direction in directions if row.shots else ():
        if (lines := len(train.indices(direction))) < row.shots:
            raise RecipeError(
                f"system {row.name!r}: {row.shots} shots, but {lines} training lines in {direction}"
            )


def check_prompts(encoder: Encoder, language: str, directions: Sequence[Direction]) -> None:
    """RecipeError if the template cannot speak to a model in these directions; ``language``: en or target."""
    for direction in directions:
        spoken = direction.target if language == "target" else "en"
        instruction = encoder.template.instruction("mt", direction, spoken)
        encoder.template.blocks((user(instruction, ""),), direction, spoken)


def used_directions(recipe: Recipe) -> list[Direction] | None:
    """The directions that the stages train on; None if that is all of them.

    Those that are only scored do not count: filters look at training text, and scoring more is no new corpus.
    """
    found: dict[Direction, None] = {}
    for stage in recipe.stages:
        for name, spec in stage.tasks.items():
            if name == "mono" or isinstance(spec.directions, str):
                return None
            found |= dict.fromkeys(spec.directions)
    return sorted(found)


def training_languages(data: Data) -> list[str]:
    """Languages of the training text, before it is read."""
    return sorted({code for source in split_sources(data)["train"] for code in line_languages(source)})


def matching(store: Store, wanted: Sequence[Direction] | str, alone: bool = False) -> list[Direction]:
    """Directions of a store, in its codes; RecipeError if one that is named has no line.

    With ``alone`` source text will do: the directions between all languages of the store.
    """
    known = sorted(starmap(Direction, permutations(store.languages, 2)) if alone else store.directions())
    if isinstance(wanted, str):
        return known
    found = []
    for direction in wanted:
        match = [d for d in known if all(same_language(a, b) for a, b in zip(d, direction, strict=True))]
        if not match:
            raise RecipeError(
                f"direction {direction}: no line in {store.folder}; it has {', '.join(store.languages)}"
            )
        found.append(match[0])
    return found

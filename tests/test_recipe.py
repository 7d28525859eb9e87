"""Sections of a recipe: what is refused, shorthand forms, directions, and the start of each stage."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from dragoman.errors import RecipeError
from dragoman.language.language import Direction
from dragoman.recipe import Section
from dragoman.recipe.model import TEMPLATE_NAMES
from dragoman.recipe.stage import OF_WORDS, READ_BY, TASK_NAMES, TaskSpec
from dragoman.recipe_docs import MARK, recipe_reference
from dragoman.recipe_file import parse_recipe
from dragoman.rows import comparisons


def content(**more: Any) -> dict[str, Any]:
    """The smallest recipe."""
    stage = {"name": "mt", "steps": 10, "tasks": {"mt": {}}}
    return {"name": "x", "base": "b", "data": {"train": "text"}, "stages": [stage], **more}


def with_stage(**settings: Any) -> dict[str, Any]:
    stage = {"name": "mt", "steps": 10, "tasks": {"mt": {}}, **settings}
    return content(stages=[{key: value for key, value in stage.items() if value is not None}])


def mistake(recipe: dict[str, Any]) -> str:
    with pytest.raises(RecipeError) as error:
        parse_recipe(recipe)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_smallest_recipe_has_all_defaults() -> None:
    recipe = parse_recipe(content())
    assert recipe.prompt.template == "alpaca" and recipe.stages[0].objective.alpha == 0.05
    assert recipe.model.lora is None and recipe.evaluate.decoding.beam == 1
    assert recipe.data.train[0].folder == "text"


def test_directions_in_every_spelling() -> None:
    names: list[Any] = ["de-en", "deu-eng", "zh-Hant-en", "de>en", ["no", "nn"]]
    recipe = parse_recipe(with_stage(tasks={"mt": {"directions": names}}))
    found = recipe.stages[0].tasks["mt"].directions
    assert found == [("de", "en"), ("deu", "eng"), ("zh-Hant", "en"), ("de", "en"), ("no", "nn")]
    assert all(isinstance(direction, Direction) for direction in found)


@pytest.mark.parametrize("value", ["all", "english"])
def test_directions_by_word(value: str) -> None:
    recipe = parse_recipe(with_stage(tasks={"mt": {"directions": value}}))
    assert recipe.stages[0].tasks["mt"].directions == value


def test_directions_that_are_none() -> None:
    for value in (["deen"], ["de-en-fr"], "some", ["de-"], [["de"]]):
        assert "directions" in mistake(with_stage(tasks={"mt": {"directions": value}}))


def test_false_as_a_language_says_what_happened() -> None:
    """A recipe that another YAML reader has turned into a mapping."""
    text = mistake(content(data={"train": {"files": {"en": "a", False: "b"}}}))
    assert "write 'no' in quotes" in text
    assert "write 'no' in quotes" in mistake(content(evaluate={"candidates": [False]}))


def test_sources_in_short() -> None:
    recipe = parse_recipe(
        content(
            data={
                "train": ["a", {"folder": "b", "lines": "1-5"}],
                "dev": "c",
                "test": {"tsv": "d", "languages": ["en", "de"]},
            }
        )
    )
    assert [source.folder for source in recipe.data.train] == ["a", "b"]
    assert recipe.data.dev[0].folder == "c" and recipe.data.test[0].tsv == "d"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "exactly one of folder, files, tsv, jsonl, dataset (found none)"),
        ({"folder": "a", "tsv": "b", "languages": ["en"]}, "(found folder, tsv)"),
        ({"tsv": "a"}, "a TSV needs `languages`"),
    ],
)
def test_sources_that_are_none(source: dict[str, Any], message: str) -> None:
    assert message in mistake(content(data={"train": [source]}))


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"steps": None}, "give either `steps` or `epochs`"),
        ({"epochs": 1}, "give either `steps` or `epochs`"),
        ({"patience": 2}, "`patience` needs `best` to be a measured rule"),
        ({"tasks": {}}, "`tasks` is empty"),
        ({"tasks": {"mtt": {}}}, "unknown task 'mtt'; known: mt, mono, conflict"),
        ({"keep_steps": [5, 20]}, "`keep_steps` 20 is beyond the last step, 10"),
        ({"keep_steps": [0]}, "greater than or equal to 1"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"epochs": 0, "steps": None}, "greater than 0"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"batch_tokens": -1}, "greater than or equal to 1"),
        ({"tasks": {"mt": {"share": 0}}}, "greater than 0"),
        ({"tasks": {"mono": {"bilingual": 5}}}, "less than or equal to 1"),
        ({"tasks": {"conflict": {"negative_share": -0.1}}}, "greater than or equal to 0"),
        (
            {"tasks": {"align": {"turns": [2, 3]}}},
            "`turns` is no setting of task align; it belongs to interactive",
        ),
        ({"tasks": {"revise": {"phrases": 0.5}}}, "it belongs to align, hint, constrained"),
        ({"objective": {"alpha": -1}}, "greater than or equal to 0"),
        ({"schedule": "cosin"}, "'cosine', 'linear', 'constant' or 'inverse-sqrt' (found 'cosin')"),
        ({"betas": [0.9]}, "betas"),
    ],
)
def test_stages_that_cannot_be(stage: dict[str, Any], message: str) -> None:
    text = mistake(with_stage(**stage))
    assert message in text and "stages.0" in text


def test_each_setting_of_a_task_says_who_reads_it() -> None:
    """What the reference says of a setting (`align, hint: ...`) is what the recipe accepts."""
    for name, field in TaskSpec.model_fields.items():
        before, colon, _ = str(field.description).partition(":")
        before = re.sub(r"Tasks of words( \([^)]*\))?", ", ".join(OF_WORDS), before)
        told = tuple(before.split(", ")) if colon and set(before.split(", ")) <= set(TASK_NAMES) else None
        assert READ_BY.get(name) == told, name


def stages(*rows: dict[str, Any]) -> dict[str, Any]:
    return content(stages=[{"steps": 10, "tasks": {"mt": {}}, **row} for row in rows])


def test_a_stage_starts_from_the_base_an_earlier_stage_or_a_kept_step() -> None:
    recipe = parse_recipe(
        stages(
            {"name": "one", "keep_steps": [5]},
            {"name": "two", "start": "base"},
            {"name": "three", "start": "one@5"},
            {"name": "four", "start": "two"},
        )
    )
    assert [stage.start for stage in recipe.stages] == [None, "base", "one@5", "two"]


@pytest.mark.parametrize("start", ["two", "one", "nowhere", "zero@7"])
def test_a_stage_cannot_start_from_itself_the_future_or_nowhere(start: str) -> None:
    text = mistake(stages({"name": "zero"}, {"name": "one", "start": start}, {"name": "two"}))
    assert f"stage 'one' starts from '{start}'; known before it: base, zero" in text


def test_names_stand_once() -> None:
    assert "two stages are called 'one'" in mistake(stages({"name": "one"}, {"name": "one"}))
    assert "two stages are called 'base'" in mistake(stages({"name": "base"}))
    rows = [{"name": "row"}, {"name": "row", "stage": "mt"}]
    assert "two systems are called 'row'" in mistake(content(evaluate={"systems": rows}))


def test_systems_use_known_stages() -> None:
    rows = [{"name": "early", "stage": "mt@5"}, {"name": "row", "stage": "nothing"}]
    recipe = with_stage(keep_steps=[5]) | {"evaluate": {"systems": rows}}
    assert "system 'row' uses stage 'nothing'; known: base, mt, mt@5" in mistake(recipe)


def test_rows_to_compare_are_those_of_the_recipe_or_each_stage_and_its_start() -> None:
    assert comparisons(parse_recipe(content())) == [("base", "mt")]
    chosen = parse_recipe(content(evaluate={"compare": [["mt", "base"]]}))
    assert comparisons(chosen) == [("mt", "base")]
    assert "names row 'tm'; known: base, mt" in mistake(content(evaluate={"compare": [["base", "tm"]]}))


def test_no_stage_is_a_mistake() -> None:
    assert "stages: List should have at least 1 item" in mistake(content(stages=[]))


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "", " ", "a\\b", "a\0b", "a\nb", "é" * 101])
def test_names_that_are_no_folders(name: str) -> None:
    system = {"evaluate": {"systems": [{"name": name}]}}
    for recipe in (content(name=name), stages({"name": name}), content(**system)):
        assert "a name becomes a folder" in mistake(recipe)
    assert "@ stands between a stage and one of its kept steps" in mistake(stages({"name": "a@5"}))


def test_templates_are_known_before_the_work() -> None:
    table = resources.files("dragoman.prompt").joinpath("templates.yaml").read_text(encoding="utf-8")
    assert tuple(yaml.safe_load(table)) == TEMPLATE_NAMES
    found = mistake(content(prompt={"template": "plane"}))
    assert "unknown template 'plane'; known: alpaca" in found and "did you mean 'plain'?" in found
    own = {"template": "mine", "templates": {"mine": {"frame": "{input}"}}}
    assert parse_recipe(content(prompt=own)).prompt.template == "mine"


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "", "CPU", "cuda:"])
def test_devices_that_are_none(device: str) -> None:
    assert "model.device" in mistake(content(model={"device": device}))


def test_every_section_and_field_says_what_it_is() -> None:
    """The docstrings are the documentation: see docs/recipe.md."""
    for section in Section.__subclasses__():
        assert section.__doc__
        for name, field in section.model_fields.items():
            assert field.description and field.description[-1] in ".)", f"{section.__name__}.{name}"


def test_the_page_of_keys_is_current() -> None:
    """If this fails: python -m dragoman.recipe_docs"""
    page = (Path(__file__).parents[1] / "docs" / "recipe.md").read_text(encoding="utf-8")
    head, _, below = page.partition(MARK)
    assert below.strip() == recipe_reference().strip()
    example = head.split("```yaml\n")[1].split("```")[0]
    recipe = parse_recipe(yaml.safe_load(example))
    assert [stage.name for stage in recipe.stages] == ["stage 1", "stage 2"]


def test_the_page_has_every_key_with_its_sections() -> None:
    text = recipe_reference()
    for section in Section.__subclasses__():
        for name, field in section.model_fields.items():
            assert f"| `{name}` | " in text, f"{section.__name__}.{name}"
            assert " ".join((field.description or "").split()).split("<")[0].split("|")[0] in text
    assert "## `stages[].tasks.<name>`" in text and "## `model.lora`" in text
    assert "| `bilingual` | number, 0 to 1 | `0.0` |" in text
    assert "| `directions` | list of directions or `all`, `english` | `all` |" in text

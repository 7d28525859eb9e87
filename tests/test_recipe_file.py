"""Reading recipes: YAML without its surprises, all mistakes at once with line and nearest name, overrides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dragoman.errors import RecipeError
from dragoman.recipe import Recipe
from dragoman.recipe_file import _Loader, dump_recipe, load_recipe, parse_recipe, settings_hash

SMALL = """\
name: x
base: tiny
data:
  train: text
stages:
  - name: mt
    steps: 10
    tasks: {mt: {}}
  - name: conflict
    steps: 5
    learning_rate: 1e-5
    tasks:
      conflict:
        directions: [de-en, en-de]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def load(path: Path, text: str, *overrides: str) -> Recipe:
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, overrides)


def mistake(path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as error:
        load(path, text, *overrides)
    message = str(error.value)
    assert "\n" not in message
    assert str(path) in message or "override" in message
    return message.removeprefix(f"recipe {path}: ")


def test_a_small_recipe(path: Path) -> None:
    recipe = load_recipe(path)
    assert [stage.name for stage in recipe.stages] == ["mt", "conflict"]
    assert recipe.stages[1].learning_rate == 1e-5
    assert recipe.stages[1].tasks["conflict"].directions == [("de", "en"), ("en", "de")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5), ("1E5", 1e5), ("2.5e-4", 2.5e-4), (".5", 0.5), ("1.", 1.0), ("+2.0", 2.0), ("-3", -3),
        ("7", 7), ("0", 0), ("1_000", 1000), (".inf", float("inf")), ("true", True), ("False", False),
        ("null", None), ("~", None), ("", None), ("no", "no"), ("No", "No"), ("off", "off"), ("on", "on"),
        ("yes", "yes"), ("y", "y"), ("n", "n"), ("1:30", "1:30"), ("2024-01-01", "2024-01-01"),
        ("010", "010"), ("0x1f", "0x1f"), ("1e", "1e"), ("5-10", "5-10"), ("1e-5x", "1e-5x"), ("'1'", "1"),
    ],
)  # fmt: skip
def test_plain_words_stay_text_and_numbers_are_numbers(text: str, value: Any) -> None:
    """YAML 1.1 would make booleans, seconds, dates and octal numbers of some, and text of 1e-5."""
    found = yaml.load(f"key: {text}", _Loader)["key"]
    assert found == value and type(found) is type(value)


def test_norwegian_is_a_language(path: Path) -> None:
    text = SMALL.replace("[de-en, en-de]", "[no-en, [en, no]]") + "        wrong_targets: [no, on, off]\n"
    text = text.replace("train: text", "train: {files: {no: a.no, en: a.en}}")
    recipe = load(path, text)
    assert recipe.stages[1].tasks["conflict"].wrong_targets == ["no", "on", "off"]
    assert recipe.stages[1].tasks["conflict"].directions == [("no", "en"), ("en", "no")]
    assert set(recipe.data.train[0].files or {}) == {"no", "en"}
    again = parse_recipe(yaml.safe_load(dump_recipe(recipe)))
    assert again.model_dump() == recipe.model_dump(), "and survives writing"


def test_unknown_keys_with_line_and_nearest_name(path: Path) -> None:
    message = mistake(path, SMALL.replace("learning_rate", "lerning_rate"))
    assert message == "stages.1.lerning_rate (line 11): unknown key; did you mean 'learning_rate'?"
    message = mistake(path, SMALL + "        direction: all\n")
    assert message == "stages.1.tasks.conflict.direction (line 15): unknown key; did you mean 'directions'?"
    message = mistake(path, SMALL + "zzzz: 1\n")
    assert message.startswith("zzzz (line 15): unknown key; known: name, base, seed, model, data")


def test_all_mistakes_at_once(path: Path) -> None:
    text = (
        SMALL.replace("name: x\n", "nam: x\n")
        .replace("steps: 10", "steps: ten")
        .replace("train: text", "trian: text")
    )
    text += "model: {lora: {rnk: 4}, dtype: float16}\n"
    message = mistake(path, text)
    assert message.startswith("7 mistakes: ")
    for part in (
        "name (line 1): missing",
        "nam (line 1): unknown key; did you mean 'name'?",
        "data.train (line 3): missing",
        "data.trian (line 4): unknown key; did you mean 'train'?",
        "stages.0.steps (line 7): Input should be a valid integer",
        "(found 'ten')",
        "model.lora.rnk (line 15): unknown key; did you mean 'rank'?",
        "model.dtype (line 15): Input should be 'float32' or 'bfloat16' (found 'float16')",
    ):
        assert part in message, message


def test_mistakes_in_a_source_that_stands_without_its_list(path: Path) -> None:
    message = mistake(path, SMALL.replace("train: text", "train:\n    foldr: text"))
    assert "data.train.0.foldr (line 5): unknown key; did you mean 'folder'?" in message


def test_a_number_where_text_is_due_asks_for_quotes(path: Path) -> None:
    assert "name (line 1): Input should be a valid string (found 12); put it in quotes" in mistake(
        path, SMALL.replace("name: x", "name: 12")
    )


def test_a_wrong_direction_has_its_line(path: Path) -> None:
    message = mistake(path, SMALL.replace("[de-en, en-de]", "[de-en, eng]"))
    assert "stages.1.tasks.conflict.directions" in message and "(line 14)" in message and "'eng'" in message


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: [1\nb: 2\n", ", line 2: not YAML (expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", ", line 2: not YAML (found character '\\t'"),
        ("name: x\nbase: y\nname: z\n", ", line 3: not YAML (the key 'name' stands twice)"),
        (SMALL.replace("{mt: {}}", "{mt: {}, mt: {}}"), ", line 8: not YAML (the key 'mt' stands twice)"),
        ("name: !!python/object:os.system x\n", "not YAML (could not determine a constructor"),
        ("", "expected keys such as base, data, stages; found none"),
        ("# nothing\n", "expected keys such as base, data, stages; found none"),
        ("- a\n- b\n", "expected keys such as base, data, stages; found none"),
        ("a: *nowhere\n", ", line 1: not YAML (found undefined alias"),
        ("[a, b]: c\n", ", line 1: not YAML (a key must be a word)"),
        (SMALL.replace("{mt: {}}", "{{mt: 1}: {}}"), ", line 8: not YAML (a key must be a word)"),
        ("name: a\0b\n", "not YAML (special characters are not allowed)"),
        ("a: " + "[" * 3000, "not YAML (nested too deeply)"),
    ],
)  # fmt: skip
def test_what_is_no_recipe(path: Path, text: str, wanted: str) -> None:
    message = mistake(path, text)
    assert wanted in message, message


def test_files_that_cannot_be_read(path: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere.yaml: no such file; shipped ones stand in recipes/"):
        load_recipe(tmp_path / "nowhere.yaml")
    with pytest.raises(RecipeError, match="is a folder; name a recipe file in it"):
        load_recipe(tmp_path)
    path.write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(RecipeError, match="cannot be read as UTF-8 text"):
        load_recipe(path)


def test_anchors_and_merging(path: Path) -> None:
    text = SMALL.replace("- name: mt\n    steps: 10", "- &first\n    name: mt\n    steps: 10")
    text = text.replace("- name: conflict\n    steps: 5", "- <<: *first\n    name: conflict\n    steps: 5")
    recipe = load(path, text)
    assert [stage.steps for stage in recipe.stages] == [10, 5]


def test_a_byte_order_mark_is_no_key(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load_recipe(path).name == "x"


def test_overrides(path: Path) -> None:
    recipe = load(
        path, SMALL,
        "base=Qwen/Qwen3-0.6B", "seed=7", "stages.mt.steps=50", "stages.1.learning_rate=3e-4",
        "data.train=my-corpus/", "stages.conflict.tasks.conflict.directions=[no-en, en-no]",
        "model.lora.rank=8", "stages.conflict.tasks.mt={}", "prompt.template=alma",
        "evaluate.candidates=[sk, no]", "stages.mt.objective.alpha=0.3", "stages.conflict.start=base",
    )  # fmt: skip
    assert (recipe.base, recipe.seed, recipe.prompt.template) == ("Qwen/Qwen3-0.6B", 7, "alma")
    assert recipe.stages[0].steps == 50 and recipe.stages[1].learning_rate == 3e-4
    assert recipe.data.train[0].folder == "my-corpus"
    assert recipe.stages[1].tasks["conflict"].directions == [("no", "en"), ("en", "no")]
    assert list(recipe.stages[1].tasks) == ["conflict", "mt"]
    assert recipe.model.lora is not None and recipe.model.lora.rank == 8
    assert recipe.evaluate.candidates == ["sk", "no"] and recipe.stages[0].objective.alpha == 0.3
    assert recipe.stages[1].start == "base"


def test_an_override_may_take_a_value_away(path: Path) -> None:
    recipe = load(path, SMALL, "stages.mt.steps=", "stages.mt.epochs=2")
    assert (recipe.stages[0].steps, recipe.stages[0].epochs) == (None, 2.0)


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("steps", "override 'steps': expected key=value, for example stages.stage1.steps=50"),
        ("=5", "override '=5': expected key=value"),
        ("stages.sft.steps=5", "override 'stages.sft.steps=5': no item 'sft'; known: mt, conflict"),
        ("stages.2.steps=5", "no item '2'; known: mt, conflict"),
        ("base.x=5", "override 'base.x=5': base is a value, not a section"),
        ("stages.mt.tasks=[", "not YAML (expected the node content"),
        ("stages.mt.tasks={mt: {}, mt: {}}", "the key 'mt' stands twice"),
    ],
)
def test_overrides_that_cannot_be(path: Path, override: str, wanted: str) -> None:
    assert wanted in mistake(path, SMALL, override)


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("modle.dtype=float32", "modle (command line): unknown key; did you mean 'model'?"),
        ("model.dtipe=float32", "model.dtipe (command line): unknown key; did you mean 'dtype'?"),
        ("stages.mt.stepz=5", "stages.0.stepz (command line): unknown key; did you mean 'steps'?"),
        ("stages.mt.steps=five", "stages.0.steps (command line): Input should be a valid integer"),
        ("stages.mt.tasks={mtt: {}}", "stages.0 (line 6): unknown task 'mtt'"),
        (
            "stages.mt.objective={alfa: 1}",
            "stages.0.objective.alfa (command line): unknown key; did you mean 'alpha'?",
        ),
    ],
)
def test_mistakes_of_an_override_name_the_command_line(path: Path, override: str, wanted: str) -> None:
    message = mistake(path, SMALL, override)
    assert wanted in message, message


def test_a_mistake_of_the_file_keeps_its_line_beside_overrides(path: Path) -> None:
    message = mistake(path, SMALL.replace("steps: 5", "stebs: 5"), "stages.conflict.learning_rate=1")
    assert "stages.1.stebs (line 10): unknown key; did you mean 'steps'?" in message


def test_paths_start_here_then_beside_the_recipe_or_at_the_root(tmp_path: Path, monkeypatch: Any) -> None:
    here, beside = tmp_path / "here", tmp_path / "recipes"
    for folder in (here / "both", beside / "both", beside / "text", beside / "model"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    text = SMALL.replace("train: text", "train: [text, both, nowhere, /absolute]").replace(
        "base: tiny", "base: model"
    )
    recipe = load(beside / "r.yaml", text)
    folders = [source.folder for source in recipe.data.train]
    assert folders == [str(beside / "text"), "both", "nowhere", "/absolute"]
    assert recipe.base == str(beside / "model")
    recipe = load(beside / "r.yaml", text, "data.root=/corpora")
    assert [s.folder for s in recipe.data.train] == [
        "/corpora/text",
        "/corpora/both",
        "/corpora/nowhere",
        "/absolute",
    ]
    again = load(beside / "again.yaml", dump_recipe(recipe))
    assert again.model_dump() == recipe.model_dump(), "a written recipe can be read again"


def test_from_a_mapping_without_lines() -> None:
    with pytest.raises(RecipeError) as error:
        parse_recipe(
            {
                "name": "x",
                "data": {"train": "a", "tets": "b"},
                "stages": [{"name": "s", "steps": 1, "tasks": {"mt": {}}}],
            }
        )
    assert (
        str(error.value) == "recipe: 2 mistakes: base: missing | data.tets: unknown key; did you mean 'test'?"
    )


def test_the_hash_of_settings_follows_their_content(path: Path) -> None:
    first, second = load_recipe(path), load_recipe(path)
    assert settings_hash(first, "a", 1) == settings_hash(second, "a", 1)
    assert (
        len({settings_hash(first, "a"), settings_hash(first, "b"), settings_hash(first.stages[0], "a")}) == 3
    )
    second.stages[0].steps = 11
    assert settings_hash(first) != settings_hash(second)

"""What users say is data: complete files, one error for a missing kind, languages of one's own."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
import yaml

from dragoman.corpus.store import Store, write_store
from dragoman.errors import RecipeError
from dragoman.instruct.interactive import facts as facts_module
from dragoman.instruct.interactive import wordings as wordings_module
from dragoman.instruct.interactive.facts import facts
from dragoman.instruct.interactive.task import Interactive
from dragoman.instruct.interactive.wordings import KEYS, has_speech, parse_speech, speech, wordings_key
from dragoman.instruct.task import Material
from dragoman.keys import Keys
from dragoman.language.language import Direction
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec
from dragoman.recipe_file import parse_recipe

from .interactive_text import store

FOLDER = Path(wordings_module.__file__).parent / "wordings"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.yaml"))
DIRECTION = Direction("en", "de")


def test_four_languages_to_start_with() -> None:
    assert {"en", "de", "fr", "zh"} <= set(SHIPPED)
    assert has_speech("deu") and has_speech("zh-Hant") and not has_speech("cs")


@pytest.mark.parametrize("code", SHIPPED)
def test_a_file_says_everything_in_several_ways(code: str) -> None:
    said = speech(code)
    for key, texts in said.wordings.items():
        assert len(set(texts)) == len(texts) >= (1 if key.startswith("answer/") else 3), key
        values = {name: f"<{name}>" for name in KEYS[key]}
        for _ in range(8):
            text = said.say(key, random.Random(), DIRECTION, **values)
            assert text == text.strip() and "{" not in text
    for key in ("vocabulary/replace", "content/omitted", "grammar/order"):
        named = [text for text in said.wordings[key] if "{" in text]
        assert named, f"{key}: no wording names a word"


@pytest.mark.parametrize("code", SHIPPED)
def test_every_placeholder_is_used_somewhere(code: str) -> None:
    for key, texts in speech(code).wordings.items():
        assert all(any("{" + name + "}" in text for text in texts) for name in KEYS[key]), key


def test_names_of_languages_in_the_users_language() -> None:
    assert speech("zh").name("deu") == "德语" and speech("de").name("en") == "Englisch"
    assert speech("zh").join(["甲。", "乙。"]) == "甲。乙。" and speech("en").join(["A.", "B."]) == "A. B."


def write(path: Path, **changes: object) -> Path:
    table = yaml.safe_load((FOLDER / "en.yaml").read_text(encoding="utf-8"))
    table |= {key.replace("__", "/"): value for key, value in changes.items()}
    path.write_text(yaml.safe_dump({k: v for k, v in table.items() if v is not None}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"grammar__order": None, "style__another": None},
            "no wording for grammar/order, style/another; add at least one",
        ),
        ({"grammar__order": []}, "no wording for grammar/order"),
        ({"grammar__ordre": ["x"]}, "unknown key 'grammar/ordre'; did you mean grammar/order?"),
        ({"grammar__order": ["{olt}"]}, "unknown placeholder {olt}; known: {old}, {source}, {target}"),
        ({"grammar__order": ["{old"]}, "write a literal brace twice"),
        ({"grammar__order": [True]}, "expected a list of texts, found True"),
    ],
)
def test_one_clear_error(changes: dict[str, object], told: str, tmp_path: Path) -> None:
    path = write(tmp_path / "cs.yaml", **changes)
    with pytest.raises(RecipeError) as caught:
        parse_speech(path)
    assert told in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "cs.yaml"
    for text, told in (("a: [", "not YAML"), ("- a", "expected keys")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(RecipeError, match=told) as caught:
            parse_speech(path)
        assert "\n" not in str(caught.value)


def test_adding_a_language_is_adding_a_file(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no wordings in 'cs'; known: de, en, fr, zh"):
        speech("cs")
    write(tmp_path / "cs.yaml", history__undo=["Vrať to."])
    assert speech("ces", str(tmp_path)).say("history/undo", random.Random(), DIRECTION) == "Vrať to."
    assert speech("de", str(tmp_path)) is speech("de"), "the shipped ones stay"
    before = wordings_key(str(tmp_path))
    write(tmp_path / "cs.yaml", history__undo=["Zpět."])
    assert wordings_key(str(tmp_path)) != before
    with pytest.raises(RecipeError, match=r"holds no <code>\.yaml"):
        wordings_key(str(tmp_path / "nowhere"))


def test_a_stage_is_stale_when_the_wordings_it_draws_from_change(tmp_path: Path) -> None:
    base, folder = tmp_path / "base", tmp_path / "wordings"
    for place in (base, folder):
        place.mkdir()
    (base / "config.json").write_text("{}", encoding="utf-8")
    write(folder / "cs.yaml")

    def key(**settings: object) -> str:
        stage = {"name": "s", "steps": 1, "tasks": {"interactive": settings}}
        recipe = parse_recipe({"name": "x", "base": str(base), "data": {"train": "t"}, "stages": [stage]})
        return Keys(recipe, str(base), "corpus").stage(recipe.stages[0])

    first = key(wordings=str(folder))
    assert first == key(wordings=str(folder)) != key()
    write(folder / "cs.yaml", history__undo=["Zpět."])
    assert first != key(wordings=str(folder))
    assert key() != key(turns=[2, 3]) != key(kinds={"grammar": 1})


def test_facts_are_well_formed() -> None:
    for path in (Path(facts_module.__file__).parent / "facts").glob("*.yaml"):
        known = facts(path.stem)
        assert known.numbers and known.negation and known.negators
        assert all(type(word) is str for word in (*known.numbers, *known.negation, *known.negators))
        for word in known.numbers:
            others = known.others(word)
            assert others and word not in others
            assert all(known.numbers[other] != known.numbers[word] for other in others)
    assert not facts("nqo").numbers


def test_a_user_speaks_a_language_that_is_one_more_file(tmp_path: Path) -> None:
    """Text in English and a language without wordings: an error first, dialogues in it with a file."""
    renamed = [one._replace(texts={"en": one.texts["en"], "nl": one.texts["de"]}) for one in store()]
    write_store(tmp_path / "train", renamed)
    material = Material(Store(tmp_path / "train"), load_template("bayling"))

    def said(**spec: object) -> list[list[str]]:
        made = Interactive(TaskSpec.model_validate({"directions": ["en-nl"], **spec}), material)
        found = [made.dialogue(item, random.Random(item)) for item in range(60)]
        return [[one.said for one in dialogue.rounds[1:]] for dialogue in found if dialogue]

    with pytest.raises(RecipeError, match=r"no wordings in 'nl'; .*write nl\.yaml as en\.yaml is"):
        said(user_language="target")
    table = yaml.safe_load((FOLDER / "en.yaml").read_text(encoding="utf-8"))
    made_up = {key: [f"Zeg: {text}" for text in texts] for key, texts in table.items()}
    (tmp_path / "own").mkdir()
    write(tmp_path / "own" / "nl.yaml", **made_up)
    own = {"wordings": str(tmp_path / "own")}
    found = said(user_language="target", **own)
    assert len(found) > 30 and all(text.startswith("Zeg: ") for texts in found for text in texts)
    mixed = Counter(
        text.startswith("Zeg: ") for texts in said(user_language="mixed", **own) for text in texts
    )
    assert min(mixed[True], mixed[False]) > 10
    assert not any(text.startswith("Zeg: ") for texts in said(user_language="mixed") for text in texts)

"""What is measured while tuning: dev loss, chrF++, samples, and zero-shot OTR from source text alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Tiny
from helpers import MemoryStore, toy_records
from tinyrun import recipe_content, write_recipe

from dragoman.errors import RecipeError
from dragoman.language.language import Direction, parse_direction
from dragoman.recipe_file import load_recipe
from dragoman.rows import matching
from dragoman.run import Run
from dragoman.validator import Validator

ENGLISH = [parse_direction(name) for name in ("de-en", "en-de", "en-fr", "fr-en")]
BETWEEN = [parse_direction(name) for name in ("de-fr", "fr-de")]


class SaysFrench:
    """An identifier for which everything is French."""

    name, version = "french", "1"
    languages = candidates = ("de", "en", "fr")

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        return [("fr", 1.0) for _ in texts]

    def save(self, folder: Path) -> None:
        """It is made again."""


def two_bilingual_texts(lines: int) -> Any:
    """English with German, and other lines of English with French: no line has both German and French."""
    german, french = toy_records(2 * lines)[:lines], toy_records(2 * lines)[lines:]
    for records, other in ((german, "fr"), (french, "de")):
        for record in records:
            del record.texts[other]
    return MemoryStore([*german, *french])


def measured(
    tiny: Tiny, tmp_path: Path, asking: Sequence[Direction], **validation: Any
) -> tuple[dict[str, float], dict[Direction, list[str]], list[str]]:
    """Scores, the sources asked for in each direction, and what was said, of a model that answers nothing."""
    content = recipe_content(tiny.text, tiny.base)
    content["validation"] |= validation
    recipe = load_recipe(write_recipe(tmp_path / "r.yaml", content))
    said: list[str] = []
    asked: dict[Direction, list[str]] = {}
    store = two_bilingual_texts(8)
    validator = Validator(recipe, store, asking, ENGLISH, SaysFrench(), said.append)

    class Echo:
        def translate(self, requests: list[Any]) -> list[Any]:
            for request in requests:
                asked.setdefault(request.direction, []).append(request.source)
            return [SimpleNamespace(text=request.source) for request in requests]

    return validator.translate(Echo(), 3), asked, said  # type: ignore[arg-type]


def test_zero_shot_otr_needs_source_text_alone(tiny: Tiny, tmp_path: Path) -> None:
    scores, asked, _ = measured(tiny, tmp_path, [*BETWEEN, *ENGLISH], lines=4)
    assert set(scores) == {"chrf", "otr", "zero_shot_otr"}, "no chrF++ where there is no reference"
    assert scores["zero_shot_otr"] == 50 and scores["otr"] == 75
    assert {len(sources) for sources in asked.values()} == {4}
    german = [record.texts["de"] for record in two_bilingual_texts(8).records if "de" in record.texts]
    assert asked[parse_direction("de-fr")] == german[:4]


def test_many_directions_without_references_get_few_lines_unless_they_are_named(
    tiny: Tiny, tmp_path: Path
) -> None:
    """One direction has references, two have none: together these get no more lines than that one."""
    some = [*BETWEEN, ENGLISH[0]]
    _, asked, _ = measured(tiny, tmp_path, some, lines=6)
    assert [len(asked[direction]) for direction in some] == [3, 3, 6]
    _, asked, _ = measured(tiny, tmp_path, some, lines=6, directions=[str(d) for d in some])
    assert [len(asked[direction]) for direction in some] == [6, 6, 6]
    _, asked, _ = measured(tiny, tmp_path, BETWEEN, lines=6)
    assert [len(asked[direction]) for direction in BETWEEN] == [6, 6]


def test_samples_show_zero_shot_directions_first(tiny: Tiny, tmp_path: Path) -> None:
    _, asked, said = measured(tiny, tmp_path, [*ENGLISH, *BETWEEN], lines=4, samples=3)
    shown = {line.split(":")[0].strip() for line in said}
    assert shown == {"step 3 de-fr", "step 3 fr-de", "step 3 de-en"}
    source = asked[BETWEEN[0]][3]
    assert f"de-fr: {source} -> {source}" in "\n".join(said)


def test_a_run_on_bilingual_text_selects_by_zero_shot_otr(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such text as most people have: pairs with English only, in files of their own."""
    content = recipe_content(tiny.text, tiny.base)
    parts = {split: [{"en": "en", other: other} for other in ("de", "fr")] for split in ("train", "dev")}
    content["data"] = {
        split: [{"files": {c: str(tiny.text / f"{split}.{c}") for c in pair}} for pair in pairs]
        for split, pairs in parts.items()
    }
    content["stages"] = [content["stages"][0] | {"best": "zero_shot_otr", "validate_every": 2}]
    content["validation"] |= {"lines": 3, "samples": 1}
    content["evaluate"]["systems"] = [{"name": "copy", "kind": "copy"}]
    run = Run(load_recipe(write_recipe(tmp_path / "r.yaml", content)), tmp_path / "run")
    run.go()
    assert run.dev_directions() == sorted([*ENGLISH, *BETWEEN])
    rows = [
        json.loads(line)
        for line in (tmp_path / "run" / "stages" / "stage1" / "metrics.jsonl").read_text().splitlines()
    ]
    validations = [row["validation"] for row in rows if "validation" in row]
    assert len(validations) >= 3
    for scores in validations:
        assert {"loss", "chrf", "zero_shot_otr"} <= set(scores) and "zero_shot_chrf" not in scores
    said = capsys.readouterr().err
    assert said.count(" de-fr: ") == len(validations), "a sample at every validation"


def test_a_direction_whose_language_is_not_in_the_text() -> None:
    store = two_bilingual_texts(2)
    store.directions = lambda: ENGLISH
    store.folder = "dev"
    assert matching(store, "all") == sorted(ENGLISH)
    assert matching(store, [parse_direction("deu-fra")], alone=True) == [BETWEEN[0]]
    with pytest.raises(RecipeError, match="direction de-fr: no line in dev"):
        matching(store, [BETWEEN[0]])
    with pytest.raises(RecipeError, match="direction de-it: no line in dev; it has de, en, fr"):
        matching(store, [parse_direction("de-it")], alone=True)

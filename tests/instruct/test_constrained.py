"""Task constrained: what is demanded stands in the translation, what is forbidden does not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.instruct.constrained import demand_turn
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.language.language import Direction
from dragoman.language.phrases import contains
from dragoman.prompt.example import Example
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec

NAMES = ["bado", "cefi", "dogu", "fahi", "gejo", "hilu", "jomi", "kuna", "lapo", "meri", "nisu", "potu"]
MUST = re.compile("Make sure to include these words: (.*)")
FORBID = re.compile("Do not use these words: (.*)")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """300 lines, word for word; every third line says `y` in place of `x` before its words."""
    rng = np.random.default_rng(0)
    records = []
    for number in range(300):
        chosen = [NAMES[k] for k in rng.permutation(12)[: rng.integers(0, 10)]]
        first = "y" if number % 3 == 0 else "x"
        texts = {"de": " ".join(chosen) + " 7.", "en": " ".join(first + word for word in chosen) + " 7."}
        records.append(Record(f"train:{number}", texts, "toy", number + 1))
    folder = tmp_path_factory.mktemp("text") / "train"
    write_store(folder, records)
    return Store(folder)


def draw(store: Store, seed: int = 1, template: str = "alpaca", **spec: object) -> list[Example]:
    material = Material(store, load_template(template))
    tasks = {"constrained": TaskSpec(directions=[Direction("de", "en")], **spec)}  # type: ignore[arg-type]
    return [one for group in Mixture(tasks, material, seed, "s").draw(300) for one in group]


def phrases(example: Example, pattern: re.Pattern[str]) -> list[str]:
    turn = example.turns[0]
    match = pattern.search(f"{turn.content}\n{turn.input}")
    return match[1].split(", ") if match else []


def test_what_is_demanded_is_there(store: Store) -> None:
    found = draw(store, demands=3, phrases=0.5, forbidden=0.5)
    assert len(found) > 200
    counts = {len(phrases(one, MUST)) for one in found}
    assert counts == {1, 2, 3}
    assert any(" " in phrase for one in found for phrase in phrases(one, MUST))
    for one in found:
        answer = one.turns[1].content
        assert all(contains(answer, phrase) for phrase in phrases(one, MUST))
        assert not any(contains(answer, phrase) for phrase in phrases(one, FORBID))
        assert one.turns[1].spans[0].weight == 1 and one.task == "constrained"
    share = sum(bool(phrases(one, FORBID)) for one in found) / len(found)
    assert 0.3 < share < 0.6


def test_what_is_forbidden_could_have_been_there(store: Store) -> None:
    for one in draw(store, forbidden=1.0):
        for word in phrases(one, FORBID):
            assert word[1:] in one.turns[0].input.split()  # type: ignore[union-attr]


def test_drawn_anew_each_epoch_and_the_same_by_seed(store: Store) -> None:
    one, same, other = draw(store), draw(store), draw(store, seed=2)
    assert one == same
    assert sorted(map(str, one)) != sorted(map(str, other))
    assert all(not phrases(example, FORBID) for example in one)


def test_wordings() -> None:
    direction = Direction("de", "en")

    def turn(template: str, language: str = "en", forbid: tuple[str, ...] = ("c",)) -> tuple[str, str | None]:
        found = demand_turn(
            load_template(template), direction, language, "Text {x}", [("a", "b"), ("d",)], forbid
        )
        return found.content, found.input

    assert turn("alpaca") == (
        "Translate the following sentences from German to English.\n"
        "Make sure to include these words: a / b, d\nDo not use these words: c",
        "Text {x}",
    )
    assert turn("bayling", forbid=()) == (
        "Provide the English translation for this sentence:",
        "Text {x}\nMake sure to include these words: a / b, d",
    )
    assert turn("plain")[0].startswith("Translate from German to English.\nMake sure")
    assert "Verwende unbedingt diese Wörter: a / b, d" in turn("alpaca", "de")[0]
    assert turn("chat")[1] == "Text {x}"


def test_every_wording_stands_in_every_language_of_the_instruction() -> None:
    wordings = load_template("alpaca").wordings
    for task in ("constrained", "constrained_must", "constrained_forbid"):
        assert set(wordings[task]) == set(wordings["mt"])

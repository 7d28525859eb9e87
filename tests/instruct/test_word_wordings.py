"""Every wording of align, hint and revise is a setting, and a wrong one is told before anything is drawn."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.errors import RecipeError
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.prompt.example import Example
from dragoman.prompt.templates import load_template
from dragoman.recipe import Prompt, TaskSpec, TemplateWording

OWN = {
    "align": "{source}/{target}: {source_word} ~ {target_word}?",
    "align_input": "{target_text} < {source_text}",
    "align_true": "Yes",
    "align_false": "No",
    "hint": "{source}>{target} [{hints}]",
    "hint_line": "{source_word}={target_word}",
    "hint_between": "; ",
    "revise": "mend {target} of {source}",
    "revise_input": "{source_text} | {target_text}",
    "revise_answer": "{wrong}->{right}",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Lines of words in any order; braces and quotes stand in the text like any other sign."""
    names = ["bado", "cefi", "{dogu}", "fahi", '"gejo"', "hilu", "jomi", "kuna", "lapo", "meri", "nisu"]
    records = []
    for k in range(200):
        chosen = random.Random(k).sample(names, 9)
        answers = [re.sub(r"(\w+)", r"x\1", word) for word in chosen]
        records.append(Record(f"t:{k}", {"de": " ".join(chosen), "en": " ".join(answers)}, "toy", k + 1))
    place = tmp_path_factory.mktemp("words") / "train"
    write_store(place, records)
    return Store(place)


Make = Callable[..., list[list[Example]]]


@pytest.fixture
def make(store: Store) -> Make:
    """Examples of a task under these wordings, German to English."""

    def make(task: str, wordings: dict[str, str], prompt_target: bool = False) -> list[list[Example]]:
        table = {"mt": {"en": "x"}, **{key: {"en": text} for key, text in wordings.items()}}
        own = TemplateWording(frame="{instruction} {input}", wordings=table)
        template = load_template(Prompt(template="own", templates={"own": own}))
        spec = TaskSpec(directions=["de-en"])  # type: ignore[list-item]
        return Mixture({task: spec}, Material(store, template, prompt_target), 1, "s").draw(60)

    return make


def test_align(make: Make) -> None:
    for example in (example for group in make("align", OWN) for example in group):
        head, _, pair = example.turns[0].content.partition(": ")
        one, two = pair.removesuffix("?").split(" ~ ")
        target, source = (example.turns[0].input or "").split(" < ")
        assert head == "German/English"
        assert one in source and two in target
        assert example.turns[1].content == ("Yes" if "x" + one == two else "No")


def test_hint(make: Make) -> None:
    groups = make("hint", OWN)
    for (example,) in groups:
        head, _, hints = example.turns[0].content.removesuffix("]").partition(" [")
        assert head == "German>English"
        assert all("x" + one == two for one, two in (hint.split("=") for hint in hints.split("; ")))
    assert any("; " in group[0].turns[0].content for group in groups)


def test_revise(make: Make) -> None:
    for (example,) in make("revise", OWN):
        assert example.turns[0].content == "mend English of German"
        source, target = (example.turns[0].input or "").split(" | ")
        wrong, right = example.turns[1].content.split("->")
        told = re.sub(r"(\w+)", r"x\1", source)
        assert wrong in target and wrong not in told
        assert target.replace(wrong, right) == told


@pytest.mark.parametrize(
    ("task", "key", "text", "message"),
    [
        (
            "align",
            "align",
            "{source}: {source_word}?",
            r"of align and align_input \(en\): \{target_word\}",
        ),
        ("align", "align_false", "Yes", "wordings of align_true and align_false are the same"),
        ("align", "align_true", "{truth}", "wording of task 'align_true' .*'truth' has no value"),
        ("align", "align", "{source_wrod} {target_word}", "'source_wrod' has no value; known: .*source_word"),
        ("hint", "hint", "translate", r"wording of hint \(en\): \{hints\} is missing"),
        ("hint", "hint_line", "{source_word}", r"hint_line \(en\): \{target_word\} is missing"),
        ("revise", "revise_answer", "{wrong} is wrong", r"revise_answer \(en\): \{right\} is missing"),
        (
            "revise",
            "revise_input",
            "{source_text}",
            r"revise and revise_input \(en\): \{target_text\}",
        ),
        ("revise", "revise", "}", "has no value|Single"),
    ],
)
def test_wrong_wordings_are_told_at_once(make: Make, task: str, key: str, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make(task, OWN | {key: text})


@pytest.mark.parametrize("task", ["align", "hint", "revise"])
def test_a_language_without_wordings_is_told_at_once(make: Make, store: Store, task: str) -> None:
    assert make(task, OWN, True)
    with pytest.raises(RecipeError, match=r"has no wording of task .* in 'de'; known: en"):
        own = TemplateWording(frame="{instruction}", wordings={"mt": {"en": "x"}})
        template = load_template(Prompt(template="own", templates={"own": own}))
        spec = TaskSpec(directions=["en-de"])  # type: ignore[list-item]
        Mixture({task: spec}, Material(store, template, True), 1, "s")


def test_text_with_braces_is_text(make: Make) -> None:
    texts = [turn.content + (turn.input or "") for (e,) in make("hint", OWN) for turn in e.turns]
    assert any("{dogu}" in text for text in texts)

"""Tasks that speak of words: align, hint, revise. Hand-made links, then what holds for whatever is drawn."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.instruct import links as links_module
from dragoman.instruct.align import drawn
from dragoman.instruct.linked import Linked, Side, Unit
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.instruct.words import words
from dragoman.prompt.example import Example
from dragoman.prompt.templates import load_template
from dragoman.recipe import Prompt, TaskSpec, TemplateWording

NAMES = ["bado", "cefi", "dogu", "fahi", "gejo", "hilu", "jomi", "kuna", "lapo", "meri", "nisu", "potu"]
ASSERTION = re.compile('Assertion: "(.+)" can be aligned with "(.+)" statistically')


def line(count: int, spec: dict[str, Any] | None = None, cells: Sequence[Any] | None = None) -> Linked:
    """Source words s0 .. and target words t0 .., the k-th of each linked unless cells are given."""
    texts = (" ".join(kind + chr(97 + k) for k in range(count)) for kind in "st")
    given = [(k, k, 0.9) for k in range(count)] if cells is None else cells
    source, target = (Side(text, False) for text in texts)
    return Linked(source, target, given, TaskSpec(**(spec or {})), "line")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """300 lines of two languages, word for word, with a number and a full stop; some have nothing else."""
    rng = np.random.default_rng(0)
    records = []
    for number in range(300):
        chosen = [NAMES[k] for k in rng.permutation(12)[: rng.integers(0, 10)]]
        texts = {"de": " ".join(chosen) + " 7.", "en": " ".join("x" + word for word in chosen) + " 7."}
        records.append(Record(f"train:{number}", texts, "toy", number + 1))
    folder = tmp_path_factory.mktemp("text") / "train"
    write_store(folder, records)
    return Store(folder)


Draw = Callable[..., list[list[Example]]]


@pytest.fixture(scope="module")
def draw(store: Store) -> Draw:
    def draw(
        tasks: dict[str, Any], count: int = 600, seed: int = 1, template: str = "alpaca", stage: str = "s"
    ) -> Any:
        material = Material(store, load_template(template))
        return Mixture({k: TaskSpec(**v) for k, v in tasks.items()}, material, seed, stage).draw(count)

    return draw


def assertions(groups: list[list[Example]]) -> list[tuple[str, str, bool]]:
    found = []
    for example in (example for group in groups for example in group):
        match = ASSERTION.search(example.turns[0].input or example.turns[0].content)
        assert match is not None
        found.append((match[1], match[2], example.turns[1].content == "True"))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L'eau n'est-elle pas bleue ?", ["L'", "eau", "n'", "est-elle", "pas", "bleue", "?"]),
        ("Don't stop, John's co-op!", ["Don't", "stop", ",", "John's", "co-op", "!"]),
        ("(\u0915\u094d\u092f\u093e)", ["(", "\u0915\u094d\u092f\u093e", ")"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert [text[word.start : word.end] for word in words(text)] == expected


def test_signs_and_numbers_are_no_content_and_spaceless_text_is_cut() -> None:
    assert [word.content for word in words("In 1984 , B52 \u0968 x")] == [1, 0, 0, 0, 0, 1]
    assert len(words("\u6211\u5011\u662f", spaceless=True)) == 3
    text = "he said--and left; well-known, rock'n'roll, l'eau"
    assert [text[word.start : word.end] for word in words(text) if word.content] == [
        "he", "said", "and", "left", "well-known", "rock'n'roll", "l'", "eau",
    ]  # fmt: skip


@given(st.text(), st.booleans())
@settings(deadline=None)
def test_words_stand_in_order_and_hold_no_blank(text: str, spaceless: bool) -> None:
    found = words(text, spaceless)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert all(text[word.start : word.end].split() == [text[word.start : word.end]] for word in found)


def test_usable_links_are_likely_and_one_to_one() -> None:
    cells = [(0, 0, 0.9), (1, 1, 0.9), (1, 2, 0.8), (2, 3, 0.3), (3, 3, 0.9), (4, 4, 0.59)]
    assert line(5, {}, cells).links == [(0, 0), (3, 3)]
    assert line(5, {"posterior": 0.2}, cells).links == [(0, 0), (4, 4)]


def test_related_words_are_never_exchanged_not_even_by_type() -> None:
    """The faint cell 0-5 keeps links 0 and 5 apart; a repeated word counts wherever it stands."""
    faint = line(6, {}, [(0, 0, 0.9), (5, 5, 0.9), (0, 5, 0.03)])
    assert faint.partners(faint.units(0, random.Random(0)), random.Random(0)) == []
    source, target = Side("a b c d e A", False), Side("u v w x y z", False)
    twice = Linked(source, target, [(0, 0, 0.9), (4, 4, 0.9), (5, 4, 0.1)], TaskSpec(), "line")
    assert twice.partners(twice.units(0, random.Random(0)), random.Random(0)) == []


def test_neighbours_become_phrases() -> None:
    assert line(2).units(1.0, random.Random(0)) == [Unit((0, 2), (0, 2))]
    swapped = line(3, {}, [(0, 1, 0.9), (1, 0, 0.9), (2, 2, 0.9)])
    assert swapped.units(1.0, random.Random(0)) == [Unit((0, 2), (0, 2)), Unit((2, 3), (2, 3))]
    assert len(line(2).units(0.0, random.Random(0))) == 2


@given(st.integers(1, 12), st.integers(1, 8), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_assertions_are_half_true_and_every_word_is_as_often_in_both(
    count: int, half: int, seed: int
) -> None:
    rng = random.Random(seed)
    one = line(count)
    pairs = one.partners(one.units(0, rng), rng)
    found = drawn(pairs, 2 * half, rng)
    assert len(found) == min(2 * half, 4 * len(pairs)) == len(set(found))
    assert sum(truth for _, _, truth in found) * 2 == len(found)
    assert all((source == target) == truth for source, target, truth in found)
    everything = drawn(pairs, 1000, rng)
    for side in (0, 1):
        true, false = (Counter(a[side] for a in everything if a[2] == truth) for truth in (True, False))
        assert true == false


def test_align_on_text(draw: Draw) -> None:
    groups = draw({"align": {"assertions": 4}})
    found = assertions(groups)
    assert sum(truth for _, _, truth in found) * 2 == len(found)
    words_of = [(a.removeprefix("x"), b.removeprefix("x"), truth) for a, b, truth in found]
    assert np.mean([(a == b) == truth for a, b, truth in words_of]) > 0.97
    assert not any(a in "7." or b in "7." for a, b, _ in found)
    example = groups[0][0]
    assert example.group and example.turns[1].content in ("True", "False")
    assert str(example.direction) in ("de-en", "en-de")


def test_pairs_that_cannot_be_used_are_counted(store: Store) -> None:
    for task, reason in (("align", "no wrong word for a link"), ("hint", "no usable link")):
        mixture = Mixture({task: TaskSpec()}, Material(store, load_template("alpaca")), 1, "s")
        made = mixture.draw(600)
        skipped = mixture.material.skipped
        assert skipped[f"{task}: {reason}"] > 0
        assert len(made) + skipped.total() == 600


def test_hint(draw: Draw) -> None:
    for (example,) in draw({"hint": {"hints": 2}}, 50):
        head, *rows = example.turns[0].content.split(":\n")[1].split("\n"), example.turns[0].input
        assert 1 <= len(head) <= 2 and rows
        for row in head:
            match = re.fullmatch(r"- \((.+), (.+)\),?", row)
            assert match is not None
            target, source = match.groups()
            assert target in example.turns[1].content and source in (example.turns[0].input or "")
    wrong = [
        row
        for (e,) in draw({"hint": {"wrong_hints": 1.0}})
        for row in re.findall(r"- \((.+), (.+)\)", e.turns[0].content)
    ]
    assert np.mean([a.removeprefix("x") == b.removeprefix("x") for a, b in wrong]) < 0.5


def test_revise_names_the_swapped_word_and_the_right_one(draw: Draw, store: Store) -> None:
    groups = draw({"revise": {}})
    assert len(groups) > 300
    for (example,) in groups:
        wrong, right, said, told = revised(example, store)
        assert wrong not in told and right in told
        assert said == [wrong if word == right else word for word in told]


def revised(example: Example, store: Store) -> tuple[str, str, list[str], list[str]]:
    """The two words of the answer; the words of the translation as the learner sees it and as it was."""
    answer = example.turns[1].content
    match = re.fullmatch('The incorrectly translated word is "(.+)". It should be "(.+)".', answer)
    record = store.by_id(example.id)
    assert match is not None and record is not None and example.direction is not None
    said = (example.turns[0].input or "").split("\n")[1].split(": ")[1]
    return match[1], match[2], said.split(), record.texts[example.direction.target].split()


def test_placebo_is_shuffled_and_looks_alike(draw: Draw) -> None:
    true = assertions(draw({"align": {"placebo": True}}))
    right = [(a.removeprefix("x") == b.removeprefix("x")) == truth for a, b, truth in true]
    assert 0.35 < np.mean(right) < 0.65
    assert sum(truth for _, _, truth in true) * 2 == len(true)


def test_placebo_of_hint_and_revise(draw: Draw, store: Store) -> None:
    """Words of the line in the same form, but what they tell of each other is right only by chance."""
    rows = [
        re.findall(r"- \((.+), (.+)\)", example.turns[0].content)
        for (example,) in draw({"hint": {"placebo": True}})
    ]
    right = [a.removeprefix("x") == b.removeprefix("x") for row in rows for a, b in row]
    assert np.mean(right) < 0.4 and min(map(len, rows)) > 1
    groups = draw({"revise": {"placebo": True}})
    named = [revised(example, store) for (example,) in groups]
    assert all(wrong in said and right != wrong for wrong, right, said, _ in named)
    assert np.mean([wrong not in told for wrong, _, _, told in named]) < 0.5


def test_phrases_are_asserted_as_one(draw: Draw) -> None:
    found = assertions(draw({"align": {"phrases": 1.0, "assertions": 4}}))
    sizes = {(len(one.split()), len(two.split())) for one, two, _ in found}
    assert sizes <= {(1, 1), (2, 2)} and (2, 2) in sizes
    assert sum(truth for _, _, truth in found) * 2 == len(found)


@pytest.mark.parametrize("task", ["align", "hint", "revise"])
def test_own_stream_and_new_samples_each_epoch(draw: Draw, task: str) -> None:
    spec = {"hints": 2} if task == "hint" else {}
    alone = draw({task: spec}, 1200)
    assert draw({task: spec}, 1200) == alone
    first = draw({task: spec}, 600)
    assert first == alone[: len(first)]
    assert first != draw({task: spec}, 600, seed=2) and first != draw({task: spec}, 600, stage="other")
    beside = [g for g in draw({"mt": {}, task: spec}, 1000) if g[0].task == task]
    assert beside == alone[: len(beside)] and len(beside) > 100
    epochs = [first, alone[-len(first) :]]
    contents = [{(g[0].id, str(g[0].direction)): g[0].turns for g in epoch} for epoch in epochs]
    same = contents[0].keys() & contents[1].keys()
    assert sum(contents[0][key] != contents[1][key] for key in same) > len(same) / 2


def test_links_are_made_once_and_again_for_other_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder_of(extra: str) -> Path:
        texts = [{"de": f"bado cefi dogu {extra}", "en": "xbado xcefi xdogu"}] * 3
        write_store(tmp_path / "train", [Record(f"t:{k}", t, "toy", k) for k, t in enumerate(texts)])
        store = Store(tmp_path / "train")
        return links_module.pair_links(store, store.directions()[0]).folder

    first = folder_of("fahi")
    with monkeypatch.context() as patch:
        patch.setattr(links_module, "_make", lambda *_: pytest.fail("made again"))
        assert folder_of("fahi") == first
    assert folder_of("gejo") != first


@pytest.mark.parametrize("template", ["alpaca", "alpaca-post", "plain", "alma", "bayling"])
def test_every_template_has_the_words(draw: Draw, template: str) -> None:
    groups = draw({"align": {}, "hint": {}, "revise": {}}, 30, 1, template)
    assert {group[0].task for group in groups} == {"align", "hint", "revise"}
    for example in (example for group in groups for example in group):
        example.check()


def test_wordings_are_settings(store: Store) -> None:
    words = {
        "align": {"en": "{source_word}={target_word}?"},
        "align_input": {"en": ""},
        "align_true": {"en": "Yes"},
    }
    own = TemplateWording(frame="{instruction} {input}", wordings={"mt": {"en": "x"}, **words})
    material = Material(store, load_template(Prompt(template="own", templates={"own": own})))
    groups = Mixture({"align": TaskSpec()}, material, 1, "s").draw(20)
    assert {e.turns[1].content for g in groups for e in g} == {"Yes", "False"}
    assert groups[0][0].turns[0].input is None


def test_settings() -> None:
    with pytest.raises(ValueError, match="multiple of 2"):
        TaskSpec(assertions=3)
    assert "posterior" not in TaskSpec().model_dump()
    assert TaskSpec(posterior=0.9).model_dump()["posterior"] == 0.9

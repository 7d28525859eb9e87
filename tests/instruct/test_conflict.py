"""Conflicting instructions: wrong for sure, of the kind that was asked for, and what of them is unlearned."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from helpers import MemoryStore, toy_records

from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.instruct.conflict import Conflict, spare_shared
from dragoman.instruct.task import Material
from dragoman.language.language import Direction, parse_direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example
from dragoman.prompt.templates import Template, load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Prompt, TaskSpec, TemplateWording

STORE = MemoryStore(toy_records(60))


def conflict(store: MemoryStore = STORE, template: Template | None = None, **spec: Any) -> Conflict:
    material = Material(store, template or load_template("alpaca"))  # type: ignore[arg-type]
    return Conflict(TaskSpec(**spec), material)


def groups(task: Conflict, seed: int = 0) -> list[list[Example]]:
    """One epoch."""
    rng = random.Random(seed)
    return [task.make(item, rng) for item in range(task.size)]


def one_line(**texts: str) -> MemoryStore:
    return MemoryStore([Record("train:1", texts, "toy", 1)])


def asked(example: Example) -> str:
    return example.turns[0].content


def instruction(direction: str) -> str:
    return load_template("alpaca").instruction("mt", parse_direction(direction))


@pytest.mark.parametrize("negatives", ["any", "target"])
def test_a_negative_is_the_pair_under_another_instruction(negatives: Any) -> None:
    for positive, negative in groups(conflict(negatives=negatives)):
        assert (positive.task, negative.task) == ("mt", "conflict")
        assert positive.group == negative.group and positive.id == negative.id
        assert positive.turns[0].input == negative.turns[0].input
        assert positive.turns[1].content == negative.turns[1].content
        assert asked(positive) != asked(negative)
        assert not positive.is_negative and negative.is_negative
        assert [span.weight for span in negative.turns[1].spans] == [-1.0]
        if negatives == "target":
            assert negative.direction is not None and positive.direction is not None
            assert negative.direction.target != positive.direction.target


def test_any_draws_the_instruction_of_a_random_other_pair() -> None:
    """Uniform over pairs: each of the five other directions, a third of which name the same target."""
    drawn = Counter(
        (str(positive.direction), str(negative.direction))
        for seed in range(10)
        for positive, negative in groups(conflict(), seed)
    )
    for own in ("de-en", "fr-de"):
        counts = {wrong: n for (first, wrong), n in drawn.items() if first == own}
        assert len(counts) == 5 and own not in counts
        assert all(n == pytest.approx(600 / 5, rel=0.35) for n in counts.values())


def test_any_follows_the_number_of_pairs() -> None:
    """Of 30 en-de and 90 en-fr lines, a pair of en-de meets en-fr three times as often as de-en."""
    records = [*toy_records(30, ("en", "de")), *toy_records(90, ("en", "fr"))]
    task = conflict(MemoryStore(records))
    drawn = Counter(
        str(negative.direction)
        for seed in range(30)
        for positive, negative in groups(task, seed)
        if str(positive.direction) == "en-de"
    )
    assert drawn["en-fr"] / drawn["de-en"] == pytest.approx(3, rel=0.3)


def test_no_negative_where_the_answer_is_the_source() -> None:
    """Also if case, spaces or compatibility forms differ: a copy is right under a wrong instruction."""
    for source, answer in (("Berlin 1999", "berlin  1999"), ("Ａ 1", "A 1")):
        task = conflict(one_line(en=source, de=answer, fr="autre"), directions=["en-de", "de-fr"])
        (positive,) = task.make(0, random.Random(0))
        assert positive.task == "mt"
        assert task.material.skipped == {"conflict: every wrong instruction would be right": 1}


@pytest.mark.parametrize("negatives", ["any", "target"])
def test_no_instruction_under_which_the_answer_would_be_right(negatives: Any) -> None:
    """English, German and Dutch say the same: fr-de is not asked for Dutch or English, and so on."""
    texts = {"en": "hand", "de": "Hand", "nl": "hand ", "fr": "main"}
    store = one_line(**texts)
    made = [pair for seed in range(50) for pair in groups(conflict(store, negatives=negatives), seed)]
    negatives_made = [group[1] for group in made if len(group) == 2]
    assert negatives_made
    for negative in negatives_made:
        own = negative.group.split("-")[1]
        assert negative.direction is not None and "fr" in negative.group
        if negative.direction.target != own:
            right = texts[negative.direction.target]
            assert negative.turns[1].content.strip().casefold() != right.strip().casefold()


def test_where_every_wrong_instruction_is_right_there_is_no_negative() -> None:
    store = one_line(en="hand", de="main", fr="main")
    task = conflict(store, negatives="target", directions=["en-de", "en-fr"])
    assert [len(group) for group in groups(task)] == [1, 1]
    assert sum(task.material.skipped.values()) == 2


def test_wrong_targets_name_only_those_languages() -> None:
    """Codes as given; never the pair's own target, nor its source (which would ask for a copy)."""
    task = conflict(directions=["en-de", "de-en"], wrong_targets=["fra", "deu", "ita"])
    drawn = Counter(
        (str(positive.direction), str(negative.direction))
        for seed in range(10)
        for positive, negative in groups(task, seed)
    )
    assert {wrong for own, wrong in drawn if own == "en-de"} == {"en-fra", "en-ita"}
    assert {wrong for own, wrong in drawn if own == "de-en"} == {"de-fra", "de-ita"}


def test_wrong_targets_respect_the_text_of_the_line_too() -> None:
    store = one_line(en="hand", de="main", fr="main")
    task = conflict(store, directions=["en-de"], wrong_targets=["fr"])
    assert [len(group) for group in groups(task)] == [1]


def test_without_any_conflicting_instruction_the_recipe_is_wrong() -> None:
    with pytest.raises(RecipeError, match="no instruction conflicts"):
        conflict(directions=["en-de"])
    with pytest.raises(RecipeError, match="no instruction conflicts"):
        conflict(directions=["en-de", "fr-de"], negatives="target")


def test_share_of_negatives_and_no_positives() -> None:
    found = groups(conflict(negative_share=0.25))
    assert sum(len(group) == 2 for group in found) / len(found) == pytest.approx(0.25, abs=0.06)
    assert all(len(group) == 1 for group in groups(conflict(positives=False)))
    assert all(len(group) == 1 for group in groups(conflict(negative_share=0)))


def frames(template: str) -> Template:
    own = {
        "labels": TemplateWording(frame="{instruction}\n{source}: {input}\n{target}:"),
        "target-only": TemplateWording(
            frame="{instruction}\n{input}\n", wordings={"mt": {"en": "Put into {target}:"}}
        ),
    }
    return load_template(Prompt(template=template, templates=own))


@pytest.mark.parametrize("template", ["plain", "alma", "bayling", "alpaca-post", "labels"])
def test_the_whole_prompt_speaks_of_the_wrong_direction(template: str) -> None:
    """Some templates label the texts: a negative must not name the right languages beside the wrong ones."""
    made = frames(template)
    for positive, negative in groups(conflict(template=made)):
        texts = []
        for example, direction in ((positive, negative.direction), (negative, negative.direction)):
            blocks = made.blocks(example.turns[:1], direction, example.prompt_language)
            texts.append("".join(piece.text for piece in blocks[0].before))
        wrong = negative.direction
        assert wrong is not None and wrong != positive.direction
        assert texts[1] == texts[0].replace(asked(positive), asked(negative))


def test_a_template_that_names_the_target_only_never_repeats_the_right_instruction() -> None:
    """`any` promises another instruction: fr-en asks for the same as de-en here, so it is none."""
    made = frames("target-only")
    for positive, negative in groups(conflict(template=made)):
        assert asked(positive) != asked(negative)
    with pytest.raises(RecipeError, match="no instruction conflicts"):
        conflict(template=made, directions=["de-en", "fr-en"])


def test_prompts_in_the_target_s_language_follow_the_wrong_instruction() -> None:
    material = Material(STORE, load_template("alpaca"), prompt_target=True)  # type: ignore[arg-type]
    for positive, negative in groups(Conflict(TaskSpec(negatives="target"), material)):
        assert positive.direction is not None and negative.direction is not None
        assert positive.prompt_language == positive.direction.target
        assert negative.prompt_language == negative.direction.target


def test_spare_end() -> None:
    assert all(g[1].turns[1].end_weight == 0.0 for g in groups(conflict(spare_end=True)))
    assert all(g[1].turns[1].end_weight == -1.0 for g in groups(conflict()))


@pytest.mark.parametrize(
    ("answer", "source", "wanted"),
    [
        ("Das Haus 12.", "The house 12.", [("Das Haus", -1), (" 12.", 0)]),
        ("Berlin, ja!", "berlin: yes", [("Berlin,", 0), (" ja", -1), ("!", 0)]),
        ("1.5 km am 3-ten", "x", [("1.5", 0), (" km am", -1), (" 3-", 0), ("ten", -1)]),
        ("हिन्दी 5", "Hindi", [("हिन्दी", -1), (" 5", 0)]),
        ("我有3本。", "I have 3.", [("我有", -1), ("3", 0), ("本", -1), ("。", 0)]),
        ("Rom  Rom ", "Rom", [("Rom  Rom ", 0)]),
        ("l'homme", "man", [("l", -1), ("'", 0), ("homme", -1)]),
    ],
)
def test_spare_shared_words_digits_and_punctuation(
    answer: str, source: str, wanted: list[tuple[str, float]]
) -> None:
    spans = spare_shared(answer, source)
    assert [(span.text, span.weight) for span in spans] == wanted
    assert "".join(span.text for span in spans) == answer


def test_spared_tokens_have_no_weight() -> None:
    """Token by token, the first character decides: a space goes with what follows it."""
    store = one_line(en="Anna sees 12 dogs.", de="Anna sieht 12 Hunde.", fr="Anna voit 12 chiens.")
    task = conflict(store, spare_shared=True, spare_end=True, positives=False, directions=["en-de", "en-fr"])
    encoder = Encoder(learn_tokenizer(store[0].texts.values(), 300), task.material.template)
    encoded = encoder.encode(task.make(0, random.Random(0))[0])
    assert encoded is not None
    unlearned = [i for i, w in zip(encoded.ids, encoded.weights, strict=True) if w]
    assert encoder.safe.vocabulary.text(unlearned).decode() == " sieht Hunde"
    assert encoded.weights[-1] == 0.0


@pytest.mark.parametrize("spare_end", [False, True])
def test_a_negative_of_which_everything_is_spared_is_left_out(spare_end: bool) -> None:
    """Otherwise only the end token would be unlearned, which teaches endless output, or nothing at all."""
    store = one_line(en="Anna, Rom 12", de="Rom: Anna 12", fr="autre chose")
    task = conflict(store, spare_shared=True, spare_end=spare_end, directions=["en-de", "de-fr"])
    assert [len(group) for group in groups(task)] == [1, 2]
    assert task.material.skipped == {"conflict: nothing to unlearn, all words are spared": 1}


def test_directions_of_a_group() -> None:
    (positive, negative) = conflict(negatives="target").make(0, random.Random(1))
    assert positive.group == f"{positive.id}/{positive.direction}"
    assert isinstance(negative.direction, Direction)
    assert asked(negative) == instruction(str(negative.direction))

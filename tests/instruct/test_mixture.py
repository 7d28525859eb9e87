"""Mixtures: each task's own stream, shares, epochs; few-shot examples and documents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from helpers import MemoryStore, toy_records

from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.language.language import Direction
from dragoman.prompt.example import Example
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec

STORE = MemoryStore(toy_records(40))


def mixture(
    tasks: dict[str, dict[str, Any]],
    seed: int = 1,
    stage: str = "s",
    store: MemoryStore = STORE,
    stream: str | None = None,
) -> Mixture:
    material = Material(store, load_template("alpaca"))  # type: ignore[arg-type]
    return Mixture({name: TaskSpec(**spec) for name, spec in tasks.items()}, material, seed, stage, stream)


def of_task(groups: Sequence[list[Example]], task: str) -> list[list[Example]]:
    """Groups that end with an example of a task."""
    return [group for group in groups if group[-1].task == task]


def test_the_same_seed_and_stage_draw_the_same() -> None:
    tasks: dict[str, dict[str, Any]] = {"mt": {}, "conflict": {}, "mono": {"bilingual": 0.5}}
    first = mixture(tasks).draw(300)
    assert mixture(tasks).draw(300) == first
    assert mixture(tasks, seed=2).draw(300) != first
    assert mixture(tasks, stage="other").draw(300) != first
    assert mixture(tasks, stage="other", stream="s").draw(300) == first, "stages of one stream draw alike"


@pytest.mark.parametrize("task", ["mt", "mono", "conflict"])
def test_another_task_does_not_change_a_task_s_samples(task: str) -> None:
    """Its k-th group is the same alone and beside others of any share."""
    specs = {"mt": {"shots": 1}, "mono": {"bilingual": 0.5}, "conflict": {"positives": False}}
    alone = mixture({task: specs[task]}).draw(150)
    beside = mixture({**specs, task: {**specs[task], "share": 0.7}}).draw(450)
    found = of_task(beside, task)
    assert len(found) > 60
    assert found == alone[: len(found)]


def test_items_once_an_epoch_in_another_order_and_drawn_anew() -> None:
    """240 items: 40 lines in 6 directions; the negatives' instructions differ from epoch to epoch."""
    made = mixture({"conflict": {}})
    epochs = [made.draw(240) for _ in range(3)]
    for epoch in epochs:
        assert len({group[0].group for group in epoch}) == 240
    orders = [[group[0].group for group in epoch] for epoch in epochs]
    assert orders[0] != orders[1] != orders[2]
    wrong = [{group[0].group: group[1].direction for group in epoch} for epoch in epochs]
    redrawn = sum(wrong[0][name] != wrong[1][name] for name in wrong[0])
    assert redrawn > 120, "most negatives name another direction in the next epoch"


def test_shares() -> None:
    groups = mixture({"mt": {"share": 3}, "mono": {"share": 1}, "conflict": {"share": 0.5}}).draw(900)
    counts = Counter(group[-1].task for group in groups)
    assert counts == {"mt": 600, "mono": 200, "conflict": 100}


def test_an_epoch_is_the_first_task_s() -> None:
    made = mixture({"mt": {"share": 1}, "mono": {"share": 0.25}})
    assert made.epoch_draws == 240 * 1.25
    made.draw(int(made.epoch_draws))
    assert made.position()["mt"] == 240


def test_seek_goes_back_and_forth_over_epochs() -> None:
    tasks: dict[str, dict[str, Any]] = {"mt": {}, "conflict": {"negative_share": 0.5}}
    made = mixture(tasks)
    groups = [made.draw(1) for _ in range(700)]
    for at in (0, 3, 250, 480, 481):
        fresh = mixture(tasks)
        place = mixture(tasks)
        place.draw(at)
        fresh.seek(place.position())
        assert [fresh.draw(1) for _ in range(10)] == groups[at : at + 10]


def test_mt_is_one_pair_under_its_instruction() -> None:
    (example,) = mixture({"mt": {"directions": ["de-en"]}}).draw(1)[0]
    record = next(r for r in STORE.records if r.id == example.id)
    asked, answer = example.turns
    assert asked.content == "Translate the following sentences from German to English."
    assert (asked.input, answer.content) == (record.texts["de"], record.texts["en"])
    assert example.direction == Direction("de", "en") and not example.is_negative


def test_shots_are_other_lines_of_the_direction_and_not_learned() -> None:
    for (example,) in mixture({"mt": {"shots": 2, "directions": ["fr-de"]}}).draw(80):
        assert len(example.turns) == 6
        texts = [turn.input for turn in example.turns[::2]]
        assert texts[2] not in texts[:2]
        assert all(span.weight == 0 for turn in example.turns[:4] for span in turn.spans)
        assert example.turns[5].spans[0].weight == 1
        pairs = {record.texts["fr"]: record.texts["de"] for record in STORE.records}
        assert all(
            pairs[text or ""] == turn.content for text, turn in zip(texts, example.turns[1::2], strict=True)
        )


def test_directions_by_name_all_and_english() -> None:
    def found(directions: Any) -> set[str]:
        groups = mixture({"mt": {"directions": directions}}).draw(240)
        return {str(group[0].direction) for group in groups}

    assert found("all") == {"de-en", "de-fr", "en-de", "en-fr", "fr-de", "fr-en"}
    assert found("english") == {"de-en", "en-de", "en-fr", "fr-en"}
    assert found(["deu-eng", "de-en", "fr-de"]) == {"de-en", "fr-de"}
    twice = mixture({"mt": {"directions": ["deu-eng", "de-en"]}})
    assert twice.tasks["mt"].size == 40, "a direction that is named twice is drawn once"


def test_english_leaves_out_directions_without_a_line() -> None:
    """Bilingual corpora side by side: Italian stands only beside German."""
    records = [*toy_records(10, ("en", "de")), *toy_records(10, ("de", "it"))]
    made = mixture({"conflict": {"directions": "english"}}, store=MemoryStore(records))
    assert {str(group[0].direction) for group in made.draw(20)} == {"en-de", "de-en"}


def test_a_direction_without_a_line_and_an_empty_task_are_errors() -> None:
    with pytest.raises(RecipeError, match=r"task mt: no training line for direction de-it; .*: de, en, fr"):
        mixture({"mt": {"directions": ["de-it"]}})
    with pytest.raises(RecipeError, match="no training line"):
        mixture({"mt": {"directions": "english"}}, store=MemoryStore(toy_records(5, ("de", "fr"))))


def documents(count: int = 400, **spec: Any) -> list[Example]:
    return [group[0] for group in mixture({"mono": spec}, store=MemoryStore(toy_records(400))).draw(count)]


def test_a_monolingual_document_is_neighbouring_lines_after_the_language_s_name() -> None:
    for example in documents(60):
        (turn,) = example.turns
        label, _, text = turn.content.partition(": ")
        code = {"English": "en", "German": "de", "French": "fr"}[label]
        first = int(example.id.split(":")[1]) - 1
        lines = [record.texts[code] for record in toy_records(400)[first : first + 4]]
        assert text == "\n".join(lines)
        assert example.is_document and example.direction is None


def test_without_labels_a_document_is_text_alone() -> None:
    assert all(
        ": " not in example.turns[0].content for example in documents(60, labelled=False, bilingual=0.5)
    )


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_share_of_bilingual_documents(share: float) -> None:
    found = [example.direction is not None for example in documents(300, bilingual=share)]
    assert sum(found) / len(found) == pytest.approx(share, abs=0.06 if 0 < share < 1 else 0)


def test_a_bilingual_document_is_two_lines_in_two_languages() -> None:
    names = {"English": "en", "German": "de", "French": "fr"}
    records = {record.id: record for record in toy_records(400)}
    texts = {text: code for record in records.values() for code, text in record.texts.items()}
    pairs: Counter[str] = Counter()
    headed = 0
    for example in documents(300, bilingual=1.0, heads=0.5):
        rows = example.turns[0].content.split("\n")
        if " and " in rows[0] and rows[0].endswith(":"):
            headed += 1
            labels = rows[0].removesuffix(":").split(" and ") * 2
            lines = rows[1:]
        else:
            labels = [row.split(": ")[0] for row in rows]
            lines = [row.split(": ", 1)[1] for row in rows]
        assert len(lines) == 4 and labels[0] == labels[2] != labels[1] == labels[3]
        assert [names[label] for label in labels] == [texts[line] for line in lines]
        assert lines[0] in records[example.id].texts.values()
        pairs[str(example.direction)] += 1
    assert len(pairs) == 6, "all directions"
    assert 100 < headed < 200, "half name their languages at the head"


def texts_and_labels(rows: list[str]) -> tuple[list[str], list[str]]:
    """The texts of toy documents (none holds a colon) and the names before them, if any."""
    split = [row.rpartition(": ") for row in rows]
    return [text for _, _, text in split], [label for label, _, _ in split]


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_documents_says_its_texts_again(share: float) -> None:
    """In random order, without the head line, each after its name where it had one."""
    twice, orders = 0, set()
    for example in documents(300, bilingual=0.5, heads=0.5, again=share):
        rows = example.turns[0].content.split("\n")
        headed = rows[0].endswith(":")
        texts, labels = texts_and_labels(rows[headed:])
        half = len(texts) // 2
        if Counter(texts[:half]) == Counter(texts[half:]):
            twice += 1
            orders.add(texts[:half] == texts[half:])
            if example.direction and not headed:
                named = dict(zip(texts[:half], labels[:half], strict=True))
                assert [named[text] for text in texts[half:]] == labels[half:]
            else:
                assert labels[half:] == labels[:half] and not any(labels[1:half])
    assert twice / 300 == pytest.approx(share, abs=0.06 if 0 < share < 1 else 0)
    assert False in orders or not share, "the second time in another order"


def test_a_text_that_ends_as_a_head_line_does_is_said_again() -> None:
    records = [Record(f"x:{n}", {"en": f"He said this {n}:"}, "x", n) for n in range(1, 5)]
    made = mixture({"mono": {"again": 1.0}}, store=MemoryStore(records))
    (group,) = made.draw(1)
    assert sorted(texts_and_labels(group[0].turns[0].content.split("\n"))[0]) == sorted(
        [record.texts["en"] for record in records] * 2
    )


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("labelled", [True, False])
def test_words_in_quotes_stand_before_or_behind_a_share_of_documents(share: float, labelled: bool) -> None:
    spec = {"bilingual": 0.5, "heads": 0.5, "again": 0.5, "labelled": labelled}
    places = []
    for example in documents(300, **spec, quoted=share):
        rows = example.turns[0].content.split("\n")
        at = [k for k, row in enumerate(rows) if row[0] in "“\"'„«"]
        assert len(at) <= 1
        if at:
            (place,) = at
            assert place in (0, len(rows) - 1)
            said = re.findall(r"\w+", rows.pop(place))
            places.append(place == 0)
            texts, _ = texts_and_labels(rows[rows[0].endswith(":") :])
            assert 2 <= len(said) == len(set(said)) <= 6
            assert set(said) <= set(re.findall(r"[^\W\d]+", "\n".join(texts))), "no name of a language"
    assert len(places) / 300 == pytest.approx(share, abs=0.06 if 0 < share < 1 else 0)
    assert set(places) == ({True, False} if share else set())


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("12 + 30", set()),
        ("वह चलता है", {"वह", "चलता", "है"}),
        ("l'eau", {"l'", "eau"}),
        ("我喜欢读书", set("我喜欢读书")),
    ],
)
def test_quoted_words_are_whole_words_and_a_line_without_any_gets_no_quotes(
    text: str, known: set[str]
) -> None:
    made = mixture({"mono": {"quoted": 1.0}}, store=MemoryStore([Record("x:1", {"en": text}, "x", 1)]))
    (group,) = made.draw(1)
    said = [row for row in group[0].turns[0].content.split("\n") if row != f"English: {text}"]
    assert {word[1:-1] for row in said for word in row.split(", ")} <= known and len(said) == bool(known)


def test_a_bilingual_document_takes_a_language_that_its_lines_have() -> None:
    """Corpora side by side, each in some of the languages."""
    records = [*toy_records(80, ("de", "en")), *toy_records(80, ("en", "fr"))]
    made = mixture({"mono": {"bilingual": 1.0}}, store=MemoryStore(records))
    drawn = [group[0] for group in made.draw(100)]
    assert {str(example.direction) for example in drawn} == {"de-en", "en-de", "en-fr", "fr-en"}


def test_mono_of_chosen_languages() -> None:
    assert {e.turns[0].content.split(":")[0] for e in documents(60, languages=["deu"])} == {"German"}
    with pytest.raises(RecipeError, match=r"no training line in it; .*: de, en, fr"):
        documents(1, languages=["de", "it"])
    with pytest.raises(RecipeError, match="bilingual documents need two languages"):
        documents(1, languages=["de"], bilingual=0.1)


def test_lines_that_lack_the_language_are_left_out() -> None:
    records = [
        Record("train:1", {"en": "one"}, "f", 1),
        Record("train:2", {"en": "two", "de": "zwei"}, "f", 2),
    ]
    made = mixture({"mono": {"bilingual": 0.5}}, store=MemoryStore(records))
    texts = {group[0].turns[0].content for group in made.draw(200)}
    assert "German: zwei" in texts and "English: one\ntwo" in texts
    assert "English: two\nGerman: zwei" in texts
    assert not any("None" in text for text in texts)

"""Assertions on real text: true by accident against links that people drew; what the words give away."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers import data_folder

from dragoman.align.pharaoh import Gold, read_gold
from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.instruct.align import Align
from dragoman.instruct.linked import Side
from dragoman.instruct.task import Material
from dragoman.instruct.words import word_type
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec
from instruct.giveaway import accuracy, each_alone, form_of_both, words_alone

ASSERTION = re.compile(r'Assertion: "(.+)" can be aligned with "(.+)" statistically')


class Assertion(NamedTuple):
    """An assertion as the learner sees it."""

    record: Record
    source: str
    target: str
    truth: bool


def assertions(
    store: Store, direction: str, last: int, times: int = 1, **settings: Any
) -> Iterator[Assertion]:
    """What the task makes of a store's last lines, each several times, read from the text of the examples."""
    spec = TaskSpec(directions=[direction], **settings)  # type: ignore[list-item]
    task = Align(spec, Material(store, load_template("alpaca")))
    for item in range(max(0, task.size - last), task.size):
        groups = (task.make(item, random.Random(item * times + time)) for time in range(times))
        for example in (example for group in groups for example in group):
            match = ASSERTION.search(example.turns[0].input or "")
            assert match is not None
            yield Assertion(task.lines[item][0], match[1], match[2], example.turns[1].content == "True")


def gold_store(pair: str, codes: tuple[str, str], place: Path) -> tuple[Store, dict[str, Gold]]:
    """A gold set's text, all splits, as one training text; and the gold links by record."""
    folder, records, gold = data_folder(f"align_{pair}"), [], {}
    for split in ("train", "dev", "test"):
        paths = [folder / f"{split}.{code}" for code in pair.split("-")]
        if not paths[0].exists():
            continue
        links = read_gold(folder / f"{split}.align") if split != "train" else []
        sides = (path.read_text(encoding="utf-8").splitlines() for path in paths)
        for number, texts in enumerate(zip(*sides, strict=True)):
            if all(text.strip() for text in texts):
                name = f"{split}:{number}"
                records.append(Record(name, dict(zip(codes, texts, strict=True)), split, number + 1))
                gold |= {name: links[number]} if links else {}
    write_store(place, records)
    return Store(place), gold


def tokens(text: str, word: str) -> set[int]:
    """The gold tokens of every word of a type in a line."""
    side = Side(text, False)
    places = zip(side.words, side.types, strict=True)
    return {text[: place.start].count(" ") for place, kind in places if kind == word_type(word)}


@pytest.mark.parametrize(("pair", "code"), [("fra-eng", "fr"), ("grc-eng", "grc")])
def test_negatives_are_true_by_accident_in_at_most_two_of_a_hundred(
    pair: str, code: str, tmp_path: Path
) -> None:
    """Every occurrence of the two words counts, and links that people call only possible."""
    store, gold = gold_store(pair, (code, "en"), tmp_path / "train")
    false = sure = possible = 0
    for record, source, target, truth in assertions(store, f"{code}-en", len(gold), 3, assertions=4):
        if record.id in gold and not truth:
            sides = tokens(record.texts[code], source), tokens(record.texts["en"], target)
            met = {(i, j) for i in sides[0] for j in sides[1]}
            false += 1
            sure += bool(met & gold[record.id].sure)
            possible += bool(met & gold[record.id].possible)
    print(f"{pair}: {false} false assertions, {sure} sure links, {possible} possible ones")
    assert false > 1400
    assert sure <= 0.02 * false
    assert possible <= 0.02 * false


@pytest.mark.parametrize("code", ["ces", "deu"])
def test_the_words_alone_do_not_give_the_answer_away(code: str, tmp_path: Path) -> None:
    """Classifiers learn from two thirds of the lines and are asked about the others."""
    folder = data_folder("multi30k")
    sides = [(folder / f"train.{c}").read_text(encoding="utf-8").splitlines()[:5000] for c in ("eng", code)]
    short = {"ces": "cs", "deu": "de"}[code]
    write_store(
        tmp_path / "train",
        [Record(f"t:{k}", {"en": a, short: b}, "t", k) for k, (a, b) in enumerate(zip(*sides, strict=True))],
    )
    rows = [
        (source, target, truth, int(record.id.split(":")[1]) % 3 == 0)
        for record, source, target, truth in assertions(Store(tmp_path / "train"), f"en-{short}", 5000)
    ]
    true = sum(truth for _, _, truth, _ in rows)
    assert len(rows) > 9_900
    assert abs(true / len(rows) - 0.5) <= 0.005, "classes within 1 % of each other"
    found = {about.__name__: accuracy(rows, about) for about in (words_alone, each_alone, form_of_both)}
    print(code, {name: f"{share:.3f}" for name, share in found.items()}, f"{len(rows)} assertions")
    assert found["words_alone"] <= 0.55
    assert found["each_alone"] <= 0.55
    assert found["form_of_both"] <= 0.56, "length and capitals of both words together"


@pytest.mark.parametrize(("name", "code"), [("tico19/dev.{}", "mya"), ("tatoeba/test.khm-eng.{}", "khm")])
def test_text_without_spaces_is_cut_for_the_tasks(name: str, code: str, tmp_path: Path) -> None:
    """Words that are quoted are units that stand in the line, not whole sentences."""
    corpus, _, file = name.partition("/")
    folder = data_folder(corpus)
    sides = [(folder / file.format(c)).read_text(encoding="utf-8").splitlines()[:900] for c in (code, "eng")]
    short = {"mya": "my", "khm": "km"}[code]
    write_store(
        tmp_path / "train",
        [Record(f"t:{k}", {short: a, "en": b}, "t", k) for k, (a, b) in enumerate(zip(*sides, strict=True))],
    )
    found = list(assertions(Store(tmp_path / "train"), f"{short}-en", 900))
    assert len(found) > 500
    for record, source, target, _ in found:
        assert source in record.texts[short] and target in record.texts["en"]
        assert len(source.strip("\u200b")) <= 12 or source.isascii()

"""Assertions on real text with links that people drew: accidents, and what the words alone give away."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from helpers import data_folder

from dragoman.align.pharaoh import Gold, read_gold
from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.instruct.align import drawn
from dragoman.instruct.linked import Link, LinkedItems, Side
from dragoman.instruct.task import Material
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Gold]]:
    folder = data_folder("align_fra-eng")
    records: list[Record] = []
    gold: dict[str, Gold] = {}
    for split in ("train", "dev", "test"):
        sides = [
            (folder / f"{split}.{code}").read_text(encoding="utf-8").splitlines() for code in ("fra", "eng")
        ]
        drawn_links = read_gold(folder / f"{split}.align") if split != "train" else []
        for number, (one, two) in enumerate(zip(*sides, strict=True)):
            if one.strip() and two.strip():
                records.append(Record(f"{split}:{number}", {"fr": one, "en": two}, split, number + 1))
                if drawn_links:
                    gold[f"{split}:{number}"] = drawn_links[number]
    place = tmp_path_factory.mktemp("real") / "train"
    write_store(place, records)
    return Store(place), gold


def tokens(side: Side, span: Link) -> set[int]:
    """The gold tokens of all words whose type stands in a span."""
    types = side.types[slice(*span)]
    places = zip(side.words, side.types, strict=True)
    return {side.text[: word.start].count(" ") for word, kind in places if kind in types}


def lines_of(
    store: Store, seed: int, count: int
) -> list[tuple[Record, Side, Side, list[tuple[Link, Link, bool]]]]:
    lines = LinkedItems(
        TaskSpec(directions=["fr-en"]),  # type: ignore[list-item]
        Material(store, load_template("alpaca")),
        "align",
    )
    rng = random.Random(seed)
    found = []
    for item in range(lines.size):
        record, _, line = lines[item]
        pairs = line.partners(line.units(0, rng), rng)
        found.append((record, line.source, line.target, drawn(pairs, count, rng)))
    return found


def test_negatives_are_true_by_accident_in_at_most_two_of_a_hundred(
    real: tuple[Store, dict[str, Gold]],
) -> None:
    store, gold = real
    false = sure = possible = 0
    for record, source, target, made in lines_of(store, 1, 4):
        for one, two, truth in made if record.id in gold else ():
            if not truth:
                met = {(i, j) for i in tokens(source, one) for j in tokens(target, two)}
                false += 1
                sure += bool(met & gold[record.id].sure)
                possible += bool(met & gold[record.id].possible)
    print(f"{false} false assertions, {sure} sure links, {possible} possible ones")
    assert false > 800
    assert sure <= 0.02 * false
    assert possible <= 0.05 * false, "people also link phrases, each word with each"


def test_the_words_alone_do_not_give_the_answer_away(real: tuple[Store, dict[str, Gold]]) -> None:
    """Naive Bayes on both words learns from two thirds of the lines and is asked about the others."""
    rows = [
        ((("s", source.quote(one)), ("t", target.quote(two))), truth, number % 3 == 0)
        for number, (_, source, target, made) in enumerate(lines_of(real[0], 2, 2))
        for one, two, truth in made
    ]
    counts = {
        truth: Counter(w for ws, t, asked in rows if t == truth and not asked for w in ws)
        for truth in (True, False)
    }

    def lean(words: tuple[tuple[str, str], ...]) -> float:
        return sum(math.log((counts[True][w] + 0.5) / (counts[False][w] + 0.5)) for w in words)

    asked = [(lean(words) > 0) == truth for words, truth, test in rows if test]
    print(f"{sum(asked) / len(asked):.3f} of {len(asked)} right")
    assert len(asked) > 2000 and sum(asked) / len(asked) <= 0.55

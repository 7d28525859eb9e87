"""Assertions on real text with links that people drew: accidents, and what the words alone give away."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

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

from .giveaway import About, Row, accuracy, each_alone, form_of_both, words_alone

SETTINGS = {"usual": TaskSpec(), "eight and phrases": TaskSpec(assertions=8, phrases=0.5)}


class Real(NamedTuple):
    """Text with links that people drew for some of its lines, by id."""

    store: Store
    gold: dict[str, Gold]


class Made(NamedTuple):
    """The assertions about a line: source words, target words, are they true."""

    record: Record
    source: Side
    target: Side
    assertions: list[tuple[Link, Link, bool]]


@pytest.fixture(scope="module", params=["align_fra-eng", "align_grc-eng"])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Real:
    folder = data_folder(request.param)
    codes = request.param.removeprefix("align_").split("-")
    records: list[Record] = []
    gold: dict[str, Gold] = {}
    for split in ("train", "dev", "test"):
        if not (folder / f"{split}.eng").exists():
            continue
        one, two = (_lines(folder / f"{split}.{code}") for code in codes)
        links = read_gold(folder / f"{split}.align") if split != "train" else []
        for number, texts in enumerate(zip(one, two, strict=True)):
            if all(text.strip() for text in texts):
                texts_by_code = dict(zip(codes, texts, strict=True))
                records.append(Record(f"{split}:{number}", texts_by_code, split, number + 1))
                if links:
                    gold[f"{split}:{number}"] = links[number]
    place = tmp_path_factory.mktemp("real") / "train"
    write_store(place, records)
    return Real(Store(place), gold)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module", params=SETTINGS)
def made(request: pytest.FixtureRequest, real: Real) -> list[Made]:
    """What the task asserts of every line."""
    spec = SETTINGS[request.param]
    lines = LinkedItems(spec, Material(real.store, load_template("alpaca")), "align")
    rng = random.Random(1)
    found = []
    for item in range(lines.size):
        record, direction, line = lines[item]
        if direction.target == "eng":
            pairs = line.partners(line.units(spec.phrases, rng), rng, spec.assertions // 2)
            found.append(Made(record, line.source, line.target, drawn(pairs, spec.assertions, rng)))
    return found


def tokens(side: Side, span: Link) -> set[int]:
    """The gold tokens of all words whose type stands in a span."""
    types = side.types[slice(*span)]
    places = zip(side.words, side.types, strict=True)
    return {side.text[: word.start].count(" ") for word, kind in places if kind in types}


def test_negatives_are_true_by_accident_in_at_most_two_of_a_hundred(real: Real, made: list[Made]) -> None:
    false = sure = possible = 0
    for record, source, target, assertions in made:
        for one, two, truth in assertions if record.id in real.gold else ():
            if not truth:
                met = {(i, j) for i in tokens(source, one) for j in tokens(target, two)}
                false += 1
                sure += bool(met & real.gold[record.id].sure)
                possible += bool(met & real.gold[record.id].possible)
    print(f"{false} false assertions, {sure} sure links, {possible} possible ones")
    assert false > 150
    assert sure <= 0.02 * false
    assert possible <= 0.05 * false, "people also link phrases, each word with each"


@pytest.mark.parametrize("about", [words_alone, each_alone, form_of_both])
def test_the_words_alone_do_not_give_the_answer_away(made: list[Made], about: About) -> None:
    """A classifier that learns from two thirds of the lines is asked about the others."""
    rows: list[Row] = [
        (source.quote(one), target.quote(two), truth, number % 3 == 0)
        for number, (_, source, target, assertions) in enumerate(made)
        for one, two, truth in assertions
    ]
    assert sum(truth for _, _, truth, _ in rows) * 2 == len(rows)
    asked = sum(held for *_, held in rows)
    right = accuracy(rows, about)
    print(f"{about.__name__}: {right:.3f} of {asked} right")
    assert asked > 1000 and right <= 0.55

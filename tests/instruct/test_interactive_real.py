"""Dialogues of real text: every kind from Multi30k, real revisions and post-edits as they are."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from helpers import data_folder

from dragoman.corpus.prepare import prepare
from dragoman.corpus.store import Store
from dragoman.instruct.interactive.check import fault
from dragoman.instruct.interactive.compare import kept
from dragoman.instruct.interactive.dialogue import Dialogue
from dragoman.instruct.interactive.plots import MAKERS
from dragoman.instruct.interactive.task import Interactive
from dragoman.instruct.task import Material
from dragoman.prompt.templates import load_template
from dragoman.recipe import Data, TaskSpec


def built(
    folder: Path, source: dict[str, object], count: int, **spec: object
) -> tuple[Interactive, list[Dialogue]]:
    """The task on a source, and dialogues of random items of it."""
    if not folder.exists():
        prepare(Data.model_validate({"train": [source]}), folder)
    store = Store(folder / "train")
    made = Interactive(TaskSpec.model_validate(spec), Material(store, load_template("bayling")))
    items = random.Random(1).sample(range(made.size), min(count, made.size))
    found = [made.dialogue(item, random.Random(item)) for item in items]
    return made, [dialogue for dialogue in found if dialogue is not None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


def multi30k(lines: str = "1-3000") -> dict[str, object]:
    return {"folder": str(data_folder("multi30k")), "languages": ["eng", "deu"], "lines": lines}


def test_every_kind_that_needs_no_variants(place: Path) -> None:
    made, found = built(place / "multi30k", multi30k(), 1200)
    assert len(found) > 0.9 * 1200
    dropped = sum(n for why, n in made.material.skipped.items() if "no room" not in why)
    assert dropped < 0.02 * 1200, made.material.skipped
    kinds = Counter(c.kind for d in found for one in d.rounds for c in one.corrections)
    kinds += Counter(one.kind for d in found for one in d.rounds)
    wanted = {kind for group in MAKERS.values() for kind in group}
    wanted |= {"history/undo", "history/first", "history/both", "question/target", "question/source"}
    assert all(kinds[kind] for kind in wanted), kinds
    assert {len(d.rounds) for d in found} == {2, 3, 4, 5}


def test_corrections_keep_what_they_do_not_speak_of(place: Path) -> None:
    _, found = built(place / "multi30k", multi30k(), 300)
    rounds = [(d.versions, one) for d in found for one in d.rounds if one.corrections and one.version]
    assert len(rounds) > 150
    for versions, one in rounds:
        assert one.before is not None
        draft = versions[one.before]
        assert all(c.met(draft, one.answer) and not c.met(draft, draft) for c in one.corrections)
        assert kept(draft, one.answer, one.answer) == 1.0
        assert kept(draft, one.answer, draft) == 1.0


def test_endings_are_of_the_same_word(place: Path) -> None:
    made, _ = built(place / "multi30k", multi30k(), 0)
    lexicon = made._lexicon(made.lines.items.directions[0])
    assert {"weiße", "weißen", "weißem"} & set(lexicon.endings("deu", "weißer"))
    assert "blanket" not in lexicon.endings("eng", "black")
    assert "handle" not in lexicon.endings("eng", "hand")
    assert lexicon.endings("eng", "girl") == ["girls"] or "girls" in lexicon.endings("eng", "girl")


def test_revisions_of_people_are_used_as_they_are(place: Path) -> None:
    folder = data_folder("nko_revisions")
    source = {
        "files": {"eng": str(folder / "train.eng"), "nqo": str(folder / "train.nqo.v4")},
        "variants": {"nqo": {"revisions": [str(folder / f"train.nqo.v{k}") for k in (1, 2, 3)]}},
    }
    made, found = built(place / "nko", source, 999, kinds={"style": 1}, directions=["eng-nqo"])
    lines = [(folder / f"train.nqo.v{k}").read_text(encoding="utf-8").splitlines() for k in (1, 2, 3, 4)]
    assert len(found) == sum(len(set(texts)) > 1 for texts in zip(*lines, strict=True)) > 700
    assert set(made.material.skipped) == {"interactive: no room for a dialogue"}
    named = several = 0
    for dialogue in found:
        number = int(dialogue.id.rpartition(":")[2]) - 1
        texts = [version[number].strip() for version in lines]
        chain = [text for text, after in zip(texts, [*texts[1:], ""], strict=True) if text != after]
        assert dialogue.versions == chain[-len(dialogue.versions) :]
        assert fault(dialogue, texts) == ""
        named += any(c.must or c.forbid for one in dialogue.rounds for c in one.corrections if one.version)
        several += len(dialogue.versions) > 2
    assert named > 100 and several > 100


@pytest.mark.parametrize("code", ["est", "npi"])
def test_post_edits_are_used_as_they_are(place: Path, code: str) -> None:
    folder = data_folder(f"ape_{code}-eng")
    source = {
        "files": {code: str(folder / f"train.{code}"), "eng": str(folder / "train.pe.eng")},
        "lines": "1-600",
        "variants": {"eng": {"machine": str(folder / "train.mt.eng")}},
    }
    spec = {"kinds": {"style": 1}, "directions": [f"{code}-eng"], "turns": [2, 2]}
    _, found = built(place / f"ape-{code}", source, 600, **spec)
    machine, edited = (
        (folder / f"train.{kind}.eng").read_text(encoding="utf-8").splitlines() for kind in ("mt", "pe")
    )
    assert len(found) > 400
    for dialogue in found:
        number = int(dialogue.id.rpartition(":")[2]) - 1
        assert dialogue.versions == [machine[number].strip(), edited[number].strip()]
        first, second = dialogue.rounds
        assert [span.weight for span in first.spans] == [0.0]
        assert [span.weight for span in second.turn().spans] == [1.0]
    assert sum(any(c.must for c in d.rounds[1].corrections) for d in found) > 80


def test_text_without_spaces(place: Path) -> None:
    folder = data_folder("ami_dialogue")
    source = {"files": {"eng": str(folder / "dev.eng"), "jpn": str(folder / "dev.jpn")}}
    made, found = built(place / "ami", source, 500, directions=["eng-jpn"])
    assert len(found) > 250
    groups = Counter(c.group for d in found for one in d.rounds for c in one.corrections)
    assert all(groups[group] > 10 for group in ("grammar", "content", "question")), groups
    assert sum(n for why, n in made.material.skipped.items() if "no room" not in why) < 0.05 * 500

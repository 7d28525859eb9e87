"""Task interactive on generated text: every kind, checked; shares, turns, languages, randomness."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.instruct.interactive.check import fault
from dragoman.instruct.interactive.correction import BOTH, FIRST, LEAVE_OUT, TRANSLATE, UNDO, Correction
from dragoman.instruct.interactive.dialogue import Dialogue
from dragoman.instruct.interactive.edits import Edit
from dragoman.instruct.interactive.fault import Fault
from dragoman.instruct.interactive.plots import MAKERS
from dragoman.instruct.interactive.scene import LONG
from dragoman.instruct.interactive.vocabulary import complete
from dragoman.instruct.interactive.wordings import speech
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.language.language import Direction
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec

from .interactive_text import store, task

CORRECTED = [kind for group in MAKERS.values() for kind in group]
NOT_HERE = {"grammar/ending"}
"""The generated text has one form of each word."""
REST = [UNDO, FIRST, BOTH, LEAVE_OUT, "history/instead", "question/target", "question/source",
        "style/revision", "style/post-edit", "style/another"]  # fmt: skip


def made(count: int = 400, variants: bool = True, **spec: object) -> Iterator[tuple[Dialogue, int]]:
    """Dialogues with their items."""
    found = task(variants=variants, **spec)
    for item in range(min(count, found.size)):
        dialogue = found.dialogue(item, random.Random(item))
        if dialogue is not None:
            yield dialogue, item


@cache
def many() -> list[Dialogue]:
    return [dialogue for dialogue, _ in made(1400)]


def kinds_of(dialogue: Dialogue) -> list[str]:
    return [c.kind for one in dialogue.rounds for c in one.corrections] + [r.kind for r in dialogue.rounds]


@cache
def records() -> dict[str, Record]:
    return {record.id: record for record in store(700, True)}


def real_texts(dialogue: Dialogue) -> set[str]:
    record = records()[dialogue.id]
    target = dialogue.direction.target
    return {record.texts[target], *(v.text for v in record.variants if v.language == target)}


@pytest.mark.parametrize("kind", sorted({*CORRECTED, *REST} - NOT_HERE))
def test_every_kind_is_made(kind: str) -> None:
    assert sum(kind in kinds_of(dialogue) for dialogue in many()) >= 5


def test_every_dialogue_is_right_and_ends_with_text_that_people_wrote_or_with_what_was_there() -> None:
    ends: Counter[bool] = Counter()
    for dialogue in many():
        real = real_texts(dialogue)
        assert fault(dialogue, real) == ""
        last = [one for one in dialogue.rounds if one.version is not None][-1]
        ends[dialogue.text in real] += 1
        assert dialogue.text in real or last.kind in (UNDO, FIRST)
        dialogue.example().check()
        assert 2 <= len(dialogue.rounds) <= 5
        assert dialogue.rounds[0].kind == TRANSLATE
        assert Dialogue.from_json(json.loads(json.dumps(dialogue.to_json()))).to_json() == dialogue.to_json()
    assert ends[False] > 10, "the way back is not always the way to the right text"


def test_drafts_are_context_and_answers_are_learned() -> None:
    for dialogue in many():
        real = real_texts(dialogue)
        first = dialogue.rounds[0]
        post_edit = any(one.kind in ("style/revision", "style/post-edit") for one in dialogue.rounds)
        assert all(span.weight == float(first.answer in real and not post_edit) for span in first.spans)
        for one in dialogue.rounds[1:]:
            assert {span.weight for span in one.turn().spans} == {1.0}


def test_the_way_back_is_exact() -> None:
    seen: Counter[str] = Counter()
    for dialogue in many():
        texts: list[str] = []
        for one in dialogue.rounds:
            if one.kind == UNDO:
                assert one.before is not None and one.answer == texts[dialogue.parent(one.before) or 0]
            elif one.kind == FIRST:
                assert one.answer == texts[0]
            elif one.kind == BOTH:
                assert one.before is not None and len(one.corrections) == 2
                assert all(c.met(texts[one.before], one.answer) for c in one.corrections)
                assert all(sum(c.met(texts[0], texts[k]) for c in one.corrections) == 1 for k in (1, 2)), (
                    "each of the two versions before has one of the two"
                )
            seen[one.kind] += 1
            if one.version == len(texts):
                texts.append(one.answer)
    assert min(seen[UNDO], seen[FIRST], seen[BOTH]) >= 10


def test_questions_are_answered_from_the_links() -> None:
    from .interactive_text import COLOURS, NUMBERS, PLACES, THINGS, TIMES, VERBS

    table = {**VERBS, **COLOURS, **THINGS, **PLACES, **{k: [v] for k, v in {**NUMBERS, **TIMES}.items()}}
    asked = right = 0
    for dialogue in many():
        for one in dialogue.rounds:
            for told in one.corrections if one.version is None else ():
                (word,) = told.must
                assert word in one.answer and (word not in one.said or one.answer.count(word) == 2)
                for english, german in table.items():
                    for form in german:
                        if word in (english, form) and " " not in word:
                            asked += 1
                            right += english in one.answer and any(g in one.answer for g in german)
    assert asked > 100 and right > 0.97 * asked


def test_the_same_again_and_new_in_each_epoch() -> None:
    material = Material(store(), load_template("bayling"))

    def drawn(seed: int, stage: str, epoch: int, **more: TaskSpec) -> dict[str, object]:
        mixture = Mixture({"interactive": TaskSpec(), **more}, material, seed, stage)
        mixture.seek({name: one.size * epoch for name, one in mixture.tasks.items()})
        groups = mixture.draw(60 * (1 + len(more)))
        return {e.id + str(e.direction): e for g in groups for e in g if e.task == "interactive"}

    first = drawn(1, "s", 0)
    assert first == drawn(1, "s", 0) == drawn(1, "s", 0, mt=TaskSpec()), "another task changes nothing"
    material = Material(store(150), load_template("bayling"))
    whole = Mixture({"interactive": TaskSpec()}, material, 1, "s")
    both = [
        {e.id + str(e.direction): e for g in whole.draw(whole.tasks["interactive"].size) for e in g}
        for _ in "ab"
    ]
    common = both[0].keys() & both[1].keys()
    assert len(common) > 200
    assert sum(both[0][key] == both[1][key] for key in common) < 0.02 * len(common)
    for other in (drawn(2, "s", 0), drawn(1, "t", 0)):
        assert other != first


def test_shares_of_the_kinds() -> None:
    only = [d for d, _ in made(120, kinds={"question": 1})]
    assert {one.kind.partition("/")[0] for d in only for one in d.rounds[1:]} == {"question"}
    counts = Counter(
        d.rounds[-1].kind.partition("/")[0] for d, _ in made(900, kinds={"grammar": 3, "history": 1})
    )
    assert counts["grammar"] / counts.total() == pytest.approx(0.75, abs=0.06)
    assert set(counts) == {"grammar", "history"}


def test_turns() -> None:
    assert {len(d.rounds) for d, _ in made(200, turns=[2, 2])} == {2}
    assert {len(d.rounds) for d, _ in made(200, turns=[4, 5])} == {4, 5}
    with pytest.raises(ValueError, match=r"`turns` is \[fewest, most\]"):
        TaskSpec(turns=(4, 3))
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        TaskSpec(turns=(1, 3))


def says(dialogue: Dialogue) -> set[str]:
    """The languages in which the last turn may have been said."""
    found = set()
    for code in ("en", "de"):
        for text in speech(code).wordings[dialogue.rounds[-1].kind]:
            start, end = text.split("{")[0], text.split("}")[-1]
            said = dialogue.rounds[-1].said
            if said.startswith(start) and said.endswith(end):
                found.add(code)
    return found


def test_the_user_speaks_english_or_one_of_the_two_languages() -> None:
    spec = {"kinds": {"question": 1}, "turns": [2, 3]}
    assert all("en" in says(d) for d, _ in made(100, user_language="en", **spec))
    assert all(d.direction.source in says(d) for d, _ in made(100, user_language="source", **spec))
    assert all(d.direction.target in says(d) for d, _ in made(100, user_language="target", **spec))
    mixed = Counter(
        next(iter(says(d))) for d, _ in made(200, user_language="mixed", **spec) if len(says(d)) == 1
    )
    assert min(mixed["en"], mixed["de"]) > 60


def test_several_wordings_of_each_thing() -> None:
    said: dict[str, set[str]] = {}
    for dialogue, _ in made(700, user_language="en", turns=[2, 2]):
        for one in dialogue.rounds:
            said.setdefault(one.kind, set()).add(one.said)
    assert len(said[TRANSLATE]) >= 5
    assert all(len(texts) >= 4 for kind, texts in said.items() if kind != "content/negation"), said.keys()


def test_no_two_faults_of_one_kind_and_no_vague_word_about_two() -> None:
    vague = {text for code in ("en", "de") for text in speech(code).wordings["grammar/any"]}
    for dialogue in many():
        kinds = Counter(c.kind for one in dialogue.rounds for c in one.corrections if one.kind != BOTH)
        wishes = kinds.pop("vocabulary/replace", 0) + kinds.pop(LEAVE_OUT, 0)
        assert wishes <= 3
        kinds = Counter({k: n for k, n in kinds.items() if not k.startswith(("question", "style"))})
        assert not kinds or max(kinds.values()) == 1
        general = sum(one.said.format(target="") in vague for one in dialogue.rounds if "{" not in one.said)
        assert general <= 1


def test_faults_that_disturb_each_other_do_not_share_a_draft() -> None:
    text = "Zwei Hunde laufen durch den Garten."
    one = Fault(Edit(5, 10, "Katzen"), (1, 2), Correction("a", ("Hunde",), ("Katzen",)), "a")
    two = Fault(Edit(28, 34, "Katzen"), (5, 6), Correction("b", ("Garten",), ("Katzen",)), "b")
    three = Fault(Edit(28, 34, "Wald"), (5, 6), Correction("b", ("Garten",), ("Wald",)), "b")
    assert one.shows(text) and two.shows(text) and not two.shows(text, [one]) and three.shows(text, [one])
    nothing = Fault(Edit(5, 10, "Hunde"), (1, 2), Correction("a", ("Hunde",), ("Katzen",)), "a")
    assert not nothing.shows(text)
    wish = one.departure()
    assert wish.correction.must == ("Katzen",) and wish.correction.forbid == ("Hunde",)
    assert (wish.values["new"], wish.values["old"]) == ("Katzen", "Hunde")


def test_style_is_never_invented() -> None:
    with pytest.raises(RecipeError, match="style is never invented: it needs `variants`"):
        task(kinds={"style": 1})
    assert not any("style" in d.kind for d, _ in made(300, variants=False))
    with pytest.raises(RecipeError, match="every kind has the share 0"):
        task(kinds={"style": 0})
    lone = task(variants=True, kinds={"style": 1}, directions=["en-de"])
    found = [lone.dialogue(item, random.Random(item)) for item in range(lone.size)]
    assert sum(one is not None for one in found) == len([r for r in records().values() if r.variants])
    assert lone.material.skipped["interactive: no room for a dialogue"] == lone.size * 2 // 3 + 1


def test_revisions_are_used_as_they_are() -> None:
    for dialogue, _ in made(700, kinds={"style": 1}, directions=["en-de"], turns=[2, 5]):
        record = records()[dialogue.id]
        texts = [v.text for v in record.variants]
        if "style/revision" in dialogue.kind:
            chain = [*texts[:2], record.texts["de"]]
            assert dialogue.versions == chain[-len(dialogue.versions) :] and len(dialogue.versions) >= 2
        elif "style/post-edit" in dialogue.kind:
            assert dialogue.versions == [texts[2], record.texts["de"]]
        else:
            assert sorted(dialogue.versions) == sorted([texts[3], record.texts["de"]])


def test_what_the_check_refuses_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "dragoman.instruct.interactive.task.fault"
    monkeypatch.setattr(
        module, lambda dialogue, real, cut: "demand not met (x)" if "t" in dialogue.id else ""
    )
    broken = task()
    assert broken.make(0, random.Random(0)) == []
    assert broken.material.skipped["interactive: demand not met (x)"] == 1


def test_mistakes_in_settings_are_told() -> None:
    with pytest.raises(
        ValueError, match="'vocabulary', 'grammar', 'content', 'style', 'history' or 'question'"
    ):
        TaskSpec.model_validate({"kinds": {"vocabulari": 1}})
    with pytest.raises(RecipeError, match="no wordings in 'nqo'; known: de, en, fr, zh"):
        from dragoman.instruct.interactive.wordings import speech as find

        find("nqo")
    with pytest.raises(RecipeError, match="history needs 3 user turns; raise `turns`"):
        task(kinds={"history": 1}, turns=[2, 2])
    for mode in ("json", "python"):
        assert not {"kinds", "turns", "user_language", "wordings"} & TaskSpec().model_dump(mode=mode).keys()
        assert TaskSpec(turns=(2, 3)).model_dump(mode=mode)["turns"] in ([2, 3], (2, 3))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1399), st.integers(0, 10**6))
def test_whatever_is_drawn_is_right(item: int, seed: int) -> None:
    found = task(variants=True)
    dialogue = found.dialogue(item, random.Random(seed))
    if dialogue is None:
        return
    assert fault(dialogue, real_texts(dialogue)) == ""
    assert dialogue.direction in (Direction("en", "de"), Direction("de", "en"))
    for number, one in enumerate(dialogue.rounds):
        assert "".join(span.text for span in one.turn().spans) == one.answer
        assert number or one.version == 0


def test_a_phrase_is_complete_only_if_no_long_word_in_or_beside_it_is_without_a_link() -> None:
    whole = task()
    seen = 0
    for item in range(60):
        record, direction = whole.lines.items[item]
        scene = whole._scene(record, direction, whole.lines.items.line(item), random.Random(1))
        for pair in scene.pairs:
            after = pair.target[1]
            word = scene.word(after)
            if not complete(scene, pair) or not word.isalpha() or len(word) < LONG:
                continue
            links = [link for link in scene.links if link[1] != after]
            assert not complete(replace(scene, links=links), pair), "its neighbour might be a part of it"
            seen += 1
    assert seen > 30

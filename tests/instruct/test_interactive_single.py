"""Task interactive with `single_turn`: the edits of the dialogues, each asked in one user turn."""

from __future__ import annotations

import random

from dragoman.instruct.interactive.single import HISTORY, single_turns
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec

from .interactive_text import store, task


def test_every_edit_is_asked_in_one_turn_with_source_draft_and_demand() -> None:
    talking, single = task(), task(single_turn=True)
    made = 0
    for item in range(200):
        dialogue = talking.dialogue(item, random.Random(item))
        examples = single.make(item, random.Random(item))
        if dialogue is None:
            assert examples == []
            continue
        rounds = [
            one
            for one in dialogue.rounds
            if one.kind not in HISTORY and any(span.weight for span in one.turn().spans)
        ]
        assert [example.turns[-1] for example in examples] == [one.turn() for one in rounds], (
            "the same answers"
        )
        for one, example in zip(rounds, examples, strict=True):
            example.check()
            (asked, _) = example.turns
            told = [dialogue.source]
            if one.before is not None:
                told += [dialogue.versions[one.before], one.said]
                assert asked.content == dialogue.rounds[0].said
            assert asked.input == "\n".join(told)
            made += 1
    assert made > 300


def test_what_needs_a_history_is_left_out() -> None:
    talking = task(kinds={"history": 1})
    found = [talking.dialogue(item, random.Random(item)) for item in range(60)]
    dialogues = [dialogue for dialogue in found if dialogue is not None]
    assert {one.kind for dialogue in dialogues for one in dialogue.rounds} & HISTORY
    kinds = {example.kind for dialogue in dialogues for example in single_turns(dialogue)}
    assert kinds and not kinds & HISTORY


def test_stages_of_one_stream_train_on_the_same_dialogues_with_turns_and_without() -> None:
    """The control differs in the form alone: lines, edits and wordings are those of the dialogues."""
    material = Material(store(), load_template("bayling"))
    dialogues, single = (
        Mixture({"mt": TaskSpec(), "interactive": spec}, material, 1, stage, "dialogues").draw(160)
        for stage, spec in (("turns", TaskSpec()), ("single", TaskSpec(single_turn=True)))
    )
    lines = [
        [group[0].id for group in groups if group[0].task == "interactive"] for groups in (dialogues, single)
    ]
    assert len(lines[0]) > 60 and set(lines[1]) <= set(lines[0])
    said = {turn.content for (one,) in dialogues if one.task == "interactive" for turn in one.turns}
    asked = {line for group in single if group[0].task == "interactive" for one in group
             for line in (one.turns[0].input or "").split("\n")[2:]}  # fmt: skip
    assert asked and asked <= said

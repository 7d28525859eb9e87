"""Held-out dialogues as a step of a run: `evaluate.interactive` into transcripts, scores and a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.console import progress, say
from dragoman.done import make_room
from dragoman.evaluate.again import read_earlier
from dragoman.evaluate.command import add_significance
from dragoman.evaluate.interactive import table
from dragoman.evaluate.interactive.ask import Answerer, answerer, ask_all, copy_draft, retranslator
from dragoman.evaluate.interactive.held_out import (
    FOLDER,
    TEXT,
    Made,
    fingerprint,
    joined,
    make_dialogues,
    tasks_of,
    write_held_out,
)
from dragoman.evaluate.interactive.measure import VERSION
from dragoman.evaluate.interactive.score import add_rows, compare_talks, forget_comparisons, rows_of
from dragoman.evaluate.interactive.transcript import FOLDER as TRANSCRIPTS
from dragoman.evaluate.interactive.transcript import Talk, read_talks, write_talk
from dragoman.language.language import Direction
from dragoman.prompt.templates import Template
from dragoman.recipe import Interaction, Recipe, SystemSpec
from dragoman.rows import comparisons, matching, systems_of
from dragoman.tune.model import load_tokenizer
from dragoman.tune.stage import make_encoder

if TYPE_CHECKING:
    from dragoman.run import Run


def rows_asked(recipe: Recipe) -> list[SystemSpec]:
    """Rows that answer: those named, else all that have a model or copy."""
    spec = recipe.evaluate.interactive
    if spec is None:
        return []
    rows = [row for row in systems_of(recipe) if row.kind in ("model", "copy")]
    return [row for row in rows if spec.systems is None or row.name in spec.systems]


def directions_asked(run: Run) -> list[Direction]:
    """The directions of the dialogues, in the test text's codes."""
    spec = run.recipe.evaluate.interactive
    if spec is None or run.text.test is None:
        return []
    wanted = spec.directions
    return run.test_directions() if isinstance(wanted, str) else matching(run.text.test, wanted)


def check_dialogues(run: Run, template: Template) -> None:
    """RecipeError if the kinds or the languages of users that are asked for cannot be had."""
    spec = run.recipe.evaluate.interactive
    if spec is not None and run.text.test is not None:
        tasks_of(spec, run.text.test, directions_asked(run), template)


def interact(run: Run) -> None:
    """Have the rows answer and score them, where that is not done; scores not asked for any more go."""
    spec, path = run.recipe.evaluate.interactive, run.folder / "results.json"
    if spec is None:
        if read_earlier(path).dialogues:
            add_rows(path, [], keep=())
            forget_comparisons(path)
        return
    rows = rows_asked(run.recipe)
    to_do = [row for row in rows if state_of(run, row) != "done"]
    if to_do:
        made = _made(run, spec)
        for row in to_do:
            _answer(run, row, spec, made)
    _score(run, [row.name for row in rows], path, answered=bool(to_do))
    print(table.show(table.of_rows(read_earlier(path).dialogues)))


def _score(run: Run, names: Sequence[str], path: Path, answered: bool) -> None:
    """The rows of the answers and their comparisons, unless they are there for these answers."""
    directions, supervised = directions_asked(run), run.supervised()
    files = [
        run.folder / TRANSCRIPTS / name / f"{direction}.jsonl" for name in names for direction in directions
    ]
    pairs = comparisons(run.recipe)
    key = run.keys.scores(files, VERSION, names, pairs, [str(direction) for direction in supervised])
    there = {row.system for row in read_earlier(path).dialogues} == set(names)
    if not answered and there and run.done.state("dialogues", key) == "done":
        say(" dialogues done before")
        return
    talks = read_talks(run.folder, names, directions)
    add_rows(path, rows_of(talks, supervised), keep=())
    forget_comparisons(path)
    _compare(run, path, talks, pairs)
    run.done.finish("dialogues", key)


def _compare(run: Run, path: Path, talks: list[Talk], pairs: Sequence[tuple[str, str]]) -> None:
    """The pairs of rows that the recipe compares, on the same dialogues."""
    answers: dict[str, list[Talk]] = {}
    for talk in talks:
        answers.setdefault(talk.system, []).append(talk)
    for a, b in pairs:
        if a in answers and b in answers:
            trials = run.recipe.evaluate.bootstrap
            found = compare_talks(answers[a], answers[b], run.supervised(), trials, run.recipe.seed)
            add_significance(path, found)
            print(found.table().show())


def state_of(run: Run, row: SystemSpec) -> str:
    """Whether a row's answers are done, stale or to do."""
    folder = run.folder / TRANSCRIPTS / row.name
    there = all((folder / f"{direction}.jsonl").exists() for direction in directions_asked(run))
    found = run.done.state(_step(row), _key(run, row))
    return found if there or found != "done" else "to do"


def _step(row: SystemSpec) -> str:
    return f"interactive:{row.name}"


def _key(run: Run, row: SystemSpec) -> str:
    return run.keys.interactive(row, [str(direction) for direction in directions_asked(run)])


def _made(run: Run, spec: Interaction) -> Made:
    """The dialogues, which are the same whenever they are made."""
    test, train, folder = run.text.test, run.text.train, run.folder / FOLDER
    assert test is not None
    store, count = joined(
        folder / TEXT, (test[n] for n in range(len(test))), (train[n] for n in range(len(train)))
    )
    template = make_encoder(run.recipe, load_tokenizer(run.base)).template
    with progress(" dialogues") as advance:
        made = make_dialogues(spec, store, count, directions_asked(run), template, advance)
    write_held_out(folder, made.dialogues)
    say(f" dialogues {made.told()}")
    return made


def _answers(run: Run, row: SystemSpec, spec: Interaction) -> Answerer:
    translator = run.translator(row)
    if translator is None:
        return copy_draft
    return retranslator(translator) if row.name in spec.retranslate else answerer(translator)


def _answer(run: Run, row: SystemSpec, spec: Interaction, made: Made) -> None:
    key, folder = _key(run, row), run.folder / TRANSCRIPTS / row.name
    make_room(folder, key)
    missing = [d for d in made.dialogues if not (folder / f"{d}.jsonl").exists()]
    answers = _answers(run, row, spec) if missing else copy_draft
    single, terms = row.name in spec.single_turn, row.name in spec.terms
    asked, before = fingerprint(made.dialogues), 0
    turns = sum(len(one.rounds) - 1 for d in missing for one in made.dialogues[d])
    with progress(f" dialogues {row.name}", turns) as advance:
        for direction in missing:

            def tell(done: int, before: int = before, direction: Direction = direction) -> None:
                advance(before + done, str(direction))

            dialogues = made.dialogues[direction]
            found = tuple(ask_all(dialogues, answers, spec.draft == "own", single, tell, terms))
            talk = Talk(row.name, direction, found, asked, spec.draft, single, run.recipe.seed, terms)
            write_talk(run.folder, talk)
            before += sum(len(one.rounds) - 1 for one in dialogues)
    run.done.finish(_step(row), key)

"""Held-out dialogues: of test lines by the task ``interactive`` itself, or of a file."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.errors import DataError
from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.dialogue import Dialogue, write_dialogues
from dragoman.instruct.interactive.task import Interactive
from dragoman.instruct.task import Material, stream_seed
from dragoman.jsonl import read_jsonl
from dragoman.language.language import Direction
from dragoman.prompt.example import Example
from dragoman.prompt.templates import Template
from dragoman.recipe import Interaction, TaskSpec

FOLDER, TEXT = "dialogues", "text"
"""Folder of an evaluation's dialogues, ``<direction>.jsonl``, and in it the text that they are made of."""
OTHER = "other/revision"
"""Kind of the rounds of a conversation that does not tell what was asked: its text must change."""
_SHARED = ("kinds", "turns", "user_language", "wordings")

Dialogues = dict[Direction, list[Dialogue]]
Tell = Callable[[int, str], None]


@dataclass
class Made:
    """Dialogues by direction; ``lines`` that were tried, and how many gave none, by reason."""

    dialogues: Dialogues = field(default_factory=dict)
    lines: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        """Counts in words."""
        total = sum(map(len, self.dialogues.values()))
        why = "".join(f", {reason} {number:,}" for reason, number in self.skipped.most_common())
        return f"{total:,} of {self.lines:,} test lines{why}"


def joined(folder: Path, test: Iterable[Record], train: Iterable[Record]) -> tuple[Store, int]:
    """A store of the test lines and, behind them, the training lines; and the number of the former.

    Links and words of a thousand lines alone are poor: the training text tells how the corpus translates.
    """
    count = 0

    def counted() -> Iterator[Record]:
        nonlocal count
        for record in test:
            count += 1
            yield record

    write_store(folder, chain(counted(), train))
    return Store(folder), count


def tasks_of(
    spec: Interaction, store: Store, directions: Sequence[Direction], template: Template
) -> dict[Direction, Interactive]:
    """The task for each direction; RecipeError if it lacks wordings or variants that are asked for."""
    shared = spec.model_dump(include=set(_SHARED))
    return {
        direction: Interactive(TaskSpec(directions=[direction], **shared), Material(store, template))
        for direction in directions
    }


def make_dialogues(
    spec: Interaction,
    store: Store,
    test: int,
    directions: Sequence[Direction],
    template: Template,
    tell: Tell = lambda done, note: None,
) -> Made:
    """One dialogue of each of the first ``spec.lines`` test lines of a direction that has room for one.

    The lines of the store from number ``test`` on are training text. What a line gives depends on it, on
    ``spec`` and its seed, and on the text: not on the other lines that are asked for.
    """
    made = Made()
    for direction, task in tasks_of(spec, store, directions, template).items():
        count = min(spec.lines, int((store.indices(direction) < test).sum()))
        found = made.dialogues[direction] = []
        for item in range(count):
            line = task.lines.items[item][0].id
            dialogue = task.dialogue(item, random.Random(stream_seed(spec.seed, direction, line)))
            found += [] if dialogue is None else [dialogue]
            tell(made.lines + item + 1, str(direction))
        made.lines += count
        made.skipped += Counter(
            {why.partition(": ")[2]: number for why, number in task.material.skipped.items()}
        )
    if not any(made.dialogues.values()):
        raise DataError(f"no dialogue can be made: {made.told()}; give other lines or kinds")
    return made


def read_held_out(paths: Sequence[Path]) -> Dialogues:
    """The dialogues of JSONL files, by direction in the order of first appearance.

    A row without ``rounds`` is a conversation that does not tell what was asked: every answer after the first
    is taken for a version of the translation that must differ from the one before. DataError with file and
    line for a row that is neither, or has no turn behind the request.
    """
    found: Dialogues = {}
    for path in paths:
        rows = 0
        for where, row in read_jsonl(path):
            if not isinstance(row, dict):
                raise DataError(f"{where}: expected an object with `messages`, found {type(row).__name__}")
            dialogue = Dialogue.from_json(row if "rounds" in row else _with_rounds(row, where), where)
            if len(dialogue.rounds) < 2:
                raise DataError(f"{where}: one user turn alone; nothing is corrected or asked in it")
            found.setdefault(dialogue.direction, []).append(dialogue)
            rows += 1
        if not rows:
            raise DataError(f"{path}: the file is empty; expected a dialogue a line")
    return found


def _with_rounds(row: dict[str, Any], where: str) -> dict[str, Any]:
    answers = [turn.content for turn in Example.from_json(row, where).turns if turn.role == "assistant"]
    asked = [Correction(OTHER, free=True).to_json()]
    rounds: list[dict[str, Any]] = [{"kind": "translate", "version": 0}]
    for number in range(1, len(answers)):
        rounds.append({"kind": OTHER, "version": number, "before": number - 1, "corrections": asked})
    return row | {"versions": answers, "rounds": rounds[: len(answers)]}


def write_held_out(folder: Path, dialogues: Mapping[Direction, Sequence[Dialogue]]) -> None:
    """Write dialogues as ``<folder>/<direction>.jsonl``."""
    folder.mkdir(parents=True, exist_ok=True)
    for direction, found in dialogues.items():
        write_dialogues(folder / f"{direction}.jsonl", found)


def fingerprint(dialogues: Mapping[Direction, Sequence[Dialogue]]) -> str:
    """Eight characters that tell sets of dialogues apart: what they ask, of which versions of which text.

    The request does not count: half of the time it is in the words of the prompt's template.
    """
    digest = hashlib.sha256()
    for direction in sorted(dialogues):
        for one in dialogues[direction]:
            said = [turn.said for turn in one.rounds[1:]]
            told = [str(direction), one.source, said, [r.answer for r in one.rounds], one.to_json()["rounds"]]
            digest.update(json.dumps(told, ensure_ascii=False).encode())
    return digest.hexdigest()[:8]

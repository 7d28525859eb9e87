"""What a system answered in a dialogue, turn by turn; on disk the dialogue's row with ``answers``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dragoman.errors import DataError
from dragoman.instruct.interactive.dialogue import Dialogue
from dragoman.jsonl import read_jsonl, write_jsonl
from dragoman.language.language import Direction, parse_direction

FOLDER = "transcripts"
"""Folder of the transcripts of an evaluation, ``<system>/<direction>.jsonl``."""
HEAD = ("asked", "draft", "single", "seed")
LATER = ("terms",)
"""What the first row tells only where it is set."""


class Answer(NamedTuple):
    """An answer, the ``draft`` that the user spoke of, and what is ``expected``, where that is known.

    It is not where the draft is the system's own: then only the way back has an expected answer.
    """

    text: str
    draft: str
    expected: str | None


@dataclass(frozen=True)
class Transcript:
    """A dialogue and an answer for each of its rounds; None for what was not asked, as the request is not."""

    dialogue: Dialogue
    answers: tuple[Answer | None, ...]

    def to_json(self) -> dict[str, Any]:
        """The dialogue's row with ``answers``."""
        return self.dialogue.to_json() | {"answers": [one and one._asdict() for one in self.answers]}

    @classmethod
    def from_json(cls, row: dict[str, Any], where: str) -> Transcript:
        """Inverse of :meth:`to_json`."""
        dialogue = Dialogue.from_json(row, where)
        told = row.get("answers")
        if not isinstance(told, list) or len(told) != len(dialogue.rounds):
            raise DataError(f"{where}: `answers` must have one entry for each user turn; evaluate again")
        return cls(dialogue, tuple(_answer(one, where) for one in told))


def _answer(told: Any, where: str) -> Answer | None:
    if told is None:
        return None
    texts = [told.get(name) for name in Answer._fields] if isinstance(told, dict) else [None]
    if not all(isinstance(text, str) for text in texts[:2]) or not isinstance(texts[-1], str | None):
        raise DataError(f"{where}: an answer is null or an object with {', '.join(Answer._fields)}")
    return Answer(*texts)


@dataclass(frozen=True)
class Talk:
    """All transcripts of one system in one direction.

    ``asked`` is the fingerprint of the dialogues in all directions, ``draft`` whether their versions are
    fixed or the system's own, ``single`` whether single turns were asked; ``seed``: that of the training;
    ``terms`` whether what users dictate was a demand on the search.
    """

    system: str
    direction: Direction
    transcripts: tuple[Transcript, ...]
    asked: str
    draft: str = "fixed"
    single: bool = False
    seed: int | None = None
    terms: bool = False

    @property
    def signature(self) -> str:
        """What was asked and how."""
        form = "|form:single-turn" * self.single + "|terms:hard" * self.terms
        return f"dialogues:{self.asked}|draft:{self.draft}{form}"


def write_talk(folder: Path, talk: Talk) -> None:
    """Write ``folder/transcripts/<system>/<direction>.jsonl``; the first row tells how it was asked."""
    path = folder / FOLDER / talk.system / f"{talk.direction}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {name: getattr(talk, name) for name in HEAD}
    head |= {name: value for name in LATER if (value := getattr(talk, name))}
    write_jsonl(path, [head, *(one.to_json() for one in talk.transcripts)])


def read_talks(folder: Path, systems: Sequence[str] = (), directions: Iterable[Direction] = ()) -> list[Talk]:
    """The transcripts below a folder, by system and direction; DataError if one that is named has none."""
    root = folder / FOLDER
    there = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    wanted = {str(direction) for direction in directions}
    found = []
    for system in systems or there:
        paths = sorted((root / system).glob("*.jsonl"))
        paths = [path for path in paths if not wanted or path.stem in wanted]
        if not paths:
            known = ", ".join(name for name in there if not name.endswith(".old")) or "none"
            raise DataError(f"{root}: no transcripts of {system!r}; there: {known}; evaluate --interactive")
        if systems or not system.endswith(".old"):
            found += [_read(path, system) for path in paths]
    return found


def _read(path: Path, system: str) -> Talk:
    rows = list(read_jsonl(path))
    head = rows.pop(0)[1] if rows else None
    if not isinstance(head, dict) or not set(HEAD) <= head.keys():
        raise DataError(f"{path}: no transcripts; delete the file and evaluate again")
    found = tuple(Transcript.from_json(row, where) for where, row in rows)
    return Talk(
        system,
        parse_direction(path.stem),
        found,
        **{name: head[name] for name in (*HEAD, *LATER) if name in head},
    )

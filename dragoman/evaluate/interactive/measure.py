"""What answers did to their drafts, as statistics for each dialogue: they are summed, averaged and resampled.

- *demand met*: share of the demands that an answer meets, by the check of the dialogues themselves
  (:meth:`Correction.met`); a correction of two faults in one turn is two demands. Nothing is met by an empty
  answer, and no ban of words by an answer without half of the rest. Questions are a part of their own and in
  no other: how many are asked says nothing of the corrections. None is met by an answer that holds other
  words of the text in question.
- *rest unchanged*: share of the draft's words outside the edit that the answer keeps, by longest common
  subsequence; the mean over answers (:func:`compare.kept`).
- *clean edit*: share of the answers to corrections that a dialogue for training may hold: every demand is
  met, nothing changes that none speaks of, and the answer has the words of the expected one, or others that
  serve in their place (:func:`check.edit_fault`). With a system's own draft no answer is expected.
- *undo exact*: share of the ways back (undo, first version) whose answer is that version to the letter.
- *final BLEU*, *final chrF++*: of the last answer of each dialogue that is a version, against the dialogue's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dragoman import __version__
from dragoman.align.segment import needs_cutting
from dragoman.evaluate.interactive.transcript import Answer, Talk, Transcript
from dragoman.evaluate.metrics import Array, LineScores, make_metric
from dragoman.evaluate.results import CLEAN, DEMAND, FINAL, REST, UNDONE
from dragoman.instruct.interactive.check import edit_fault
from dragoman.instruct.interactive.compare import kept, kept_beside, units
from dragoman.instruct.interactive.correction import FIRST, UNDO, Correction, holds
from dragoman.instruct.interactive.dialogue import Round
from dragoman.instruct.interactive.task import KINDS
from dragoman.language.language import same_language

METRICS = ("BLEU", "chrF++")
HALF = 0.5
"""Least share of the rest that an answer keeps which is to lack words: text at random lacks them too."""
PARTED = {DEMAND, REST}
"""Measures that are told for each kind, turn and language of the user as well."""
STRAY = 2
"""Other words of the text, and at most a third, that an answer to a question may hold: `is` may stand."""
QUESTION = "question"
VERSION = 3
"""Goes up when the same answers would get other numbers."""


class Mark(NamedTuple):
    """One thing that was measured of one answer: a share from 0 to 1.

    ``parts`` are what it belongs to: kinds of its demands, ``turn 2``, ``user en``.
    """

    measure: str
    value: float
    parts: frozenset[str]


def measured(talk: Talk) -> list[LineScores]:
    """Every measure of a talk that counts anything, with a row of statistics for each dialogue."""
    cut = needs_cutting([answer.draft for one in talk.transcripts for answer in one.answers if answer])
    marks = [list(marks_of(one, cut)) for one in talk.transcripts]
    signature = f"{talk.signature}|version:{VERSION}-{__version__}"
    found = []
    for measure in (DEMAND, REST, CLEAN, UNDONE):
        every = frozenset[str]().union(*(m.parts for row in marks for m in row if m.measure == measure))
        for part in ("", *(sorted(every, key=_place) if measure in PARTED else ())):
            scores = _shares(measure, part, marks, signature)
            found += [] if scores is None else [scores]
    return found + _finals(talk, signature)


def marks_of(transcript: Transcript, cut: bool = False) -> Iterator[Mark]:
    """What is measured of one dialogue; ``cut``: its text has no spaces between words."""
    dialogue = transcript.dialogue
    user = {f"user {_user(transcript)}"} if dialogue.user_language else set()
    for number, (one, answer) in enumerate(zip(dialogue.rounds, transcript.answers, strict=True)):
        if answer is None:
            continue
        about = {*user, f"turn {number + 1}"}
        if one.kind in (UNDO, FIRST):
            yield Mark(UNDONE, float(answer.text == answer.expected), frozenset(about))
            continue
        asked = [correction for correction in one.corrections if speaks_of(correction, answer.draft)]
        for correction in asked:
            met = meets(correction, answer, dialogue.source, cut, one.answer)
            kind = kind_of(one, correction)
            yield Mark(DEMAND, float(met), frozenset({kind} if kind == QUESTION else {*about, kind}))
        rest = _rest(one, asked, answer, cut)
        if rest is not None:
            yield Mark(REST, rest, frozenset({*about, *(kind_of(one, c) for c in asked)}))
        if one.version is not None and asked:
            clean = bool(answer.text) and not edit_fault(
                answer.draft, answer.text, asked, cut, answer.expected
            )
            yield Mark(CLEAN, float(clean), frozenset(about))


def kind_of(one: Round, correction: Correction) -> str:
    """The kind that a demand counts as: history, where the round speaks of earlier versions, else its own."""
    return "history" if one.kind.startswith("history/") else correction.group


def speaks_of(correction: Correction, draft: str) -> bool:
    """Whether a demand makes sense of a text: what is spoken against stands in it, and it is not met yet.

    Of a question: whether the words stand in it that the user speaks of.
    """
    if correction.group == QUESTION:
        named = correction.must if correction.kind == "question/target" else correction.around
        return all(holds(draft, phrase) for phrase in named)
    there = all(holds(draft, phrase) for phrase in correction.forbid)
    return there and not correction.met(draft, draft)


def meets(correction: Correction, answer: Answer, source: str, cut: bool = False, reply: str = "") -> bool:
    """Whether an answer meets a demand; ``reply``: the right answer to a question, whose words may stand."""
    if not answer.text or not correction.met(answer.draft, answer.text):
        return False
    if correction.group != QUESTION:
        return bool(correction.must) or correction.free or _kept([correction], answer, cut) >= HALF
    wanted = (reply, *correction.phrases)
    return not any(_more_of(text, answer.text, wanted, cut) for text in (answer.draft, source))


def _more_of(text: str, answer: str, wanted: Sequence[str], cut: bool) -> bool:
    """Whether an answer holds more of a text, in any order, than what is wanted and a few words."""
    named = {word.casefold() for phrase in wanted for word in units(phrase, cut)}
    rest = {word.casefold() for word in units(text, cut) if any(map(str.isalnum, word))} - named
    stray = rest & {word.casefold() for word in units(answer, cut)}
    return len(stray) > min(STRAY, len(rest) // 3)


def _rest(one: Round, asked: Sequence[Correction], answer: Answer, cut: bool) -> float | None:
    """How much of the draft outside the edit is kept; None where nobody knows what the edit may touch."""
    if one.version is None or not asked:
        return None
    if answer.expected is None and any(correction.free for correction in asked):
        return None
    return _kept(asked, answer, cut)


def _kept(asked: Sequence[Correction], answer: Answer, cut: bool) -> float:
    """Share of the draft's words outside the edit that an answer keeps."""
    if answer.expected is not None:
        return kept(answer.draft, answer.expected, answer.text, cut)
    phrases = [phrase for correction in asked for phrase in correction.phrases]
    return kept_beside(answer.draft, phrases, answer.text, cut)


def _user(transcript: Transcript) -> str:
    """``en``, or ``other`` for a user who speaks another language."""
    return "en" if same_language(transcript.dialogue.user_language, "en") else "other"


def _place(part: str) -> tuple[int, str]:
    return (KINDS.index(part) if part in KINDS else len(KINDS), part)


def _shares(measure: str, part: str, marks: Sequence[Sequence[Mark]], signature: str) -> LineScores | None:
    """The mean of a measure, or of a part of it, in percent; statistics: sum and number of each dialogue."""
    rows = []
    for row in marks:
        counted = (m for m in row if m.measure == measure)
        values = [m.value for m in counted if (part in m.parts if part else QUESTION not in m.parts)]
        rows.append([sum(values), float(len(values))])
    statistics = np.array(rows, dtype=np.float64)
    if not statistics[:, 1].any():
        return None
    name = f"{measure}: {part}" if part else measure
    return LineScores(name, statistics, _percent, signature, higher_is_better=True)


def _percent(sums: Array) -> Array:
    return 100.0 * sums[..., 0] / np.maximum(sums[..., 1], 1.0)


def _finals(talk: Talk, signature: str) -> list[LineScores]:
    """BLEU and chrF++ of the last versions that were asked for; a dialogue of questions alone has none."""
    texts, references = [], []
    for one in talk.transcripts:
        pairs = zip(one.dialogue.rounds, one.answers, strict=True)
        said = [answer.text for about, answer in pairs if answer is not None and about.version is not None]
        texts.append(said[-1] if said else "")
        references.append(one.dialogue.text if said else "")
    if not any(references):
        return []
    found = []
    for name in METRICS:
        scores = make_metric(name, talk.direction.target).lines(texts, references)
        found.append(replace(scores, metric=f"{FINAL} {name}", signature=f"{scores.signature}|{signature}"))
    return found


def counted(scores: LineScores) -> int:
    """How many things a measure counts: demands, answers, or last versions."""
    if scores.metric.startswith(FINAL):
        return int(scores.statistics.any(axis=1).sum())
    return int(scores.statistics[:, 1].sum())

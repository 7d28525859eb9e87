"""Held-out dialogues: what was met and what was kept, by kind and turn, and some dialogues themselves."""

from __future__ import annotations

import random

from dragoman.errors import DataError
from dragoman.evaluate.interactive import table
from dragoman.evaluate.interactive.measure import meets
from dragoman.evaluate.interactive.transcript import Answer, Talk, Transcript, read_talks
from dragoman.evaluate.report.data import Evidence, language_name
from dragoman.evaluate.report.markup import Markup, el, join
from dragoman.evaluate.report.summary import scroll
from dragoman.evaluate.results import DEMAND, REST
from dragoman.evaluate.tables import Table
from dragoman.instruct.interactive.dialogue import Round
from dragoman.language.language import Direction

SHOWN, DIRECTIONS = 3, 12
"""Dialogues of a direction, and directions, that are shown at most."""
_NOTE = (
    "Demand met: share of the demands that an answer meets, checked as the dialogues for training are. "
    "Rest unchanged: share of the draft’s words outside the edit that are kept, by longest common "
    "subsequence. Clean edit: answers that meet every demand and change nothing else. Undo exact: ways back "
    "that end at the very version. Final: the last version against the text that people wrote. In percent; "
    "means over directions."
)


def dialogues(evidence: Evidence) -> Markup | None:
    """The tables of the measures, and a few dialogues of each direction with what each system answered."""
    results = table.of_rows(evidence.results.dialogues)
    if not results.rows:
        return None
    tables = [_html("Measures of dialogues", table.overview(results))]
    for measure in (DEMAND, REST):
        if table.parts_of(results, measure):
            tables.append(el("h3", f"{measure[0].upper()}{measure[1:]}, by kind and turn"))
            tables += [_html(measure, table.parted(results, measure, group)) for group in results.groups]
    signature = next(row.signature for row in results.rows if row.metric in table.SIGNED)
    parts = [el("p", _NOTE, class_="note"), *tables, *_blocks(evidence)]
    return join(*parts, el("p", el("code", signature), class_="note"))


def _html(label: str, made: Table) -> Markup:
    """A table of the terminal as one of the page."""
    spans = [el("th", name, colspan=count, scope="colgroup", class_="group") for name, count in made.spans]
    names = [el("th", name, scope="col", class_="num") for name in made.columns]
    rows = [
        el("tr", el("th", el("bdi", system), scope="row"), *(el("td", cell, class_="num") for cell in cells))
        for system, cells in made.rows
    ]
    head = el("thead", el("tr", el("td"), *spans), el("tr", el("th", "System", scope="col"), *names))
    notes = [el("p", text, class_="note") for text in made.foot]
    return join(scroll(label, el("table", head, el("tbody", *rows), class_="plain")), *notes)


def _blocks(evidence: Evidence) -> list[Markup]:
    """A folding block for each direction."""
    try:
        talks = read_talks(evidence.folder, table.of_rows(evidence.results.dialogues).systems)
    except DataError as error:
        evidence.remarks.append(f"The dialogues themselves are left out: {error}.")
        return []
    by_direction: dict[Direction, list[Talk]] = {}
    for talk in talks:
        by_direction.setdefault(talk.direction, []).append(talk)
    return [_block(direction, found) for direction, found in list(by_direction.items())[:DIRECTIONS]]


def _block(direction: Direction, talks: list[Talk]) -> Markup:
    """Some dialogues, drawn alike in every report."""
    count = min(len(talk.transcripts) for talk in talks)
    places = sorted(random.Random(f"dialogues {direction}").sample(range(count), min(SHOWN, count)))
    cards = [_card([(talk.system, talk.transcripts[place]) for talk in talks]) for place in places]
    title = f"{language_name(direction.source)} → {language_name(direction.target)}"
    return el("details", el("summary", title), *cards, class_="direction-block")


def _card(said: list[tuple[str, Transcript]]) -> Markup:
    """Source and first version, then what the user says and what each system answers, turn by turn."""
    dialogue = said[0][1].dialogue
    sides = (("source", dialogue.source), ("first version", dialogue.rounds[0].answer))
    top = [el("div", el("span", tag, class_="tag"), _text(text)) for tag, text in sides]
    turns = []
    for number, one in enumerate(dialogue.rounds[1:], 1):
        answers = [
            _answer(system, one, answer, found.dialogue.source)
            for system, found in said
            if number < len(found.answers) and (answer := found.answers[number]) is not None
        ]
        user = el("div", el("span", f"user, turn {number + 1}", class_="tag"), _text(one.said))
        wanted = el("div", el("span", "wanted", class_="tag"), _text(one.answer))
        turns.append(join(el("div", user, wanted, class_="pair"), el("div", *answers, class_="answers")))
    head = el("header", el("span", f"line {dialogue.id}"), el("span", dialogue.kind, class_="why"))
    return el("article", head, el("div", *top, class_="pair"), *turns, class_="sample")


def _answer(system: str, one: Round, answer: Answer, source: str) -> Markup:
    good = answer.text == answer.expected
    if one.corrections:
        good = all(meets(correction, answer, source, reply=one.answer) for correction in one.corrections)
    badge = None if good else el("span", "not met" if one.corrections else "not exact", class_="badge")
    who = el("span", el("bdi", system), class_="who")
    return el("div", who, _text(answer.text, badge), class_="answer" + " off" * (not good))


def _text(text: str, badge: Markup | None = None) -> Markup:
    shown = el("span", text, dir="auto") if text else el("span", "empty", class_="badge")
    return el("p", shown, *((" ", badge) if badge else ()), class_="text")

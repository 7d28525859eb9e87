"""A blind sheet on which people rank what several systems wrote: items, shuffled labels, and the key.

What raters get lies in a folder of its own; the key, which says whose text has which letter, lies beside it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from dragoman.corpus.artifact import new_folder
from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.judge_prompts import Answered
from dragoman.evaluate.outputs import Output
from dragoman.instruct.task import stream_seed
from dragoman.language.language import name_in

SHEET, PAGE, KEY, RATERS = "sheet.csv", "page.html", "key.json", "for-raters"
COLUMNS = ("item", "label", "context", "text", "rank", "comment")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a cell that a spreadsheet would run; such a cell gets an apostrophe in front."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is ranked together: ``context`` has headings and texts, ``outputs`` a text for each system."""

    id: str
    context: tuple[tuple[str, str], ...]
    outputs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as raters see it: its number on the sheet, and texts by letter."""

    name: str
    context: tuple[tuple[str, str], ...]
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet and its key (``key[name][letter]`` is a system; ``ids[name]`` the item's own id)."""

    id: str
    seed: int
    systems: tuple[str, ...]
    shown: tuple[Shown, ...]
    key: dict[str, dict[str, str]]
    ids: dict[str, str]


def items_of_answers(files: dict[str, Sequence[Answered]]) -> list[Item]:
    """Items of the prompts that all systems have answered; of several turns all answers are one text."""
    by_system = {system: {a.prompt.id: a for a in answered} for system, answered in files.items()}
    first = next(iter(by_system.values()))
    items = []
    for name, answered in first.items():
        if not all(name in found for found in by_system.values()):
            continue
        turns = answered.prompt.turns
        if any(found[name].prompt.turns != turns for found in by_system.values()):
            raise DataError(f"question_id {name}: the files have different instructions")
        context = tuple((f"Turn {k}" if len(turns) > 1 else "Request", t) for k, t in enumerate(turns, 1))
        items.append(Item(name, context, {s: _joined(found[name].answers) for s, found in by_system.items()}))
    return items


def _joined(answers: Sequence[str]) -> str:
    if len(answers) == 1:
        return answers[0]
    return "\n\n".join(f"[{number}] {answer}" for number, answer in enumerate(answers, 1))


def items_of_outputs(outputs: Iterable[Output]) -> list[Item]:
    """Items of the lines that all systems have translated, in every direction."""
    texts: dict[tuple[str, str], dict[str, str]] = {}
    sources: dict[tuple[str, str], str] = {}
    headings: dict[tuple[str, str], str] = {}
    systems: dict[str, None] = {}
    for output in outputs:
        systems[output.system] = None
        for place, (id_, text) in enumerate(zip(output.ids, output.hypotheses, strict=True)):
            line = (str(output.direction), id_)
            texts.setdefault(line, {})[output.system] = text
            headings[line] = (
                f"{name_in(output.direction.source, 'en')} to {name_in(output.direction.target, 'en')}"
            )
            if output.sources:
                sources[line] = output.sources[place]
    return [
        Item("/".join(line), ((headings[line], sources.get(line, "")),), found)
        for line, found in texts.items()
        if len(found) == len(systems)
    ]


def make_sheet(items: Sequence[Item], count: int, seed: int) -> Sheet:
    """``count`` of the items in random order, the systems shuffled anew in each. RecipeError if there is
    nothing to rank."""
    if not items:
        raise RecipeError("no item was answered by all systems; are these answers to the same prompts?")
    systems = tuple(items[0].outputs)
    if not 2 <= len(systems) <= len(string.ascii_uppercase):
        raise RecipeError(f"a sheet needs 2 to 26 systems, found {len(systems)}")
    told = json.dumps([seed, [[i.id, i.context, i.outputs] for i in items]], ensure_ascii=False)
    id_ = hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:6]
    chosen = random.Random(stream_seed(seed, "sheet")).sample(list(items), min(count, len(items)))
    shown, key, ids = [], {}, {}
    for number, item in enumerate(chosen, 1):
        name = f"{id_}-{number:0{len(str(len(chosen)))}d}"
        order = list(systems)
        random.Random(stream_seed(seed, "sheet", item.id)).shuffle(order)
        letters = dict(zip(string.ascii_uppercase, order, strict=False))
        shown.append(Shown(name, item.context, {letter: item.outputs[s] for letter, s in letters.items()}))
        key[name], ids[name] = letters, item.id
    return Sheet(id_, seed, systems, tuple(shown), key, ids)


def write_sheet(sheet: Sheet, folder: Path) -> None:
    """Write ``for-raters/sheet.csv``, ``for-raters/page.html`` and ``key.json`` into a new folder."""
    if folder.exists():
        raise DataError(
            f"{folder}: is there already; a filled sheet must not lose its key, give another name"
        )
    with new_folder(folder) as part:
        (part / RATERS).mkdir()
        with (part / RATERS / SHEET).open("w", encoding="utf-8-sig", newline="", errors="replace") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(_csv_rows(sheet))
        (part / RATERS / PAGE).write_text(page(sheet), encoding="utf-8", errors="replace")
        key = {
            "sheet": sheet.id,
            "seed": sheet.seed,
            "systems": sheet.systems,
            "ids": sheet.ids,
            "key": sheet.key,
        }
        (part / KEY).write_text(json.dumps(key, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _csv_rows(sheet: Sheet) -> Iterable[list[str]]:
    for item in sheet.shown:
        context = "\n\n".join(f"{heading}: {text}" for heading, text in item.context)
        for letter, text in item.texts.items():
            yield [item.name, letter, _cell(context), _cell(text), "", ""]
            context = ""


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def page(sheet: Sheet) -> str:
    """The page for raters: one file that needs no network; it holds neither seed nor key."""
    data: dict[str, Any] = {
        "sheet": sheet.id,
        "items": [
            {"name": item.name, "context": item.context, "texts": list(item.texts.items())}
            for item in sheet.shown
        ],
    }
    # inside <script>, "<" of a text could end it or begin a comment
    told = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    frame = resources.files("dragoman.evaluate").joinpath("ranking.html").read_text(encoding="utf-8")
    before, _, after = frame.partition("/*data*/")
    return before + told + after

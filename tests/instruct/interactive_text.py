"""A corpus of generated sentences, English and German, with synonyms, numbers, names and negations."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.corpus.variants import MACHINE, REFERENCE, REVISION, Variant
from dragoman.instruct.interactive.task import Interactive
from dragoman.instruct.task import Material
from dragoman.prompt.templates import load_template
from dragoman.recipe import TaskSpec

NAMES = ["Peter", "Wanda", "Boris", "Frida", "Oskar", "Gerda"]
VERBS = {"sees": ["sieht", "erblickt"], "buys": ["kauft", "erwirbt"], "finds": ["findet", "entdeckt"]}
NUMBERS = {"two": "zwei", "three": "drei", "four": "vier", "seven": "sieben", "nine": "neun"}
COLOURS = {"red": ["roten", "karminroten"], "blue": ["blauen", "azurnen"], "white": ["weißen", "schneeigen"]}
THINGS = {
    "cars": ["Wagen", "Autos"],
    "horses": ["Pferde", "Rosse"],
    "boats": ["Boote", "Kähne"],
    "apples": ["Äpfel"],
}
PLACES = {"town": ["Stadt", "Ortschaft"], "street": ["Straße", "Gasse"], "forest": ["Wald", "Forst"]}
MEALS = {"dinner": "Abendessen", "breakfast": "Frühstück"}
TIMES = {"Monday": "Montag", "Sunday": "Sonntag"}


def sentence(rng: random.Random) -> tuple[str, str]:
    """One sentence in both languages."""

    def draw(table: dict[str, list[str]]) -> tuple[str, str]:
        word = rng.choice(list(table))
        return word, rng.choice(table[word])

    name, number, day = rng.choice(NAMES), rng.choice(list(NUMBERS)), rng.choice(list(TIMES))
    verb, colour, thing, place = draw(VERBS), draw(COLOURS), draw(THINGS), draw(PLACES)
    year = rng.randint(1910, 1999)
    no = rng.random() < 0.2
    english = f"Today {name} {verb[0]} the {number} {colour[0]} {thing[0]} near the {place[0]}"
    german = f"Heute {verb[1]} {name} die {NUMBERS[number]} {colour[1]} {thing[1]} nahe der {place[1]}"
    if no:
        english = f"Today {name} is not near the {colour[0]} {thing[0]} of the {place[0]}"
        german = f"Heute ist nicht {name} nahe den {colour[1]} {thing[1]} der {place[1]}"
    if rng.random() < 0.3:
        when = rng.choice(list(MEALS))
        english, german = f"{english} before {when}", f"{german} vor {MEALS[when]}"
    if rng.random() < 0.4:
        english, german = f"{english} in {year}", f"{german} in {year}"
    if rng.random() < 0.3:
        english, german = f"{english}, on {day}", f"{german}, am {TIMES[day]}"
    return english + ".", german + "."


def worse(text: str, rng: random.Random) -> str:
    """An earlier version of a German sentence."""
    words = text.split(" ")
    place = rng.randrange(2, len(words) - 1)
    return " ".join([*words[:place], rng.choice(["irgendwie", "halt", "eben"]), *words[place:]])


@cache
def store(lines: int = 700, variants: bool = False) -> Store:
    """The corpus on disk; every third line has variants of its German side if there are any."""
    rng = random.Random(4)
    records = []
    for line in range(1, lines + 1):
        english, german = sentence(rng)
        others: tuple[Variant, ...] = ()
        if variants and line % 3 == 0:
            second = worse(german, rng)
            first = worse(second, rng)
            others = (
                Variant("de", REVISION, first), Variant("de", REVISION, second),
                Variant("de", MACHINE, worse(german, rng)), Variant("de", REFERENCE, worse(german, rng)),
            )  # fmt: skip
        records.append(Record(f"train:{line}", {"en": english, "de": german}, "toy", line, variants=others))
    folder = Path(mkdtemp()) / "train"
    write_store(folder, records)
    return Store(folder)


def task(template: str = "bayling", variants: bool = False, **spec: object) -> Interactive:
    """The task on the corpus."""
    return Interactive(TaskSpec.model_validate(spec), Material(store(700, variants), load_template(template)))

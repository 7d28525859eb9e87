"""The phrasebook's words: tables in words/*.tsv, read once into typed rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "it", "nl", "ro")
Marked = tuple[tuple[str, tuple[str, ...]], ...]
"""Words of a fixed phrase, each with its marks: words of two languages that share a mark are linked."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun: singular, plural ('-' if it has none) and, outside English, gender or Dutch article."""

    name: str
    groups: frozenset[str]
    en: tuple[str, ...]
    it: tuple[str, ...]
    nl: tuple[str, ...]
    ro: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adjective:
    """An adjective; forms as words/adjectives.tsv says: four of agreement in Italian and Romanian."""

    name: str
    groups: frozenset[str]
    en: tuple[str, ...]
    it: tuple[str, ...]
    nl: tuple[str, ...]
    ro: tuple[str, ...]

    @property
    def compares(self) -> bool:
        """True if the adjective has a comparative."""
        return self.en[1] != "-"


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: who can be its subject, which groups its objects are; forms as words/verbs.tsv says."""

    name: str
    kind: str
    who: str
    objects: frozenset[str]
    en: tuple[str, ...]
    it: tuple[str, ...]
    nl: tuple[str, ...]
    ro: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place noun and the preposition of being there, by language in the order of LANGUAGES."""

    noun: Noun
    prepositions: tuple[str, ...]
    goal: bool


@dataclass(frozen=True, slots=True)
class Adverb:
    """A time, frequency or manner phrase in all languages, in the order of LANGUAGES."""

    name: str
    use: str
    phrases: tuple[Marked, ...]


def _rows(table: str) -> list[list[str]]:
    """Rows of a table without its comment and header."""
    text = files("dragoman.demo").joinpath(f"words/{table}.tsv").read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return [row for row in lines if row[0] not in ("name", "noun")]


def _forms(cells: list[str]) -> list[tuple[str, ...]]:
    return [tuple(form.replace("_", " ") for form in cell.split()) for cell in cells]


@cache
def nouns() -> dict[str, Noun]:
    """All nouns by name."""
    return {row[0]: Noun(row[0], frozenset(row[1].split()), *_forms(row[2:])) for row in _rows("nouns")}


@cache
def adjectives() -> dict[str, Adjective]:
    """All adjectives by name."""
    return {
        row[0]: Adjective(row[0], frozenset(row[1].split()), *_forms(row[2:])) for row in _rows("adjectives")
    }


@cache
def verbs() -> dict[str, Verb]:
    """All verbs by name."""
    return {
        row[0]: Verb(row[0], row[1], row[2], frozenset(row[3].split()), *_forms(row[4:]))
        for row in _rows("verbs")
    }


@cache
def places() -> dict[str, Place]:
    """All places by the name of their noun."""
    return {row[0]: Place(nouns()[row[0]], tuple(row[1:5]), row[5] == "goal") for row in _rows("places")}


def _marked(cell: str) -> Marked:
    pairs = (word.rsplit("/", 1) for word in cell.split())
    return tuple((word, tuple(marks.split(","))) for word, marks in pairs)


NUMBERS: dict[str, tuple[str, ...]] = {
    "en": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "it": ("due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove", "dieci", "undici", "dodici"),
    "nl": ("twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen", "tien", "elf", "twaalf"),
    "ro": (
        "doi",
        "trei",
        "patru",
        "cinci",
        "șase",
        "șapte",
        "opt",
        "nouă",
        "zece",
        "unsprezece",
        "doisprezece",
    ),
}


def number(language: str, value: int, feminine: bool = False) -> str:
    """The word for 2 to 12; Romanian 2 and 12 agree in gender."""
    if language == "ro" and feminine and value in (2, 12):
        return "două" if value == 2 else "douăsprezece"
    return NUMBERS[language][value - 2]


@cache
def adverbs(use: str) -> tuple[Adverb, ...]:
    """Adverbs of one use; past, present and future also get the days of the week and counted times."""
    rows = [Adverb(row[0], row[1], tuple(map(_marked, row[2:]))) for row in _rows("times") if row[1] == use]
    if use not in ("past", "present", "future"):
        return tuple(rows)
    for row in _rows("times"):
        if row[1] == "day":
            rows.append(_day(use, row[0], [cell.split() for cell in row[2:]]))
        elif row[1] == "unit" and use != "present":
            rows += [_counted(use, n, row[0], [cell.split() for cell in row[2:]]) for n in range(2, 11)]
    return tuple(rows)


def _day(use: str, name: str, cells_of_day: list[list[str]]) -> Adverb:
    """`last Monday`, `every Monday` or `on Monday`, as the tense asks."""
    en, it, nl, ro = cells_of_day
    gender = "a" if it[1] == "f" else "o"
    cells = {
        "past": (
            f"last/1 {en[0]}/2",
            f"{it[0]}/2 scors{gender}/1",
            f"afgelopen/1 {nl[0]}/2",
            f"{ro[1]}/2 trecută/1",
        ),
        "present": (
            f"every/1 {en[0]}/2",
            f"ogni/1 {it[0]}/2",
            f"elke/1 {nl[0]}/2",
            f"în/1 fiecare/1 {ro[0]}/2",
        ),
        "future": (f"on/1 {en[0]}/1", f"{it[0]}/1", f"op/1 {nl[0]}/1", f"{ro[0]}/1"),
    }[use]
    return Adverb(f"{use}_{name}", use, tuple(map(_marked, cells)))


def _counted(use: str, n: int, name: str, cells_of_unit: list[list[str]]) -> Adverb:
    """`three days ago` or `in three days`."""
    en, it, nl, ro = cells_of_unit
    count = {language: number(language, n, ro[2] == "f") for language in LANGUAGES}
    cells = {
        "past": (
            f"{count['en']}/1 {en[1]}/2 ago/3",
            f"{count['it']}/1 {it[1]}/2 fa/3",
            f"{count['nl']}/1 {nl[1]}/2 geleden/3",
            f"acum/3 {count['ro']}/1 {ro[1]}/2",
        ),
        "future": (
            f"in/3 {count['en']}/1 {en[1]}/2",
            f"fra/3 {count['it']}/1 {it[1]}/2",
            f"over/3 {count['nl']}/1 {nl[1]}/2",
            f"peste/3 {count['ro']}/1 {ro[1]}/2",
        ),
    }[use]
    return Adverb(f"{use}_{n}_{name}", use, tuple(map(_marked, cells)))

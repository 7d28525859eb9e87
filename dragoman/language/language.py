"""Language codes, names, scripts and directions.

The table is ``languages.tsv`` beside this file. A code may be BCP-47 (``de``, ``zh-Hant``, ``pt-BR``),
ISO 639-3 (``deu``), ISO 639-2/B (``ger``) or in the style of FLORES (``deu_Latn``). Codes are kept as the
user gave them; two codes are matched through their canonical form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from dragoman.errors import DataError
from dragoman.language import tables
from dragoman.language.tables import Row

UNKNOWN = "und"
"""Label of text whose language cannot be told: empty, digits, punctuation (BCP-47's own code for it)."""
OTHER = "other"
"""Label of text in none of the languages that an identifier knows."""
_LABELS = frozenset((UNKNOWN, OTHER))

_SCRIPT = re.compile(r"[a-z]{4}")
_REGION = re.compile(r"[a-z]{2}|[0-9]{3}")
_VARIANT = re.compile(r"[a-z0-9]{5,8}|[0-9][a-z0-9]{3}")
_PRIMARY = re.compile(r"[a-z]{2,8}")


class LanguageError(DataError, ValueError):
    """A language code or a direction is wrong; also a ValueError, so that a recipe lists it."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language; ``code`` as given, ``key`` canonical, ``name`` English, ``script`` an ISO 15924 code."""

    code: str
    name: str
    own_name: str
    script: str
    key: str


class Direction(NamedTuple):
    """From one language into another; both codes as the user gave them."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"

    def reversed(self) -> Direction:
        """The way back."""
        return Direction(self.target, self.source)


class _Tag(NamedTuple):
    """A code in its parts: table row, script and region only where they were given and matter."""

    row: Row
    script: str
    region: str
    variants: tuple[str, ...]


_registered: dict[str, Row] = {}


def register(code: str, name: str, own_name: str | None = None, script: str = "Latn") -> None:
    """Add a language that the table lacks (or replace one); ``script`` is an ISO 15924 code."""
    key = code.strip().lower()
    if not _PRIMARY.fullmatch(key):
        raise LanguageError(
            f"cannot register the language code {code!r}: expected 2 to 8 letters, as in 'qaa'"
        )
    if not re.fullmatch(r"[A-Z][a-z]{3}", script):
        raise LanguageError(f"cannot register {code!r}: script {script!r} is no ISO 15924 code, as in 'Latn'")
    _registered[key] = Row(key, name, own_name or name, (script,))
    _parse.cache_clear()


def _row(primary: str) -> Row | None:
    return _registered.get(primary) or tables.languages().get(primary)


def known_codes() -> list[str]:
    """The canonical primary codes of the table and of the registered languages, sorted."""
    return sorted({row.code for row in (*tables.languages().values(), *_registered.values())})


def nearest(code: str, count: int = 3) -> list[str]:
    """Known codes whose spelling, English name or own name is closest to ``code``, as ``"de (German)"``."""
    import difflib

    wanted = code.strip().lower()
    rows = {**tables.languages(), **_registered}
    by_name = {name.lower(): row for row in rows.values() for name in (row.own_name, row.name) if name}
    found = [by_name[n] for n in difflib.get_close_matches(wanted, by_name, n=count, cutoff=0.6)]
    found += [rows[c] for c in difflib.get_close_matches(wanted, rows, n=count, cutoff=0.5)]
    return list(dict.fromkeys(f"{row.code} ({row.name})" for row in found))[:count]


def _unknown(code: str) -> LanguageError:
    found = nearest(code)
    hint = f"; nearest: {', '.join(found)}" if found else ""
    return LanguageError(
        f"unknown language code {code!r}: expected BCP-47 or ISO 639-3, such as 'de' or 'deu'{hint}; "
        f"a language that the table lacks can be added (see docs/languages.md, {tables.EXTRA})"
    )


@lru_cache(maxsize=4096)
def _parse(code: str) -> _Tag:
    parts = code.strip().replace("_", "-").lower().split("-")
    row = _row(parts[0])
    if row is None:
        raise _unknown(code)
    rest = parts[1:]
    script = rest.pop(0).title() if rest and _SCRIPT.fullmatch(rest[0]) else ""
    region = rest.pop(0).upper() if rest and _REGION.fullmatch(rest[0]) else ""
    if not all(_VARIANT.fullmatch(part) for part in rest):
        raise LanguageError(
            f"language code {code!r} is not BCP-47: expected language-Script-REGION, as in 'zh-Hant-TW'"
        )
    if len(row.scripts) == 1 and script == row.scripts[0]:
        script = ""
    return _Tag(row, script, region, tuple(rest))


def canonical(code: str) -> str:
    """The shortest BCP-47 form: deu and deu_Latn -> de, zho_Hant -> zh-Hant; und and other stay."""
    if code in _LABELS:
        return code
    tag = _parse(code)
    return _join(tag.row.code, tag.script, tag.region, *tag.variants)


def _join(*parts: str) -> str:
    return "-".join(part for part in parts if part)


def language(code: str) -> Language:
    """The language of a code; LanguageError with the nearest codes when the table does not have it."""
    tag = _parse(code)
    script = tag.script or tag.row.scripts[0]
    return Language(code, name_in(code), tag.row.own_name or tag.row.name, script, canonical(code))


def scripts_of(code: str) -> tuple[str, ...]:
    """ISO 15924 codes of the scripts that a language is written in, the usual one first."""
    tag = _parse(code)
    return (tag.script,) if tag.script else tag.row.scripts


def explicit_script(code: str) -> str:
    """The script that a code names where its language has several: zh-Hant -> Hant; '' otherwise."""
    return _parse(code).script


def same_language(first: str, second: str) -> bool:
    """True if both codes mean one language: deu and de, de-DE and de, no and nb, pbt and ps.

    Scripts and regions count where both give one: zh-Hant is not zh-Hans, but zh matches either.
    """
    if _LABELS & {first, second}:
        return first == second
    a, b = _parse(first), _parse(second)
    related = b.row.code in (a.row.code, a.row.macro) or b.row.macro == a.row.code
    return related and all(not x or not y or x == y for x, y in ((a.script, b.script), (a.region, b.region)))


def parse_direction(text: str) -> Direction:
    """'de-en', 'deu-eng', 'zh-Hant-en', 'de>en' -> Direction, codes as given; LanguageError otherwise."""
    for mark in (">", "→"):
        if mark in text:
            return _direction(text, *[part.strip(" -") for part in text.split(mark)])
    parts = text.strip().split("-")
    splits = [("-".join(parts[:i]), "-".join(parts[i:])) for i in range(1, len(parts))]
    good = [pair for pair in splits if all(_is_code(code) for code in pair)]
    if len(good) > 1:
        good = [pair for pair in good if all(canonical(code) == code for code in pair)] or good
    if len(good) == 1:
        return _direction(text, *good[0])
    if len(good) > 1:
        raise LanguageError(
            f"direction {text!r} can be read in {len(good)} ways: write it as 'source>target'"
        )
    return _direction(text, *(splits[0] if len(splits) == 1 else ()))


def _is_code(code: str) -> bool:
    try:
        _parse(code)
    except LanguageError:
        return False
    return True


def _direction(text: str, *codes: str) -> Direction:
    if len(codes) != 2 or not all(codes):
        raise LanguageError(
            f"{text!r} is no direction: expected 'source-target', as in 'de-en' or 'zh-Hant>en'"
        )
    direction = Direction(*codes)
    if canonical(direction.source) == canonical(direction.target):
        raise LanguageError(f"direction {text!r}: one language twice; a direction has two")
    return direction


def name_in(code: str, prompt_language: str = "en") -> str:
    """The name of a language in a prompt language; the English name where the table has none.

    Names stand in the form that a dictionary gives (``Deutsch``, ``allemand``, ``tedesco``, ``Duits``,
    ``germană``, ``němčina``), so wordings must ask for that form: "din limba {source}", "z jazyka {source}".
    """
    tag = _parse(code)
    if tag.row.code in _registered:
        return tag.row.name
    prompt = canonical(prompt_language)
    for form in dict.fromkeys((canonical(code), _join(tag.row.code, tag.script), tag.row.code)):
        names = tables.names().get(form, {})
        name = names.get(prompt) or names.get("en")
        if name:
            return name
    return tag.row.name

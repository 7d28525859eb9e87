"""Text without spaces cut into units that can be aligned: characters, syllables, runs of katakana.

Chinese is cut into characters; Japanese likewise, but a run of katakana stays whole; Thai, Lao, Khmer and
Burmese into orthographic syllables. Letters of other scripts, digits and punctuation between them are units
of their own. Signs that show nothing, such as the zero-width space that Khmer text has between some words, go
with what stands before them. A side of the text is cut only if it is not yet parted into words: see
:func:`needs_cutting`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Cutting = Literal["auto", "words", "units"]

_UNITS = {
    "Hani": "[\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]",
    "Kana": "[\u30a1-\u30fa\u30fc-\u30fe\u31f0-\u31ff\uff66-\uff9f]+",
    "Hira": "[\u3041-\u3096\u309d-\u309f]"
    "[\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u3099\u309a]*",
    "Thai": "[\u0e40-\u0e44]?[\u0e01-\u0e2e][\u0e2f-\u0e3a\u0e45\u0e47-\u0e4e]*",
    "Laoo": "[\u0ec0-\u0ec4]?[\u0e81-\u0eae\u0edc-\u0edf][\u0eaf-\u0ebd\u0ec8-\u0ece]*",
    "Khmr": "[\u1780-\u17b3](?:\u17d2[\u1780-\u17b3])*[\u17b4-\u17d1\u17d3\u17dd]*",
    "Mymr": "[\u1000-\u102a\u103f\u104e](?:\u1039[\u1000-\u1021])*[\u102b-\u1039\u103b-\u103e]*"
    "(?:\u103a[\u102b-\u1038]*)?"
    "(?:[\u1000-\u1021]\u1037?\u103a[\u1037\u1038]*(?:\u1039[\u1000-\u1021][\u102b-\u1038\u103b-\u103e]*)?)*",
}
"""The unit of each script that is written without spaces, as a regular expression."""
_SPACELESS = (
    "\u2e80-\u2fdf\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30fe\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af"
    "\u0e01-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u104e\u1780-\u17dd"
)
_UNSEEN = "\u200b-\u200d\u2060\ufeff"
_CUT = re.compile(f"(?:{'|'.join(_UNITS.values())}|[^\\W{_SPACELESS}]+|.)[{_UNSEEN}]*", re.DOTALL)
_BREAKS = str.maketrans("", "", "\u200b\u2060\ufeff")
_RUN = re.compile(f"[{_SPACELESS}]+")
_KINDS = [(name, re.compile(pattern)) for name, pattern in _UNITS.items()]
_LONG = {"Mymr": 3.5, "Thai": 6.0, "Laoo": 6.0, "Khmr": 6.0}
_LONG_ELSE = 4.0
"""Units from which a run of letters is too long for a word; in Thai a unit is often less than a syllable.

Each stands between what words have (a long one counts more: 1.7 in Burmese, 2.8 to 3.9 in Khmer, Lao and
Thai) and what text has (5.5 in Burmese, whose phrases are parted, 10 and more in the others).
"""
SAMPLE = 2000


def cut(word: str) -> list[str]:
    """The units of a word, which joined give the word again."""
    return _CUT.findall(word)


def needs_cutting(lines: Sequence[str]) -> bool:
    """True if most letters are of scripts without spaces, and most of those in runs too long to be words.

    The first lines decide; a run counts as often as it has units.
    """
    letters = inside = 0
    weight = total = 0.0
    for line in lines[:SAMPLE]:
        line = line.translate(_BREAKS)  # a break that may be used is no border between words
        letters += sum(map(str.isalpha, line))
        for run in _RUN.findall(line):
            inside += sum(map(str.isalpha, run))
            units = len(cut(run))
            script = next((name for name, pattern in _KINDS if pattern.match(run)), "")
            weight += units * units / _LONG.get(script, _LONG_ELSE)
            total += units
    return inside > letters / 2 and weight > total


def kinds_of(lines: Sequence[str]) -> str:
    """The spaceless scripts of a text and how each is cut, for the record: ``Hani, Kana``."""
    text = "".join(lines[:SAMPLE])
    return ", ".join(name for name, pattern in _KINDS if pattern.search(text))


def cut_line(line: str) -> tuple[list[bytes], list[int]]:
    """The units of a line, and for each the index of its word; words are parted at ASCII blanks."""
    units: list[bytes] = []
    owners: list[int] = []
    for number, word in enumerate(line.encode("utf-8", "surrogatepass").split()):
        parts = cut(word.decode("utf-8", "surrogatepass"))
        units.extend(part.encode("utf-8", "surrogatepass") for part in parts)
        owners.extend([number] * len(parts))
    return units, owners

"""What is known of a language for content faults: its number words and its negations (facts/<code>.yaml).

``numbers``: words for numbers from two on, in order. ``negation``: plain words and what stands for them in a
negated sentence. ``negators``: words that negate. Without a file there are faults in digits and names only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

from dragoman.language.language import canonical


@dataclass(frozen=True)
class Facts:
    """Number words (each with its value), plain words with their negated form, and words that negate."""

    numbers: Mapping[str, int]
    negation: Mapping[str, str]
    negators: frozenset[str]

    def others(self, word: str) -> list[str]:
        """The number words that say another number."""
        value = self.numbers[word.casefold()]
        return [name for name, other in self.numbers.items() if other != value]


NONE = Facts(MappingProxyType({}), MappingProxyType({}), frozenset())


@cache
def facts(code: str) -> Facts:
    """The facts of a language; empty where there is no file."""
    name = canonical(code).split("-")[0]
    path = resources.files("dragoman.instruct.interactive") / "facts" / f"{name}.yaml"
    if not path.is_file():
        return NONE
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    numbers = {
        form: value for value, forms in enumerate(table["numbers"], 2) for form in str(forms).split(" / ")
    }
    return Facts(numbers, dict(table["negation"]), frozenset(table["negators"]))

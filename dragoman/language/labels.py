"""From an identifier's raw labels to the codes of the languages that a recipe works with.

An identifier says ``ps`` or ``zh``; the recipe has ``pbt`` or ``zh-Hant``. Labels are brought to the recipe's
canonical codes, told apart by script where the recipe tells them apart, and refused (``other``) where the
text is not written in a script of the language.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dragoman.language import tables
from dragoman.language.language import OTHER, UNKNOWN, canonical, explicit_script, same_language, scripts_of
from dragoman.language.scripts import columns, script_counts, script_of

OWN_SCRIPT = 0.25
"""Share of a text's letters that must be in a script of its language; names in other scripts leave room."""

LONGEST = 4000
"""Characters of a text that are looked at; more do not change the answer, but cost memory."""


def clip(texts: Iterable[str]) -> list[str]:
    """The texts, each at most LONGEST characters long."""
    return [text[:LONGEST] for text in texts]


def neighbourhood(languages: Iterable[str]) -> tuple[str, ...]:
    """The languages, English, and everything that is easily taken for one of them; canonical, sorted."""
    own = {canonical(code) for code in languages}
    primary = {code.split("-")[0] for code in own}
    near = {code for group in tables.neighbours() if group & primary for code in group}
    return tuple(sorted(own | {"en"} | (near - primary)))


class Labels:
    """Brings labels to the codes of ``languages``; ``scripts`` adds scripts that a language's text showed."""

    def __init__(self, languages: Iterable[str], scripts: dict[str, tuple[str, ...]] | None = None) -> None:
        self.languages = tuple(sorted({canonical(code) for code in languages}))
        self.seen_scripts = scripts or {}
        self._options: dict[str, tuple[str, ...]] = {}
        self._columns: dict[str, np.ndarray] = {}

    def options(self, label: str) -> tuple[str, ...]:
        """The recipe's codes that a raw label can stand for, exact ones first."""
        if label not in self._options:
            exact = tuple(code for code in self.languages if code.split("-")[0] == canonical(label))
            self._options[label] = exact or tuple(c for c in self.languages if same_language(c, label))
        return self._options[label]

    def codes(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The codes that raw labels are answered in, sorted: the recipe's own where it has one."""
        return tuple(sorted({code for label in labels for code in self.options(label) or (label,)}))

    def resolve(self, texts: list[str], judged: list[tuple[str, float]]) -> list[tuple[str, float]]:
        """The final label and confidence of every text; ('und', 0.0) where it has no letters."""
        counts = script_counts(texts)
        letters = counts.sum(1)
        result = []
        for line, (label, confidence) in enumerate(judged):
            if letters[line] == 0:
                result.append((UNKNOWN, 0.0))
            elif label in (OTHER, UNKNOWN):
                result.append((label, confidence))
            elif (share := counts[line, self._allowed(label)].sum() / letters[line]) < OWN_SCRIPT:
                result.append((OTHER, float(1 - share)))
            else:
                result.append((self._name(label, texts[line]), confidence))
        return result

    def _allowed(self, label: str) -> np.ndarray:
        if label not in self._columns:
            seen = [
                script for code in (label, *self.options(label)) for script in self.seen_scripts.get(code, ())
            ]
            self._columns[label] = columns((*scripts_of(label), *seen))
        return self._columns[label]

    def _name(self, label: str, text: str) -> str:
        options = self.options(label)
        if not options:
            return canonical(label)
        named = {code: script for code in options if (script := explicit_script(code))}
        script = script_of(text) if named else ""
        fitting = [code for code in options if named.get(code) == script] if named else []
        fitting = fitting or [code for code in options if code not in named or script == "Hani"]
        if len(fitting) == 1:
            return fitting[0]
        primary = options[0].split("-")[0]
        return primary if fitting else canonical(f"{primary}-{script}")

"""What users say, as data: ``wordings/<code>.yaml``; adding a language is adding a file.

A file has the keys of :data:`KEYS`, each with wordings; ``names`` (of languages by code, where the table of
languages lacks them) and ``between`` (what stands between two sentences, a space if absent) are optional.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from dragoman.errors import RecipeError
from dragoman.language.language import Direction, canonical, name_in

KEYS: dict[str, tuple[str, ...]] = {
    "translate": ("source", "target"),
    "vocabulary/replace": ("new", "old", "word"),
    "vocabulary/include": ("new",),
    "vocabulary/exclude": ("old",),
    "vocabulary/name": ("name",),
    "grammar/order": ("old",),
    "grammar/ending": ("old",),
    "grammar/double": ("old",),
    "grammar/missing": ("before", "after"),
    "grammar/any": (),
    "content/omitted": ("word",),
    "content/added": ("old",),
    "content/number": ("word", "old"),
    "content/name": ("word", "old"),
    "content/negation-lost": ("word",),
    "content/negation-added": ("old",),
    "content/word": ("word", "old"),
    "style/another": (),
    "style/revision": (),
    "style/post-edit": (),
    "style/replace": ("old", "new"),
    "style/insert": ("new", "before"),
    "style/delete": ("old",),
    "history/undo": (),
    "history/first": (),
    "history/both": (),
    "history/instead": ("demand",),
    "question/target": ("word",),
    "question/source": ("new",),
    "answer/target": ("word", "new"),
    "answer/source": ("word", "new"),
}
"""What may be said, and the placeholders of its wordings besides ``{source}`` and ``{target}``."""
EXTRA = ("names", "between")


@dataclass(frozen=True)
class Speech:
    """The wordings of one language."""

    language: str
    wordings: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    between: str = " "

    def say(self, key: str, rng: random.Random, direction: Direction, **values: str) -> str:
        """A wording for a key, drawn among those whose placeholders have values; words go in as they are."""
        filled = values | {"source": self.name(direction.source), "target": self.name(direction.target)}
        fit = [text for text in self.wordings[key] if filled.keys() >= set(_placeholders(text))]
        return rng.choice(fit).format_map(filled)

    def name(self, code: str) -> str:
        """The name of a language in this one."""
        return self.names.get(canonical(code).split("-")[0]) or name_in(code, self.language)

    def join(self, sentences: Sequence[str]) -> str:
        """Sentences that are said in one turn."""
        return self.between.join(sentences)


def speech(code: str, folder: str | None = None) -> Speech:
    """The wordings of a language: of ``folder`` if it has them, else the shipped ones.

    RecipeError if neither has the language, or a key is missing or unknown.
    """
    name = f"{canonical(code).split('-')[0]}.yaml"
    if folder is not None and (Path(folder) / name).is_file():
        return parse_speech(Path(folder) / name)
    found = _shipped(name)
    if found is None:
        known = ", ".join(sorted(path.name.removesuffix(".yaml") for path in _folder().iterdir()))
        raise RecipeError(
            f"task interactive: no wordings in {code!r}; known: {known}; write {name} as en.yaml is, put it "
            "into a folder and name that as `wordings`, or set `user_language: en`"
        )
    return found


def has_speech(code: str, folder: str | None = None) -> bool:
    """Whether a language has wordings."""
    name = f"{canonical(code).split('-')[0]}.yaml"
    return (folder is not None and (Path(folder) / name).is_file()) or (_folder() / name).is_file()


def wordings_key(folder: str) -> str:
    """A hash of the wordings in a folder: what is drawn depends on them. RecipeError if it has none."""
    paths = sorted(Path(folder).glob("*.yaml"))
    if not paths:
        raise RecipeError(f"wordings: {folder} holds no <code>.yaml; check the path")
    told = [(path.name, path.read_text(encoding="utf-8")) for path in paths]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _folder() -> Traversable:
    return resources.files("dragoman.instruct.interactive") / "wordings"


@cache
def _shipped(name: str) -> Speech | None:
    path = _folder() / name
    return parse_speech(path) if path.is_file() else None


def parse_speech(path: Traversable) -> Speech:
    """Read a file of wordings; one RecipeError says what is missing, unknown or ill-formed in it."""
    where = str(path)
    try:
        table: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{where}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(table, dict):
        raise RecipeError(f"{where}: expected keys such as vocabulary/replace, each with a list of wordings")
    if missing := [key for key in KEYS if not table.get(key)]:
        raise RecipeError(f"{where}: no wording for {', '.join(missing)}; add at least one, as in en.yaml")
    if unknown := [str(key) for key in table if key not in KEYS and key not in EXTRA]:
        near = difflib.get_close_matches(unknown[0], KEYS, n=1)
        raise RecipeError(
            f"{where}: unknown key {unknown[0]!r}" + (f"; did you mean {near[0]}?" if near else "")
        )
    wordings = {key: _checked(f"{where}: {key}", table[key], KEYS[key]) for key in KEYS}
    names = {canonical(str(code)): str(name) for code, name in (table.get("names") or {}).items()}
    return Speech(Path(where).stem, wordings, names, str(table.get("between", " ")))


def _checked(where: str, given: Any, values: Sequence[str]) -> tuple[str, ...]:
    """The wordings of a key; RecipeError if one is no text or has a placeholder that its key lacks."""
    given = [given] if isinstance(given, str) else given
    known = (*values, "source", "target")
    for text in given if isinstance(given, list) else [None]:
        if not isinstance(text, str) or not text.strip():
            raise RecipeError(f"{where}: expected a list of texts, found {text!r}; put wordings in quotes")
        try:
            keys = _placeholders(text)
        except ValueError as error:
            raise RecipeError(f"{where}: {text!r}: {error}; write a literal brace twice") from error
        if wrong := [key for key in keys if key not in known]:
            told = ", ".join("{" + key + "}" for key in known)
            raise RecipeError(f"{where}: {text!r}: unknown placeholder {{{wrong[0]}}}; known: {told}")
    return tuple(given)


@cache
def _placeholders(text: str) -> tuple[str, ...]:
    return tuple(key for _, key, _, _ in string.Formatter().parse(text) if key is not None)

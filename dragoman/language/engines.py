"""Identifiers of the extra ``lid``: pycld2, and any fastText model file. They may answer all they know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dragoman.errors import ModelError, install
from dragoman.language.labels import Labels, clip
from dragoman.language.language import OTHER, UNKNOWN, LanguageError, canonical
from dragoman.language.storage import read_identifier, write_identifier

_UNRELIABLE = 0.5
"""pycld2 marks an answer as unreliable; its share of the text counts half as confidence then."""
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""Characters for which pycld2 refuses a whole text."""
_ALL = 1 << 20


def _need(package: str, spec: str) -> ModelError:
    return ModelError(f"identifier {spec!r} needs the package {package}: install it with {install('lid')}")


def _known(code: str) -> str:
    """The primary canonical code of an engine's label, or 'other' for a label that the table lacks."""
    try:
        return canonical(code).split("-")[0]
    except LanguageError:
        return OTHER


class Pycld2:
    """Compact Language Detector 2, 165 languages, short text in bulk; knows some that py3langid does not."""

    name = "pycld2"

    def __init__(self, languages: Iterable[str]) -> None:
        try:
            import pycld2
        except ImportError as error:
            raise _need("pycld2", self.name) from error
        self._engine: Any = pycld2
        self.version = version("pycld2")
        self._labels = Labels(languages)
        self.languages = self._labels.languages
        codes = dict(pycld2.LANGUAGES)
        labels = {_known(codes.get(name, name)) for name in pycld2.DETECTED_LANGUAGES} - {OTHER}
        self.candidates = (*self._labels.codes(labels), OTHER)

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """Canonical code and share of the text that is in this language (half of it if marked unreliable)."""
        texts = clip(texts)
        return self._labels.resolve(texts, [self._judge(text) for text in texts])

    def _judge(self, text: str) -> tuple[str, float]:
        usable = _REFUSED.sub(" ", text).encode("utf-8", "replace")
        try:
            reliable, _, found = self._engine.detect(usable, isPlainText=True, bestEffort=True)
        except self._engine.error:
            return UNKNOWN, 0.0
        _, code, percent, _ = found[0]
        if code == "un":
            return OTHER, 0.0
        return _known(code), percent / 100 * (1.0 if reliable else _UNRELIABLE)

    def save(self, folder: Path) -> None:
        """Write the languages (``identifier.json``) into a folder."""
        write_identifier(folder, self.name, self.version, {}, {"languages": self.languages})

    @classmethod
    def load(cls, folder: Path) -> Pycld2:
        """Read what :meth:`save` wrote."""
        try:
            installed = version("pycld2")
        except ImportError as error:
            raise _need("pycld2", cls.name) from error
        return cls(read_identifier(folder, cls.name, installed)[1]["languages"])


class FastText:
    """A fastText model file (lid.176, GlotLID, ...) through fasttext-predict; the top label is the answer."""

    _WIKIPEDIA = {"als": "gsw"}  # noqa: RUF012 (never changed)
    """lid.176 uses the codes of Wikipedias; ``als`` is Alemannic there, Tosk Albanian in ISO 639-3."""

    def __init__(self, languages: Iterable[str], path: str) -> None:
        spec = f"fasttext:{path}"
        try:
            import fasttext
        except ImportError as error:
            raise _need("fasttext-predict", spec) from error
        if not Path(path).is_file():
            raise ModelError(
                f"identifier {spec!r}: no such file; give the path of a fastText model (.bin or .ftz)"
            )
        try:
            self._engine: Any = fasttext.load_model(path)
        except ValueError as error:
            raise ModelError(
                f"identifier {spec!r}: {error}; expected a fastText model (.bin or .ftz)"
            ) from error
        self.path = path
        self.name = f"fasttext:{Path(path).name}"
        self.version = version("fasttext-predict")
        self._labels = Labels(languages)
        self.languages = self._labels.languages
        every, _ = self._engine.predict("a", _ALL, -1.0)
        self._wikipedia = "__label__en" in every
        self.candidates = (*self._labels.codes({self._code(label) for label in every} - {OTHER}), OTHER)

    def _code(self, label: str) -> str:
        code = label.removeprefix("__label__")
        return _known(self._WIKIPEDIA.get(code, code) if self._wikipedia else code)

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """Canonical code and the model's probability of its first label."""
        texts, judged = clip(texts), []
        for text in texts:
            labels, chances = self._engine.predict(" ".join(text.split()), 1, -1.0)
            judged.append((self._code(labels[0]), min(1.0, float(chances[0]))) if labels else (UNKNOWN, 0.0))
        return self._labels.resolve(texts, judged)

    def save(self, folder: Path) -> None:
        """Write the languages and the path of the model file, which stays where it is, into a folder."""
        facts = {"languages": self.languages, "path": str(Path(self.path).resolve())}
        write_identifier(folder, "fasttext", self.version, {}, facts)

    @classmethod
    def load(cls, folder: Path) -> FastText:
        """Read what :meth:`save` wrote."""
        try:
            installed = version("fasttext-predict")
        except ImportError as error:
            raise _need("fasttext-predict", "fasttext") from error
        facts = read_identifier(folder, "fasttext", installed)[1]
        return cls(facts["languages"], facts["path"])

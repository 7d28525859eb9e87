"""Which language a text is in: what identifiers are, and the one place that makes, saves and loads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dragoman.errors import ModelError
from dragoman.language.language import canonical, same_language
from dragoman.language.storage import read_facts

SPECS = ("auto", "py3langid", "pycld2", "learnt", "fasttext:PATH")
LISTED = 12
"""Up to so many candidates stand in a signature by name; of more, their number and hash."""


class Identifier(Protocol):
    """Says which language texts are in.

    ``name`` is made of the parts that decide, joined by '+': two identifiers without a common part are
    independent. ``languages``: those it was made for. ``candidates``: every code that it can answer, besides
    'und'; the last is 'other', which stands for none of them.
    """

    name: str
    version: str
    languages: tuple[str, ...]
    candidates: tuple[str, ...]

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """Canonical code and confidence (0 to 1) for every text; 'und' for text without letters."""

    def save(self, folder: Path) -> None:
        """Write what is needed to make it again into a folder."""


def knows(identifier: Identifier, code: str) -> bool:
    """True if the identifier can answer this language."""
    return any(same_language(code, candidate) for candidate in identifier.candidates)


def independent(first: Identifier, second: Identifier) -> bool:
    """True if the two have no part in common, so that one may judge what the other has filtered."""
    return not set(first.name.split("+")) & set(second.name.split("+"))


def signature(identifier: Identifier) -> str:
    """Name, version and candidates in sacreBLEU's manner: ``id:py3langid-0.4.0|candidates:142#1f0c9a2b``."""
    codes = "+".join(identifier.candidates)
    if len(identifier.candidates) > LISTED:
        codes = f"{len(identifier.candidates)}#{hashlib.sha256(codes.encode()).hexdigest()[:8]}"
    return (
        f"id:{identifier.name}-{identifier.version}|for:{'+'.join(identifier.languages)}"
        f"|candidates:{codes}|norm:nfc"
    )


def make_identifier(
    spec: str,
    languages: Iterable[str],
    texts_by_language: Mapping[str, Sequence[str]] | None = None,
    candidates: Iterable[str] = (),
) -> Identifier:
    """Make the identifier that ``spec`` names, for the languages of a recipe.

    ``auto``: py3langid, extended by the languages it does not know if ``texts_by_language`` has text of
    them. ``py3langid``, ``pycld2``, ``fasttext:PATH``: as they are. ``learnt``: from the training text alone;
    text of codes that are not in ``languages`` serves as background. ``candidates``: further languages that
    outputs may well be in; what is easily confused with the languages is added without being asked for.
    A language that the result does not know is no error here: ask :func:`knows`.
    """
    own = [canonical(code) for code in languages]
    texts = {canonical(code): lines for code, lines in (texts_by_language or {}).items()}
    if spec in ("auto", "py3langid"):
        return _py3langid(own, texts if spec == "auto" else {}, candidates)
    if spec == "learnt":
        return _learnt(own, texts)
    if spec == "pycld2":
        from dragoman.language.engines import Pycld2

        return Pycld2(own)
    if spec.startswith("fasttext:"):
        from dragoman.language.engines import FastText

        return FastText(own, spec.removeprefix("fasttext:"))
    raise ModelError(f"unknown identifier {spec!r}: expected one of {', '.join(SPECS)}")


def _py3langid(own: list[str], texts: dict[str, Sequence[str]], candidates: Iterable[str]) -> Identifier:
    from dragoman.language import stock
    from dragoman.language.learnt import sample_lines
    from dragoman.language.scripts import scripts_in

    missing = {code: lines for code, lines in texts.items() if code in own and not stock.knows(code)}
    samples = {code: sample_lines(lines) for code, lines in missing.items()}
    columns = {code: stock.learn_column(lines) for code, lines in samples.items()}
    scripts = {code: scripts_in(lines) for code, lines in samples.items()}
    return stock.Py3langid(own, candidates, columns, scripts)


def _learnt(own: list[str], texts: dict[str, Sequence[str]]) -> Identifier:
    from dragoman.language.learnt import LearntIdentifier

    without = [code for code in own if code not in texts]
    if without or not own:
        raise ModelError(
            f"identifier 'learnt' has no training text for {', '.join(without) or 'any language'}: give text "
            "of each, or use auto, pycld2 or fasttext:PATH"
        )
    background = {code: lines for code, lines in texts.items() if code not in own}
    return LearntIdentifier.train({code: texts[code] for code in own}, background)


def save_identifier(identifier: Identifier, folder: Path) -> None:
    """Write an identifier into a folder (``identifier.json``, ``identifier.npz``)."""
    identifier.save(folder)


def load_identifier(folder: Path) -> Identifier:
    """The identifier that :func:`save_identifier` wrote; ModelError if it is missing, or damaged."""
    kind = read_facts(folder)["kind"]
    if kind == "py3langid":
        from dragoman.language.stock import Py3langid

        return Py3langid.load(folder)
    if kind == "learnt":
        from dragoman.language.learnt import LearntIdentifier

        return LearntIdentifier.load(folder)
    if kind in ("pycld2", "fasttext"):
        from dragoman.language import engines

        return engines.Pycld2.load(folder) if kind == "pycld2" else engines.FastText.load(folder)
    raise ModelError(f"{folder}: unknown kind of identifier {kind!r}; this version knows {', '.join(SPECS)}")

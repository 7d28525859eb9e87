"""A glossary: terms of the source language and what they must become, found in source sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from dragoman.corpus.opening import Bad, check_file, decode, raw_lines
from dragoman.errors import DataError
from dragoman.language.phrases import border, fold_text, normal

BETWEEN = "|"
"""Stands between forms of which one is demanded."""


class Glossary:
    """Terms with their forms. A term in lower case is found in any case, another one as it is written; with
    ``ignore_case`` every term is found in any case."""

    def __init__(self, entries: dict[str, tuple[str, ...]], ignore_case: bool = False) -> None:
        self.entries = {normal(term): tuple(map(normal, forms)) for term, forms in entries.items()}
        self._free: dict[str, str] = {}
        self._exact: dict[str, str] = {}
        for term in self.entries:
            if ignore_case or term == term.lower():
                self._free.setdefault(fold_text(term), term)
            else:
                self._exact[term] = term
        self._sizes = sorted({len(term) for term in self.entries}, reverse=True)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def digest(self) -> str:
        """A hash of terms and forms."""
        return hashlib.sha256(repr(sorted(self.entries.items())).encode("utf-8", "replace")).hexdigest()

    def demands(self, source: str) -> tuple[tuple[str, ...], ...]:
        """The forms of every term of a sentence, each term once, in the order of the sentence."""
        found: dict[str, tuple[str, ...]] = {}
        for term, written in self.find(source):
            forms = self.entries[term]
            if written[:1].isupper() and not term[:1].isupper():  # at the start of a sentence
                forms = tuple(dict.fromkeys((*forms, *(form[:1].upper() + form[1:] for form in forms))))
            found[term] = tuple(dict.fromkeys((*found.get(term, ()), *forms)))
        return tuple(found.values())

    def find(self, source: str) -> Iterator[tuple[str, str]]:
        """The terms in a sentence, each as it stands in the glossary and in the sentence: from left to right
        the longest one at word borders, without overlap."""
        text = normal(source)
        folded, start = fold_text(text), 0
        while start < len(text):
            size = 0
            if border(text[start - 1 : start] if start else "", text[start]):
                size = next((n for n in self._sizes if self._at(text, folded, start, n)), 0)
            if size:
                written = text[start : start + size]
                yield self._exact.get(written) or self._free[folded[start : start + size]], written
            start += size or 1

    def _at(self, text: str, folded: str, start: int, size: int) -> bool:
        end = start + size
        known = text[start:end] in self._exact or folded[start:end] in self._free
        return known and end <= len(text) and border(text[end - 1], text[end : end + 1])


def read_glossary(path: Path, ignore_case: bool = False) -> Glossary:
    """A glossary of lines ``term<TAB>form|another form``; further columns are left alone, a term that stands
    in several lines has the forms of all. DataError naming file and line if a line has another form."""
    check_file(path)
    entries: dict[str, tuple[str, ...]] = {}
    for number, raw in enumerate(raw_lines(path), 1):
        line = decode(raw)
        if isinstance(line, Bad):
            raise DataError(f"{path}, line {number}: {line.reason}")
        if not line.strip():
            continue
        term, _, rest = line.partition("\t")
        forms = tuple(normal(form) for form in rest.partition("\t")[0].split(BETWEEN))
        if not normal(term) or not all(forms):
            raise DataError(
                f"{path}, line {number}: expected `term<TAB>form` or `term<TAB>form{BETWEEN}another form`, "
                f"found {line[:60]!r}"
            )
        term = normal(term)
        entries[term] = tuple(dict.fromkeys((*entries.get(term, ()), *forms)))
    if not entries:
        raise DataError(f"{path}: holds no term; write lines of the form `term<TAB>form`")
    return Glossary(entries, ignore_case)

"""What a translation must and must not hold, and whether it does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dragoman.errors import DataError
from dragoman.language.phrases import count, fold_text, holds, normal

FORM = '[["one form", "or another"], "only form"]'


@dataclass(frozen=True, slots=True)
class Demand:
    """``must``: demands, each a list of forms of which one must appear; a demand that stands there twice must
    be met twice. ``forbid``: phrases that must not appear. All of them as they are written, at word borders
    (see :mod:`dragoman.language.phrases`); with ``ignore_case`` in any case."""

    must: tuple[tuple[str, ...], ...] = ()
    forbid: tuple[str, ...] = ()
    ignore_case: bool = False

    def __bool__(self) -> bool:
        return bool(self.must or self.forbid)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a demand: ``met`` and ``unmet`` hold its parts, ``found`` the forbidden phrases that the
    text holds."""

    met: tuple[tuple[str, ...], ...] = ()
    unmet: tuple[tuple[str, ...], ...] = ()
    found: tuple[str, ...] = ()

    @property
    def satisfied(self) -> bool:
        """True if nothing is missing and nothing forbidden is there."""
        return not self.unmet and not self.found


def joined(demand: Demand | None, must: Sequence[str], forbid: Sequence[str]) -> Demand:
    """A demand, and phrases besides. One that is demanded already is not demanded twice; where it is one of
    several forms, it is the form that is demanded."""
    held = demand or Demand()
    parts = list(held.must)
    for phrase in must:
        key = clause_key((phrase,), held.ignore_case)
        there = [k for k, forms in enumerate(parts) if key <= clause_key(forms, held.ignore_case)]
        if there:
            parts[there[0]] = (phrase,)
        else:
            parts.append((phrase,))
    new = tuple(phrase for phrase in dict.fromkeys(forbid) if phrase not in held.forbid)
    return Demand(tuple(parts), held.forbid + new, held.ignore_case)


def check(text: str, demand: Demand) -> Outcome:
    """Look for every phrase of a demand in a text."""
    left: dict[frozenset[str], int] = {}
    met: list[tuple[str, ...]] = []
    unmet: list[tuple[str, ...]] = []
    for forms in demand.must:
        key = clause_key(forms, demand.ignore_case)
        if key not in left:
            left[key] = count(text, forms, demand.ignore_case)
        (met if left[key] > 0 else unmet).append(forms)
        left[key] -= 1
    found = tuple(phrase for phrase in demand.forbid if holds(text, phrase, demand.ignore_case))
    return Outcome(tuple(met), tuple(unmet), found)


def clause_key(forms: Sequence[str], ignore_case: bool) -> frozenset[str]:
    """What tells one demand from another: its forms, without their order."""
    return frozenset(fold_text(normal(form)) if ignore_case else normal(form) for form in forms)


def clauses(demand: Demand) -> list[tuple[tuple[str, ...], int]]:
    """The different parts of ``must``, forms brought to normal form, with how often each is demanded."""
    keys = [clause_key(forms, demand.ignore_case) for forms in demand.must]
    times = Counter(keys)
    first = dict(reversed(list(zip(keys, demand.must, strict=True))))
    return [(tuple(dict.fromkeys(map(normal, first[key]))), times[key]) for key in dict.fromkeys(keys)]


def read_demand(must: Any, forbid: Any, where: str, ignore_case: bool = False) -> Demand:
    """A demand as JSON holds it; DataError naming ``where`` if it has another form or an empty phrase."""
    parts = [[one] if isinstance(one, str) else one for one in _list(must, where, "must", FORM)]
    for part in parts:
        if not isinstance(part, list) or not part:
            raise DataError(f"{where}, must: {json.dumps(part, ensure_ascii=False)} is no form of {FORM}")
    forms = tuple(tuple(_phrase(form, where, "must") for form in part) for part in parts)
    banned = _list(forbid, where, "forbid", '["phrase", "another"]')
    return Demand(forms, tuple(_phrase(phrase, where, "forbid") for phrase in banned), ignore_case)


def _list(value: Any, where: str, key: str, form: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"{where}, {key}: expected a list such as {form}, found {type(value).__name__}")
    return value


def _phrase(value: Any, where: str, key: str) -> str:
    if not isinstance(value, str) or not normal(value):
        told = json.dumps(value, ensure_ascii=False)
        raise DataError(f"{where}, {key}: expected a phrase, found {told}; take it out or write it")
    return normal(value)

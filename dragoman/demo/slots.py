"""The slots that patterns are made of: noun phrases by group and determiner, verbs by kind, times, places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from dragoman.demo.grammar import Clause, Located, NounPhrase, Pronoun
from dragoman.demo.lexicon import Adjective, Noun, Verb, adjectives, adverbs, nouns, places, verbs
from dragoman.demo.spaces import Choice, Product, Space, Sum

Det = tuple[str, bool]
Dets = tuple[Det, ...]


def _singular(*names: str) -> Dets:
    return tuple((name, False) for name in names)


def _plural(*names: str) -> Dets:
    return tuple((name, True) for name in names)


SINGLE = _singular("the", "this", "that", "my", "our", "their")
SUBJECT = SINGLE + _singular("a") + _plural("the", "this", "that", "my", "our", "their", "2", "3", "4")
DEFINITE = _singular("the", "this", "that", "my", "your", "our", "their") + _plural(
    "the", "this", "that", "my", "your", "our", "their"
)
DENIABLE = (*DEFINITE, ("a", False))
OBJECT = DENIABLE + _plural("2", "3", "5", "6", "10")
MASS = _singular("the", "this", "my", "our")
KIN = _singular("my", "your", "our", "their")
OBLIQUE = _singular("the", "my", "our", "their")
"""Determiners of Romanian datives and genitives."""
TENSES = ("past", "present", "future")
NOT_HABITUAL = ("have", "lose", "steal")
TO, AT = ("to", "a", "naar", "la"), ("at", "a", "bij", "la")
FROM, WITH = ("from", "da", "van", "de la"), ("with", "con", "met", "cu")


@cache
def in_groups(*groups: str) -> tuple[Noun, ...]:
    """Nouns that belong to any of the groups."""
    return tuple(noun for noun in nouns().values() if noun.groups & set(groups))


@cache
def fitting(noun: Noun) -> tuple[Adjective, ...]:
    """Adjectives that fit a noun."""
    return tuple(adjective for adjective in adjectives().values() if adjective.groups & noun.groups)


def phrase(noun: Noun, det: Det, adjective: Adjective | None = None) -> NounPhrase:
    """A noun phrase."""
    return NounPhrase(noun, det[0], det[1], adjective)


@cache
def phrases(chosen: tuple[Noun, ...], dets: Dets, described: bool = False) -> Sum:
    """Phrases of nouns, each with the determiners that suit it; ``described``: with an adjective.

    Relatives are always somebody's and need no adjective.
    """
    parts: list[Space] = []
    for noun in chosen:
        kin = "family" in noun.groups
        suited = KIN if kin else tuple(det for det in dets if det in MASS or "mass" not in noun.groups)
        if not described:
            parts.append(Product(phrase, Choice([noun]), Choice(suited)))
        elif not kin:
            parts.append(Product(phrase, Choice([noun]), Choice(suited), Choice(fitting(noun))))
    return Sum(parts)


def people(*groups: str, dets: Dets = SUBJECT) -> Sum:
    """People, or whatever the groups name."""
    return phrases(in_groups(*(groups or ("person", "family"))), dets)


def subjects(verb: Verb, dets: Dets = SUBJECT, described: bool = False) -> Sum:
    """What can be the subject of a verb."""
    animals = ("animal",) if verb.who == "any" else ()
    return phrases(in_groups("person", "family", *animals), dets, described)


def objects(verb: Verb, dets: Dets = OBJECT, described: bool = False) -> Sum:
    """What can be the object of a verb."""
    return phrases(in_groups(*sorted(verb.objects)), dets, described)


@cache
def of_kind(kind: str, without: tuple[str, ...] = ()) -> tuple[Verb, ...]:
    """Verbs of a kind."""
    return tuple(verb for verb in verbs().values() if verb.kind == kind and verb.name not in without)


def clear_past(verb: Verb) -> bool:
    """True if the English past differs from the present."""
    return verb.en[0] != verb.en[2]


def times(tense: str) -> Choice:
    """Times that go with a tense."""
    return Choice(adverbs(tense))


def persons(*which: int) -> Choice:
    """Pronouns."""
    return Choice([Pronoun(person) for person in which])


def located(name: str, adjective: Adjective | None = None) -> Located:
    """Being at a place."""
    place = places()[name]
    return Located(place.prepositions, NounPhrase(place.noun, "the", False, adjective))


@cache
def somewhere(described: bool = False) -> Choice:
    """Places where one can be."""
    if not described:
        return Choice([located(name) for name in places()])
    suited = [
        adjectives()[key] for key in ("old_thing", "new", "big", "small", "beautiful", "modern", "quiet")
    ]
    return Choice([located(n, a) for n in places() for a in suited if a.groups & places()[n].noun.groups])


def toward(prepositions: tuple[str, ...]) -> Choice:
    """Going to, arriving at or coming from a place."""
    return Choice(
        [Located(prepositions, NounPhrase(place.noun)) for place in places().values() if place.goal]
    )


def clauses(verb: Verb, parts: dict[str, Space], **fixed: Any) -> Product:
    """Clauses of a verb: parts and fixed fill fields of Clause; company and place go into located."""
    names = tuple(parts)

    def make(*values: Any) -> Clause:
        given = dict(zip(names, values, strict=True))
        located = tuple(given.pop(name) for name in ("company", "place") if name in given)
        return Clause(verb, **given, located=located, **fixed)

    return Product(make, *parts.values())


def spoken(
    verb: Verb, who: Space | None = None, target: Space | None = None, **more: Space
) -> dict[str, Space]:
    """Subject, object and further parts for :func:`clauses`; by default all that the verb can have."""
    return {"subject": who or subjects(verb), "object": target or objects(verb), **more}


def trans(
    chosen: Iterable[Verb],
    described: tuple[bool, bool] = (False, False),
    dets: Dets = OBJECT,
    more: Mapping[str, Space] = MappingProxyType({}),
    **fixed: Any,
) -> list[Space]:
    """Verb, subject, object and ``more`` parts, with fixed features, a leaf a verb.

    ``described``: whether subject and object have an adjective.
    """
    first, second = described
    return [
        clauses(
            verb, spoken(verb, subjects(verb, described=first), objects(verb, dets, second), **more), **fixed
        )
        for verb in chosen
    ]


def pronouns(which: tuple[int, ...], dets: Dets = OBJECT, **fixed: Any) -> list[Space]:
    """Pronoun, transitive verb, object, a leaf a verb."""
    return [clauses(v, spoken(v, persons(*which), objects(v, dets)), **fixed) for v in of_kind("trans")]

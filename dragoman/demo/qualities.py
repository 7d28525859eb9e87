"""Leaves of statements about what somebody or something is, owns, likes or feels, and what there is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from dragoman.demo.grammar import Age, Being, Existence, Feeling, Joined, Liking, NounPhrase
from dragoman.demo.lexicon import Adjective, Noun, adjectives, places
from dragoman.demo.slots import (
    DEFINITE,
    KIN,
    OBLIQUE,
    SINGLE,
    SUBJECT,
    Det,
    Dets,
    clauses,
    fitting,
    in_groups,
    of_kind,
    people,
    phrase,
    phrases,
    somewhere,
    spoken,
)
from dragoman.demo.spaces import Choice, Distinct, Product, Space, Sum

MOODS = ("happy", "sad", "tired", "calm")
STATES = ("hungry", "thirsty", "sleepy", "cold")


def beings(**fixed: Any) -> Iterator[Space]:
    """Subject and quality, a leaf an adjective."""

    def make(adjective: Adjective, subject: NounPhrase, degree: str) -> Being:
        return Being(subject, adjective, degree, **fixed)

    degrees = Choice([""] if fixed.get("negated") else ["", "very"])
    for adjective in adjectives().values():
        yield Product(
            partial(make, adjective), phrases(in_groups(*sorted(adjective.groups)), SUBJECT), degrees
        )


def comparisons() -> list[Space]:
    """Two nouns of a kind compared, in present and past."""

    def make(adjective: Adjective, pair: tuple[Noun, Noun], det: Det, other: Det, tense: str) -> Being:
        return Being(phrase(pair[0], det), adjective, than=phrase(pair[1], other), tense=tense)

    dets = Choice([*SINGLE, ("the", True), ("this", True), ("my", True)])
    others = Choice([*SINGLE, ("your", False), ("the", True), ("that", True)])
    return [
        Product(
            partial(make, adjective), Distinct(in_groups(group)), dets, others, Choice(["present", "past"])
        )
        for adjective in adjectives().values()
        if adjective.compares
        for group in sorted(adjective.groups - {"container", "edible", "drink"})
    ]


def existences(dets: Dets) -> list[Space]:
    """There is, there are."""
    return [
        Product(Existence, phrases(chosen, dets, described), somewhere())
        for group in ("person", "animal", "thing", "clothes", "furniture", "food", "plant", "vehicle", "text")
        for chosen in [tuple(noun for noun in in_groups(group) if noun.name not in places())]
        for described in (False, True)
    ]


def owned() -> list[Space]:
    """The dog of the neighbour does something, has a quality, or something happens to his things."""

    def own(noun: Noun, plural: bool, adjective: Adjective | None, owner: NounPhrase) -> NounPhrase:
        return NounPhrase(noun, "owner", plural, adjective, owner)

    owners = phrases(in_groups("person", "family"), (("the", False),))
    numbers = Choice([False, True])

    def belongings(chosen: tuple[Noun, ...]) -> Sum:
        plain = [Product(partial(own, noun), numbers, Choice([None]), owners) for noun in chosen]
        full = [Product(partial(own, noun), numbers, Choice(fitting(noun)), owners) for noun in chosen]
        return Sum([*plain, *full])

    leaves: list[Space] = []
    for verb in of_kind("trans", ("have",)):
        if verb.who == "any":
            leaves.append(clauses(verb, spoken(verb, belongings(in_groups("animal")))))
        if verb.objects & {"thing", "clothes"}:
            things = belongings(in_groups(*sorted(verb.objects & {"thing", "clothes"})))
            leaves.append(clauses(verb, spoken(verb, target=things)))
    for adjective in adjectives().values():
        groups = adjective.groups & {"animal", "thing", "clothes", "vehicle", "furniture", "room"}
        if groups:
            own_things = belongings(in_groups(*sorted(groups)))
            leaves.append(Product(partial(_degree, adjective), own_things, Choice(["", "very", "too"])))
    return leaves


def _degree(adjective: Adjective, subject: NounPhrase, degree: str) -> Being:
    return Being(subject, adjective, degree)


def likings() -> list[Space]:
    """Who likes what."""
    likers = phrases(in_groups("person", "family", "animal"), OBLIQUE)
    groups = ("animal", "food", "mass", "text", "clothes", "thing", "vehicle", "building", "land", "plant")
    return [
        Product(Liking, likers, phrases(in_groups(group), DEFINITE, described), Choice([False, True]))
        for group in groups
        for described in (False, True)
    ]


def ages_and_feelings() -> list[Space]:
    """How old somebody is; who is hungry, thirsty, sleepy, cold; who is sad because of it."""

    def make(subject: Any, adjective: Adjective, feeling: Feeling) -> Joined:
        return Joined(Being(subject, adjective), "because", feeling)

    single = (("the", False), ("this", False), ("that", False), *KIN)
    ages = Product(Age, people(dets=single), Choice(range(2, 13)))
    states, denied = Choice(STATES), Choice([False, True])
    feelings = Product(Feeling, people("person", "family", "animal", dets=OBLIQUE), states, denied)
    felt = Product(Feeling, people("person", "animal", dets=OBLIQUE), states, denied)
    moods = Choice([adjectives()[name] for name in MOODS])
    return [ages, feelings, Product(make, people("person", dets=(*SINGLE, ("the", True))), moods, felt)]

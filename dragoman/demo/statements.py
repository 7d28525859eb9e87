"""Leaves of statements about what somebody does, did or will do."""

from __future__ import annotations

from functools import partial

from dragoman.demo.grammar import ME, WE, Both, Located, NounPhrase
from dragoman.demo.lexicon import adverbs
from dragoman.demo.slots import (
    AT,
    DENIABLE,
    FROM,
    KIN,
    NOT_HABITUAL,
    OBLIQUE,
    SINGLE,
    TENSES,
    TO,
    WITH,
    clauses,
    clear_past,
    in_groups,
    of_kind,
    persons,
    phrases,
    pronouns,
    somewhere,
    spoken,
    subjects,
    times,
    toward,
    trans,
)
from dragoman.demo.spaces import Choice, Distinct, Product, Space, Sum

WITH_MANNER = (
    *("eat", "drink", "read", "write", "open", "close"),
    *("wash", "clean", "paint", "prepare", "fill", "draw"),
)


def simple(tense: str, described: tuple[bool, bool] = (False, False)) -> list[Space]:
    """Subject, verb and object alone; ``described``: which of the two have an adjective."""
    verbs = [verb for verb in of_kind("trans") if tense != "past" or clear_past(verb)]
    return trans(verbs, described, tense=tense)


def timed(described: bool, front: bool) -> list[Space]:
    """A transitive verb with a time, at the end or in front, in all tenses."""
    chosen = of_kind("trans", NOT_HABITUAL)
    return [
        leaf
        for tense in TENSES
        for leaf in trans(chosen, (False, described), more={"time": times(tense)}, tense=tense, front=front)
    ]


def placed(described: bool, tense: str) -> list[Space]:
    """A transitive verb with a place."""
    chosen = [verb for verb in of_kind("trans", NOT_HABITUAL) if tense != "past" or clear_past(verb)]
    return trans(chosen, more={"place": somewhere(described)}, tense=tense)


def placed_and_timed() -> list[Space]:
    """A transitive verb with a place and, in front, a time."""
    chosen = of_kind("trans", NOT_HABITUAL)
    return [
        leaf
        for tense in TENSES
        for leaf in trans(chosen, more={"place": somewhere(), "time": times(tense)}, tense=tense, front=True)
    ]


def of_ours() -> list[Space]:
    """I and we with a time; Romanian tells them apart in the present and the future only."""
    return [
        clauses(verb, spoken(verb, who, time=times(tense)), tense=tense)
        for verb in of_kind("trans", NOT_HABITUAL)
        for tense in TENSES
        for who in [persons(ME) if tense == "past" else persons(ME, WE)]
    ]


def denied(people: bool) -> list[Space]:
    """Negation: of people in all tenses, or of I and we."""
    if not people:
        past = pronouns((ME,), DENIABLE, polarity="not", tense="past")
        return pronouns((ME, WE), DENIABLE, polarity="not") + past
    verbs = of_kind("trans")
    return [leaf for tense in TENSES for leaf in trans(verbs, dets=DENIABLE, polarity="not", tense=tense)]


def frequency() -> list[Space]:
    """Often, always, never; slowly."""
    leaves = trans(of_kind("trans", NOT_HABITUAL), more={"adverb": Choice(adverbs("often"))})
    for tense in ("present", "past"):
        leaves += trans(of_kind("trans"), dets=DENIABLE, polarity="never", tense=tense)
    slow = [verb for verb in of_kind("trans") if verb.name in WITH_MANNER]
    return leaves + trans(slow, more={"manner": Choice(adverbs("manner"))})


def modals() -> list[Space]:
    """Want to, must, can; people and pronouns, some denied."""
    leaves: list[Space] = []
    for modal in ("want", "must", "can"):
        leaves += trans(of_kind("trans", NOT_HABITUAL), modal=modal)
        leaves += pronouns((ME, WE), modal=modal)
        if modal != "must":
            leaves += trans(of_kind("trans", NOT_HABITUAL), dets=DENIABLE, modal=modal, polarity="not")
    return leaves


def intransitive() -> list[Space]:
    """Verbs without object: with a place, with a companion and a place, with a place and a time."""
    family = phrases(in_groups("family"), KIN)
    company = Product(partial(Located, WITH), Sum([family, phrases(in_groups("person"), SINGLE)]))
    leaves: list[Space] = []
    for verb in of_kind("intrans"):
        who: dict[str, Space] = {"subject": subjects(verb)}
        leaves.append(clauses(verb, {**who, "place": Sum([somewhere(), somewhere(True)])}))
        leaves.append(clauses(verb, {**who, "company": company, "place": somewhere()}))
        for tense in TENSES:
            parts = {**who, "place": somewhere(), "time": times(tense)}
            leaves += [clauses(verb, parts, tense=tense, front=front) for front in (False, True)]
    return leaves


def motions() -> list[Space]:
    """Going, coming, arriving, leaving, with a time: verbs of essere and zijn."""
    leaves: list[Space] = []
    for verb in (*of_kind("motion"), *of_kind("leave")):
        goals = toward(AT if verb.name == "arrive" else TO if verb.kind == "motion" else FROM)
        for tense in TENSES:
            parts: dict[str, Space] = {"subject": subjects(verb), "time": times(tense)}
            ways = [] if verb.name in ("go", "come") else [parts]
            ways += [] if verb.name == "leave" else [{**parts, "place": goals}]
            leaves += [
                clauses(verb, way, tense=tense, front=front) for way in ways for front in (False, True)
            ]
    return leaves


def gifts() -> list[Space]:
    """Giving, showing, sending, selling something to somebody, some with a time in front."""
    receiver = {"recipient": phrases(in_groups("person", "family"), OBLIQUE)}
    verbs = of_kind("give")
    leaves: list[Space] = []
    for tense in TENSES:
        leaves += trans(verbs, more=receiver, tense=tense)
        leaves += trans(verbs, more={**receiver, "time": times(tense)}, tense=tense, front=True)
    return leaves


def joined_subjects() -> list[Space]:
    """Two people, or two animals, do something."""
    leaves: list[Space] = []
    for verb in of_kind("trans"):
        for group in ("person", "animal") if verb.who == "any" else ("person",):
            pairs = Distinct([NounPhrase(noun) for noun in in_groups(group)])
            leaves.append(clauses(verb, spoken(verb, Product(lambda pair: Both(*pair), pairs))))
    return leaves

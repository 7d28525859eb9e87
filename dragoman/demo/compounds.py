"""Leaves of questions, requests, and sentences with a subordinate clause."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import Any

from dragoman.demo.grammar import ME, WE, YOU, Being, Clause, Joined, NounPhrase, Pronoun, Question, Who
from dragoman.demo.lexicon import Adjective, Verb, adjectives, adverbs, nouns
from dragoman.demo.qualities import MOODS, beings
from dragoman.demo.slots import (
    DEFINITE,
    KIN,
    NOT_HABITUAL,
    SINGLE,
    TENSES,
    clauses,
    clear_past,
    fitting,
    in_groups,
    objects,
    of_kind,
    people,
    persons,
    phrases,
    pronouns,
    somewhere,
    spoken,
    subjects,
    times,
    trans,
)
from dragoman.demo.spaces import Choice, Product, Space, Sum
from dragoman.demo.statements import simple

NOT_ASKED_FOR = (
    *("see", "lose", "break", "wear", "steal", "have"),
    *("hear", "receive", "touch", "follow", "rent"),
)


def _question(asks: str, clause: Clause) -> Question:
    return Question(clause, asks)


def asked(asks: str, leaves: list[Space]) -> list[Space]:
    """Questions from clauses."""
    return [Product(partial(_question, asks), leaf) for leaf in leaves]


def you_questions() -> list[Space]:
    """Do you, did you, will you."""
    return asked("", [leaf for tense in TENSES for leaf in pronouns((YOU,), tense=tense)])


def still_and_already() -> list[Space]:
    """Yes or no questions about people: still (present) and already (past).

    The adverb keeps them apart from statements, which Italian would tell apart by the mark alone.
    """
    already, still = adverbs("special")
    done = trans(of_kind("trans"), tense="past", adverb=already)
    return asked("", [*done, *trans(of_kind("trans"), dets=DEFINITE, adverb=still)])


def requests() -> list[Space]:
    """Polite requests."""

    def make(verb: Verb, target: NounPhrase) -> Question:
        return Question(Clause(verb, Pronoun(YOU), target, modal="can"), polite=True)

    return [
        Product(partial(make, verb), Sum([objects(verb), objects(verb, described=True)]))
        for verb in of_kind("trans", NOT_ASKED_FOR)
    ]


def who_questions() -> list[Space]:
    """Who does or did something at some time."""
    who = Choice([Who()])
    leaves: list[Space] = []
    for tense in TENSES:
        for verb in of_kind("trans", NOT_HABITUAL):
            leaves.append(clauses(verb, spoken(verb, who, time=times(tense)), tense=tense))
    return asked("", leaves)


def what_questions() -> list[Space]:
    """What somebody does at a time or a place."""
    leaves: list[Space] = []
    for verb in of_kind("trans", NOT_HABITUAL):
        who = subjects(verb)
        leaves += [clauses(verb, {"subject": who, "time": times(tense)}, tense=tense) for tense in TENSES]
        leaves.append(clauses(verb, {"subject": who, "place": somewhere()}))
    return asked("what", leaves)


def how_many_questions() -> list[Space]:
    """How many things somebody sees, saw, will see."""
    leaves: list[Space] = []
    for verb in of_kind("trans"):
        counted = [noun for noun in in_groups(*sorted(verb.objects)) if "mass" not in noun.groups]
        if counted:
            target = Choice([NounPhrase(noun, "how_many", True) for noun in counted])
            leaves += [clauses(verb, spoken(verb, target=target), tense=tense) for tense in TENSES]
    return asked("how_many", leaves)


def where_and_when() -> list[Space]:
    """Where somebody works, where you buy something, when somebody leaves."""
    where: list[Space] = []
    when: list[Space] = []
    for described in (False, True):
        for verb in of_kind("intrans"):
            where.append(clauses(verb, {"subject": subjects(verb, described=described)}))
        for verb in of_kind("leave"):
            who = subjects(verb, described=described)
            when += [clauses(verb, {"subject": who}, tense=tense) for tense in ("past", "future")]
    for tense in TENSES:
        where += pronouns((YOU,), tense=tense)
    return [*asked("where", where), *asked("when", when)]


def why_questions() -> list[Space]:
    """Why somebody does or did something."""
    return asked("why", trans(of_kind("trans")) + trans(of_kind("trans"), tense="past"))


@cache
def subordinate() -> tuple[Space, ...]:
    """Clauses that can depend on another: transitive, one leaf for all verbs of a tense."""
    return tuple(Sum(simple(tense)) for tense in TENSES)


def reports() -> list[Space]:
    """I know that, the farmer says that."""

    def make(verb: Verb, subject: Any, sub: Clause) -> Joined:
        return Joined(Clause(verb, subject), "that", sub)

    relatives = phrases(in_groups("family"), KIN)
    others = phrases(in_groups("person"), (("the", False), ("the", True)))
    tellers: tuple[Space, ...] = (persons(ME, WE), relatives, others)
    return [
        Product(partial(make, verb), who, leaf)
        for verb in of_kind("that")
        for who in tellers
        for leaf in subordinate()
    ]


def reasons() -> list[Space]:
    """Somebody is happy because something happens, happened, will happen, or is so."""

    def make(subject: Any, adjective: Adjective, sub: Any) -> Joined:
        return Joined(Being(subject, adjective), "because", sub)

    moods = Choice([adjectives()[name] for name in MOODS])
    who = people("person", dets=(*SINGLE, ("the", True), ("their", True)))
    return [Product(make, who, moods, leaf) for leaf in (*subordinate(), Sum(list(beings())))]


def relatives() -> list[Space]:
    """The woman who sells the bread is tired."""

    def make(clause: dict[str, Any], head: NounPhrase, target: Any, adjective: Adjective) -> Being:
        relative = Clause(subject=Who(head), object=target, **clause)
        return Being(replace(head, relative=relative), adjective)

    heads = phrases(in_groups("person"), (("the", False), ("the", True)))
    suited = Choice(fitting(nouns()["man"]))
    return [
        Product(partial(make, {"verb": verb, "tense": tense}), heads, objects(verb), suited)
        for tense in TENSES
        for verb in of_kind("trans")
        if tense != "past" or clear_past(verb)
    ]

"""Dutch: verb second, or last in subordinate clauses; separable verbs; de and het; niet and geen."""

from __future__ import annotations

from typing import ClassVar

from dragoman.demo.grammar import (
    HE,
    YOU,
    Age,
    Being,
    Both,
    Clause,
    Existence,
    Feeling,
    Liking,
    NounPhrase,
    Pronoun,
    Speaker,
    Subject,
    Who,
)
from dragoman.demo.lexicon import number
from dragoman.demo.linking import Word, Words

HAVE = ("heb", "hebt", "heeft", "hebben", "hebben")
BE = ("ben", "bent", "is", "zijn", "zijn")
SHALL = ("zal", "zult", "zal", "zullen", "zullen")
MODALS = {
    "want": ("wil", "wilt", "wil", "willen", "willen"),
    "must": ("moet", "moet", "moet", "moeten", "moeten"),
    "can": ("kan", "kunt", "kan", "kunnen", "kunnen"),
}
BEFORE_YOU = {"hebt": "heb", "bent": "ben", "zult": "zul", "wilt": "wil", "kunt": "kun", "moet": "moet"}
"""Before je a finite verb loses its -t."""
PRONOUNS = ("ik", "je", "hij", "we", "ze")
ASKED = {"what": "wat", "where": "waar", "when": "wanneer", "why": "waarom"}
DEGREES = {"very": "heel", "too": "te"}
FEELINGS = {"hungry": "honger", "thirsty": "dorst", "sleepy": "slaap"}


class Dutch(Speaker):
    """Speaks Dutch."""

    language = "nl"
    conjunctions: ClassVar = {"that": "dat", "because": "omdat"}
    please = "alsjeblieft"

    def noun_phrase(self, p: NounPhrase, r: str, negated: str = "") -> Words:
        """Determiner, adjective, noun, owner, relative clause.

        ``negated``: the tag of a negation, which `geen` takes up.
        """
        neuter = p.noun.nl[2] == "het" and not p.plural
        words = [
            Word(self.determiner(p, neuter, bool(negated)), (r + "d", negated) if negated else (r + "d",))
        ]
        if p.adjective:
            bare = neuter and p.det == "a"
            words.append(Word(p.adjective.nl[0 if bare else 1], (r + "a",)))
        words.append(Word(p.noun.nl[p.plural], (r + "n",)))
        if p.owner:
            words += [Word("van", (r + "og",)), *self.noun_phrase(p.owner, r + "o")]
        return words + self.clause(p.relative, r + "r", sub=True) if p.relative else words

    def determiner(self, p: NounPhrase, neuter: bool, negated: bool) -> str:
        """The determiner of a phrase; ``neuter``: a het-word in the singular."""
        if p.det.isdigit():
            return number("nl", int(p.det))
        chosen = {
            "the": "het" if neuter else "de",
            "owner": "het" if neuter else "de",
            "a": "geen" if negated else "een",
            "this": "dit" if neuter else "deze",
            "that": "dat" if neuter else "die",
            "my": "mijn",
            "your": "jouw",
            "our": "ons" if neuter else "onze",
            "their": "hun",
            "how_many": "hoeveel",
        }
        return chosen[p.det]

    def subject(self, s: Subject, x: str) -> Words:
        """The subject, whatever kind it is."""
        match s:
            case NounPhrase():
                return self.noun_phrase(s, x + "s")
            case Pronoun():
                return [Word(PRONOUNS[s.person], (x + "sn",))]
            case Both():
                second = self.noun_phrase(s.second, x + "k")
                return [*self.noun_phrase(s.first, x + "s"), Word("en", (x + "and",)), *second]
            case Who():
                head = s.about
                relative = "dat" if head and head.noun.nl[2] == "het" and not head.plural else "die"
                return [Word(relative if head else "wie", (x + "sn",))]

    def cluster(self, c: Clause, x: str, sub: bool) -> tuple[Words, Words]:
        """The finite verb and what closes the clause; in a subordinate clause all of it closes the clause."""
        infinitive, participle, helper, particle = (
            c.verb.nl[0],
            c.verb.nl[4],
            c.verb.nl[5],
            "".join(c.verb.nl[6:]),
        )
        person, verb = c.subject.person, (x + "v",)
        if c.modal or c.tense == "future":
            finite = Word((MODALS[c.modal] if c.modal else SHALL)[person], (x + ("m" if c.modal else "t"),))
            return [finite], [Word(infinitive, verb)]
        if c.tense == "past":
            return [Word((HAVE if helper == "hebben" else BE)[person], (x + "t",))], [Word(participle, verb)]
        plural = infinitive.removeprefix(particle)
        form = (*c.verb.nl[1:4], plural, plural)[person]
        if sub:
            return [Word(particle + form, verb)], []
        return [Word(form, verb)], [Word(particle, verb)] if particle else []

    def middle(self, c: Clause, x: str) -> Words:
        """Between the finite verb and the end: time, object, negation and adverbs, recipient, places.

        A definite object stands before niet, nooit, al and nog; an indefinite one after them.
        """
        words = [] if c.front else self.adverbial(c.time, x + "t")
        target: Words = []
        early = c.object is not None and c.object.definite
        if c.object and c.object.det != "how_many":
            taken = x + "neg" if c.polarity == "not" and c.object.det == "a" else ""
            target = self.noun_phrase(c.object, x + "o", taken)
        negation = {"not": "niet", "never": "nooit"}.get(c.polarity)
        if c.polarity == "not" and c.object and c.object.det == "a":
            negation = None
        turn = [Word(negation, (x + "neg",))] if negation else self.adverbial(c.adverb, x + "f")
        if c.adverb and c.adverb.use == "often":
            early = False
        words += [*target, *turn] if early else [*turn, *target]
        words += self.adverbial(c.manner, x + "w")
        if c.recipient:
            words += [Word("aan", (x + "rp",)), *self.noun_phrase(c.recipient, x + "r")]
        for index, located in enumerate(c.located):
            role = f"{x}p{index}"
            words += [Word(self.preposition(located), (role + "p",)), *self.noun_phrase(located.phrase, role)]
        return words

    def clause(self, c: Clause, x: str = "", sub: bool = False) -> Words:
        finite, end = self.cluster(c, x, sub)
        subject = self.subject(c.subject, x)
        if sub:
            return [*subject, *self.middle(c, x), *finite, *end]
        if c.front:
            return [
                *self.adverbial(c.time, x + "t"),
                *self.inverted(c, finite, subject),
                *self.middle(c, x),
                *end,
            ]
        return [*subject, *finite, *self.middle(c, x), *end]

    def inverted(self, c: Clause, finite: Words, subject: Words) -> Words:
        """Finite verb, then subject."""
        if c.subject.person == YOU:
            form = finite[0].text
            plain = (
                c.verb.nl[1]
                if form == c.verb.nl[2] and not c.modal and c.tense == "present"
                else BEFORE_YOU[form]
            )
            finite = [Word(plain, finite[0].tags)]
        return [*finite, *subject]

    def question(self, c: Clause, asks: str) -> Words:
        if isinstance(c.subject, Who):
            return self.clause(c)
        finite, end = self.cluster(c, "", False)
        words = [Word(ASKED[asks], ("q",))] if asks in ASKED else []
        if asks == "how_many" and c.object:
            words = self.noun_phrase(c.object, "o")
        return [*words, *self.inverted(c, finite, self.subject(c.subject, "")), *self.middle(c, ""), *end]

    def being(self, c: Being, x: str, sub: bool) -> Words:
        past = "waren" if c.subject.plural else "was"
        verb = [Word(past if c.tense == "past" else BE[c.subject.person], (x + "v",))]
        subject = self.noun_phrase(c.subject, x + "s")
        rest = [Word("niet", (x + "neg",))] if c.negated else []
        if c.than is None:
            rest += [Word(DEGREES[c.degree], (x + "deg",))] if c.degree else []
            rest.append(Word(c.adjective.nl[0], (x + "a",)))
            return [*subject, *rest, *verb] if sub else [*subject, *verb, *rest]
        compared = Word(c.adjective.nl[2], (x + "more", x + "a"))
        return [
            *subject,
            *verb,
            *rest,
            compared,
            Word("dan", (x + "than",)),
            *self.noun_phrase(c.than, x + "c"),
        ]

    def feeling(self, c: Feeling, x: str, sub: bool) -> Words:
        subject = self.noun_phrase(c.subject, x + "s")
        has = [Word("hebben" if c.subject.person != HE else "heeft", (x + "v",))]
        no = (x + "neg",)
        if c.state == "cold":
            rest = [Word("het"), *([Word("niet", no)] if c.negated else []), Word("koud", (x + "a",))]
        else:
            rest = [*([Word("geen", no)] if c.negated else []), Word(FEELINGS[c.state], (x + "a",))]
        return [*subject, *rest, *has] if sub else [*subject, *has, *rest]

    def age(self, c: Age, x: str) -> Words:
        words = [*self.noun_phrase(c.subject, x + "s"), Word(BE[c.subject.person], (x + "v",))]
        return [
            *words,
            Word(number("nl", c.years), (x + "num",)),
            Word("jaar", (x + "yr",)),
            Word("oud", (x + "old",)),
        ]

    def liking(self, c: Liking, x: str) -> Words:
        verb = Word("houdt" if c.subject.person == HE else "houden", (x + "v",))
        words = [*self.noun_phrase(c.subject, x + "s"), verb]
        if c.negated:
            words.append(Word("niet", (x + "neg",)))
        return [*words, Word("van", (x + "v",)), *self.noun_phrase(c.object, x + "o")]

    def existence(self, c: Existence, x: str) -> Words:
        words = [Word("er", (x + "there",)), Word(BE[c.subject.person], (x + "v",))]
        place = [Word(self.preposition(c.located), (x + "pp",)), *self.noun_phrase(c.located.phrase, x + "p")]
        return [*words, *self.noun_phrase(c.subject, x + "s"), *place]

"""English: do-support, a or an, comparatives with more, possessive 's."""

from __future__ import annotations

from typing import ClassVar

from dragoman.demo.grammar import (
    HE,
    ME,
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

DETERMINERS = {
    "the": "the the", "this": "this these", "that": "that those",
    "my": "my my", "your": "your your", "our": "our our", "their": "their their",
}  # fmt: skip
PRONOUNS = ("I", "you", "he", "we", "they")


class English(Speaker):
    """Speaks English."""

    language = "en"
    conjunctions: ClassVar = {"that": "that", "because": "because"}
    please = "please"

    def noun_phrase(self, p: NounPhrase, r: str) -> Words:
        """Determiner, adjective, noun, relative clause."""
        body = [Word(p.adjective.en[0], (r + "a",))] if p.adjective else []
        body.append(Word(p.noun.en[p.plural], (r + "n",)))
        if p.owner:
            *before, owner = self.noun_phrase(p.owner, r + "o")
            return [*before, Word(owner.text + "'s", (*owner.tags, r + "og")), *body]
        tag = (r + "d",)
        if p.det == "how_many":
            return [Word("how", tag), Word("many", tag), *body]
        if p.det == "a":
            determiner = "an" if body[0].text[0] in "aeiou" else "a"
        elif p.det.isdigit():
            determiner = number("en", int(p.det))
        else:
            determiner = DETERMINERS[p.det].split()[p.plural]
        words = [Word(determiner, tag), *body]
        return words + self.clause(p.relative, r + "r") if p.relative else words

    def subject(self, s: Subject, x: str) -> Words:
        """The subject, whatever kind it is."""
        match s:
            case NounPhrase():
                return self.noun_phrase(s, x + "s")
            case Pronoun():
                return [Word(PRONOUNS[s.person], (x + "sn",))]
            case Both():
                second = self.noun_phrase(s.second, x + "k")
                return [*self.noun_phrase(s.first, x + "s"), Word("and", (x + "and",)), *second]
            case Who():
                return [Word("who", (x + "sn",))]

    def verb_group(self, c: Clause, x: str, asked: bool) -> tuple[Words, Words]:
        """What stands before the subject of a question (auxiliary), and what after it."""
        base, he_form, past, participle = c.verb.en[:4]
        he = c.subject.person == HE
        verb, tense, modal = (x + "v",), (x + "t",), (x + "m",)
        never = [Word("never", (x + "neg",))] if c.polarity == "never" else []
        negated = [Word("not", (x + "neg",))] if c.polarity == "not" else []
        adverb = self.adverbial(c.adverb, x + "f")
        if c.modal == "want":
            rest = [Word("want", modal), Word("to", (x + "inf",)), Word(base, verb)]
            if asked or negated:
                return [Word("does" if he else "do", modal)], [*negated, *rest]
            return [], [Word("wants" if he else "want", modal), *rest[1:]]
        if c.modal == "can" and negated:
            return [Word("cannot", (x + "m", x + "neg"))], [Word(base, verb)]
        if c.modal:
            return [Word(c.modal, modal)], [Word(base, verb)]
        if c.tense == "future":
            return [Word("will", tense)], [*negated, *never, Word(base, verb)]
        if c.tense == "past" and (never or adverb):
            return [Word("has" if he else "have", tense)], [*never, *adverb, Word(participle, verb)]
        if asked or negated:
            helper = Word("did", tense) if c.tense == "past" else Word("does" if he else "do", verb)
            return [helper], [*negated, *adverb, Word(base, verb)]
        if c.tense == "past":
            return [], [Word(past, (x + "v", x + "t"))]
        return [], [*never, *adverb, Word(he_form if he else base, verb)]

    def tail(self, c: Clause, x: str) -> Words:
        """What follows the verb: particle, object, recipient, manner, places, time."""
        words = [Word(particle, (x + "v",)) for particle in c.verb.en[4:]]
        if c.object and c.object.det != "how_many":
            words += self.noun_phrase(c.object, x + "o")
        if c.recipient:
            words += [Word("to", (x + "rp",)), *self.noun_phrase(c.recipient, x + "r")]
        words += self.adverbial(c.manner, x + "w")
        for index, located in enumerate(c.located):
            role = f"{x}p{index}"
            words += [Word(self.preposition(located), (role + "p",)), *self.noun_phrase(located.phrase, role)]
        return words + ([] if c.front else self.adverbial(c.time, x + "t"))

    def clause(self, c: Clause, x: str = "", sub: bool = False) -> Words:
        helper, verb = self.verb_group(c, x, False)
        front = self.adverbial(c.time, x + "t") if c.front else []
        return [*front, *self.subject(c.subject, x), *helper, *verb, *self.tail(c, x)]

    def question(self, c: Clause, asks: str) -> Words:
        if isinstance(c.subject, Who):
            return self.clause(c)
        helper, verb = self.verb_group(c, "", True)
        words = [Word(asks, ("q",))] if asks and asks != "how_many" else []
        if asks == "how_many" and c.object:
            words = self.noun_phrase(c.object, "o")
        return [*words, *helper, *self.subject(c.subject, ""), *verb, *self.tail(c, "")]

    def be(self, person: int, past: bool) -> str:
        """The form of `be`."""
        if past:
            return "was" if person in (ME, HE) else "were"
        return "am" if person == ME else "is" if person == HE else "are"

    def being(self, c: Being, x: str, sub: bool) -> Words:
        verb = Word(self.be(c.subject.person, c.tense == "past"), (x + "v",))
        words = [*self.noun_phrase(c.subject, x + "s"), verb]
        if c.negated:
            words.append(Word("not", (x + "neg",)))
        if c.than is None:
            degree = [Word(c.degree, (x + "deg",))] if c.degree else []
            return [*words, *degree, Word(c.adjective.en[0], (x + "a",))]
        form = c.adjective.en[1].split()
        if len(form) == 2:
            compared = [Word(form[0], (x + "more",)), Word(form[1], (x + "a",))]
        else:
            compared = [Word(form[0], (x + "more", x + "a"))]
        return [*words, *compared, Word("than", (x + "than",)), *self.noun_phrase(c.than, x + "c")]

    def feeling(self, c: Feeling, x: str, sub: bool) -> Words:
        negation = [Word("not", (x + "neg",))] if c.negated else []
        is_ = Word(self.be(c.subject.person, False), (x + "v",))
        return [*self.noun_phrase(c.subject, x + "s"), is_, *negation, Word(c.state, (x + "a",))]

    def age(self, c: Age, x: str) -> Words:
        count = Word(number("en", c.years), (x + "num",))
        is_ = Word(self.be(c.subject.person, False), (x + "v",))
        return [
            *self.noun_phrase(c.subject, x + "s"),
            is_,
            count,
            Word("years", (x + "yr",)),
            Word("old", (x + "old",)),
        ]

    def liking(self, c: Liking, x: str) -> Words:
        words = self.noun_phrase(c.subject, x + "s")
        he = c.subject.person == HE
        if c.negated:
            words += [
                Word("does" if he else "do", (x + "v",)),
                Word("not", (x + "neg",)),
                Word("like", (x + "v",)),
            ]
        else:
            words.append(Word("likes" if he else "like", (x + "v",)))
        return words + self.noun_phrase(c.object, x + "o")

    def existence(self, c: Existence, x: str) -> Words:
        words = [Word("there", (x + "there",)), Word(self.be(c.subject.person, False), (x + "v",))]
        place = [Word(self.preposition(c.located), (x + "pp",)), *self.noun_phrase(c.located.phrase, x + "p")]
        return [*words, *self.noun_phrase(c.subject, x + "s"), *place]

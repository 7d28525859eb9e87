"""Romanian: the article as an ending, three genders, agreement, genitive and dative, subjunctive."""

from __future__ import annotations

from typing import ClassVar

from dragoman.demo.grammar import (
    HE,
    THEY,
    Age,
    Being,
    Both,
    Clause,
    Existence,
    Feeling,
    Liking,
    Located,
    NounPhrase,
    Pronoun,
    Speaker,
    Subject,
    Who,
)
from dragoman.demo.lexicon import Adjective, Noun, number
from dragoman.demo.linking import Word, Words

POSSESSIVES = {
    "my": "meu mea mei mele", "your": "tău ta tăi tale", "our": "nostru noastră noștri noastre",
    "their": "lor lor lor lor",
}  # fmt: skip
THIS = ("acest", "această", "acești", "aceste")
THAT = ("acel", "acea", "acei", "acele")
LINKING = ("al", "a", "ai", "ale")
HAVE = ("am", "ai", "are", "avem", "au")
PERFECT = ("am", "ai", "a", "am", "au")
BE = ("sunt", "ești", "este", "suntem", "sunt")
WILL = ("voi", "vei", "va", "vom", "vor")
MODALS = {
    "want": ("vreau", "vrei", "vrea", "vrem", "vor"),
    "must": ("trebuie",) * 5,
    "can": ("pot", "poți", "poate", "putem", "pot"),
}
ASKED = {"what": "ce", "where": "unde", "when": "când", "why": "de ce"}
DEGREES = {"very": "foarte", "too": "prea"}
FEELINGS = {"hungry": "foame", "thirsty": "sete", "sleepy": "somn", "cold": "frig"}


def definite(noun: Noun, plural: bool) -> str:
    """The noun with its article: câinele, calul, leul, fata, cartea, cheia, cafeaua; băieții, fetele."""
    form, masculine = noun.ro[plural], noun.ro[2] == "m"
    if plural:
        return form + ("i" if masculine else "le")
    if noun.ro[2] == "f":
        if form.endswith("ea"):
            return form + "ua"
        return form[:-1] + "a" if form.endswith(("ă", "ie")) else form + "a"
    if form.endswith("e"):
        return form + "le"
    return form + "l" if form.endswith(("u", "ă")) else form + "ul"


def oblique(noun: Noun) -> str:
    """Genitive and dative singular with the article: câinelui, băiatului, fetei."""
    if noun.ro[2] == "f":
        return noun.ro[1] + "i"
    form = definite(noun, False)
    return form + "ui" if form.endswith("l") else form[:-1] + "ui"


def agreement(noun: Noun, plural: bool) -> int:
    """The column of a form that agrees: m, f, m plural, f plural; neuters change from m to f."""
    feminine = noun.ro[2] == "f" or (noun.ro[2] == "n" and plural)
    return 2 * plural + feminine


class Romanian(Speaker):
    """Speaks Romanian."""

    language = "ro"
    conjunctions: ClassVar = {"that": "că", "because": "pentru că"}
    please = "te rog"

    def noun_phrase(self, p: NounPhrase, r: str, bare: bool = False) -> Words:
        """Determiner or ending, possessive, adjective, owner, relative clause.

        ``bare``: after a preposition a definite noun that stands alone drops its article.
        """
        form = agreement(p.noun, p.plural)
        noun, tag = (r + "n",), (r + "d",)
        adjective = [Word(p.adjective.ro[form], (r + "a",))] if p.adjective else []
        plain = Word(p.noun.ro[p.plural], noun)
        if p.det in ("the", "owner"):
            text = p.noun.ro[p.plural] if bare and not adjective else definite(p.noun, p.plural)
            words = [Word(text, noun + tag), *adjective]
        elif p.det in POSSESSIVES:
            possessive = Word(POSSESSIVES[p.det].split()[form], tag)
            words = [Word(definite(p.noun, p.plural), noun), possessive, *adjective]
        elif p.det == "a":
            words = [Word("o" if form == 1 else "un", tag), plain, *adjective]
        elif p.det.isdigit():
            words = [Word(number("ro", int(p.det), form == 3), tag), plain, *adjective]
        elif p.det == "how_many":
            words = [Word("câte" if form == 3 else "câți", tag), plain, *adjective]
        else:
            words = [Word((THIS if p.det == "this" else THAT)[form], tag), plain, *adjective]
        if p.owner:
            # The owner follows the article at once; after an adjective it needs al, a, ai, ale.
            linking = [Word(LINKING[form], (r + "og",))] if adjective else []
            words += [*linking, *self.oblique_phrase(p.owner, r + "o", r + "og")]
        return words + self.clause(p.relative, r + "r") if p.relative else words

    def oblique_phrase(self, p: NounPhrase, r: str, case: str) -> Words:
        """A singular definite or possessed phrase in the genitive or dative; ``case`` tags the ending."""
        if p.det == "the":
            return [Word(oblique(p.noun), (r + "n", r + "d", case))]
        forms = POSSESSIVES[p.det].split()
        possessive = forms[3] if p.noun.ro[2] == "f" else forms[0]
        return [Word(oblique(p.noun), (r + "n", case)), Word(possessive, (r + "d",))]

    def subject(self, s: Subject, x: str) -> Words:
        """The subject; a pronoun is left to the verb."""
        match s:
            case NounPhrase():
                return self.noun_phrase(s, x + "s")
            case Pronoun():
                return []
            case Both():
                second = self.noun_phrase(s.second, x + "k")
                return [*self.noun_phrase(s.first, x + "s"), Word("și", (x + "and",)), *second]
            case Who():
                return [Word("care" if s.about else "cine", (x + "sn",))]

    def verb_group(self, c: Clause, x: str) -> Words:
        """Negation, recipient's clitic, auxiliary, verb, negative adverb."""
        forms, person, verb = c.verb.ro, c.subject.person, (x + "v",)
        own = (x + "sn",) if isinstance(c.subject, Pronoun) else ()
        words = [Word("nu", (x + "neg",))] if c.polarity else []
        never = [Word("niciodată", (x + "neg",))] if c.polarity == "never" else []
        clitic = Word("le" if c.recipient.plural else "îi", (x + "rn",)) if c.recipient else None
        if c.modal:
            form = forms[5] if person in (HE, THEY) else forms[person]
            modal_own, verb_own = ((), own) if c.modal == "must" else (own, ())
            modal = Word(MODALS[c.modal][person], (x + "m", *modal_own))
            return [*words, modal, Word("să", (x + "inf",)), Word(form, (*verb, *verb_own))]
        if c.tense == "past":
            helper = Word(PERFECT[person], (x + "t", *own))
            if clitic:
                helper = Word(
                    ("le-" if clitic.text == "le" else "i-") + helper.text, (*clitic.tags, *helper.tags)
                )
            return [*words, helper, Word(forms[7], verb), *never]
        words += [clitic] if clitic else []
        if c.tense == "future":
            return [*words, Word(WILL[person], (x + "t", *own)), Word(forms[6], verb), *never]
        return [*words, Word(forms[person], (*verb, *own)), *never]

    def prepositional(self, located: Located, role: str) -> Words:
        """A preposition with its phrase; only cu leaves the article."""
        preposition = self.preposition(located)
        phrase = self.noun_phrase(located.phrase, role, bare=preposition != "cu")
        return [*self.fixed(preposition, role + "p"), *phrase]

    def tail(self, c: Clause, x: str) -> Words:
        """What follows the verb: manner, recipient, object, places, time."""
        words = self.adverbial(c.manner, x + "w")
        if c.recipient:
            words += self.oblique_phrase(c.recipient, x + "r", x + "rp")
        if c.object and c.object.det != "how_many":
            words += self.noun_phrase(c.object, x + "o")
        for index, located in enumerate(c.located):
            words += self.prepositional(located, f"{x}p{index}")
        return words + ([] if c.front else self.adverbial(c.time, x + "t"))

    def clause(self, c: Clause, x: str = "", sub: bool = False) -> Words:
        front = self.adverbial(c.time, x + "t") if c.front else []
        adverb = self.adverbial(c.adverb, x + "f")
        return [*front, *self.subject(c.subject, x), *self.verb_group(c, x), *adverb, *self.tail(c, x)]

    def question(self, c: Clause, asks: str) -> Words:
        if isinstance(c.subject, Who):
            return self.clause(c)
        words = [Word(text, ("q",)) for text in ASKED[asks].split()] if asks in ASKED else []
        if asks == "how_many" and c.object:
            words = self.noun_phrase(c.object, "o")
        adverb = self.adverbial(c.adverb, "f")
        verb = self.verb_group(c, "")
        # mai (still) stands before the verb, deja (already) after it.
        verb = [*adverb, *verb] if c.adverb and c.adverb.name == "still" else [*verb, *adverb]
        return [*words, *verb, *self.subject(c.subject, ""), *self.tail(c, "")]

    def predicate(self, adjective: Adjective, subject: NounPhrase, tag: str) -> Word:
        """An adjective that agrees with a subject."""
        return Word(adjective.ro[agreement(subject.noun, subject.plural)], (tag,))

    def being(self, c: Being, x: str, sub: bool) -> Words:
        words = self.noun_phrase(c.subject, x + "s")
        if c.negated:
            words.append(Word("nu", (x + "neg",)))
        past = "erau" if c.subject.plural else "era"
        words.append(Word(past if c.tense == "past" else BE[c.subject.person], (x + "v",)))
        adjective = self.predicate(c.adjective, c.subject, x + "a")
        if c.than is None:
            degree = [Word(DEGREES[c.degree], (x + "deg",))] if c.degree else []
            return [*words, *degree, adjective]
        than = [Word("decât", (x + "than",)), *self.noun_phrase(c.than, x + "c")]
        return [*words, Word("mai", (x + "more",)), adjective, *than]

    def feeling(self, c: Feeling, x: str, sub: bool) -> Words:
        words = self.oblique_phrase(c.subject, x + "s", x + "dat")
        negation = [Word("nu", (x + "neg",))] if c.negated else []
        return [
            *words,
            *negation,
            Word("îi", (x + "sn",)),
            Word("este", (x + "v",)),
            Word(FEELINGS[c.state], (x + "a",)),
        ]

    def age(self, c: Age, x: str) -> Words:
        count = Word(number("ro", c.years), (x + "num",))
        return [
            *self.noun_phrase(c.subject, x + "s"),
            Word(HAVE[c.subject.person], (x + "v",)),
            count,
            Word("ani", (x + "yr",)),
        ]

    def liking(self, c: Liking, x: str) -> Words:
        words = self.oblique_phrase(c.subject, x + "s", x + "dat")
        if c.negated:
            words.append(Word("nu", (x + "neg",)))
        pleases = Word("plac" if c.object.plural else "place", (x + "v",))
        return [*words, Word("îi", (x + "sn",)), pleases, *self.noun_phrase(c.object, x + "o")]

    def existence(self, c: Existence, x: str) -> Words:
        words = [Word(BE[c.subject.person], (x + "v",)), *self.noun_phrase(c.subject, x + "s")]
        return words + self.prepositional(c.located, x + "p")

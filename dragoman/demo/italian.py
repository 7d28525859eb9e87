"""Italian: articles by onset, contractions, agreement, dropped pronouns, adjectives on both sides."""

from __future__ import annotations

from typing import ClassVar

from dragoman.demo.grammar import (
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
from dragoman.demo.lexicon import Adjective, number
from dragoman.demo.linking import Word, Words

VOWELS = "aeiouàèéìòù"
ARTICLES = ("il", "lo", "la", "l'", "i", "gli", "le")
CONTRACTED = {
    "a": "al allo alla all' ai agli alle", "da": "dal dallo dalla dall' dai dagli dalle",
    "di": "del dello della dell' dei degli delle", "in": "nel nello nella nell' nei negli nelle",
    "su": "sul sullo sulla sull' sui sugli sulle",
}  # fmt: skip
POSSESSIVES = {
    "my": "mio mia miei mie", "your": "tuo tua tuoi tue", "our": "nostro nostra nostri nostre",
    "their": "loro loro loro loro",
}  # fmt: skip
HAVE = ("ho", "hai", "ha", "abbiamo", "hanno")
BE = ("sono", "sei", "è", "siamo", "sono")
FUTURE = ("ò", "ai", "à", "emo", "anno")
MODALS = {
    "want": ("voglio", "vuoi", "vuole", "vogliamo", "vogliono"),
    "must": ("devo", "devi", "deve", "dobbiamo", "devono"),
    "can": ("posso", "puoi", "può", "possiamo", "possono"),
}
ASKED = {"what": "che cosa", "where": "dove", "when": "quando", "why": "perché"}
DEGREES = {"very": "molto", "too": "troppo"}
FEELINGS = {"hungry": "fame", "thirsty": "sete", "sleepy": "sonno", "cold": "freddo"}


def onset(text: str) -> str:
    """How a word begins, for its article: vowel, strong (s and consonant, z, gn, ps) or plain."""
    if text[0] in VOWELS:
        return "vowel"
    strong = text[0] == "z" or text[:2] in ("gn", "ps") or (text[0] == "s" and text[1] not in VOWELS)
    return "strong" if strong else "plain"


def article(feminine: bool, plural: bool, following: str) -> str:
    """The definite article before a word."""
    begins = onset(following)
    if feminine:
        return "le" if plural else "l'" if begins == "vowel" else "la"
    if plural:
        return "i" if begins == "plain" else "gli"
    return {"vowel": "l'", "strong": "lo", "plain": "il"}[begins]


def indefinite(feminine: bool, following: str) -> str:
    """The indefinite article before a word."""
    if feminine:
        return "un'" if onset(following) == "vowel" else "una"
    return "uno" if onset(following) == "strong" else "un"


def like_article(stem: str, feminine: bool, plural: bool, following: str) -> str:
    """quello (stem `que`) and bello (stem `be`) before a noun: they end as the article begins."""
    endings = {"il": "l", "lo": "llo", "la": "lla", "l'": "ll'", "i": "i", "gli": "gli", "le": "lle"}
    return stem + endings[article(feminine, plural, following)]


def agreement(feminine: bool, plural: bool) -> int:
    """The column of a form that agrees: m, f, m plural, f plural."""
    return 2 * plural + feminine


def contract(preposition: str, phrase: Words, tag: str) -> Words:
    """A preposition before a phrase, one word with its article where Italian contracts them."""
    if preposition in CONTRACTED and phrase[0].text in ARTICLES:
        form = CONTRACTED[preposition].split()[ARTICLES.index(phrase[0].text)]
        return [Word(form, (tag, *phrase[0].tags)), *phrase[1:]]
    return [Word(preposition, (tag,)), *phrase]


class Italian(Speaker):
    """Speaks Italian."""

    language = "it"
    conjunctions: ClassVar = {"that": "che", "because": "perché"}
    please = "per favore"

    def noun_phrase(self, p: NounPhrase, r: str) -> Words:
        """Determiner, adjective or noun first as the adjective asks, owner, relative clause."""
        feminine = p.noun.it[2] == "f"
        body = [Word(p.noun.it[p.plural], (r + "n",))]
        if p.adjective:
            form = p.adjective.it[agreement(feminine, p.plural)]
            if p.adjective.name == "beautiful":
                form = like_article("be", feminine, p.plural, body[0].text)
            body.insert(0 if p.adjective.it[4] == "pre" else 1, Word(form, (r + "a",)))
        words = self.determined(p, body, feminine, r)
        if p.owner:
            words += contract("di", self.noun_phrase(p.owner, r + "o"), r + "og")
        return words + self.clause(p.relative, r + "r") if p.relative else words

    def determined(self, p: NounPhrase, body: Words, feminine: bool, r: str) -> Words:
        """The body of a noun phrase with its determiner."""
        tag = (r + "d",)
        following, form = body[0].text, agreement(feminine, p.plural)
        if p.det in POSSESSIVES:
            possessive = Word(POSSESSIVES[p.det].split()[form], tag)
            # A single relative takes no article (mio zio), unless it is "their" (il loro zio).
            if "family" in p.noun.groups and not p.plural and p.det != "their" and not p.adjective:
                return [possessive, *body]
            return [Word(article(feminine, p.plural, possessive.text), tag), possessive, *body]
        if p.det == "a":
            determiner = indefinite(feminine, following)
        elif p.det == "this":
            determiner = ("questo", "questa", "questi", "queste")[form]
        elif p.det == "that":
            determiner = like_article("que", feminine, p.plural, following)
        elif p.det == "how_many":
            determiner = "quante" if feminine else "quanti"
        elif p.det.isdigit():
            determiner = number("it", int(p.det))
        else:
            determiner = article(feminine, p.plural, following)
        return [Word(determiner, tag), *body]

    def subject(self, s: Subject, x: str) -> Words:
        """The subject; a pronoun is left to the verb."""
        match s:
            case NounPhrase():
                return self.noun_phrase(s, x + "s")
            case Pronoun():
                return []
            case Both():
                second = self.noun_phrase(s.second, x + "k")
                return [*self.noun_phrase(s.first, x + "s"), Word("e", (x + "and",)), *second]
            case Who():
                return [Word("che" if s.about else "chi", (x + "sn",))]

    def agreeing(self, participle: str, s: Subject) -> str:
        """A participle after essere."""
        if isinstance(s, Who) and s.about:
            s = s.about
        if isinstance(s, NounPhrase):
            return participle[:-1] + "oaie"[agreement(s.noun.it[2] == "f", s.plural)]
        return participle

    def verb_group(self, c: Clause, x: str) -> Words:
        """Negation, auxiliary, adverb, verb, particle."""
        forms, person = c.verb.it, c.subject.person
        own = (x + "sn",) if isinstance(c.subject, Pronoun) else ()
        words = [Word("non", (x + "neg",))] if c.polarity else []
        adverb = [Word("mai", (x + "neg",))] if c.polarity == "never" else self.adverbial(c.adverb, x + "f")
        particle = [Word(text, (x + "v",)) for text in forms[9:]]
        if c.modal:
            return [
                *words,
                Word(MODALS[c.modal][person], (x + "m", *own)),
                Word(forms[0], (x + "v",)),
                *particle,
            ]
        if c.tense == "past":
            helper, participle = (
                (HAVE, forms[7]) if forms[8] == "avere" else (BE, self.agreeing(forms[7], c.subject))
            )
            return [
                *words,
                Word(helper[person], (x + "t", *own)),
                *adverb,
                Word(participle, (x + "v",)),
                *particle,
            ]
        if c.tense == "future":
            return [*words, Word(forms[6] + FUTURE[person], (x + "v", x + "t", *own)), *adverb, *particle]
        return [*words, Word(forms[1 + person], (x + "v", *own)), *adverb, *particle]

    def prepositional(self, located: Located, role: str) -> Words:
        """A preposition with its phrase."""
        return contract(self.preposition(located), self.noun_phrase(located.phrase, role), role + "p")

    def tail(self, c: Clause, x: str) -> Words:
        """What follows the verb: manner, object, recipient, places, time."""
        words = self.adverbial(c.manner, x + "w")
        if c.object and c.object.det != "how_many":
            words += self.noun_phrase(c.object, x + "o")
        if c.recipient:
            words += contract("a", self.noun_phrase(c.recipient, x + "r"), x + "rp")
        for index, located in enumerate(c.located):
            words += self.prepositional(located, f"{x}p{index}")
        return words + ([] if c.front else self.adverbial(c.time, x + "t"))

    def clause(self, c: Clause, x: str = "", sub: bool = False) -> Words:
        front = self.adverbial(c.time, x + "t") if c.front else []
        return [*front, *self.subject(c.subject, x), *self.verb_group(c, x), *self.tail(c, x)]

    def question(self, c: Clause, asks: str) -> Words:
        if not asks:
            return self.clause(c)
        if asks == "how_many" and c.object:
            words = self.noun_phrase(c.object, "o")
        else:
            words = [Word(text, ("q",)) for text in ASKED[asks].split()]
        if asks == "why":
            return words + self.clause(c)
        return [*words, *self.verb_group(c, ""), *self.subject(c.subject, ""), *self.tail(c, "")]

    def predicate(self, adjective: Adjective, subject: NounPhrase, tag: str) -> Word:
        """An adjective that agrees with a subject."""
        return Word(adjective.it[agreement(subject.noun.it[2] == "f", subject.plural)], (tag,))

    def being(self, c: Being, x: str, sub: bool) -> Words:
        words = self.noun_phrase(c.subject, x + "s")
        if c.negated:
            words.append(Word("non", (x + "neg",)))
        past = "erano" if c.subject.plural else "era"
        words.append(Word(past if c.tense == "past" else BE[c.subject.person], (x + "v",)))
        adjective = self.predicate(c.adjective, c.subject, x + "a")
        if c.than is None:
            degree = [Word(DEGREES[c.degree], (x + "deg",))] if c.degree else []
            return [*words, *degree, adjective]
        than = contract("di", self.noun_phrase(c.than, x + "c"), x + "than")
        return [*words, Word("più", (x + "more",)), adjective, *than]

    def feeling(self, c: Feeling, x: str, sub: bool) -> Words:
        negation = [Word("non", (x + "neg",))] if c.negated else []
        has = Word(HAVE[c.subject.person], (x + "v",))
        return [*self.noun_phrase(c.subject, x + "s"), *negation, has, Word(FEELINGS[c.state], (x + "a",))]

    def age(self, c: Age, x: str) -> Words:
        count = Word(number("it", c.years), (x + "num",))
        return [
            *self.noun_phrase(c.subject, x + "s"),
            Word(HAVE[c.subject.person], (x + "v",)),
            count,
            Word("anni", (x + "yr",)),
        ]

    def liking(self, c: Liking, x: str) -> Words:
        words = contract("a", self.noun_phrase(c.subject, x + "s"), x + "dat")
        if c.negated:
            words.append(Word("non", (x + "neg",)))
        pleases = Word("piacciono" if c.object.plural else "piace", (x + "v",))
        return [*words, pleases, *self.noun_phrase(c.object, x + "o")]

    def existence(self, c: Existence, x: str) -> Words:
        there, is_ = ("ci", "sono") if c.subject.plural else ("c'", "è")
        words = [Word(there, (x + "there",)), Word(is_, (x + "v",)), *self.noun_phrase(c.subject, x + "s")]
        return words + self.prepositional(c.located, x + "p")

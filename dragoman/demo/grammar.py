"""What a phrasebook sentence means, before any language, and what every language must be able to say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from dragoman.demo.lexicon import LANGUAGES, Adjective, Adverb, Noun, Verb
from dragoman.demo.linking import Word, Words

ME, YOU, HE, WE, THEY = range(5)
"""Persons; English `you` is one familiar person."""


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun with a determiner: the, a, this, that, my, your, our, their, owner, how_many, or "2" to "12"."""

    noun: Noun
    det: str = "the"
    plural: bool = False
    adjective: Adjective | None = None
    owner: NounPhrase | None = None
    relative: Clause | None = None

    @property
    def person(self) -> int:
        """The person that a verb agrees with."""
        return THEY if self.plural else HE

    @property
    def definite(self) -> bool:
        """False after `a`, numbers and `how many`."""
        return self.det not in ("a", "how_many") and not self.det.isdigit()


@dataclass(frozen=True, slots=True)
class Pronoun:
    """I, you, we as a subject; Italian and Romanian leave it out."""

    person: int


@dataclass(frozen=True, slots=True)
class Who:
    """The subject of a `who` question, or of a relative clause about ``about``."""

    about: NounPhrase | None = None

    @property
    def person(self) -> int:
        """A question asks in the singular; a relative pronoun agrees with what it is about."""
        return self.about.person if self.about else HE


@dataclass(frozen=True, slots=True)
class Both:
    """Two noun phrases joined by `and`."""

    first: NounPhrase
    second: NounPhrase
    person: ClassVar[int] = THEY


Subject = NounPhrase | Pronoun | Who | Both


@dataclass(frozen=True, slots=True)
class Located:
    """A prepositional phrase: prepositions in the order of LANGUAGES."""

    prepositions: tuple[str, ...]
    phrase: NounPhrase


@dataclass(frozen=True, slots=True)
class Clause:
    """A verb with its subject and what else belongs to it.

    tense: present, past, future. modal: "", want, must, can. polarity: "", not, never. ``front``: the time
    comes first.
    """

    verb: Verb
    subject: Subject
    object: NounPhrase | None = None
    tense: str = "present"
    modal: str = ""
    polarity: str = ""
    adverb: Adverb | None = None
    manner: Adverb | None = None
    time: Adverb | None = None
    front: bool = False
    located: tuple[Located, ...] = ()
    recipient: NounPhrase | None = None


@dataclass(frozen=True, slots=True)
class Being:
    """`The dog is (not) (very) old`, `The dog was older than the cat`."""

    subject: NounPhrase
    adjective: Adjective
    degree: str = ""
    than: NounPhrase | None = None
    tense: str = "present"
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Feeling:
    """`The child is (not) hungry`: each language says it its own way. state: one of qualities.STATES."""

    subject: NounPhrase
    state: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Age:
    """`The child is ten years old.`"""

    subject: NounPhrase
    years: int


@dataclass(frozen=True, slots=True)
class Liking:
    """`The child does (not) like the dog`: in Italian and Romanian the dog pleases the child."""

    subject: NounPhrase
    object: NounPhrase
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Existence:
    """`There is a dog in the garden.`"""

    subject: NounPhrase
    located: Located


Simple = Clause | Being | Feeling | Age | Liking | Existence


@dataclass(frozen=True, slots=True)
class Joined:
    """A clause with a subordinate one: `that` or `because`."""

    main: Simple
    conjunction: str
    sub: Simple


@dataclass(frozen=True, slots=True)
class Question:
    """A question; ``asks``: "" (yes or no; who is a subject), what, where, when, why, how_many.

    ``polite`` adds please.
    """

    clause: Clause
    asks: str = ""
    polite: bool = False


Meaning = Simple | Joined | Question


class Speaker(ABC):
    """The grammar of one language: meaning in, words out."""

    language: ClassVar[str]
    conjunctions: ClassVar[dict[str, str]]
    please: ClassVar[str]

    def words(self, meaning: Meaning) -> Words:
        """The sentence as words, with its final mark, the first letter a capital."""
        match meaning:
            case Question():
                words = self.question(meaning.clause, meaning.asks)
                if meaning.polite:
                    words += [
                        Word(",", ("comma",)),
                        *(Word(text, ("please",)) for text in self.please.split()),
                    ]
                words.append(Word("?", ("end",)))
            case Joined():
                words = [
                    *self.simple(meaning.main),
                    *self.fixed(self.conjunctions[meaning.conjunction], "join"),
                    *self.simple(meaning.sub, "z", True),
                    Word(".", ("end",)),
                ]
            case _:
                words = [*self.simple(meaning), Word(".", ("end",))]
        first = words[0]
        words[0] = Word(first.text[0].upper() + first.text[1:], first.tags)
        return words

    def simple(self, meaning: Simple, x: str = "", sub: bool = False) -> Words:
        """A main clause, or a subordinate one; ``x`` begins all its tags."""
        match meaning:
            case Clause():
                return self.clause(meaning, x, sub)
            case Being():
                return self.being(meaning, x, sub)
            case Feeling():
                return self.feeling(meaning, x, sub)
            case Age():
                return self.age(meaning, x)
            case Liking():
                return self.liking(meaning, x)
            case Existence():
                return self.existence(meaning, x)

    @abstractmethod
    def noun_phrase(self, p: NounPhrase, r: str) -> Words:
        """A noun phrase; ``r`` begins its tags."""

    @abstractmethod
    def clause(self, c: Clause, x: str = "", sub: bool = False) -> Words:
        """A clause about a verb."""

    @abstractmethod
    def question(self, c: Clause, asks: str) -> Words:
        """A question, without its mark."""

    @abstractmethod
    def being(self, c: Being, x: str, sub: bool) -> Words:
        """A clause about a quality or a comparison."""

    @abstractmethod
    def feeling(self, c: Feeling, x: str, sub: bool) -> Words:
        """A clause about a feeling."""

    @abstractmethod
    def age(self, c: Age, x: str) -> Words:
        """A clause about an age."""

    @abstractmethod
    def liking(self, c: Liking, x: str) -> Words:
        """A clause about what somebody likes."""

    @abstractmethod
    def existence(self, c: Existence, x: str) -> Words:
        """`There is`."""

    def fixed(self, phrase: str, tag: str) -> Words:
        """The words of a fixed phrase, all with one tag."""
        return [Word(text, (tag,)) for text in phrase.split()]

    def adverbial(self, adverb: Adverb | None, tag: str) -> Words:
        """A time, frequency or manner phrase; no words for None."""
        if adverb is None:
            return []
        phrase = adverb.phrases[LANGUAGES.index(self.language)]
        return [Word(text, tuple(tag + mark for mark in marks)) for text, marks in phrase]

    def preposition(self, located: Located) -> str:
        """The preposition of this language."""
        return located.prepositions[LANGUAGES.index(self.language)]

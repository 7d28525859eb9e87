"""Vocabulary: the draft has another word of the corpus for a source word; the user wants the right one.

The other word is a frequent translation in the corpus's own links, no form of the right one, and has stood
behind the word before it. So the draft is plausible, and what is learned is the text that people wrote.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.fault import Fault, Maker, replacing
from dragoman.instruct.interactive.phrases import Phrase
from dragoman.instruct.interactive.scene import LONG, Scene, begins
from dragoman.instruct.words import word_type
from dragoman.language.language import same_language

AHEAD, BACK = 0.02, 0.1
"""Least shares that make a word another translation: of the source word's links, and of its own."""
NAMED = 3
"""Letters of a source word that a user names at least; shorter ones are mostly of grammar."""
SURE = 0.1
"""Least share of a word's links that a word has of which a user speaks: one odd link is no translation."""
WISHED = 2
"""How many times these shares a word has that a user wants though the right one stands there."""


def akin(one: str, two: str) -> bool:
    """Whether two words look like forms of one word: one begins or ends the other, or they begin alike."""
    one, two = word_type(one), word_type(two)
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))))
    short = min(len(one), len(two))
    return same >= max(3, short / 2) or one.endswith(two) or two.endswith(one)


def says_something(text: str, cut: bool) -> bool:
    """Whether a text has a word of some length; text without spaces (``cut``) has one if it has two units."""
    if cut:
        return len(text) > 1
    return any(len(word) >= LONG and word.isalpha() for word in text.replace("-", " ").split())


def sure(scene: Scene, pair: Phrase) -> bool:
    """Whether the corpus often links two words."""
    known = scene.lexicon.translations(scene.direction.source, scene.source.quote(pair.source))
    kind = word_type(scene.target.quote(pair.target))
    count = sum(count for form, count in known.items() if word_type(form) == kind)
    return count >= SURE * sum(known.values()) > 0


def complete(scene: Scene, phrase: Phrase) -> bool:
    """Whether two phrases seem to say the same: of their words, and of those beside them, none of some length
    is without a link, and words that answer each other inside do so elsewhere, too.

    So a compound is not taken for the one of its parts that a link was found for.
    """
    linked = {i for i, _ in scene.links}, {j for _, j in scene.links}
    for side, (start, end), known in zip((scene.source, scene.target), phrase, linked, strict=True):
        for place in range(max(0, start - 1), min(end + 1, len(side.words))):
            word = side.quote((place, place + 1))
            if place not in known and len(word) >= LONG and word.isalpha():
                return False
    inside = [p for p in scene.pairs if phrase.target[0] <= p.target[0] < phrase.target[1]]
    return all(sure(scene, pair) for pair in inside)


def alternatives(scene: Scene, pair: Phrase, times: int = 1) -> dict[str, int]:
    """Other words of the corpus for the source word of a pair that fit in its place, with their counts.

    None is a form of the right one. ``times``: how often they have the least shares; from two on they have
    stood between the same two words, too.
    """
    source, right = scene.source.quote(pair.source), scene.target.quote(pair.target)
    known = scene.lexicon.translations(scene.direction.source, source)
    least = times * AHEAD * sum(known.values())
    capital = begins(scene.target, pair.target[0])
    found = {}
    for word, count in known.items():
        written = word[0].upper() + word[1:] if capital and right[0].isupper() else word
        back = scene.lexicon.translations(scene.direction.target, word)
        means = count >= least and back.get(word_type(source), 0) >= times * BACK * sum(back.values())
        alike = written[0].isupper() == right[0].isupper() and not (akin(word, right) or scene.has(word))
        fits = scene.known_between(pair.target, word) if times > 1 else scene.fits(pair.target, word)
        if means and alike and fits and says_something(word, scene.cut[1]):
            found[written] = count
    return found


def may_change(scene: Scene, pair: Phrase) -> bool:
    """Whether a user can speak of a pair: both sides say something, stand there once, away from faults."""
    source, target = scene.source.quote(pair.source), scene.target.quote(pair.target)
    said = (scene.cut[0] or len(source) >= NAMED) and says_something(target, scene.cut[1])
    return said and scene.said_once(pair.source) and scene.once(pair.target) and scene.free(*pair.target)


def _another(scene: Scene, times: int = 1) -> tuple[Phrase, str] | None:
    """A pair, and another word of the corpus for the target's."""
    for pair in scene.shuffled(scene.pairs):
        if may_change(scene, pair) and (found := alternatives(scene, pair, times)):
            (word,) = scene.rng.choices(list(found), list(found.values()))
            return pair, word
    return None


def other_word(scene: Scene, times: int = 1) -> Fault | None:
    """A word stands where the user wants another one, and names it."""
    found = _another(scene, times)
    if found is None:
        return None
    pair, wrong = found
    word = scene.source.quote(pair.source)
    return replacing(scene, pair.target, wrong, "vocabulary/replace", word=word)


def wished_word(scene: Scene) -> Fault | None:
    """A word that the user wants where another one stands that is right; none that the source has, too."""
    fault = other_word(scene, WISHED)
    same = fault is not None and fault.edit.text.casefold() == fault.values["word"].casefold()
    return None if same else fault


def must_contain(scene: Scene) -> Fault | None:
    """The user demands the right word and does not say which one it is to stand for."""
    fault = other_word(scene)
    if fault is None:
        return None
    (right,), (wrong,) = fault.correction.must, fault.correction.forbid
    asked = Correction("vocabulary/include", (right,), (), (wrong,))
    return replace(fault, correction=asked, key=asked.kind, values={"new": right})


def must_not_contain(scene: Scene) -> Fault | None:
    """The user forbids the word and does not say which one is wanted: any that fits."""
    found = _another(scene)
    if found is None:
        return None
    pair, wrong = found
    others = tuple(word for word in alternatives(scene, pair) if not akin(word, wrong))
    asked = Correction("vocabulary/exclude", (), (wrong,), (scene.target.quote(pair.target),), instead=others)
    return replace(replacing(scene, pair.target, wrong, asked.kind), correction=asked)


def keep_name(scene: Scene) -> Fault | None:
    """A name that both languages write alike is misspelt."""
    for pair in scene.shuffled(scene.pairs):
        name = scene.target.quote(pair.target)
        if name != scene.source.quote(pair.source) or not is_name(scene, pair) or len(name) < 4:
            continue
        if scene.said_once(pair.source) and scene.once(pair.target) and scene.free(*pair.target):
            fault = replacing(scene, pair.target, misspelt(scene, name), "vocabulary/name", name=name)
            return None if fault.edit.text == name else fault
    return None


def is_name(scene: Scene, pair: Phrase) -> bool:
    """Whether a pair looks like a name: a capital within the sentence on each side that has capitals.

    In German all nouns have one: there the other side decides.
    """
    told = False
    for side, span, code in zip((scene.source, scene.target), pair, scene.direction, strict=True):
        word = side.quote(span)
        if word == word.lower() and word != word.upper():
            return False
        if word != word.lower() and not (begins(side, span[0]) or same_language(code, "de")):
            told = scene.lexicon.only_with_capital(code, word)
            if not told:
                return False
    return told


def misspelt(scene: Scene, name: str) -> str:
    """A name with two of its letters exchanged, one left out or one doubled, not the first."""
    place = scene.rng.randrange(1, len(name) - 1)
    head, one, two, tail = name[:place], name[place], name[place + 1], name[place + 2 :]
    return head + scene.rng.choice([two + one, two, one + one + two]) + tail


MAKERS: dict[str, Maker] = {
    "vocabulary/replace": other_word,
    "vocabulary/include": must_contain,
    "vocabulary/exclude": must_not_contain,
    "vocabulary/name": keep_name,
}

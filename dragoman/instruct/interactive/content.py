"""Content: the draft leaves something out, adds something, or has a number, name, negation or word wrong."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.fault import Fault, Maker, deletion, insertion, replacing
from dragoman.instruct.interactive.grammar import small
from dragoman.instruct.interactive.phrases import Phrase
from dragoman.instruct.interactive.scene import LONG, Scene, begins
from dragoman.instruct.interactive.vocabulary import (
    akin,
    alternatives,
    complete,
    is_name,
    may_change,
    says_something,
    sure,
)
from dragoman.instruct.linked import Side
from dragoman.instruct.words import word_type
from dragoman.language.phrases import occurrences

NAME = 3
"""Letters in which a name is longer in one language at most: more make a compound of it."""
TRIES = 8
"""Other lines that are looked at for words to put into this one."""


def left_out(scene: Scene) -> Fault | None:
    """A phrase is left out, and what is left has stood side by side elsewhere."""
    for phrase in scene.shuffled(scene.phrases):
        start, end = phrase.target
        whole = (end - start == 1 or scene.ends_a_clause(phrase)) and complete(scene, phrase)
        room = scene.free(start - 1, end + 1) and 2 * (end - start) <= scene.size and end < scene.size
        if not whole or not room or begins(scene.target, start) or not scene.closes(phrase.target):
            continue
        if not scene.apart(start) or not scene.apart(end - 1):
            continue
        word, gone = scene.source.quote(phrase.source), scene.target.quote(phrase.target)
        says = all(says_something(text, cut) for text, cut in zip((word, gone), scene.cut, strict=True))
        if says and scene.said_once(phrase.source) and scene.met(scene.word(start - 1), scene.word(end)):
            asked = Correction("content/omitted", (gone,), instead=_serving(scene, phrase))
            edit = deletion(scene, phrase.target)
            return Fault(edit, (start - 1, end + 1), asked, asked.kind, {"word": word})
    return None


def _serving(scene: Scene, phrase: Phrase) -> tuple[str, ...]:
    """Other words for a source word that fit in the place of its translation; none for a longer phrase."""
    return tuple(alternatives(scene, phrase)) if phrase in scene.pairs else ()


def spared(scene: Scene) -> Fault | None:
    """A phrase at the end of a clause that begins with a small word is left out, and what is left may end
    there: the user wishes it so."""
    for phrase in scene.shuffled(scene.phrases):
        start, end = phrase.target
        room = scene.free(start - 1, end + 1) and 1 < end - start <= scene.size / 2 and end < scene.size
        apart = scene.ends_a_clause(phrase) and scene.ends_without(phrase.target)
        if room and start > 1 and apart and small(scene, scene.word(start)) and complete(scene, phrase):
            gone, word = scene.target.quote(phrase.target), scene.source.quote(phrase.source)
            asked = Correction("content/omitted", (gone,))
            edit = deletion(scene, phrase.target)
            return Fault(edit, (start - 1, end + 1), asked, asked.kind, {"word": word})
    return None


def added(scene: Scene) -> Fault | None:
    """The end of another line's sentence stands at the end of this one."""
    last = scene.size - 1
    while last > 0 and not scene.is_word(last):
        last -= 1
    if last == scene.size - 1 or not scene.free(last, last + 1):
        return None
    for _ in range(TRIES):
        for text in _ends(scene.other()):
            words = {word_type(word) for word in text.split() if len(word) >= LONG}
            new = not text[0].isupper() and not words & set(scene.target.types)
            if new and says_something(text, scene.cut[1]) and scene.fits((last + 1, last + 1), text):
                asked = Correction("content/added", (), (text,))
                return Fault(insertion(scene, last, text), (last, last + 1), asked, asked.kind, {"old": text})
    return None


def _ends(other: Scene) -> Iterator[str]:
    """Phrases of at least two words that end a line, before its last sign."""
    last = other.size - 1
    if last > 0 and not other.is_word(last):
        ending = [p for p in other.phrases if p.target[1] == last and p.target[1] - p.target[0] > 1]
        ending = [p for p in ending if other.closes(p.target)]
        yield from (other.target.quote(phrase.target) for phrase in other.shuffled(ending))


def wrong_number(scene: Scene) -> Fault | None:
    """Another number: in digits that the source has too, or a number word linked to one."""
    found = [*_digits(scene), *_number_words(scene)]
    if not found:
        return None
    place, wrong, source = scene.rng.choice(found)
    return replacing(scene, (place, place + 1), wrong, "content/number", word=source)


def _digits(scene: Scene) -> Iterator[tuple[int, str, str]]:
    source = {_value(scene.source.quote((k, k + 1))): k for k in range(len(scene.source.words))}
    for k in range(scene.size):
        word = scene.word(k)
        value = _value(word)
        if value is None or value not in source or not scene.free(k, k + 1) or not _alone(scene.target, k):
            continue
        change = scene.rng.randrange(len(word))
        zero = chr(ord(word[change]) - unicodedata.digit(word[change]))
        digits = [d for d in range(change == 0, 10) if d != unicodedata.digit(word[change])]
        wrong = word[:change] + chr(ord(zero) + scene.rng.choice(digits)) + word[change + 1 :]
        if scene.once((k, k + 1)) and not scene.has(wrong):
            yield k, wrong, scene.source.quote((source[value], source[value] + 1))


def _value(word: str) -> int | None:
    """The number that digits of any script say; None of other words, and of numbers that begin with 0."""
    if not all(unicodedata.category(char) == "Nd" for char in word) or unicodedata.digit(word[0]) == 0:
        return None
    return int(word)


def _alone(side: Side, place: int) -> bool:
    """Whether digits are a whole number, no part of one such as 1,500 or 3.5."""
    start, end = side.words[place].start, side.words[place].end
    return not any(
        sign in ".,:/-–" and beyond.isdecimal()
        for sign, beyond in (
            (side.text[start - 1 : start], side.text[start - 2 : start - 1]),
            (side.text[end : end + 1], side.text[end + 1 : end + 2]),
        )
        if sign and beyond
    )


def _number_words(scene: Scene) -> Iterator[tuple[int, str, str]]:
    numbers = scene.target_facts.numbers
    for pair in scene.pairs:
        word, source = scene.target.quote(pair.target), scene.source.quote(pair.source)
        if word.casefold() not in numbers or not scene.once(pair.target) or not scene.free(*pair.target):
            continue
        known = scene.source_facts.numbers
        if known and known.get(source.casefold()) != numbers[word.casefold()]:
            continue
        others = [other for other in scene.target_facts.others(word.casefold()) if not scene.has(other)]
        wrong = [
            other
            for other in others
            if begins(scene.target, pair.target[0]) or scene.fits(pair.target, other)
        ]
        if wrong and pair.target[1] - pair.target[0] == 1:
            chosen = scene.rng.choice(wrong)
            yield pair.target[0], cased(chosen, word), source


def cased(word: str, like: str) -> str:
    """A word with a capital if another has one."""
    return word[0].upper() + word[1:] if like[0].isupper() else word


def wrong_name(scene: Scene) -> Fault | None:
    """A name of another line."""
    mine = [pair for pair in scene.pairs if _name_pair(scene, pair)]
    for pair in scene.shuffled(mine):
        if not scene.once(pair.target) or not scene.free(*pair.target):
            continue
        right, source = scene.target.quote(pair.target), scene.source.quote(pair.source)
        for _ in range(4 * TRIES):
            other = scene.other()
            names = [other.target.quote(p.target) for p in other.pairs if _name_pair(other, p)]
            fit = [name for name in names if not akin(name, right) and not scene.has(name)]
            if fit:
                return replacing(scene, pair.target, scene.rng.choice(fit), "content/name", word=source)
    return None


def _name_pair(scene: Scene, pair: Phrase) -> bool:
    """A name in both languages: in one script it begins alike, in two scripts its capital tells."""
    one, two = scene.source.quote(pair.source), scene.target.quote(pair.target)
    scripts = {unicodedata.name(word[0], "").split(" ")[0] for word in (one, two)}
    alike = one[:3].casefold() == two[:3].casefold() and abs(len(one) - len(two)) <= NAME
    return (alike or len(scripts) > 1) and len(two) > 2 and is_name(scene, pair)


def wrong_negation(scene: Scene) -> Fault | None:
    """The draft lacks the source's negation, or has one that the source lacks."""
    table, negators = scene.target_facts.negation, scene.source_facts.negators
    if not table or not negators:
        return None
    said = [word for word, kind in _quoted(scene.source) if kind in negators]
    found: list[Fault] = []
    for plain, negated in table.items():
        right, wrong = (negated, plain) if said else (plain, negated)
        for start, end in occurrences(scene.text, right, ignore_case=True):
            span = _words_at(scene.target, start, end)
            values = {"word": said[0]} if said else {}
            key = "content/negation-lost" if said else "content/negation-added"
            if span and scene.free(*span) and not _negates(scene, said):
                written = cased(wrong, scene.text[start])
                found.append(
                    _around(scene, replacing(scene, span, written, "content/negation", key, **values))
                )
    return scene.rng.choice(found) if found else None


def _negates(scene: Scene, said: list[str]) -> bool:
    """Whether the translation has a negation that the source lacks: then its own is none to speak of."""
    return not said and any(kind in scene.target_facts.negators for _, kind in _quoted(scene.target))


def _around(scene: Scene, fault: Fault) -> Fault:
    """The fault, its correction with the word behind: `is` stands in `is not` as well."""
    end = fault.span[1]
    if end >= scene.size:
        return fault
    tail = scene.text[fault.edit.end : scene.spot((end, end + 1))[1]]
    right, wrong = (text + tail for text in (fault.values["new"], fault.edit.text))
    asked = Correction(fault.correction.kind, (right,), (wrong,))
    return Fault(fault.edit, (fault.span[0], end + 1), asked, fault.key, fault.values)


def _quoted(side: Side) -> list[tuple[str, str]]:
    return [(side.quote((k, k + 1)), kind) for k, kind in enumerate(side.types)]


def _words_at(side: Side, start: int, end: int) -> tuple[int, int] | None:
    """The words that some characters are; None if they cut one."""
    firsts = [k for k, word in enumerate(side.words) if word.start == start]
    lasts = [k + 1 for k, word in enumerate(side.words) if word.end == end]
    return (firsts[0], lasts[0]) if firsts and lasts else None


def wrong_word(scene: Scene) -> Fault | None:
    """A word of another line, which never met the source word."""
    for pair in scene.shuffled(scene.pairs)[:TRIES]:
        right, source = scene.target.quote(pair.target), scene.source.quote(pair.source)
        if not may_change(scene, pair) or not sure(scene, pair):
            continue
        for _ in range(TRIES):
            other = scene.other()
            words = [other.target.quote(p.target) for p in other.pairs]
            fit = [
                word
                for word in words
                if word[0].isupper() == right[0].isupper()
                and says_something(word, scene.cut[1])
                and not (akin(word, right) or scene.has(word) or scene.related(source, word))
                and scene.fits(pair.target, word)
            ]
            if fit:
                wrong, others = scene.rng.choice(fit), _serving(scene, pair)
                return replacing(scene, pair.target, wrong, "content/word", "", others, word=source)
    return None


MAKERS: dict[str, Maker] = {
    "content/omitted": left_out,
    "content/added": added,
    "content/number": wrong_number,
    "content/name": wrong_name,
    "content/negation": wrong_negation,
    "content/word": wrong_word,
}

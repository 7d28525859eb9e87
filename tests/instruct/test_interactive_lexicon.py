"""The lexicon of a language pair: what it counts is what stands in the text."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from dragoman.instruct.interactive.lexicon import EDGE, EXPECTED, OFTEN, RARE, Lexicon
from dragoman.instruct.linked import Side

from .interactive_text import store, task


def counted(code: str) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Words, and words that follow each other, counted by hand."""
    alone: Counter[str] = Counter()
    beside: Counter[tuple[str, str]] = Counter()
    text = store()
    for number in range(len(text)):
        types = [EDGE, *Side(text[number].texts[code], False).types, EDGE]
        alone.update(types[1:])
        beside.update(pairwise(types))
    return alone, beside


def lexicon() -> Lexicon:
    made = task()
    return made._lexicon(made.lines.items.directions[0])


def test_counts_are_those_of_the_text() -> None:
    found = lexicon()
    for code in ("en", "de"):
        alone, beside = counted(code)
        assert all(found.count(code, word) == (n if n >= RARE else 0) for word, n in alone.items())
        assert all(found.beside(code, *pair) == n for pair, n in beside.items())
        assert found.beside(code, "never", "there") == found.count(code, "nowhere") == 0


def test_strange_is_what_should_stand_there_by_chance_and_never_does() -> None:
    found = lexicon()
    alone, beside = counted("de")
    total, words = alone.total(), [word for word, n in alone.most_common(60) if n >= RARE]
    kinds: Counter[str] = Counter()
    for one in words:
        for two in words:
            chance = alone[one] * alone[two] / total
            strange = not beside[one, two] and chance >= EXPECTED
            assert found.strange("de", one, two) is strange
            assert found.often("de", one, two) is (beside[one, two] >= max(RARE, OFTEN * alone[one]))
            kinds["strange" if strange else "rare" if not beside[one, two] else "there"] += 1
    assert min(kinds["strange"], kinds["rare"], kinds["there"]) > 20, kinds


def test_three_in_a_row_and_frequent_words_are_those_of_the_text() -> None:
    found, text = lexicon(), store()
    alone, _ = counted("de")
    rows = [[EDGE, *Side(text[n].texts["de"], False).types, EDGE] for n in range(len(text))]
    three = {row[k : k + 3] for row in map(tuple, rows) for k in range(len(row) - 2)}
    assert all(found.between("de", *words) for words in three)
    swapped = {(one, two, middle) for one, middle, two in three} - three
    assert len(swapped) > 100 and not any(found.between("de", *words) for words in swapped)
    share = 0.01
    wanted = {word for word, n in alone.items() if word and n >= share * alone.total()}
    assert wanted and set(found.frequent("de", share)) == wanted

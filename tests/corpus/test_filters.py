"""Every filter: what it takes out, under which reason, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dragoman.corpus.filters import IDENTIFIED_TOGETHER, Sieve, length_ratio, words
from dragoman.corpus.pair import Record, pair_key
from dragoman.errors import RecipeError
from dragoman.language.language import Direction
from dragoman.recipe import Filters

from .conftest import Drops


def record(line: int = 1, **texts: str) -> Record:
    return Record(f"train:{line}", texts, "corpus/train", line)


def sift(
    drops: Drops,
    records: Sequence[Record],
    identifier: FakeIdentifier | None = None,
    pairs: frozenset[str] | None = None,
    **filters: Any,
) -> list[Record]:
    return list(Sieve(Filters(**filters), drops, pairs, identifier).keep(records))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \t\u3000", "empty"),
        ("a\0b", "NUL"),
        ("bell\x07", "control character"),
        ("line\u2028separator", "control character"),
        ("next\x85line", "control character"),
        ("two\nlines", "control character"),
        ("x" * 41, "too long (characters)"),
        ("w " * 11, "too long (words)"),
    ],
)
def test_side_filters(drops: Drops, text: str, reason: str) -> None:
    settings = {"max_chars": 40, "max_words": 10}
    assert sift(drops, [record(de=text, en="a sentence that is fine")], **settings) == []
    assert drops.rows == [(1, reason, ("de",))]
    assert drops[0].whole
    drops.clear()
    three = record(de=text, en="a sentence", fr="une phrase")
    assert sift(drops, [three], **settings) == [record(en="a sentence", fr="une phrase")]
    assert drops.rows == [(1, reason, ("de",))]
    assert not drops[0].whole


@pytest.mark.parametrize(
    "text",
    ["tab\tinside", "zero-width\u200cnon-joiner", "\u200fright to left", "soft\u00adhyphen", "🙂", "ሰላም ߒߞߏ"],
)
def test_what_is_no_control_character(drops: Drops, text: str) -> None:
    assert sift(drops, [record(de=text, en="a sentence")]) == [record(de=text, en="a sentence")]


def test_limits_are_the_longest_that_stays(drops: Drops) -> None:
    kept = [record(1, de="x" * 40, en="y" * 39), record(2, de="w " * 9 + "w", en="a b c d e f g h i j")]
    assert sift(drops, kept, max_chars=40, max_words=10) == kept


def test_words_in_scripts_without_spaces() -> None:
    assert words("ein Satz mit fünf Wörtern", "de") == 5
    assert words("敏捷的棕色狐狸 。", "zh") == 8
    assert words("タロウは走る", "jpn") == 6
    assert words("แมว ดำ", "th") == 5
    assert words("나는 학교에 간다", "ko") == 3


def test_length_ratio(drops: Drops) -> None:
    assert length_ratio("x" * 20, "x" * 50) == length_ratio("x" * 50, "x" * 20) == 2.0
    assert length_ratio("", "") == 1.0
    near = record(1, de="x" * 30, en="y")
    far = record(2, de="x" * 35, en="y")
    assert sift(drops, [near, far]) == [near]
    assert drops.rows == [(2, "length ratio", ("de", "en"))]


def test_identical_sides(drops: Drops) -> None:
    same = record(de="OK", en="OK", fr="D'accord")
    [kept] = sift(drops, [same])
    assert kept.skip == {"de en"}
    assert kept.has(Direction("de", "fr")) and not kept.has(Direction("en", "de"))
    assert drops.rows == [(1, "identical sides", ("de", "en"))]
    assert sift(drops, [same], identical=False) == [same]


def test_duplicates_are_pairs_whatever_the_order_and_spelling(drops: Drops) -> None:
    records = [
        record(1, de="eins", en="one"),
        record(2, de="eins", en="uno"),
        record(3, en="one", de="eins"),
        record(4, deu="eins", eng="one"),
        record(5, de="one", en="eins"),
        record(6, de="eins", en="one", fr="un"),
    ]
    kept = sift(drops, records)
    assert [r.line for r in kept] == [1, 2, 5, 6]
    assert kept[-1].skip == {"de en"}
    assert drops.rows == [
        (3, "duplicate", ("en", "de")),
        (4, "duplicate", ("deu", "eng")),
        (6, "duplicate", ("de", "en")),
    ]
    assert [drop.whole for drop in drops] == [True, True, False]
    assert len(sift(drops, records, duplicates=False)) == 6


def test_a_pair_that_went_for_another_reason_is_not_remembered(drops: Drops) -> None:
    long = record(1, de="x" * 90, en="y")
    sieve = Sieve(Filters(max_ratio=4), drops)
    list(sieve.keep([long, long]))
    assert drops.reasons == ["length ratio", "length ratio"]


def test_only_pairs_of_the_directions_count(drops: Drops) -> None:
    pairs = frozenset({pair_key("de", "en")})
    records = [record(n, de="eins", en="one", fr=f"un {n}") for n in (1, 2)]
    assert sift(drops, records, pairs=pairs) == records[:1]
    others = [record(n, fr="un", it="uno") for n in (1, 2)]
    assert sift(drops, others, pairs=pairs) == others[:1]


def test_whole_lines_are_told_once(drops: Drops) -> None:
    assert sift(drops, [record(de="", en="", fr="\0")]) == []
    assert drops.rows == [(1, "empty", ("de", "en"))]
    drops.clear()
    twice = [record(n, de="eins", en="one", fr="un") for n in (1, 2)]
    assert sift(drops, twice) == twice[:1]
    assert drops.rows == [(2, "duplicate", ("de", "en", "fr"))]


def test_text_in_one_language(drops: Drops) -> None:
    kept = [record(1, de="eins"), record(2, de="eins")]
    assert sift(drops, [*kept, record(3, de="")]) == kept
    assert drops.rows == [(3, "empty", ("de",))]
    assert drops[0].whole


def test_dev_and_test_lose_only_what_is_no_text(drops: Drops) -> None:
    records = [
        record(1, de="x" * 9999, en="y"),
        record(1, de="x" * 9999, en="y"),
        record(2, de="O\x07K", en="O\x07K"),
    ]
    bad = [record(3, de=" ", en="x"), record(4, de="\0", en="x")]
    assert list(Sieve(None, drops).keep([*records, *bad])) == records
    assert drops.reasons == ["empty", "NUL"]


class FakeIdentifier:
    """Answers with the language that a text names in its first word; knows three."""

    candidates = ("de", "en", "nb", "other")

    def __init__(self, confidence: float = 1.0) -> None:
        self.confidence = confidence
        self.calls: list[int] = []

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        self.calls.append(len(texts))
        return [(text.split()[0], self.confidence) for text in texts]


def test_wrong_language(drops: Drops) -> None:
    records = [
        record(1, deu="de eins", eng="en one", nqo="de is not asked about N'Ko"),
        record(2, deu="en two", eng="en two too", nqo="x"),
        record(3, de="und drei", en="xx three"),
        record(4, no="nb fire", en="en four"),
        record(5, de="en five", en="de fünf"),
        record(6, de="other seis", en="en six"),
    ]
    kept = sift(drops, records, FakeIdentifier(), wrong_language=True)
    assert [(r.line, sorted(r.texts)) for r in kept] == [
        (1, ["deu", "eng", "nqo"]),
        (2, ["eng", "nqo"]),
        (3, ["de", "en"]),
        (4, ["en", "no"]),
    ]
    assert drops.rows == [
        (2, "wrong language", ("deu",)),
        (5, "wrong language", ("de", "en")),
        (6, "wrong language", ("de",)),
    ]


def test_wrong_language_needs_confidence_and_an_identifier(drops: Drops) -> None:
    wrong = [record(1, de="en x", en="en y")]
    assert sift(drops, wrong, FakeIdentifier(0.89), wrong_language=True) == wrong
    assert sift(drops, wrong, FakeIdentifier(0.9), wrong_language=True) == []
    assert sift(drops, wrong, FakeIdentifier(), wrong_language=False) == wrong
    with pytest.raises(RecipeError, match=r"data\.filters\.wrong_language: needs an identifier"):
        sift(drops, wrong, None, wrong_language=True)


def test_identifier_is_asked_in_batches(drops: Drops) -> None:
    identifier = FakeIdentifier()
    count = IDENTIFIED_TOGETHER + 1
    records = [record(n, de=f"de {n}", en=f"en {n}") for n in range(1, count + 1)]
    assert sift(drops, records, identifier, wrong_language=True) == records
    assert identifier.calls == [2 * IDENTIFIED_TOGETHER, 2]

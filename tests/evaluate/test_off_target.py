"""Off-target ratio, counted by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dragoman.errors import ModelError
from dragoman.evaluate.off_target import OffTarget, confusion_table, off_target
from dragoman.language.identify import make_identifier


class FirstLetter:
    """A text is in the language that its first letter names."""

    name = "first-letter"
    version = "2"
    languages = ("de", "fr")
    candidates = ("de", "en", "fr", "other")

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        known = {"d": "de", "e": "en", "f": "fr"}
        return [
            (known.get(t.strip()[:1], "other"), 0.9) if any(map(str.isalpha, t)) else ("und", 0.0)
            for t in texts
        ]

    def save(self, folder: object) -> None:
        raise NotImplementedError


HYPOTHESES = ["d eins", "d zwei", "f trois", "", "  ", "123", "x", "e copy this", "d" + " ha ho" * 20]
SOURCES = ["e one", "e two", "e three", "e four", "e five", "e 123", "e six", "E copy  this", "e laugh"]
REFERENCES = ["d eins", "d zwei", "d drei", "d vier", "d fünf", "123", "d sechs", "d kopiere das", "e lache"]


def test_every_kind_of_output_is_counted() -> None:
    found = off_target(HYPOTHESES, "deu", FirstLetter(), SOURCES, REFERENCES)
    assert found.target == "de"
    assert found.labels == ("de", "de", "fr", "empty", "empty", "und", "other", "en", "de")
    assert found.off_target == (False, False, True, True, True, True, True, True, False)
    assert found.counts == {
        "total": 9,
        "off_target": 6,
        "empty": 2,
        "unidentified": 1,
        "copied": 1,
        "runaway": 1,
    }
    assert found.ratio == pytest.approx(100 * 6 / 9)
    assert found.floor == pytest.approx(100 * 2 / 9)
    assert found.confusion == Counter({"de": 3, "empty": 2, "fr": 1, "und": 1, "other": 1, "en": 1})
    assert found.signature == "id:first-letter-2|for:de+fr|candidates:de+en+fr+other|norm:nfc"
    assert found.confidences[:4] == (0.9, 0.9, 0.9, 0.0)


def test_without_sources_and_references() -> None:
    found = off_target(HYPOTHESES, "de", FirstLetter())
    assert found.floor is None and not any(found.copied) and not any(found.runaway)
    assert off_target(HYPOTHESES, "de", FirstLetter(), SOURCES).counts["runaway"] == 1
    assert off_target([], "de", FirstLetter()).ratio == 0


def test_a_language_that_the_identifier_cannot_answer() -> None:
    with pytest.raises(ModelError, match="does not know N'Ko"):
        off_target(["x"], "nqo", FirstLetter())


def test_confusion_table() -> None:
    rows = [
        off_target(["d", "f", "e", "e", "x"], "de", FirstLetter()),
        off_target(["d", ""], "deu", FirstLetter()),
        off_target(["f", "f"], "fr", FirstLetter()),
    ]
    table = confusion_table(rows)
    assert table.targets == ("de", "fr") and table.labels == ("de", "fr", "en", "other", "empty")
    assert table.counts.tolist() == [[2, 1, 2, 1, 1], [0, 2, 0, 0, 0]]
    assert np.allclose(table.shares()[1], [0, 100, 0, 0, 0])
    none = confusion_table(list[OffTarget]())
    assert none.targets == () and none.counts.shape == (0, 0)


def test_regions_scripts_and_composed_letters() -> None:
    identifier = make_identifier("auto", ["pt-BR", "zh-Hant", "en"])
    portuguese = ["As crianças estão brincando na praia.", "Não sei onde está a chave."]
    decomposed = ["As criança\u0303s".replace("ça\u0303", "c\u0327a") + " esta\u0303o brincando na praia."]
    assert off_target(portuguese + decomposed, "pt-BR", identifier).ratio == 0
    assert off_target(portuguese, "por", identifier).ratio == 0
    chinese = ["我們昨天晚上去看了電影。", "我们昨天晚上去看了电影。"]
    assert off_target(chinese, "zh-Hant", identifier).off_target == (False, True)
    assert off_target(chinese, "zh", identifier).off_target == (False, False)

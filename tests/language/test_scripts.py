"""Scripts of texts, and labels brought to a recipe's codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.language.labels import Labels, neighbourhood
from dragoman.language.scripts import SCRIPTS, script_counts, script_of, scripts_in


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Übung macht den Meister", "Latn"),
        ("Привет, мир", "Cyrl"),
        ("ߒߞߏ ߞߊ߲", "Nkoo"),
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "Cher"),
        ("日本語のテキスト", "Jpan"),
        ("한국어 문장입니다", "Kore"),
        ("我们学习中文", "Hans"),
        ("我們學習中文", "Hant"),
        ("山水", "Hani"),
        ("ＡＢＣ", "Latn"),
        ("12 345 !?", ""),
        ("", ""),
    ],
)
def test_script_of(text: str, script: str) -> None:
    assert script_of(text) == script


@given(st.lists(st.text(max_size=20), max_size=6))
def test_counts_of_a_batch_are_those_of_its_lines(texts: list[str]) -> None:
    counts = script_counts(texts)
    assert counts.shape == (len(texts), len(SCRIPTS))
    for row, text in zip(counts, texts, strict=True):
        assert np.array_equal(row, script_counts([text])[0])


def test_scripts_in_leaves_out_single_letters() -> None:
    assert scripts_in(["мир труд май " * 20, "x"]) == ("Cyrl",)
    assert set(scripts_in(["мир", "war"])) == {"Cyrl", "Latn"}


def test_labels_become_the_codes_of_the_recipe() -> None:
    labels = Labels(["pbt", "zh-Hant", "eng"])
    texts = ["یو دوه درې", "我們學習中文", "我们学习中文", "山水", "one", "uno", "1", "один"]
    judged = [(c, 0.9) for c in ("ps", "zh", "zh", "zh", "en", "es", "en", "en")]
    found = labels.resolve(texts, judged)
    assert [label for label, _ in found] == [
        "pbt",
        "zh-Hant",
        "zh-Hans",
        "zh-Hant",
        "en",
        "es",
        "und",
        "other",
    ]
    assert found[6][1] == 0 and found[7][1] == 1


def test_scripts_and_regions_that_are_told_apart() -> None:
    both = Labels(["sr-Latn", "sr-Cyrl"])
    greetings = ["dobar dan", "добар дан"]
    assert both.resolve(greetings, [("sr", 1), ("sr", 1)]) == [("sr-Latn", 1), ("sr-Cyrl", 1)]
    chinese = Labels(["zh-Hans", "zh-Hant"])
    assert chinese.resolve(["山水", "这个"], [("zh", 1), ("zh", 1)]) == [("zh", 1), ("zh-Hans", 1)]
    assert Labels(["pt-BR", "pt-PT"]).resolve(["bom dia"], [("pt", 1)]) == [("pt", 1)]
    assert Labels(["pt-BR"]).resolve(["bom dia"], [("pt", 1)]) == [("pt-BR", 1)]


def test_scripts_that_the_training_text_showed_are_allowed() -> None:
    text, judged = ["мало"], [("en", 1.0)]
    assert Labels(["en"]).resolve(text, judged) == [("other", 1.0)]
    assert Labels(["en"], {"en": ("Cyrl",)}).resolve(text, judged) == judged


def test_neighbourhood() -> None:
    assert {"cs", "sk", "pl", "sl", "en"} <= set(neighbourhood(["ces"]))
    assert "zh" not in neighbourhood(["zh-Hant"]) and "ja" in neighbourhood(["zh-Hant"])
    assert neighbourhood([]) == ("en",)

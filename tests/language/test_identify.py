"""Identifiers: what they know, refuse and keep; accuracy on real text where it is at hand."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import data_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import DataError, ModelError
from dragoman.language.identify import (
    Identifier,
    independent,
    knows,
    load_identifier,
    make_identifier,
    save_identifier,
    signature,
)
from dragoman.language.language import canonical
from dragoman.language.learnt import LearntIdentifier, sample_lines
from dragoman.language.ngrams import BUCKETS, ORDERS, chunks, grams
from dragoman.language.stock import features

from .texts import ENGLISH, GEORGIAN, HINDI, ITALIAN, JAPANESE, NOTHING, POLISH, SLOVAK, THAI

SEED_LANGUAGES = ("eng", "bho", "crh", "dik", "fur", "fuv", "grn", "knc", "mri", "nqo", "pbt", "scn", "szl")


def read(folder: str, name: str) -> list[str]:
    return (data_folder(folder) / name).read_text(encoding="utf-8").splitlines()


@lru_cache(maxsize=1)
def stock() -> Identifier:
    return make_identifier("auto", ["eng", "deu", "fra", "ces"])


@lru_cache(maxsize=1)
def small() -> LearntIdentifier:
    return LearntIdentifier.train({"en": ENGLISH * 5, "it": ITALIAN * 5, "sk": SLOVAK * 2})


def labels(identifier: Identifier, texts: tuple[str, ...] | list[str]) -> list[str]:
    return [label for label, _ in identifier.identify(list(texts))]


def share(identifier: Identifier, texts: list[str], code: str) -> float:
    return float(np.mean([label == canonical(code) for label in labels(identifier, texts)]))


def first_words(texts: list[str]) -> list[str]:
    return [" ".join(text.split()[:3]) for text in texts]


# What every identifier holds to


@pytest.mark.parametrize("make", [stock, small])
def test_text_without_letters_is_unidentified(make: Callable[[], Identifier]) -> None:
    assert make().identify(list(NOTHING)) == [("und", 0.0)] * len(NOTHING)
    assert make().identify([]) == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from(ITALIAN + HINDI + NOTHING)), max_size=8))
def test_a_batch_gives_what_single_lines_give(texts: list[str]) -> None:
    for identifier in (stock(), small()):
        found = identifier.identify(texts)
        assert len(found) == len(texts)
        for text, (label, confidence) in zip(texts, found, strict=True):
            assert (label, confidence) == identifier.identify([text])[0]
            assert 0 <= confidence <= 1
            assert label == "und" or label in identifier.candidates


def test_broken_and_endless_text_is_judged_too() -> None:
    endless = ITALIAN[0] * 100_000
    for identifier in (stock(), small()):
        assert labels(identifier, ["\ud800", "a\x00b", endless, endless])[2:] == ["it", "it"]


# py3langid


def test_batched_features_are_those_of_py3langid() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier, visit_counts

    own = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    texts = [*ITALIAN, *HINDI, "", "SHOUTED", *JAPANESE]
    lines, found, counts, sizes = features(texts)
    for index, text in enumerate(texts):
        encoded = own._encode(text)
        expected = visit_counts(own.tk_nextmove, own._rowbase, own.tk_output, encoded) or {}
        here = lines == index
        assert dict(zip(found[here].tolist(), counts[here].tolist(), strict=True)) == dict(expected)
        assert sizes[index] == len(encoded)


def test_neighbours_and_far_languages_are_caught() -> None:
    identifier = stock()
    assert {"sk", "pl", "nl"} <= set(identifier.candidates) and identifier.candidates[-1] == "other"
    assert labels(identifier, SLOVAK).count("cs") <= 2 and labels(identifier, SLOVAK).count("sk") >= 14
    for texts, code in ((ITALIAN, "it"), (POLISH, "pl"), (HINDI, "hi"), (JAPANESE, "ja"), (GEORGIAN, "ka")):
        assert set(labels(identifier, texts)) == {code}
    assert set(labels(identifier, ["ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎠᏂᏴᏫ", "ߒߞߏ ߞߊ߲ ߠߊ߫"])) == {"other"}


def test_labels_are_the_codes_of_the_recipe() -> None:
    norwegian = make_identifier("py3langid", ["no", "da"])
    assert norwegian.languages == ("da", "nb") and knows(norwegian, "nob") and not knows(norwegian, "nqo")
    chinese = make_identifier("py3langid", ["zh-Hant", "en"])
    assert labels(chinese, ["我們昨天晚上去看了電影", "我们昨天晚上去看了电影"]) == ["zh-Hant", "zh-Hans"]


def test_auto_is_extended_by_training_text_of_unknown_languages_only() -> None:
    invented = [f"zorgu blik {word} wamp kru {word} xolo" for word in ("tast", "mib", "quorn", "vex") * 10]
    identifier = make_identifier("auto", ["en", "szl"], {"szl": invented, "en": list(ENGLISH), "de": ["x"]})
    assert identifier.name == "py3langid+corpus"
    assert labels(identifier, ["zorgu wamp xolo vex", ENGLISH[0], POLISH[0]]) == ["szl", "en", "pl"]
    plain = make_identifier("auto", ["en", "szl"])
    assert plain.name == "py3langid" and not knows(plain, "szl")


# learnt


def test_a_learnt_identifier_refuses_other_scripts_and_strange_text() -> None:
    english = LearntIdentifier.train({"en": ENGLISH * 5})
    assert set(labels(english, [*JAPANESE, *THAI, *GEORGIAN, *HINDI])) == {"other"}
    assert set(labels(english, ENGLISH)) == {"en"}
    assert set(labels(english, ["Zzyzx qwrtp xkcd vvvv zjq", "Łódź gżegżółka źdźbło chrząszcz"])) == {"other"}
    assert english.candidates == ("en", "other")


def test_a_background_is_answered_by_name() -> None:
    texts = {"en": list(ENGLISH) * 5, "it": list(ITALIAN) * 5}
    identifier = make_identifier("learnt", ["en"], texts)
    assert identifier.languages == ("en",) and identifier.candidates == ("en", "it", "other")
    assert labels(identifier, [ITALIAN[0], ENGLISH[0]]) == ["it", "en"]


def test_too_little_text_to_learn_from() -> None:
    with pytest.raises(DataError, match="language it: 7 lines"):
        LearntIdentifier.train({"en": ENGLISH * 5, "it": ITALIAN})
    with pytest.raises(ModelError, match="no training text for de"):
        make_identifier("learnt", ["en", "de"], {"en": list(ENGLISH)})
    assert len(sample_lines(["a"] * 50_000)) <= 20_000 and sample_lines(["1", "a"]) == ["a"]


def test_ngrams_of_a_line_counted_by_hand() -> None:
    # " ab c ": a b c | " a" ab "b " " c" "c " | " ab" "ab " " c " (never "b c") | " ab "
    buckets, starts, letters = grams(["Ab, 7 c!"])
    assert (buckets < BUCKETS).sum() == 3 + 5 + 3 + 1 and letters.tolist() == [3] and starts.tolist() == [0]
    assert len(set(buckets[buckets < BUCKETS].tolist())) == 12
    assert set(buckets.tolist()) == set(grams(["ab c"])[0].tolist())
    assert (grams(["...", ""])[0] == BUCKETS).all()


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_ngrams_of_a_batch_are_those_of_its_lines(texts: list[str]) -> None:
    buckets, starts, _ = grams(texts)
    pieces = np.split(buckets, starts[1:])
    for piece, text in zip(pieces, texts, strict=True):
        assert np.array_equal(piece, grams([text])[0]) and len(piece) % ORDERS == 0
    covered = [index for start, end in chunks(texts) for index in range(start, end)]
    assert covered == list(range(len(texts)))


# names, signatures, files


def test_a_gate_and_its_judge_must_not_share_a_part() -> None:
    auto, learnt = stock(), small()
    assert independent(auto, learnt) and not independent(auto, make_identifier("py3langid", ["nqo"]))
    assert signature(learnt) == "id:learnt-1|for:en+it+sk|candidates:en+it+sk+other|norm:nfc"
    assert signature(auto).startswith("id:py3langid-") and "|candidates:140#" in signature(auto)
    assert signature(make_identifier("auto", ["en"])) != signature(auto)


@pytest.mark.parametrize("kind", ["learnt", "auto", "extended"])
def test_saved_and_loaded_is_the_same(kind: str, tmp_path: Path) -> None:
    made = {
        "learnt": small,
        "auto": stock,
        "extended": lambda: make_identifier("auto", ["en", "szl"], {"szl": POLISH}),
    }
    identifier = made[kind]()
    save_identifier(identifier, tmp_path / "judge")
    loaded = load_identifier(tmp_path / "judge")
    texts = [*ITALIAN, *SLOVAK, *POLISH, *HINDI, *NOTHING]
    assert loaded.identify(texts) == identifier.identify(texts)
    assert (loaded.name, signature(loaded)) == (identifier.name, signature(identifier))
    assert sorted(p.name for p in (tmp_path / "judge").iterdir()) == ["identifier.json", "identifier.npz"]


def test_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"identifier\.json"):
        load_identifier(tmp_path)
    save_identifier(small(), tmp_path)
    facts = (tmp_path / "identifier.json").read_text(encoding="utf-8")
    (tmp_path / "identifier.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ModelError, match=r"identifier\.npz"):
        load_identifier(tmp_path)
    (tmp_path / "identifier.json").write_text(
        facts.replace('"version": "1"', '"version": "0"'), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="holds learnt 0, here is learnt 1"):
        load_identifier(tmp_path)
    (tmp_path / "identifier.json").write_text('{"kind": "guess", "version": "1"}', encoding="utf-8")
    with pytest.raises(ModelError, match="unknown kind"):
        load_identifier(tmp_path)
    (tmp_path / "identifier.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match="is no identifier"):
        load_identifier(tmp_path)


def test_unknown_specification_and_missing_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected one of auto, py3langid"):
        make_identifier("langid", ["en"])
    monkeypatch.setitem(sys.modules, "pycld2", None)
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(ModelError, match=r"pip install -c constraints.txt '.\[lid\]'"):
        make_identifier("pycld2", ["en"])
    with pytest.raises(ModelError, match="needs the package fasttext-predict"):
        make_identifier(f"fasttext:{tmp_path}/lid.bin", ["en"])


def test_fasttext_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stand-in with the interface of fasttext-predict and the labels of a Wikipedia model."""

    def predict(text: str, count: int, threshold: float) -> tuple[tuple[str, ...], tuple[float, ...]]:
        assert "\n" not in text
        known = ("__label__en", "__label__als", "__label__zh", "__label__xyzw")
        first = {"h": "__label__en", "g": "__label__als", "我": "__label__zh"}.get(text[:1], "__label__xyzw")
        return (known, (0.25,) * 4) if count > 1 else ((first,), (1.01,))

    def load_model(path: str) -> SimpleNamespace:
        if Path(path).read_bytes() != b"model":
            raise ValueError(f"{path} has wrong file format!")
        return SimpleNamespace(predict=predict)

    monkeypatch.setitem(sys.modules, "fasttext", SimpleNamespace(load_model=load_model))
    monkeypatch.setattr("dragoman.language.engines.version", lambda package: "0.9")
    model = tmp_path / "lid.bin"
    with pytest.raises(ModelError, match="no such file"):
        make_identifier(f"fasttext:{model}", ["en"])
    model.write_bytes(b"text")
    with pytest.raises(ModelError, match="wrong file format"):
        make_identifier(f"fasttext:{model}", ["en"])
    model.write_bytes(b"model")
    identifier = make_identifier(f"fasttext:{model}", ["eng", "zh-Hans"])
    assert (
        identifier.candidates == ("en", "gsw", "zh-Hans", "other") and identifier.name == "fasttext:lid.bin"
    )
    found = identifier.identify(["hello\nthere", "grüezi", "我们", "bla", "7"])
    assert [label for label, _ in found] == ["en", "gsw", "zh-Hans", "other", "und"]
    assert found[0][1] == 1.0
    save_identifier(identifier, tmp_path / "judge")
    assert signature(load_identifier(tmp_path / "judge")) == signature(identifier)


def test_pycld2() -> None:
    pytest.importorskip("pycld2", reason="pycld2 is not installed (extra lid)")
    identifier = make_identifier("pycld2", ["en", "it", "zh-Hant"])
    assert labels(identifier, ITALIAN).count("it") >= 5 and labels(identifier, ENGLISH).count("en") >= 5
    assert labels(identifier, ["我們昨天晚上去看了電影", "", "ߒߞߏ ߞߊ߲"]) == ["zh-Hant", "und", "other"]
    assert len(identifier.identify(["\ud800 a", "a\x00b", "\ufffe"])) == 3


# Real text


@pytest.mark.parametrize(("code", "least"), [("eng", 0.995), ("deu", 0.999), ("fra", 0.999), ("ces", 0.99)])
def test_stock_identifier_on_captions(code: str, least: float) -> None:
    assert share(stock(), read("multi30k", f"test_2016_flickr.{code}"), code) >= least


@lru_cache(maxsize=1)
def seed_text() -> dict[str, list[str]]:
    return {code: read("nllb_seed", f"train.{code}") for code in SEED_LANGUAGES}


@pytest.mark.parametrize(
    ("spec", "lines", "words", "seconds"), [("learnt", 0.99, 0.955, 15), ("auto", 0.99, 0.86, 15)]
)
def test_thirteen_languages_of_which_stock_identifiers_know_five(
    spec: str, lines: float, words: float, seconds: float
) -> None:
    texts = seed_text()
    started = time.process_time()
    identifier = make_identifier(spec, SEED_LANGUAGES, texts)
    assert time.process_time() - started < seconds
    tests = {code: read("nllb_seed", f"test.{code}") for code in SEED_LANGUAGES}
    whole = {code: share(identifier, test, code) for code, test in tests.items()}
    short = {code: share(identifier, first_words(test), code) for code, test in tests.items()}
    assert np.mean(list(whole.values())) >= lines and min(whole.values()) >= 0.97
    assert np.mean(list(short.values())) >= words
    together = [text for test in tests.values() for text in first_words(test)]
    started = time.process_time()
    identifier.identify(together)
    assert len(together) / (time.process_time() - started) >= 5000


def test_neighbours_of_learnt_languages_are_not_taken_for_them() -> None:
    identifier = make_identifier("auto", SEED_LANGUAGES, seed_text())
    own = {canonical(code) for code in SEED_LANGUAGES}
    for texts in (ITALIAN, POLISH, HINDI, SLOVAK, JAPANESE):
        assert not own & set(labels(identifier, texts))
    far = [read("ntrex", f"test.{code}")[:100] for code in ("ces", "deu", "fra", "hau", "mlt", "swh", "zul")]
    taken = Counter(label for texts in far for label in labels(identifier, texts) if label in own)
    assert taken.total() <= 2
    assert share(identifier, read("ntrex", "test.mri")[:200], "mri") >= 0.98

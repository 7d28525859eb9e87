"""The aligner as a class: it learns, keeps every line's place, repeats itself, and can be saved."""

from __future__ import annotations

import random
from pathlib import Path
from string import punctuation

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from align.test_symmetrize import reference
from align.texts import toy
from dragoman.align.aligner import MODELS, Aligner
from dragoman.align.decide import SYMMETRIES
from dragoman.align.gold import score
from dragoman.align.pharaoh import Gold
from dragoman.align.saved import load, save
from dragoman.align.symmetrize import METHODS
from dragoman.align.vocabulary import key_of
from dragoman.errors import DataError, ModelError

SOURCE, TARGET, LINKS = toy(300)
GOLD = [Gold(frozenset(links), frozenset(links)) for links in LINKS]


@pytest.fixture(scope="module", params=MODELS)
def trained(request: pytest.FixtureRequest) -> Aligner:
    """An aligner of each model, trained on the toy text."""
    return Aligner(request.param).train(SOURCE, TARGET)


def test_learns_what_answers_what(trained: Aligner) -> None:
    assert score(trained.align(SOURCE, TARGET), GOLD).aer < (
        0.03 if trained.settings.model == "hmm" else 0.12
    )


def test_words_that_were_not_met_are_linked_by_stem_and_place(trained: Aligner) -> None:
    words = SOURCE[0].split()
    line = trained.align([f"{words[0]} neverseen"], [f"x{words[0]} xneverseen"])[0]
    assert (0, 0) in line
    assert trained.align(["neverseen"], [""])[0] == []


def test_training_and_linking_at_once_is_the_same(trained: Aligner) -> None:
    again = Aligner(trained.settings.model)  # type: ignore[arg-type]
    assert list(again.train_align(SOURCE, TARGET)) == list(trained.align(SOURCE, TARGET))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_threads_change_nothing(model: str, symmetry: str) -> None:
    one, two = (Aligner(model, symmetry, threads=threads).train_align(SOURCE, TARGET) for threads in (1, 2))  # type: ignore[arg-type]
    assert list(one) == list(two)
    assert np.array_equal(one.score, two.score)


@pytest.mark.parametrize("model", MODELS)
def test_parts_of_the_text_change_nothing_but_the_last_bits(model: str) -> None:
    whole = Aligner(model, "union").train_align(SOURCE, TARGET)  # type: ignore[arg-type]
    parts = Aligner(model, "union", chunk=500).train_align(SOURCE, TARGET)  # type: ignore[arg-type]
    same = sum(a == b for a, b in zip(whole, parts, strict=True))
    assert same >= 0.99 * len(SOURCE)


@pytest.mark.parametrize("model", MODELS)
def test_forward_and_reverse_are_functions_and_combine(model: str) -> None:
    found = {s: Aligner(model, s).train_align(SOURCE, TARGET) for s in SYMMETRIES}  # type: ignore[arg-type]
    for line in range(len(SOURCE)):
        sets = {name: set(links[line]) for name, links in found.items()}
        assert len({j for _, j in sets["forward"]}) == len(sets["forward"])
        assert len({i for i, _ in sets["reverse"]}) == len(sets["reverse"])
        for method in METHODS:
            assert sets[method] == reference(sets["forward"], sets["reverse"], method), method


@pytest.mark.parametrize("model", MODELS)
def test_a_threshold_keeps_the_links_that_reach_it(model: str) -> None:
    for symmetry in ("agree", "forward", "reverse"):
        low, high = (Aligner(model, symmetry, t).train_align(SOURCE, TARGET) for t in (0.1, 0.9))  # type: ignore[arg-type]
        assert high.score.min() >= 0.9 - 1e-6
        assert all(set(a) >= set(b) for a, b in zip(low, high, strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_a_threshold_is_that_of_each_direction_before_they_are_combined(model: str) -> None:
    found = {s: Aligner(model, s, 0.3).train_align(SOURCE, TARGET) for s in SYMMETRIES if s != "agree"}  # type: ignore[arg-type]
    for line in range(len(SOURCE)):
        forward, reverse = (set(found[name][line]) for name in ("forward", "reverse"))
        for method in METHODS:
            assert set(found[method][line]) == reference(forward, reverse, method), method


def test_the_last_words_answer_each_other_whatever_stands_before() -> None:
    """Full stops after a verb that one language puts last: the jump to them is backward, yet to the end."""
    rng = random.Random(3)
    source, target = [], []
    for _ in range(300):
        verb, *rest = rng.sample(["bado", "cefi", "dogu", "fahi", "gejo", "hilu", "jomi", "kuna"], 5)
        source.append(" ".join([rest[0], verb, *rest[1:], "."]))
        target.append(" ".join([*("x" + word for word in (*rest, verb)), "."]))
    found = Aligner().train_align(source, target)
    assert np.mean([(5, 5) in line for line in found]) > 0.97


def test_empty_lines_keep_their_place() -> None:
    source, target = ["", *SOURCE, "allein", ""], ["", *TARGET, "", "alone"]
    found = Aligner().train_align(source, target)
    assert len(found) == len(source)
    assert [found[0], found[-2], found[-1]] == [[], [], []]
    assert list(found[1:-2]) == list(Aligner().train_align(SOURCE, TARGET))


def test_case_form_and_punctuation_do_not_matter() -> None:
    plain = Aligner().train_align(SOURCE, TARGET)
    loud = [" ".join(f"«{word.upper()}»," for word in line.split()) for line in SOURCE]
    assert list(Aligner().train_align(loud, TARGET)) == list(plain)
    composed = Aligner().train_align(["ä b", "ä c"], ["d e", "d f"])
    assert list(Aligner().train_align(["a\u0308 b", "ä c"], ["d e", "d f"])) == list(composed)


def test_blanks_are_ascii_and_positions_those_of_the_text() -> None:
    source, target = ["a\u00a0b  c", "c"], ["xa\u00a0b\txc ", "xc"]
    found = Aligner("diagonal").train_align(source, target)
    assert max(i for i, _ in found[0]) <= 1


def test_odd_texts_do_not_break() -> None:
    for source, target in (
        (["a"] * 5, ["b"] * 5),
        (["a a a a"], ["b"]),
        (["... !"], ["?"]),
        (["😀 👩‍👩‍👧"], ["🤷 x"]),
        (["x" * 5000], ["y z"]),
    ):
        for model in MODELS:
            assert len(Aligner(model).train_align(source, target)) == len(source)  # type: ignore[arg-type]


def test_long_pairs_get_no_links_and_are_counted() -> None:
    aligner = Aligner(longest=20)
    found = aligner.train_align([*SOURCE, "a " * 21], [*TARGET, "b"])
    assert (found[-1], aligner.too_long) == ([], 1)


@pytest.mark.parametrize("symmetry", ["agree", "forward"])
def test_saved_and_loaded(symmetry: str, trained: Aligner, tmp_path: Path) -> None:
    aligner = Aligner(trained.settings.model, symmetry).train(SOURCE, TARGET)  # type: ignore[arg-type]
    path = tmp_path / "a"
    save(aligner, path)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    again = load(path)
    assert again.settings == aligner.settings
    one, two = (a.align([*SOURCE, "neu"], [*TARGET, "new word"]) for a in (aligner, again))
    assert list(one) == list(two)
    assert np.array_equal(one.score, two.score)


def test_files_that_are_no_aligner(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(ModelError, match="a: no such file; expected an aligner"):
        load(path)
    path.write_bytes(b"text")
    with pytest.raises(ModelError, match="cannot be read as an aligner"):
        load(path)
    save(Aligner().train(SOURCE, TARGET), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cannot be read as an aligner"):
        load(path)
    path.write_bytes(whole.replace(b'"format":"2"', b'"format":"9"'))
    with pytest.raises(ModelError, match="is of format 9, here is 2; train and save it again"):
        load(path)
    path.write_bytes(whole.replace(b'"kind":"dragoman', b'"kind":"somebody'))
    with pytest.raises(ModelError, match="is no aligner"):
        load(path)
    for cut in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ModelError, match="cannot be read as an aligner"):
            load(path)


@pytest.mark.parametrize("seed", range(8))
def test_a_byte_that_was_changed_is_found(seed: int, tmp_path: Path) -> None:
    """The loops would follow a wrong number out of their arrays."""
    save(Aligner("diagonal" if seed % 2 else "hmm").train(SOURCE, TARGET), path := tmp_path / "a")
    content = bytearray(path.read_bytes())
    place = random.Random(seed).randrange(8 + int.from_bytes(content[:8], "little"), len(content))
    content[place] ^= 1 << seed
    path.write_bytes(content)
    with pytest.raises(ModelError, match="a: is damaged"):
        load(path)


@pytest.mark.parametrize("model", MODELS)
def test_what_was_learnt_survives_a_training_that_fails(model: str) -> None:
    aligner = Aligner(model).train(SOURCE, TARGET)  # type: ignore[arg-type]
    before = list(aligner.align(SOURCE, TARGET))

    def stop(pairs: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(DataError):
        aligner.train(["x"], [""])
    with pytest.raises(KeyboardInterrupt):
        aligner.train(["x y", "z"], ["a", "b c"], stop)
    assert list(aligner.align(SOURCE, TARGET)) == before


def test_no_break_spaces_belong_to_punctuation() -> None:
    assert [key_of(word.encode()) for word in ("mot\u00a0!", "«\u202fmot", "mot\u3000", "\u00a0")] == [
        "mot", "mot", "mot", "\u00a0",
    ]  # fmt: skip


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_ascii_words_are_keyed_as_all_others(word: str) -> None:
    """The short way gives what the long way does, which a letter beyond ASCII in the middle asks for."""
    long = key_of(f"{word}é{word}".encode())
    head, _, tail = long.partition("é")
    plain = word.lower()
    assert key_of(word.encode()) == (plain.strip(punctuation) or plain)
    assert head == plain.lstrip(punctuation) and tail == plain.rstrip(punctuation)


def test_mistakes() -> None:
    with pytest.raises(DataError, match="source has 2 lines, target 1"):
        Aligner().train(["a", "b"], ["c"])
    with pytest.raises(DataError, match="no pair of lines has words on both sides"):
        Aligner().train(["", "a"], ["b", ""])
    with pytest.raises(DataError, match="all 2 pairs have more than 1 words on a side"):
        Aligner(longest=1).train(["a b", "a c"], ["d", "e"])
    with pytest.raises(ModelError, match="has not been trained"):
        Aligner().align(["a"], ["b"])
    with pytest.raises(DataError, match="symmetrize 'both' is unknown; expected one of agree, forward"):
        Aligner(symmetrize="both")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="threshold 2 is out of range"):
        Aligner(threshold=2)
    with pytest.raises(DataError, match="source:2: is no UTF-8"):
        Aligner().train([b"a", b"\xff"], ["a", "b"])

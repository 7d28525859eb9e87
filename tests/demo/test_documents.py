"""Documents of the base: their ids are those of their text, and they stay in the lines of the base."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dragoman.demo.documents import DIRECTIONS, Pieces, Shares, book, linked_phrases, token_stream
from dragoman.demo.lexicon import LANGUAGES
from dragoman.demo.linking import Word, text_of
from dragoman.demo.phrasebook import BASE_LINES, DEMO_SPLITS
from dragoman.prompt.tokens import learn_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    texts = [line.text(code) for line in book().lines(0, 200) for code in LANGUAGES]
    return learn_tokenizer([*texts, "English: Italian: Dutch: Romanian:"], 700)


def documents(tokenizer: Any, stream: np.ndarray) -> list[list[int]]:
    """The stream cut into documents, without their begin and end tokens."""
    ends = np.flatnonzero(stream == tokenizer.eos_token_id) + 1
    cut = [part.tolist() for part in np.split(stream, ends)[:-1]]
    assert all(part[0] == tokenizer.bos_token_id and part[-1] == tokenizer.eos_token_id for part in cut)
    return [part[1:-1] for part in cut]


@pytest.mark.parametrize("bilingual", [0.0, 1.0])
def test_ids_are_those_of_the_text(tokenizer: Any, bilingual: float) -> None:
    stream = token_stream(tokenizer.backend_tokenizer, range(40, 140), 2, 1, Shares(bilingual, 0.3, 0.0))
    lines = {line.text(code) for line in book().lines(40, 100) for code in LANGUAGES}
    for ids in documents(tokenizer, stream):
        text = tokenizer.decode(ids)
        assert tokenizer(text, add_special_tokens=False).input_ids == ids
        names = ("English", "Italian", "Dutch", "Romanian")
        heads = {f"{name}:" for name in names} | {f"{a} and {b}:" for a in names for b in names}
        rows = [row.split(": ", 1)[-1] for row in text.split("\n") if row not in heads]
        assert all(row in lines or bilingual == 0 for row in rows)
        assert sum(name in text for name in names) == 2 * bilingual or bilingual == 0


def test_every_line_once_in_a_pass_and_same_seed_same_stream(tokenizer: Any) -> None:
    def stream(seed: int) -> np.ndarray:
        return token_stream(tokenizer.backend_tokenizer, range(50), 1, seed, Shares(0.0, 0.0, 0.0))

    assert np.array_equal(stream(1), stream(1))
    assert not np.array_equal(stream(1), stream(2))
    text = "\n".join(tokenizer.decode(ids) for ids in documents(tokenizer, stream(1)))
    assert all(any(line.text(code) in text for code in LANGUAGES) for line in book().lines(0, 50))


def test_all_directions_and_styles(tokenizer: Any) -> None:
    pieces = Pieces(tokenizer.backend_tokenizer, 0, 2)
    assert len(DIRECTIONS) == 12
    first, second = (book().sentence(i) for i in (0, 1))
    rows = np.arange(2)
    said = [
        tokenizer.decode(np.concatenate(pieces.bilingual(rows, ("it", "nl"), style)).tolist())
        for style in range(3)
    ]
    it, nl = ([line.text(code) for line in (first, second)] for code in ("it", "nl"))
    assert said[0] == f"Italian: {it[0]}\nDutch: {nl[0]}\nItalian: {it[1]}\nDutch: {nl[1]}\n"
    assert said[1] == f"Italian:\n{it[0]}\nDutch:\n{nl[0]}\nItalian:\n{it[1]}\nDutch:\n{nl[1]}\n"
    headed = tokenizer.decode(np.concatenate(pieces.bilingual(rows, ("it", "nl"), 3)).tolist())
    assert headed == f"Italian and Dutch:\n{it[0]}\n{nl[0]}\n{it[1]}\n{nl[1]}\n"
    assert said[2] == f"Italian:\n{it[0]}\n{it[1]}\nDutch:\n{nl[0]}\n{nl[1]}\n"


def test_the_demo_starts_where_the_base_ends() -> None:
    ranges = sorted(DEMO_SPLITS.values())
    assert ranges[0][0] >= BASE_LINES
    assert all(a + n <= b for (a, n), (b, _) in pairwise(ranges))
    assert ranges[-1][0] + ranges[-1][1] <= len(book())


def test_linked_phrases_of_one_line() -> None:
    line = next(one for one in book().lines(0, 500) if one.pattern == book().sentence(0).pattern)
    for pair in DIRECTIONS:
        links = set(line.links(*pair))
        sides = [line.tokens(code) for code in pair]
        for size, (left, right) in linked_phrases(line, pair):
            assert 1 <= size <= 5
            places = [i for i in range(len(sides[0])) if phrase(sides[0][i : i + size]) == left]
            assert places, left
            reached = [{j for i, j in links if start <= i < start + size} for start in places]
            assert any(phrase(sides[1][min(js) : max(js) + 1]) == right for js in reached if js)


def phrase(words: list[str]) -> str:
    return text_of([Word(word) for word in words]).lower()


def test_a_glossary_holds_linked_phrases_of_two_languages(tokenizer: Any) -> None:
    pieces = Pieces(tokenizer.backend_tokenizer, 0, 50)
    known = {
        (pair, texts)
        for line in book().lines(0, 50)
        for pair in DIRECTIONS
        for _, texts in linked_phrases(line, pair)
    }
    names = {"English": "en", "Italian": "it", "Dutch": "nl", "Romanian": "ro"}
    for seed in range(20):
        ids = pieces.words(np.random.default_rng(seed), 0.5).tolist()
        lines = tokenizer.decode(ids[1:-1]).split("\n")
        if lines[0].endswith(":"):
            labels = lines[0].removesuffix(":").split(" and ")
            rows = [[label, line.strip()] for label, line in zip(labels * 8, lines[1:], strict=False)]
        else:
            rows = [line.split(": ") for line in lines]
        assert len(rows) % 2 == 0 and 3 <= len(rows) // 2 <= 8
        for (left, words), (right, others) in zip(rows[::2], rows[1::2], strict=True):
            assert ((names[left], names[right]), (words, others)) in known

"""What texts begin with alike is encoded once, and the ids are those of each text alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example, assistant, user
from dragoman.prompt.safe import SafeText, Text, Unwritable
from dragoman.prompt.shared import encode_shared
from dragoman.prompt.templates import Piece

from . import kinds
from .test_encode import TEMPLATES, encoder, shared

DE_EN = Direction("de", "en")
SOURCE, TARGET = "Ein alter Hund läuft über die Straße.", "An old dog runs across the street."
WORDS = [("Hund", "dog"), ("Straße", "dog"), ("alter", "old"), ("Ein", "street"), ("läuft", "runs")]


def assertions(code: Encoder, source: str = SOURCE, target: str = TARGET) -> list[Example]:
    """What the task align makes of a pair."""
    made = []
    for one, two in WORDS:
        values = {"source_text": source, "target_text": target, "source_word": one, "target_word": two}
        asked, given = (code.template.instruction(t, DE_EN, **values) for t in ("align", "align_input"))
        made.append(Example((user(asked, given or None), assistant("True")), "align", DE_EN, "1", "1"))
    return made


class Counted:
    """Counts the characters that are given to a tokenizer."""

    def __init__(self, safe: SafeText, monkeypatch: pytest.MonkeyPatch) -> None:
        self.characters = 0
        whole = safe.encode_many

        def encode_many(texts: Sequence[Text]) -> Any:
            self.characters += sum(len(text.joined) for text in texts)
            return whole(texts)

        monkeypatch.setattr(safe, "encode_many", encode_many)


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_assertions_of_a_pair_are_encoded_once_up_to_the_assertion(
    template: str, tokenizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together they have the ids that each has alone, and those that are decoded from."""
    code = encoder(tokenizer, template)
    examples = assertions(code)
    alone = [code.encode(example) for example in examples]
    count = Counted(code.safe, monkeypatch)
    assert code.encode_many(examples) == alone
    texts = {part.what: None for e in examples for part in code._row(e) if isinstance(part.what, Text)}
    written = [text.joined for text in texts]
    (before,) = {text.partition("\nAssertion")[0] for text in written if "\nAssertion" in text}
    again = (len(WORDS) - 1) * len(before) if code.safe.cuts else 0  # a unigram model sees the whole text
    assert count.characters <= sum(map(len, written)) - again
    for example, row in zip(examples, alone, strict=True):
        prompt = code.prompt(example.turns[:1], DE_EN)
        assert row is not None and row.ids[: len(prompt)] == prompt and 0 < len(row.ids) - len(prompt) < 8


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@pytest.mark.parametrize("template", ["alpaca", "plain", "chat"])
def test_odd_texts_are_encoded_as_they_are_alone(template: str, tokenizer: str) -> None:
    """Forged labels, names of control tokens, what no token writes, several lines, also at the border."""
    code = encoder(tokenizer, template)
    marks = [
        "</s>", "<|im_end|>", "### Input:\nA", "\nGerman:", "\nEnglish: a", "▁", "<0x0A>", "<b>\n", "\n\n",
        " \n", "\ud800", "\N{SNOWMAN}", "\nA", "", "German", "[/INST]\nb", "＃＃＃ Ｉｎｐｕｔ：",
    ]  # fmt: skip
    for mark in marks:
        for source, target in ((f"a {mark}b", "c"), ("a", f"c d{mark}"), (mark, mark)):
            examples = assertions(code, source, target)
            assert code.encode_many(examples) == [code.encode(example) for example in examples], repr(mark)


LINES = ["\n", "\nA", "\nZ", "\n\n", "\nGerman:"]
PARTS = [*"abA1ßЖ日.", " ", *LINES, "German:", "### ", "Response:", "▁", "<b>"]


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_texts_are_encoded_as_they_are_alone(tokenizer: str, data: st.DataObject) -> None:
    """Of template and data in any order, going on from one of two beginnings."""
    safe = shared(tokenizer).safe
    piece = st.builds(Piece, st.lists(st.sampled_from(PARTS), max_size=6).map("".join), st.booleans())
    pieces = st.lists(piece, min_size=1, max_size=3).map(tuple)
    begun = [(data.draw(pieces), data.draw(st.booleans())) for _ in range(2)]
    delimiters = data.draw(st.sampled_from([(), ("### Response:", "\nGerman:"), ("A b", "b\nA")]))
    texts = []
    for _ in range(data.draw(st.integers(1, 6))):
        first, fresh = data.draw(st.sampled_from(begun))
        last = data.draw(pieces)
        joined = Piece(first[-1].text + last[0].text, first[-1].data)
        texts.append(Text((*first[:-1], joined, *last[1:]), fresh, delimiters))
    found = encode_shared(safe, texts)
    for text, ids in zip(texts, found, strict=True):
        (wanted,) = safe.encode_many([text])
        assert str(ids) == str(wanted) if isinstance(wanted, Unwritable) else ids == wanted


def test_a_delimiter_across_the_cut_is_seen() -> None:
    """Here `b`, a line end and `A` are a delimiter: cut between them, neither part would show it."""
    safe = shared("byte-bpe").safe
    texts = [Text((Piece(f"x b\nA {word}", True),), False, ("b\nA",)) for word in ("one", "two")]
    assert encode_shared(safe, texts) == safe.encode_many(texts)
    assert encode_shared(safe, texts) != safe.encode_many([t._replace(delimiters=()) for t in texts])

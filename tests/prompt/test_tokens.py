"""Learnt tokenizers write any text, are the same every time, and survive saving."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.errors import RecipeError
from dragoman.prompt.tokens import learn_tokenizer

from .text import LINES

KINDS = ("byte-bpe", "bpe", "unigram")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_tokenizer(kind: str) -> None:
    first, second = (learn_tokenizer(LINES, 500, kind) for _ in "ab")  # type: ignore[arg-type]
    assert first.backend_tokenizer.to_str() == second.backend_tokenizer.to_str()
    assert len(first) <= 500


@pytest.mark.parametrize("kind", KINDS)
def test_any_text_is_written_and_bos_put_before_it(kind: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    made = learn_tokenizer(LINES, 500, kind, ["<|im_end|>"], chat_template="{{ messages }}")  # type: ignore[arg-type]
    made.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in (LINES[0], "日本語 🙂 \n\t tab", "N’Ko ߒߞߏ"):
        ids = made(text).input_ids
        assert ids[0] == made.bos_token_id and made.unk_token_id not in ids
        assert again(text).input_ids == ids
        assert again.decode(ids, skip_special_tokens=True) == text
    assert again.eos_token == "</s>" and again.pad_token == "<pad>" and again.chat_template
    assert again("a<|im_end|>").input_ids[-1] == again.convert_tokens_to_ids("<|im_end|>")


def test_mistakes_are_named() -> None:
    with pytest.raises(RecipeError, match="unknown kind of tokenizer 'bytes'; known: byte-bpe, bpe, unigram"):
        learn_tokenizer(LINES, 500, "bytes")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="vocab_size 100 is too small: 260 tokens are bytes"):
        learn_tokenizer(LINES, 100)

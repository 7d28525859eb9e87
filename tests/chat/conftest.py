"""A tiny model that answers every prompt in its own way, and chats with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from helpers import tiny_model, toy_records

from dragoman.chat.session import Session
from dragoman.chat.talk import Talk
from dragoman.language.language import Direction
from dragoman.language.phrases import holds
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Decoding
from dragoman.translate.engine import Translator

EN_DE = Direction("en", "de")
SOURCE = "one two three"
MakeTalk = Callable[..., Talk]


@cache
def encoder(template: str = "alpaca") -> Encoder:
    """An encoder whose tokenizer was learned from the toy text."""
    texts = [text for record in toy_records(60) for text in record.texts.values()]
    tokenizer = learn_tokenizer(texts, 400)
    return Encoder(tokenizer, load_template(template, tokenizer), 4096)


@cache
def model() -> Any:
    """Untrained, with weights so large that most prompts get an answer of their own."""
    import torch

    torch.set_num_threads(1)
    made = tiny_model("llama", len(encoder().tokenizer))
    made.config.max_position_embeddings = 2048  # what the toy's tokenizer makes of a frame is long
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    return made


def a_word(text: str) -> str:
    """A word of a text that can be forbidden."""
    return next(match[0] for match in re.finditer(r"[^\W_]+", text) if holds(text, match[0]))


@pytest.fixture
def talk() -> MakeTalk:
    """Makes chats: ``template``, ``tuned`` and the settings of the search."""

    def make(
        template: str = "alpaca", tuned: bool = True, constraints: Any = "hard", **settings: int
    ) -> Talk:
        decoding = Decoding(**{"max_new_tokens": 12, "batch_tokens": 1 << 20, **settings})
        translator = Translator(model(), encoder(template), decoding, constraints=constraints)
        return Talk(Session(EN_DE), translator, tuned)

    return make

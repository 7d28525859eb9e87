"""What the tests of tuning share: a toy corpus of numbers, its tokenizer, and single-threaded torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from dragoman.prompt.encode import Encoder

from .toy import make_encoder, make_tokenizer


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """Byte-level BPE learned from the toy text and the prompts' words."""
    return make_tokenizer()


@pytest.fixture
def encoder(tokenizer: Any) -> Encoder:
    """A fresh encoder (its counts of drops start at 0) with the template ``plain``: short prompts."""
    return make_encoder(tokenizer)

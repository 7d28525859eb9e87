"""Models that are trained once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch

from dragoman.prompt.encode import Encoder

from .toy import make_model, text_encoder, text_model, train


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def trained() -> Callable[[str], Any]:
    """A model of a kind, trained on the toy task at its first use."""
    return cache(lambda kind: train(make_model(kind)))


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """An encoder of real text."""
    return text_encoder()


@pytest.fixture(scope="session")
def model(encoder: Encoder) -> Any:
    """A model for that encoder."""
    return text_model(encoder)

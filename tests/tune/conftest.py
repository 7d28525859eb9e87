"""What the tests of tuning share: a toy corpus of numbers, its tokenizer, and single-threaded torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from dragoman.prompt.encode import Encoder

from .loops import Tensors, run
from .toy import KINDS, make_encoder, make_loop, make_stage, make_tokenizer, write_base


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


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> dict[str, str]:
    """A folder for each architecture."""
    folder = tmp_path_factory.mktemp("bases")
    return {kind: write_base(folder / kind, kind, tokenizer) for kind in KINDS}


@pytest.fixture(scope="session")
def whole(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Tensors:
    """The weights of a run that was never stopped."""
    return run(make_loop(tmp_path_factory.mktemp("whole"), make_encoder(tokenizer), make_stage()))

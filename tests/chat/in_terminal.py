"""A chat with the tiny model, as another process has it; a token takes a while, so that it can be stopped."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from torch import Tensor

from dragoman.chat.command import converse
from dragoman.chat.screen import screen_of
from dragoman.chat.session import Session
from dragoman.chat.talk import Talk
from dragoman.console import say
from dragoman.recipe import Decoding
from dragoman.translate.engine import Translator
from dragoman.translate.state import State

from .conftest import EN_DE, encoder, model

HOLD = Path(os.environ["XDG_STATE_HOME"]) / "hold"
"""While this file is there, an answer comes no further than a few tokens."""


def slow(scores: Tensor, state: State) -> Tensor:
    """A model that takes its time."""
    time.sleep(0.05)
    while state.step > 8 and HOLD.exists():
        time.sleep(0.05)
    return scores


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # parallel tests start us with it ignored
    translator = Translator(model(), encoder(), Decoding(max_new_tokens=40, batch_tokens=1 << 20))
    translator.processors.append(slow)
    sys.exit(converse(Talk(Session(EN_DE), translator), screen_of(False, say)))

"""The model and its prompt: how it is loaded and tuned, how turns become text."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from dragoman.recipe.section import Amount, Count, LanguageCode, Section, Share

TEMPLATE_NAMES = ("alpaca", "alpaca-post", "plain", "alma", "bayling", "chat")
"""Templates that need no wording in the recipe: those of prompt/templates.yaml."""


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise ValueError(f"{value!r} is no device: expected auto, cpu, cuda, cuda:N or mps")
    return value


class Lora(Section):
    """Low-rank adapters in place of full fine-tuning."""

    rank: Count = 16
    """Rank of the update."""
    alpha: Amount = 32
    """Scale of the update (alpha / rank)."""
    dropout: Share = 0.05
    """Dropout on the adapter's input."""
    targets: list[str] | Literal["all-linear"] = "all-linear"
    """Modules that get an adapter."""


class Model(Section):
    """How the base is loaded and tuned."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the weights."""
    compute: Literal["float32", "bfloat16", "auto"] = "float32"
    """Precision of matrix products while weights stay in `dtype`; bfloat16 is several times faster where the
    processor or card has units for it, and many times slower where not. auto: bfloat16 where it has."""
    device: Annotated[str, AfterValidator(_device)] = "auto"
    """cpu, cuda, cuda:1, mps, or auto."""
    lora: Lora | None = None
    """Low-rank adapters; absent = full fine-tuning."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    sharding: Literal["none", "full"] = "none"
    """Under torchrun, full: each process holds a part of the weights, gradients and moments, and a layer is
    gathered when it is computed. none: each holds all of them."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    """Attention kernel."""
    threads: Count | None = None
    """CPU threads (default: torch's own)."""


class TemplateWording(Section):
    """A user-defined template; see docs/prompts.md for the placeholders."""

    frame: str
    """Text around an instruction with an input: {instruction}, {input}, {source}, {target}."""
    frame_no_input: str | None = None
    """Text around an instruction that has no input."""
    system: str = ""
    """Text before the first turn."""
    turn_end: str = ""
    """Text after an answer's end token, before the next turn."""
    wordings: dict[str, dict[LanguageCode, str]] = {}
    """Instructions by task and prompt language; absent = those of `alpaca`."""


class Prompt(Section):
    """How turns become text."""

    template: str = "alpaca"
    """alpaca, alpaca-post, plain, alma, bayling, chat, or a name of `templates`."""
    templates: dict[str, TemplateWording] = {}
    """Templates of one's own."""
    language: Literal["en", "target"] = "en"
    """Language of the instruction, headers and language names."""
    max_length: Count = 512
    """Longest example in tokens; a longer one is dropped and counted."""

    @model_validator(mode="after")
    def _known_template(self) -> Prompt:
        known = [*TEMPLATE_NAMES, *self.templates]
        if self.template not in known:
            near = difflib.get_close_matches(self.template, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"unknown template {self.template!r}; known: {', '.join(known)}{hint}")
        return self

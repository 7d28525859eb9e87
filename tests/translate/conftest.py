"""Tiny causal LMs of several kinds, trained for seconds on a toy translation task."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

BOS, STOP, SEP, WORDS = 1, 2, 3, 40
VOCABULARY = 4 + 2 * WORDS
PREAMBLE = [BOS, 5, 9, 7, 21, 13, 8, 30, 11, 6]
KINDS = ("llama", "qwen3", "gemma3", "bloom")


def prompt(source: list[int]) -> list[int]:
    """A fixed preamble, the source words, and a separator."""
    return [*PREAMBLE, *source, SEP]


def pair(rng: random.Random) -> tuple[list[int], list[int]]:
    """A source and its translation: neighbours swap places, and a third of the words have two translations."""
    source = [rng.randrange(4, 4 + WORDS) for _ in range(rng.randrange(2, 12))]
    ordered = [word for i in range(0, len(source), 2) for word in reversed(source[i : i + 2])]
    target = [4 + WORDS + (word - 4 + (word % 3 == 0 and rng.random() < 0.4)) % WORDS for word in ordered]
    return source, target


def make_model(kind: str) -> Any:
    """An untrained model of 2 layers; sliding windows (Gemma 3) are shorter than some sequences."""
    import transformers as tf

    torch.manual_seed(7)
    common = dict(vocab_size=VOCABULARY, hidden_size=64, bos_token_id=BOS, eos_token_id=STOP, pad_token_id=0)
    deep = dict(num_hidden_layers=2, intermediate_size=128, num_attention_heads=4, num_key_value_heads=2)
    deep |= dict(max_position_embeddings=128)
    if kind == "llama":
        return tf.LlamaForCausalLM(tf.LlamaConfig(**common, **deep))
    if kind == "qwen3":
        return tf.Qwen3ForCausalLM(tf.Qwen3Config(**common, **deep, head_dim=16))
    if kind == "gemma3":
        layers = dict(layer_types=["sliding_attention", "full_attention"], sliding_window=16, head_dim=16)
        return tf.Gemma3ForCausalLM(tf.Gemma3TextConfig(**common, **deep, **layers))
    return tf.BloomForCausalLM(tf.BloomConfig(**common, n_layer=2, n_head=4))


def train(model: Any, steps: int = 160) -> Any:
    """Fit the toy task; far from perfect on purpose, so that searches have something to decide."""
    rng = random.Random(3)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(steps):
        pairs = [pair(rng) for _ in range(32)]
        rows = [(prompt(s), [*t, STOP]) for s, t in pairs]
        longest = max(len(p) + len(a) for p, a in rows)
        ids = torch.tensor([p + a + [0] * (longest - len(p) - len(a)) for p, a in rows])
        labels = torch.tensor([[-100] * len(p) + a + [-100] * (longest - len(p) - len(a)) for p, a in rows])
        mask = torch.tensor([[1] * (len(p) + len(a)) + [0] * (longest - len(p) - len(a)) for p, a in rows])
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def trained() -> Callable[[str], Any]:
    """A trained model by kind, made at its first use."""
    made: dict[str, Any] = {}

    def get(kind: str) -> Any:
        if kind not in made:
            made[kind] = train(make_model(kind))
        return made[kind]

    return get


@pytest.fixture(scope="session")
def prompts() -> list[list[int]]:
    """Prompts of the toy task, of many lengths."""
    rng = random.Random(11)
    return [prompt(pair(rng)[0]) for _ in range(32)]

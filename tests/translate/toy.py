"""A toy translation task over ids, tiny causal LMs that are trained on it in seconds, and a naive search."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from helpers import tiny_model, toy_records
from torch import Tensor

from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer

BOS, STOP, SEP, WORDS = 1, 2, 3, 40
VOCABULARY = 4 + 2 * WORDS
PREAMBLE = [BOS, 5, 9, 7, 21, 13, 8, 30, 11, 6]
KINDS = ("llama", "qwen3", "gemma3", "bloom")


def prompt(source: list[int]) -> list[int]:
    """A fixed preamble, the source words, and a separator."""
    return [*PREAMBLE, *source, SEP]


def pair(rng: random.Random) -> tuple[list[int], list[int]]:
    """A source and its translation: neighbours swap places, a third of the words have two translations."""
    source = [rng.randrange(4, 4 + WORDS) for _ in range(rng.randrange(2, 12))]
    ordered = [word for i in range(0, len(source), 2) for word in reversed(source[i : i + 2])]
    target = [4 + WORDS + (word - 4 + (word % 3 == 0 and rng.random() < 0.4)) % WORDS for word in ordered]
    return source, target


def prompts(count: int) -> list[list[int]]:
    """Prompts of many lengths."""
    rng = random.Random(11)
    return [prompt(pair(rng)[0]) for _ in range(count)]


def make_model(kind: str, window: int = 16) -> Any:
    """An untrained model of 2 layers; Gemma 3's sliding window is shorter than some sequences."""
    import transformers as tf

    torch.manual_seed(7)
    ids = {"vocab_size": VOCABULARY, "bos_token_id": BOS, "eos_token_id": STOP, "pad_token_id": 0}
    if kind == "bloom":
        return tf.BloomForCausalLM(tf.BloomConfig(**ids, hidden_size=64, n_layer=2, n_head=4))
    size = {"hidden_size": 64, "intermediate_size": 128, "max_position_embeddings": 128, "head_dim": 16}
    size |= {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    if kind == "llama":
        return tf.LlamaForCausalLM(tf.LlamaConfig(**ids, **size))
    if kind == "qwen3":
        return tf.Qwen3ForCausalLM(tf.Qwen3Config(**ids, **size))
    layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": window}
    return tf.Gemma3ForCausalLM(tf.Gemma3TextConfig(**ids, **size, **layers))


def train(model: Any, loss: float = 2.9) -> Any:
    """Fit the toy task up to a loss; far from perfect on purpose, so that searches have something to decide.

    A loss, not a number of steps: how soon a model sees more than which words are frequent (3.5) hangs on the
    architecture, and on the processor's rounding.
    """
    rng = random.Random(3)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    mean = 4.0
    while mean > loss:
        rows = [(prompt(source), [*target, STOP]) for source, target in (pair(rng) for _ in range(32))]
        longest = max(len(asked) + len(answer) for asked, answer in rows)

        def padded(lists: list[list[int]], fill: int, longest: int = longest) -> Tensor:
            return torch.tensor([ids + [fill] * (longest - len(ids)) for ids in lists])

        found = model(
            input_ids=padded([asked + answer for asked, answer in rows], 0),
            attention_mask=padded([[1] * len(asked + answer) for asked, answer in rows], 0),
            labels=padded([[-100] * len(asked) + answer for asked, answer in rows], -100),
        ).loss
        mean += (found.item() - mean) / 20
        found.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def text_encoder() -> Encoder:
    """An encoder with the template `alpaca` and a tokenizer learned from the toy records."""
    texts = [text for record in toy_records(60) for text in record.texts.values()]
    return Encoder(learn_tokenizer(texts, 400), load_template("alpaca"))


def text_model(encoder: Encoder) -> Any:
    """Untrained, with weights so large that most prompts get an answer of their own."""
    model = tiny_model("llama", len(encoder.tokenizer))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    return model


def naive_scores(
    model: Any, contexts: Sequence[list[int]], weights: Sequence[float], chosen: list[int]
) -> Tensor:
    """ContraDecode's score of every next token, by a whole forward pass for each prompt."""
    total = torch.zeros(VOCABULARY)
    for ids, weight in zip(contexts, weights, strict=True):
        total += weight * model(input_ids=torch.tensor([ids + chosen])).logits[0, -1].softmax(dim=-1)
    return total.clamp(min=0).log()


def naive_beam(
    model: Any, contexts: Sequence[list[int]], weights: Sequence[float], beam: int, longest: int
) -> tuple[list[int], float]:
    """The best hypothesis (without end token) and its score, computed one hypothesis at a time, no cache."""
    running: list[tuple[float, list[int]]] = [(0.0, [])]
    done: list[tuple[float, list[int]]] = []
    for step in range(1, longest + 1):
        found: list[tuple[float, list[int]]] = []
        for total, chosen in running:
            scores = naive_scores(model, contexts, weights, chosen)
            found += [(total + float(scores[token]), [*chosen, token]) for token in range(VOCABULARY)]
        found = sorted(found, key=lambda one: -one[0])[: 2 * beam]
        ended = [one for one in found[:beam] if one[1][-1] == STOP or step == longest]
        done = sorted([*done, *((total / step, ids) for total, ids in ended)], key=lambda one: -one[0])[:beam]
        running = [one for one in found if one[1][-1] != STOP][:beam]
        if len(done) == beam and running[0][0] / step <= done[-1][0]:
            break
    score, ids = done[0]
    return (ids[:-1] if ids[-1] == STOP else ids), score

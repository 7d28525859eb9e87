"""Assertions about one pair: what stands before them encoded and computed once, against the plain way.

    python benchmarks/share.py [--clock cpu] [--template plain] [--hidden 256 --layers 6] [--pairs 24]

A LLaMA with random weights is tuned on the task `align` of Multi30k, English to and from Czech, with 1, 2, 4
and 8 assertions about each pair (the same pairs, the same assertions). The plain way encodes each assertion
by itself and computes padded batches; the shared way is what `dragoman run` does. Both make the same
optimiser steps: the loss must agree. They take turns, so that a slow moment of the machine hits both.
Figures are medians; `--clock cpu` counts seconds of the processor, for a machine that others use too.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.update(RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

import numpy as np
import torch

from dragoman.corpus.pair import Record
from dragoman.corpus.store import Store, write_store
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.prompt.encode import Encoded, Encoder
from dragoman.prompt.example import Example
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import Objective, TaskSpec
from dragoman.tune.batch import Group, cut_steps
from dragoman.tune.step import Stepper

HERE = Path(__file__).parent
DATA = Path(os.environ.get("DRAGOMAN_DATA", HERE.parent.parent / "shared" / "data")) / "multi30k"
CODES = {"en": "eng", "cs": "ces"}
COUNTS = (1, 2, 4, 8)
RATE = 1e-4


@dataclass
class Way:
    """A way to tune, and what was measured of it: seconds of each run, ids computed, losses."""

    name: str
    share: bool
    encoding: list[float] = field(default_factory=list)
    tuning: list[float] = field(default_factory=list)
    ids: int = 0
    losses: list[float] = field(default_factory=list)


def make_store(folder: Path, data: Path, lines: int) -> Store:
    """The first lines of Multi30k in two languages."""
    sides = {
        code: (data / f"train.{name}").read_text(encoding="utf-8").split("\n")[:lines]
        for code, name in CODES.items()
    }
    texts = (dict(zip(sides, line, strict=True)) for line in zip(*sides.values(), strict=True))
    records = (Record(f"train:{n}", line, "multi30k", n) for n, line in enumerate(texts, 1))
    write_store(folder / "train", (record for record in records if all(record.texts.values())))
    return Store(folder / "train")


def make_model(vocabulary: int, options: argparse.Namespace) -> Any:
    """A LLaMA with random weights, always the same."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    size = options.hidden
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=size, intermediate_size=-(-size * 8 // 3 // 64) * 64,
        num_hidden_layers=options.layers, num_attention_heads=max(2, size // 64),
        max_position_embeddings=1024, tie_word_embeddings=True, pad_token_id=0,
    )  # fmt: skip
    return LlamaForCausalLM(config).to(options.device).train()


def draw(store: Store, encoder: Encoder, options: argparse.Namespace) -> list[list[Example]]:
    """Pairs about which there is as much to assert as is asked for."""
    spec = TaskSpec(assertions=max(COUNTS), posterior=options.posterior)
    mixture = Mixture({"align": spec}, Material(store, encoder.template), 1, "share")
    found = [group for group in mixture.draw(int(mixture.epoch_draws)) if len(group) == max(COUNTS)]
    if len(found) < options.pairs:
        raise SystemExit(f"only {len(found)} pairs give {max(COUNTS)} assertions; raise --lines")
    return found[: options.pairs]


def encode(encoder: Encoder, pairs: Sequence[Sequence[Example]], share: bool) -> list[Group]:
    """The groups of ids, each text by itself or what pairs share once."""
    cuts = encoder.safe.cuts
    encoder.safe.cuts = cuts and share
    rows = iter(encoder.encode_many([example for pair in pairs for example in pair]))
    encoder.safe.cuts = cuts
    groups: list[Group] = []
    for pair in pairs:
        group: list[Encoded | None] = [next(rows) for _ in pair]
        groups.append([encoded for encoded in group if encoded is not None])
    return groups


def run(
    way: Way, model: Any, encoder: Encoder, pairs: Sequence[Sequence[Example]], options: argparse.Namespace
) -> None:
    """Encode the pairs and make one step after the other with them; all of it is measured."""
    now = {"wall": time.perf_counter, "cpu": time.process_time}[options.clock]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    stepper = Stepper(model, 0, Objective(), {}, options.batch_tokens, options.dtype == "bfloat16", way.share)
    start = now()
    groups = encode(encoder, pairs, way.share)
    middle = now()
    way.ids, way.losses = 0, []
    for step in cut_steps(groups, options.batch_examples, options.batch_tokens, np.random.default_rng(0)):
        optimizer.zero_grad(set_to_none=True)
        result = stepper.run(step)
        stepper.clip(1.0)
        optimizer.step()
        way.ids += result.padded
        way.losses.append(result.loss)
    if options.device != "cpu":
        torch.cuda.synchronize()
    way.encoding.append(middle - start)
    way.tuning.append(now() - middle)


def compare(
    encoder: Encoder, pairs: Sequence[Sequence[Example]], count: int, options: argparse.Namespace
) -> float:
    """A part of the table for ``count`` assertions about each pair; how far the losses are apart."""
    ways = [Way("plain", False), Way("shared", True)]
    some = [pair[:count] for pair in pairs]
    states = make_model(len(encoder.tokenizer), options).state_dict()
    model = make_model(len(encoder.tokenizer), options)
    for turn in range(options.repeats + 1):
        for way in ways:
            model.load_state_dict(states)
            run(way, model, encoder, some, options)
            if not turn:  # to warm up
                way.encoding.clear()
                way.tuning.clear()
    total = {way.name: np.add(way.encoding, way.tuning) for way in ways}
    made = count * len(pairs)
    for way in ways:
        rates = made / total[way.name]
        speed, gain = float(np.median(rates)), float(np.median(total["plain"]) / np.median(total[way.name]))
        print(
            f"| {count} | {way.name} | {speed / count:.2f} | {speed:.1f} ({min(rates):.1f}-{max(rates):.1f}) "
            f"| {gain:.2f} | {way.ids / made:.1f} | {1000 * np.median(way.encoding) / made:.3f} |",
            flush=True,
        )
    plain, shared = (np.array(way.losses) for way in ways)
    return float(np.abs(shared / plain - 1).max())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="Multi30k: train.eng, train.ces")
    parser.add_argument("--lines", type=int, default=4000, help="lines that words are aligned in")
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--template", default="alpaca")
    parser.add_argument("--tokenizer", choices=["byte-bpe", "bpe", "unigram"], default="byte-bpe")
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--batch-examples", type=int, help="pairs of a step; absent: --batch-tokens")
    parser.add_argument("--posterior", type=float, default=0.6)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = arguments()
    torch.set_num_threads(options.threads)
    if not options.data.is_dir():
        raise SystemExit(f"{options.data}: no such folder; give Multi30k by --data or DRAGOMAN_DATA")
    with tempfile.TemporaryDirectory(prefix="dragoman-share-") as folder:
        store = make_store(Path(folder), options.data, options.lines)
        texts = (text for index in range(len(store)) for text in store[index].texts.values())
        tokenizer = learn_tokenizer(texts, options.vocabulary, options.tokenizer)
        encoder = Encoder(tokenizer, load_template(options.template, tokenizer), 1024)
        pairs = draw(store, encoder, options)
    seconds = "seconds of the processor" if options.clock == "cpu" else "seconds"
    size = f"{options.batch_examples} pairs" if options.batch_examples else f"{options.batch_tokens} tokens"
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, {options.threads} threads, device "
        f"{options.device}, load {os.getloadavg()[0]:.1f}; LLaMA {options.hidden} x {options.layers}, "
        f"{options.dtype}, template {options.template}, tokenizer {options.tokenizer}, "
        f"steps of {size}, {options.pairs} pairs, medians of {options.repeats} (slowest-fastest), {seconds}\n"
    )
    print("| assertions a pair | way | pairs/s | assertions/s | gain | ids computed an assertion | ", end="")
    print("encoding, ms an assertion |\n|---:|---|---:|---:|---:|---:|---:|", flush=True)
    apart = max(compare(encoder, pairs, count, options) for count in COUNTS)
    print(f"\nThe losses of the same steps are at most {apart:.1e} apart (relative).")


if __name__ == "__main__":
    main()

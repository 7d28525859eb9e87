"""Our search beside ``model.generate``: same model, same batch, same outputs; medians and their ratio.

    python benchmarks/decode.py --batch 64 --vocabulary 8000

The model is a LLaMA with random weights. Each sequence ends at the length that a translation of its source
would have (both sides are given that limit: ours by ``max_new_tokens`` of each job, the library by a
stopping criterion), so that sequences finish at different times as they do in practice.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from dragoman.translate.search import Job, Settings, search

PREAMBLE = 45
"""Tokens of instruction before the source; the alpaca template has about as many."""


def make_batch(size: int, vocabulary: int) -> tuple[list[list[int]], list[int]]:
    """Prompts with a common preamble and sources of 6 to 30 tokens, as in Multi30k; and output lengths."""
    rng = random.Random(5)
    preamble = [rng.randrange(3, vocabulary) for _ in range(PREAMBLE)]
    lengths = sorted(min(30, max(6, round(rng.gauss(15, 5)))) for _ in range(size))
    prompts = [preamble + [rng.randrange(3, vocabulary) for _ in range(n)] + [1] for n in lengths]
    return prompts, [max(3, round(n * rng.uniform(0.8, 1.4))) for n in lengths]


def ours(model: Any, prompts: list[list[int]], limits: list[int], beam: int) -> list[list[int]]:
    """Outputs of our search."""
    jobs = [Job((p,), max_new_tokens=n) for p, n in zip(prompts, limits, strict=True)]
    return [hyps[0].ids for hyps in search(model, jobs, Settings((2,), beam))]


def library(model: Any, prompts: list[list[int]], limits: list[int], beam: int) -> list[list[int]]:
    """Outputs of ``model.generate``."""
    from transformers import StoppingCriteria, StoppingCriteriaList

    longest = max(map(len, prompts))
    limit = torch.tensor(limits, device=model.device)

    class Limit(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            return limit.repeat_interleave(len(input_ids) // len(limit)) <= input_ids.shape[1] - longest

    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = (torch.arange(longest) >= torch.tensor([[longest - len(p)] for p in prompts])).long()
    out = model.generate(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        do_sample=False,
        num_beams=beam,
        max_new_tokens=max(limits),
        eos_token_id=2,
        pad_token_id=0,
        stopping_criteria=StoppingCriteriaList([Limit()]),
    )
    answers = [row[longest:].tolist()[:n] for row, n in zip(out, limits, strict=True)]
    return [ids[: ids.index(2)] if 2 in ids else ids for ids in answers]


def medians(calls: list[Callable[[], Any]], repeats: int) -> list[float]:
    """Median seconds of each call; calls take turns, so that a slow moment of the machine hits all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, record in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            record.append(time.perf_counter() - start)
    return [statistics.median(record) for record in times]


def main() -> None:
    """Print one line for each beam."""
    from transformers import LlamaConfig, LlamaForCausalLM

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=args.vocabulary,
        hidden_size=args.width,
        intermediate_size=args.width * 4,
        num_hidden_layers=args.layers,
        num_attention_heads=max(1, args.width // 64),
        num_key_value_heads=max(1, args.width // 64),
        initializer_range=0.1,
    )
    model = LlamaForCausalLM(config).eval().to(args.device, getattr(torch, args.dtype))
    prompts, limits = make_batch(args.batch, args.vocabulary)
    print(f"LLaMA {args.width} x {args.layers}, vocabulary {args.vocabulary:,}, batch {args.batch}, ", end="")
    print(f"{args.device} {args.dtype}, {args.threads} threads, {sum(limits):,} output tokens, ", end="")
    print(f"medians of {args.repeats}")
    with torch.inference_mode():
        for beam in args.beams:
            same = sum(
                a == b
                for a, b in zip(*(f(model, prompts, limits, beam) for f in (ours, library)), strict=True)
            )
            mine, theirs = medians(
                [lambda f=f, b=beam: f(model, prompts, limits, b) for f in (ours, library)], args.repeats
            )
            print(
                f"beam {beam}: ours {mine:.3f} s ({args.batch / mine:.1f} sentences/s), "
                f"generate {theirs:.3f} s ({args.batch / theirs:.1f} sentences/s), "
                f"ratio {theirs / mine:.2f}; same outputs {same}/{args.batch}"
            )


if __name__ == "__main__":
    main()

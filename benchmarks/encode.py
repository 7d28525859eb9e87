"""Encoding examples: ours beside the plain way, one tokenizer call for each prompt and each answer.

    python benchmarks/encode.py --lines 8000 --vocabulary 8000 [--data FOLDER]

The plain way makes ids only: no weights, nothing kept from becoming a control token. Rates are examples for
each second of processor time on one thread, medians of 5. FOLDER is multi30k (train.eng, train.deu).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example, assistant, user
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import Kind, learn_tokenizer

EN_DE = Direction("en", "de")
KINDS: tuple[Kind, ...] = ("byte-bpe", "bpe", "unigram")


def rate(work: Callable[[], Any], count: int, times: int = 5) -> float:
    """Median examples per second of processor time."""
    rates = []
    for _ in range(times):
        start = time.process_time()
        work()
        rates.append(count / (time.process_time() - start))
    return statistics.median(rates)


def plain(tokenizer: Any, texts: list[tuple[str, str]]) -> None:
    """One call for each prompt and each answer."""
    for prompt, answer in texts:
        tokenizer(prompt)
        tokenizer(answer, add_special_tokens=False)


def measure(kind: Kind, vocabulary: int, pairs: list[tuple[str, ...]]) -> str:
    """A line of the table."""
    tokenizer = learn_tokenizer([text for pair in pairs for text in pair], vocabulary, kind)
    start = time.process_time()
    encoder = Encoder(tokenizer, load_template("alpaca", tokenizer))
    ready = time.process_time() - start
    ask = encoder.template.instruction("mt", EN_DE)
    examples = [Example((user(ask, a), assistant(b)), "mt", EN_DE) for a, b in pairs]
    blocks = [encoder.template.blocks(example.turns, EN_DE)[0] for example in examples]
    texts = [("".join(p.text for p in b.before), pair[1]) for b, pair in zip(blocks, pairs, strict=True)]
    batches = [examples[k : k + 256] for k in range(0, len(examples), 256)]
    turns = [[example.turns[:1] for example in batch] for batch in batches]
    rates = (
        rate(lambda: plain(tokenizer, texts), len(texts)),
        rate(lambda: [encoder.encode_many(batch) for batch in batches], len(texts)),
        rate(lambda: [encoder.prompts(batch, EN_DE) for batch in turns], len(texts)),
    )
    return f"{kind:10} {rates[0]:8,.0f} {rates[1]:12,.0f} {rates[2]:8,.0f} {ready:8.2f}s"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--lines", type=int, default=8000)
    parser.add_argument("--vocabulary", type=int, default=8000)
    options = parser.parse_args()
    sides = [(options.data / f"train.{code}").read_text(encoding="utf-8") for code in ("eng", "deu")]
    pairs = list(zip(*(side.split("\n")[: options.lines] for side in sides), strict=True))
    print(f"{'tokenizer':10} {'plain':>8} {'encode_many':>12} {'prompts':>8} {'ready in':>9}")
    for kind in KINDS:
        print(measure(kind, options.vocabulary, pairs))


if __name__ == "__main__":
    main()

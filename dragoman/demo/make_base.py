r"""Make the demo's base: a tiny LLaMA, pre-trained on phrasebook lines that the demo never uses.

    python -m dragoman.demo.make_base --out first --minutes 25
    python -m dragoman.demo.make_base --start first --out second \
        --lines 30000 --heads 0.05 --steps 200 --rate 1e-3

The second is the base. It saw a few hundred documents with head lines: enough for a faint idea that a name
further up says which language comes; with many, stage 1 alone translates in the language asked for.

It learns a tokenizer, writes documents (see documents.py) to one array of ids on all processor cores, trains
for ``--steps`` steps or ``--minutes`` minutes on a CUDA card or the CPU, checks that it can continue
bilingual documents of unseen lines in all 12 directions, and saves float16 safetensors.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dragoman.demo.documents import (
    DIRECTIONS,
    SHARES,
    TOKENS_PER_LINE,
    Pieces,
    Shares,
    book,
    head,
    label,
    token_stream,
)
from dragoman.demo.lexicon import LANGUAGES
from dragoman.demo.phrasebook import BASE_LINES
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.tune.model import load_tokenizer
from dragoman.tune.pretrain import Pretrainer, Pretraining, new_llama, pack

CHECK_LINES = 500  # the last lines of the base's range are kept for the check
CHUNK = 10_000  # lines that a worker makes into documents at a time
TEMPLATE_TIMES = 500  # how often the tokenizer's text holds the words of the prompt: they cost fewer tokens


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the base")
    parser.add_argument("--lines", type=int, default=60_000, help="phrasebook lines to learn from")
    parser.add_argument(
        "--bilingual", type=float, default=SHARES.bilingual, help="share of bilingual documents"
    )
    parser.add_argument(
        "--heads", type=float, default=SHARES.heads, help="share of those with the names in a head line"
    )
    parser.add_argument(
        "--glossary", type=float, default=SHARES.glossary, help="glossaries for each other document"
    )
    parser.add_argument("--start", type=Path, default=None, help="base to go on from (its tokenizer is kept)")
    parser.add_argument("--steps", type=int, default=5_000, help="optimiser steps")
    parser.add_argument(
        "--minutes", type=float, default=None, help="end training after this time at the latest"
    )
    parser.add_argument("--batch", type=int, default=48, help="rows in a step")
    parser.add_argument("--row", type=int, default=96, help="tokens in a row")
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--vocabulary", type=int, default=2048, help="tokens")
    parser.add_argument("--hidden", type=int, default=256, help="width")
    parser.add_argument("--inner", type=int, default=704, help="width of the feed-forward layers")
    parser.add_argument("--layers", type=int, default=4, help="depth")
    parser.add_argument("--check", type=int, default=100, help="lines per direction in the check")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes that write documents"
    )
    parser.add_argument("--plain", action="store_true", help="without torch.compile (needs no C++ compiler)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def make_tokenizer(vocabulary: int) -> Any:
    """Byte-level BPE of phrasebook text and of the prompt's words, so that a prompt costs fewer tokens."""
    alpaca = load_template("alpaca")
    words = alpaca.frames["en"].with_input + "\n" + alpaca.wordings["mt"]["en"]

    def texts() -> Iterator[str]:
        for line in book().lines(0, 30_000):
            yield from (line.text(code) for code in LANGUAGES)
        for code in LANGUAGES:
            yield from [f"{label(code)} {label(code)}"] * TEMPLATE_TIMES
        yield from map(head, DIRECTIONS)
        yield from [words] * TEMPLATE_TIMES

    return learn_tokenizer(texts(), vocabulary)


def _stream(job: tuple[str, range, int, int, Shares]) -> np.ndarray:
    """One worker's share; the tokenizer travels as JSON."""
    from tokenizers import Tokenizer

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return token_stream(Tokenizer.from_str(job[0]), *job[1:])


def make_rows(tokenizer: Any, options: argparse.Namespace) -> torch.Tensor:
    """Documents as [rows, row length] int16 ids, in random order."""
    wanted = options.steps * options.batch * options.row
    passes = max(1, math.ceil(wanted / (options.lines * TOKENS_PER_LINE)))
    spec = tokenizer.backend_tokenizer.to_str()
    jobs = [
        (
            spec,
            range(start, min(start + CHUNK, options.lines)),
            passes,
            options.seed,
            Shares(options.bilingual, options.heads, options.glossary),
        )
        for start in range(0, options.lines, CHUNK)
    ]
    with get_context("spawn").Pool(min(options.workers, len(jobs))) as pool:
        return pack(pool.imap(_stream, jobs), options.row, options.seed)


def start_model(options: argparse.Namespace) -> Any:
    """The base to go on from, in float32."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(options.start, dtype=torch.float32, use_safetensors=True)


@torch.no_grad()
def continuations(model: Any, prompts: list[np.ndarray], stops: torch.Tensor, room: int) -> list[list[int]]:
    """Greedy continuations up to a stop id; prompts are padded on the left, and padding is masked."""
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.from_numpy(prompt.astype(np.int64))
        mask[row, longest - len(prompt) :] = 1
    made = model.generate(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        max_new_tokens=room,
        do_sample=False,
        eos_token_id=stops.tolist(),
    )[:, longest:].cpu()
    ends = torch.isin(made, stops)
    lengths = [int(row.int().argmax()) if bool(row.any()) else len(row) for row in ends]
    return [row[:length].tolist() for row, length in zip(made, lengths, strict=True)]


def check(model: Any, tokenizer: Any, count: int) -> dict[str, float]:
    """Share of unseen lines whose labelled continuation is exactly the phrasebook's, by direction."""
    pieces = Pieces(tokenizer.backend_tokenizer, BASE_LINES - CHECK_LINES, min(count, CHECK_LINES))
    stops = torch.tensor([int(pieces.newline[0]), int(pieces.end[0])])
    model.eval()
    found: dict[str, float] = {}
    for source, target in DIRECTIONS:
        prompts = [
            np.concatenate([
                pieces.begin, pieces.labels[source], pieces.newline, pieces.fresh[source][row],
                pieces.newline, pieces.labels[target], pieces.newline,
            ])
            for row in range(pieces.count)
        ]  # fmt: skip
        outputs = continuations(model, prompts, stops, 48)
        right = [out == wanted.tolist() for out, wanted in zip(outputs, pieces.fresh[target], strict=False)]
        found[f"{source}-{target}"] = round(100 * sum(right) / len(right), 1)
        words = [tokenizer.decode(ids) for ids in (pieces.fresh[source][0].tolist(), outputs[0])]
        print(
            f"{source}-{target}  exact {found[f'{source}-{target}']:5.1f} %   {words[0]}  ->  {words[1]}",
            flush=True,
        )
    return found


def tell(step: int, loss: float, speed: float) -> None:
    """Print how far the training is."""
    print(f"step {step:,}  loss {loss:.4f}  {speed:,.0f} tokens/s", flush=True)


def save(model: Any, tokenizer: Any, folder: Path, card: dict[str, Any]) -> None:
    """Write the folder beside and rename it."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    model.save_pretrained(part, safe_serialization=True)
    tokenizer.save_pretrained(part)
    (part / "base.json").write_text(json.dumps(card, indent=1, default=str) + "\n", encoding="utf-8")
    for path in part.iterdir():
        path.chmod(0o644)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def main() -> None:
    options = arguments()
    if options.lines > BASE_LINES - CHECK_LINES:
        raise SystemExit(
            f"--lines {options.lines}: the base has {BASE_LINES - CHECK_LINES:,} lines; ask for fewer"
        )
    began = time.monotonic()
    tokenizer = (
        make_tokenizer(options.vocabulary) if options.start is None else load_tokenizer(str(options.start))
    )
    rows = make_rows(tokenizer, options)
    print(f"{rows.numel():,} tokens of {options.lines:,} lines, {time.monotonic() - began:.0f} s", flush=True)
    if options.start is None:
        model = new_llama(tokenizer, options.hidden, options.inner, options.layers, options.seed)
    else:
        model = start_model(options)
    model.to(options.device)
    print(
        f"{model.num_parameters():,} parameters, vocabulary {len(tokenizer):,}, on {options.device}",
        flush=True,
    )
    settings = Pretraining(
        options.steps,
        options.batch,
        options.rate,
        options.minutes,
        plain=options.plain,
        device=options.device,
    )
    steps = Pretrainer(model, rows, settings, options.out.with_name(options.out.name + ".work"), tell).run()
    # What is checked is what is shipped: the weights rounded to float16.
    model.half().float()
    exact = check(model, tokenizer, options.check)
    places = ("out", "workers", "device", "start")
    chosen = {key: value for key, value in vars(options).items() if key not in places}
    card = {**chosen, "steps": steps, "parameters": model.num_parameters(), "exact_match": exact}
    if options.start is not None:
        card["went_on_from"] = json.loads((options.start / "base.json").read_text(encoding="utf-8"))
    save(model.half(), tokenizer, options.out, card)
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{options.out}: {size / 1e6:.1f} MB, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()

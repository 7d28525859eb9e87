"""Make the demo's base: a tiny LLaMA, pre-trained on phrasebook lines that the demo never uses.

    python -m dragoman.demo.make_base --out dragoman/demo/base

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
from torch.nn import functional

from dragoman.demo.documents import DIRECTIONS, TOKENS_PER_LINE, Pieces, book, label, token_stream
from dragoman.demo.lexicon import LANGUAGES
from dragoman.demo.phrasebook import BASE_LINES
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.tune.model import load_tokenizer

CHECK_LINES = 500  # the last lines of the base's range are kept for the check
CHUNK = 10_000  # lines that a worker makes into documents at a time
WARM_UP = 100  # steps
COOL_DOWN = 0.5  # share of the training over which the rate falls to 0
MUON_TIMES = 5  # Muon's rate, as a multiple of AdamW's
TEMPLATE_TIMES = 500  # how often the tokenizer's text holds the words of the prompt: they cost fewer tokens


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the base")
    parser.add_argument("--lines", type=int, default=1_500_000, help="phrasebook lines to learn from")
    parser.add_argument("--bilingual", type=float, default=0.75, help="share of bilingual documents")
    parser.add_argument("--glossary", type=float, default=0.3, help="glossaries for each other document")
    parser.add_argument("--start", type=Path, default=None, help="base to go on from (its tokenizer is kept)")
    parser.add_argument("--steps", type=int, default=8_000, help="optimiser steps")
    parser.add_argument(
        "--minutes", type=float, default=None, help="end training after this time at the latest"
    )
    parser.add_argument("--batch", type=int, default=256, help="rows in a step")
    parser.add_argument("--row", type=int, default=256, help="tokens in a row")
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--vocabulary", type=int, default=2560, help="tokens")
    parser.add_argument("--hidden", type=int, default=192, help="width")
    parser.add_argument("--inner", type=int, default=512, help="width of the feed-forward layers")
    parser.add_argument("--layers", type=int, default=6, help="depth")
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
        yield from [words] * TEMPLATE_TIMES

    return learn_tokenizer(texts(), vocabulary)


def _stream(job: tuple[str, range, int, int, float, float]) -> np.ndarray:
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
            options.bilingual,
            options.glossary,
        )
        for start in range(0, options.lines, CHUNK)
    ]
    with get_context("spawn").Pool(min(options.workers, len(jobs))) as pool:
        stream = np.concatenate(list(pool.imap(_stream, jobs)))
    rows = torch.from_numpy(stream[: len(stream) // options.row * options.row].reshape(-1, options.row))
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(options.seed))]


def make_model(tokenizer: Any, options: argparse.Namespace) -> Any:
    """A LLaMA with random weights and tied embeddings."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(options.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=options.hidden,
        intermediate_size=options.inner,
        num_hidden_layers=options.layers,
        num_attention_heads=max(2, options.hidden // 64),
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="eager",  # on short rows, compiled, twice as fast as the flash kernel of a CPU
    )
    return LlamaForCausalLM(config).to(options.device)


def optimizers_of(model: Any, rate: float) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the matrices between the embeddings, AdamW for the rest; each with its peak rate.

    Muon (https://kellerjordan.github.io/posts/muon) needs about half the tokens of AdamW for the same loss here.
    """
    inner = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "layers." in name]
    taken = {id(weight) for weight in inner}
    rest = [weight for weight in model.parameters() if id(weight) not in taken]
    return [
        (torch.optim.Muon(inner, lr=MUON_TIMES * rate, weight_decay=0.01, momentum=0.95), MUON_TIMES * rate),
        (torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.95), weight_decay=0.01, fused=True), rate),
    ]


def train(model: Any, rows: torch.Tensor, options: argparse.Namespace) -> int:
    """Next-token training, linear decay over steps or time, whichever ends first; returns the steps made."""
    device = torch.device(options.device)
    rows = rows.to(device)

    def loss_of(ids: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        return functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())

    fast_loss = loss_of if options.plain else torch.compile(loss_of, dynamic=False)
    optimizers = optimizers_of(model, options.rate)
    began = told = time.monotonic()
    losses: list[torch.Tensor] = []
    for step in range(options.steps):
        spent = time.monotonic() - began
        done = max(step / options.steps, spent / (60 * options.minutes) if options.minutes else 0.0)
        if done >= 1:
            return step
        for optimizer, peak in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = peak * min(1.0, (step + 1) / WARM_UP, (1 - done) / COOL_DOWN)
        index = torch.arange(step * options.batch, (step + 1) * options.batch, device=device)
        loss = fast_loss(rows[index % len(rows)].long())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, _ in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.detach())
        if time.monotonic() - told > 10 or step == options.steps - 1:
            told = time.monotonic()
            speed = (step + 1) * options.batch * options.row / (told - began)
            mean = torch.stack(losses).mean()
            print(f"step {step + 1}/{options.steps}  loss {mean:.4f}  {speed:,.0f} tokens/s", flush=True)
            losses.clear()
    return options.steps


def start_model(options: argparse.Namespace) -> Any:
    """The base to go on from, in float32."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(options.start, dtype=torch.float32, use_safetensors=True)
    return model.to(options.device).train()


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
    model = make_model(tokenizer, options) if options.start is None else start_model(options)
    print(
        f"{model.num_parameters():,} parameters, vocabulary {len(tokenizer):,}, on {options.device}",
        flush=True,
    )
    steps = train(model, rows, options)
    # What is checked is what is shipped: the weights rounded to float16.
    model.half().float()
    exact = check(model, tokenizer, options.check)
    settings = {key: value for key, value in vars(options).items() if key not in ("out", "workers", "device")}
    card = {**settings, "steps": steps, "parameters": model.num_parameters(), "exact_match": exact}
    save(model.half(), tokenizer, options.out, card)
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{options.out}: {size / 1e6:.1f} MB, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()

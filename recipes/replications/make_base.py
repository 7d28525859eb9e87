"""Make a small base for the replications: a LLaMA pre-trained on documents of a multi-parallel corpus.

    python recipes/replications/make_base.py ../shared/data/multi30k --languages eng,deu,fra,ces \\
        --lines 1-14000 --bilingual 0.05 --out bases/multi30k-5

The documents are monolingual, or, for a share of them, bilingual in all pairs, each text after its
language's name; never in a prompt's wording. Lines whose text occurs in dev or test are left out. Tuning must
use other lines (``data.train.lines``). Stopped and started again, it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from dragoman.console import progress, say
from dragoman.corpus.prepare import prepare
from dragoman.corpus.store import Store
from dragoman.language.language import Direction
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe_file import dump_recipe, parse_recipe
from dragoman.tune.stage import run_stage

TEMPLATE_TIMES = 300


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of <split>.<lang> files")
    parser.add_argument("--languages", required=True, help="codes with commas")
    parser.add_argument("--train", default="train", help="training split")
    parser.add_argument(
        "--held-out", default="val,test_2016_flickr", help="splits whose text must not be seen"
    )
    parser.add_argument("--lines", default=None, help="lines to pre-train on, such as 1-14000")
    parser.add_argument("--bilingual", type=float, default=0.05, help="share of bilingual documents")
    parser.add_argument("--out", type=Path, required=True, help="folder of the base")
    parser.add_argument("--vocabulary", type=int, default=6000)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def tokenizer_text(store: Store) -> Iterator[str]:
    """The corpus, and the words of the alpaca prompts often enough to become tokens: prompts get short.

    The model itself never sees a prompt.
    """
    for index in range(len(store)):
        yield from store[index].texts.values()
    for name in ("alpaca", "alpaca-post"):
        template = load_template(name)
        words = [frame.with_input for frame in template.frames.values()]
        yield from [*words, *template.wordings["mt"].values()] * TEMPLATE_TIMES


def fresh_model(folder: Path, store: Store, options: argparse.Namespace) -> None:
    """A tokenizer learnt from the text and a LLaMA with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = learn_tokenizer(tokenizer_text(store), options.vocabulary)
    torch.manual_seed(options.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=options.hidden,
        intermediate_size=-(-options.hidden * 8 // 3 // 64) * 64,
        num_hidden_layers=options.layers,
        num_attention_heads=max(2, options.hidden // 64),
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    say(f" base      {model.num_parameters() / 1e6:.1f}M parameters, vocabulary {len(tokenizer):,}")
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def main() -> None:
    options = arguments()
    languages = options.languages.split(",")
    work = options.out.with_name(options.out.name + ".work")
    held_out = [{"folder": str(options.data), "split": split} for split in options.held_out.split(",")]
    recipe = parse_recipe({
        "name": options.out.name, "base": str(work / "start"), "seed": options.seed,
        "model": {"compute": "bfloat16"},
        "data": {
            "train": {
                "folder": str(options.data), "split": options.train,
                "languages": languages, "lines": options.lines,
            },
            "test": [{**source, "languages": languages} for source in held_out],
        },
        "stages": [{
            "name": "pretrain", "steps": options.steps, "batch_tokens": options.batch_tokens,
            "learning_rate": options.rate,
            "weight_decay": 0.01, "betas": [0.9, 0.98], "checkpoint_every": 200,
            "tasks": {"mono": {"bilingual": options.bilingual}},
        }],
    })  # fmt: skip
    directions = [Direction(a, b) for a in languages for b in languages if a != b]
    if not (work / "corpus" / "manifest.json").exists():
        counts = prepare(recipe.data, work / "corpus", directions)["train"]
        say(f" corpus    {counts['kept']:,} lines kept of {counts['read']:,}")
    store = Store(work / "corpus" / "train")
    if not (work / "start" / "config.json").exists():
        fresh_model(work / "start", store, options)
    with progress(" pre-train", options.steps) as advance:
        run_stage(
            recipe, recipe.stages[0], str(work / "start"), store, work / "stage",
            tell=lambda p: advance(p.step, f"loss {p.loss:.3f}  {p.pairs_per_second:,.0f} documents/s"),
            say=say,
        )  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if not options.out.exists():
        (work / "stage" / "model").rename(options.out)
    (options.out / "base.json").write_text(
        json.dumps({**vars(options), "kept": len(store)}, default=str, indent=1)
    )
    (options.out / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    say(f" base      {options.out}")


if __name__ == "__main__":
    main()

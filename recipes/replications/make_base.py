"""Make a small base for the replications: a LLaMA pre-trained on documents of multi-parallel corpora.

    python recipes/replications/make_base.py ../shared/data/multi30k --languages eng,deu,fra,ces \\
        --lines 1-14000 --bilingual 0.05 --out bases/multi30k-5

The documents are monolingual, or, for a share of them, bilingual in all pairs that a folder has, each text
after its language's name; never in a prompt's wording. For tuning on dialogues, a share says its texts twice
(``--again``), and a share some of its words in quotes (``--quoted``). Lines whose text occurs in dev or test
are left out. Tuning must use other lines (``data.train.lines``). Stopped and started again, it goes on from
its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dragoman.console import progress, say
from dragoman.corpus.prepare import prepare
from dragoman.corpus.store import Store
from dragoman.errors import ModelError
from dragoman.instruct.interactive.wordings import speech
from dragoman.instruct.mixture import Mixture
from dragoman.instruct.task import Material
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.prompt.tokens import learn_tokenizer
from dragoman.recipe import TaskSpec
from dragoman.recipe_file import parse_recipe
from dragoman.tune.folder import write_folder
from dragoman.tune.pretrain import Pretrainer, Pretraining, attention_heads, new_llama, pack
from dragoman.tune.source import Source

TEMPLATE_TIMES = 300
HELD_OUT = "val,dev,test,test_2016_flickr"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", type=Path, nargs="+", help="folders of <split>.<lang> files, each in some of the languages"
    )
    parser.add_argument("--languages", required=True, help="codes with commas")
    parser.add_argument("--train", default="train", help="training split")
    parser.add_argument(
        "--held-out",
        help=f"splits whose text must not be seen, with commas (default: those there are of {HELD_OUT})",
    )
    parser.add_argument(
        "--lines", default=None, help="lines of the first folder to pre-train on, such as 1-14000"
    )
    parser.add_argument("--bilingual", type=float, default=0.05, help="share of bilingual documents")
    parser.add_argument(
        "--heads", type=float, default=0.1, help="share of bilingual documents with the names in a head line"
    )
    parser.add_argument(
        "--again", type=float, default=0.0, help="share of documents that say their lines twice"
    )
    parser.add_argument(
        "--quoted", type=float, default=0.0, help="share of documents with some of their words in quotes"
    )
    parser.add_argument(
        "--templates", default="alpaca,alpaca-post", help="templates whose words become tokens"
    )
    parser.add_argument("--wordings", default="mt", help="and which of their wordings, with commas")
    parser.add_argument(
        "--dialogues", default="", help="languages whose users' wordings become tokens, with commas"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the base")
    parser.add_argument("--vocabulary", type=int, default=4000)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--head", type=int, default=64, help="size of an attention head, about")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=32, help="rows in a step")
    parser.add_argument("--row", type=int, default=160, help="tokens in a row")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--plain", action="store_true", help="without torch.compile (needs no C++ compiler)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def tokenizer_text(
    store: Store, templates: list[str], wordings: list[str], dialogues: list[str], quoted: bool
) -> Iterator[str]:
    """The corpus, and the words of prompts and users often enough to become tokens: prompts get short.

    The model itself never sees a prompt. ``quoted``: words become tokens behind a quotation mark, too, where
    a tokenizer of this size would else cut them up.
    """
    for index in range(len(store)):
        for text in store[index].texts.values():
            yield text
            if quoted:
                yield text.replace(" ", "“")
    for name in templates:
        template = load_template(name)
        words = [frame.with_input for frame in template.frames.values()]
        said = [text for key in wordings for text in template.wordings.get(key, {}).values()]
        yield from [*words, *template.system.values(), *said] * TEMPLATE_TIMES
    for code in dialogues:
        said = [text for texts in speech(code).wordings.values() for text in texts]
        yield from said * (TEMPLATE_TIMES // 10)


def documents(store: Store, tokenizer: Any, options: argparse.Namespace) -> Iterator[np.ndarray]:
    """Ids of documents of the ``mono`` task, drawn until the training has what it reads."""
    spec = TaskSpec(**{key: getattr(options, key) for key in ("bilingual", "heads", "again", "quoted")})
    encoder = Encoder(tokenizer, load_template("plain"), 1024)
    mixture = Mixture({"mono": spec}, Material(store, encoder.template), options.seed, "pretrain")
    source = Source(mixture, encoder)
    left = options.steps * options.batch * options.row
    with progress(" documents", left) as advance:
        while left > 0:
            for group in source.draw(1000):
                for document in group:
                    left -= len(document.ids)
                    yield np.array(document.ids, dtype=np.int32)
            advance(options.steps * options.batch * options.row - max(0, left), "tokens")


def sources(folders: list[Path], split: str, languages: list[str]) -> list[dict[str, Any]]:
    """A split of every folder that has it, in those of the languages that the folder has."""
    found = []
    for folder in folders:
        there = [code for code in languages if (folder / f"{split}.{code}").exists()]
        if there:
            found.append({"folder": str(folder), "split": split, "languages": there})
    return found


def training(options: argparse.Namespace, languages: list[str]) -> list[dict[str, Any]]:
    """The training split of every folder; SystemExit if a folder or a language has none."""
    found = sources(options.data, options.train, languages)
    without = {str(folder) for folder in options.data}.difference(source["folder"] for source in found)
    if without:
        raise SystemExit(
            f"{', '.join(sorted(without))}: no {options.train}.* in {', '.join(languages)}; check the path, "
            "--train and --languages"
        )
    missing = sorted(set(languages).difference(*(source["languages"] for source in found)))
    if missing:
        names = ", ".join(f"{options.train}.{code}" for code in missing)
        raise SystemExit(f"no {names} in {', '.join(map(str, options.data))}")
    found[0]["lines"] = options.lines
    return found


def held_out(options: argparse.Namespace, languages: list[str]) -> list[dict[str, Any]]:
    """The evaluation splits; SystemExit if one that was asked for is in no folder."""
    asked = (options.held_out or HELD_OUT).split(",")
    found = {split: sources(options.data, split, languages) for split in asked}
    for split in asked if options.held_out else ():
        if not found[split]:
            raise SystemExit(f"--held-out: no {split}.* in {', '.join(map(str, options.data))}")
    return [source for split in asked for source in found[split]]


def prepared(options: argparse.Namespace, languages: list[str], folder: Path) -> Store:
    """The pre-training lines, without those whose text occurs in a held-out split."""
    recipe = parse_recipe({
        "name": options.out.name, "base": "none", "seed": options.seed,
        "data": {"train": training(options, languages), "test": held_out(options, languages)},
        "stages": [{"name": "none", "steps": 1, "tasks": {"mono": {}}}],
    })  # fmt: skip
    if not (folder / "manifest.json").exists():
        directions = [Direction(a, b) for a in languages for b in languages if a != b]
        counts = prepare(recipe.data, folder, directions)["train"]
        say(f" corpus    {counts['kept']:,} lines kept of {counts['read']:,}")
    return Store(folder / "train")


def main() -> None:
    options = arguments()
    try:
        attention_heads(options.hidden, options.head)
    except ModelError as error:
        raise SystemExit(f"--hidden, --head: {error}") from None
    if options.out.exists():
        raise SystemExit(f"{options.out} is there already; delete it to make it again")
    work = options.out.with_name(options.out.name + ".work")
    store = prepared(options, options.languages.split(","), work / "corpus")
    tokenizer = learn_tokenizer(
        tokenizer_text(
            store,
            options.templates.split(","),
            options.wordings.split(","),
            [code for code in options.dialogues.split(",") if code],
            options.quoted > 0,
        ),
        options.vocabulary,
    )
    rows = pack(documents(store, tokenizer, options), options.row, options.seed)
    inner = -(-options.hidden * 8 // 3 // 64) * 64
    model = new_llama(tokenizer, options.hidden, inner, options.layers, options.seed, options.head)
    size = f"{model.num_parameters() / 1e6:.1f}M parameters, vocabulary {len(tokenizer):,}"
    say(f" base      {size}, {rows.numel():,} tokens on {options.device}")
    settings = Pretraining(
        options.steps, options.batch, options.rate, plain=options.plain, device=options.device
    )
    with progress(" pre-train", options.steps) as advance:
        Pretrainer(
            model.to(options.device), rows, settings, work / "checkpoints",
            lambda step, loss, speed: advance(step, f"loss {loss:.3f}  {speed:,.0f} tokens/s"),
        ).run()  # fmt: skip
    card = {**vars(options), "kept": len(store), "parameters": model.num_parameters()}

    def write(part: Path) -> None:
        model.save_pretrained(part, safe_serialization=True)
        tokenizer.save_pretrained(part)
        (part / "base.json").write_text(json.dumps(card, default=str, indent=1) + "\n", encoding="utf-8")

    write_folder(options.out, write)
    say(f" base      {options.out}")


if __name__ == "__main__":
    main()

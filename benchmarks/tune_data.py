"""The text, the base and the pairs of ``benchmarks/tune.py``; run as a program it makes them in a folder."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.corpus.prepare import prepare
from dragoman.corpus.store import Store
from dragoman.recipe import Model, Recipe, Stage
from dragoman.tune.model import load_model, load_tokenizer
from dragoman.tune.source import Source
from dragoman.tune.stage import make_encoder, make_mixture

CODES = ("eng", "deu", "fra", "ces")
DIRECTIONS = [[a, b] for other in CODES[1:] for a, b in (("eng", other), (other, "eng"))]
TASKS = {1: "mt", 2: "conflict"}  # by stage
RATE = 1e-4
ALPHA = 0.05
IGNORED = -100


@dataclass
class Parts:
    """What our loop is made of."""

    stage: Stage
    tokenizer: Any
    source: Source


class Same(Source):
    """A source whose every draw gives the same ``pairs`` pairs, encoded anew."""

    pairs = 0
    size = 1  # examples of a group: a pair, or a pair and its negative

    def draw(self, count: int) -> list[Any]:
        """The pairs, however many are asked for."""
        self.rewind()
        kept: list[Any] = []
        while len(kept) < self.pairs:
            kept += [group for group in super().draw(self.pairs) if len(group) == self.size]
        return kept[: self.pairs]


def recipe(base: str, data: str, stage: int, batch_tokens: int = 4096) -> Recipe:
    """A recipe of one stage that never ends and never saves, whose window is one draw."""
    return Recipe.model_validate({
        "name": "benchmark", "base": base,
        "data": {"train": {"folder": data, "split": "train", "languages": list(CODES)}},
        "stages": [{
            "name": "tune", "steps": 10**9, "checkpoint_every": 10**9, "window": 1,
            "batch_tokens": batch_tokens,
            "tasks": {TASKS[stage]: {"directions": DIRECTIONS}}, "objective": {"alpha": ALPHA},
            "learning_rate": RATE, "schedule": "constant", "warmup": 0,
        }],
    })  # fmt: skip


def our_parts(folder: Path, stage: int, pairs: int, batch_tokens: int = 4096) -> Parts:
    """Stage, tokenizer and source of our loop."""
    whole = recipe(str(folder / "base"), "", stage, batch_tokens)
    tokenizer = load_tokenizer(whole.base)
    encoder = make_encoder(whole, tokenizer)
    source = Same(make_mixture(whole, whole.stages[0], Store(folder / "corpus" / "train"), encoder), encoder)
    source.pairs, source.size = pairs, stage
    return Parts(whole.stages[0], tokenizer, source)


def load_base(folder: Path, device: str) -> Any:
    """The base in float32."""
    return load_model(str(folder / "base"), Model(device=device))


def load_pairs(folder: Path, stage: int) -> list[dict[str, Any]]:
    """The pairs of a stage as ids and labels: input_ids, labels; wrong_ids, wrong_labels in stage 2."""
    lines = (folder / f"pairs-{stage}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def make_corpus(data: str, folder: Path) -> int:
    """The corpus of all; its number of lines."""
    prepare(recipe("", data, 1).data, folder / "corpus")
    return len(Store(folder / "corpus" / "train"))


def make_base(folder: Path, vocabulary: int, hidden: int, layers: int, lines: int | None) -> dict[str, int]:
    """A tokenizer learnt from the text and a LLaMA with random weights, embeddings padded to size."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from dragoman.prompt.tokens import learn_tokenizer

    store = Store(folder / "corpus" / "train")
    count = min(lines or len(store), len(store))
    tokenizer = learn_tokenizer((store[i].texts[code] for i in range(count) for code in CODES), vocabulary)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=-(-hidden * 8 // 3 // 64) * 64,
        num_hidden_layers=layers, num_attention_heads=max(2, hidden // 64), max_position_embeddings=1024,
        tie_word_embeddings=True, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder / "base", safe_serialization=True)
    tokenizer.save_pretrained(folder / "base")
    return {"learnt": len(tokenizer), "parameters": model.num_parameters()}


def write_pairs(folder: Path, stage: int, pairs: int) -> dict[str, int]:
    """The pairs that our source draws, as ids for the peers; how many tokens they have."""
    rows = []
    for right, *wrong in our_parts(folder, stage, pairs).source.draw(1):
        row = {"input_ids": right.ids, "labels": _labels(right)}
        if wrong:
            row |= {"wrong_ids": wrong[0].ids, "wrong_labels": _labels(wrong[0])}
        rows.append(row)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"pairs-{stage}.jsonl").write_text(text, encoding="utf-8")
    names = ("input_ids", "wrong_ids")
    return {
        f"tokens-{stage}": sum(len(row.get(name, ())) for row in rows for name in names),
        f"learned-{stage}": sum(label != IGNORED for row in rows for label in row["labels"]),
    }


def _labels(encoded: Any) -> list[int]:
    return [i if w else IGNORED for i, w in zip(encoded.ids, encoded.weights, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--hidden", type=int, required=True)
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--lines", type=int, default=None)
    options = parser.parse_args()
    facts = {"lines": make_corpus(options.data, options.folder)}
    facts |= make_base(options.folder, options.vocabulary, options.hidden, options.layers, options.lines)
    for stage in TASKS:
        facts |= write_pairs(options.folder, stage, options.pairs)
    (options.folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Loss of models on held-out general instructions (not translation), before and after tuning.

    python recipes/replications/general_loss.py instructions/user_oriented_instructions.jsonl \\
        base=runs/bases/multi30k-100 "stage 1=runs/multi30k-s1/stages/stage 1/model" ...

The file is that of Self-Instruct (https://github.com/yizhongw/self-instruct, revision 0b26ccaa4159), or any
other that task `general` reads. The prompt is the alpaca template or another (``--template``); the loss is
the mean of -log p over the tokens of the outputs and their end. What does not fit 1,024 tokens is left out
and counted. ``--out`` keeps the table, written when it is whole.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman.instruct.general_store import open_dialogues
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example
from dragoman.prompt.templates import load_template
from dragoman.recipe import Model, Objective
from dragoman.tune.model import load_model, load_tokenizer
from dragoman.tune.step import Stepper
from dragoman.tune.validate import dev_loss


def examples(path: Path) -> list[Example]:
    """The dialogues of a file, as task `general` reads them."""
    with TemporaryDirectory() as folder:
        dialogues = open_dialogues([str(path)], "train", "general", Path(folder))
        return [dialogues[number] for number in range(len(dialogues))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("instructions", type=Path)
    parser.add_argument("models", nargs="+", help="name=folder")
    parser.add_argument("--template", default="alpaca", help="prompt template")
    parser.add_argument("--out", type=Path, help="file for the table")
    options = parser.parse_args()
    rows = examples(options.instructions)
    table = [f"| model | loss on {len(rows)} outputs | left out |", "|---|---:|---:|"]
    print(*table, sep="\n")
    for named in options.models:
        name, _, folder = named.partition("=")
        tokenizer = load_tokenizer(folder)
        model = load_model(folder, Model())
        encoder = Encoder(tokenizer, load_template(options.template), 1024)
        stepper = Stepper(
            model, tokenizer.pad_token_id or tokenizer.eos_token_id, Objective(), {}, 8192, share=False
        )
        loss = dev_loss(stepper, encoder, rows)
        table.append(f"| {name} | {loss:.3f} | {sum(encoder.dropped.values())} |")
        print(table[-1], flush=True)
    if options.out is not None:
        part = options.out.with_name(options.out.name + ".part")
        part.write_text("\n".join(table) + "\n", encoding="utf-8")
        part.replace(options.out)


if __name__ == "__main__":
    main()

"""One process of test_two_processes_change_nothing: each case's step on its share of the groups."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from helpers import tiny_model

from tune.toy import VOCABULARY, gradients, make_stepper


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    model = tiny_model("llama", VOCABULARY)
    found = []
    for objective, groups in torch.load(folder / "cases.pt", weights_only=False):
        result = make_stepper(model, objective, batch_tokens=700).run(groups)
        found.append((result, gradients(model)))
    torch.save(found, folder / f"found{dist.get_rank()}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

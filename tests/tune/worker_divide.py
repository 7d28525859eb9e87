"""What tests/tune/test_divide.py runs in two processes that are joined by gloo; each call is one of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from helpers import tiny_model
from safetensors.torch import save_file
from torch.distributed.fsdp import FSDPModule

from dragoman.recipe import Lora, Objective
from dragoman.tune.loop import Loop
from dragoman.tune.model import add_lora, recompute_activations, trainable
from dragoman.tune.slices import collect, is_slice, local, whole
from dragoman.tune.step import StepResult

from .toy import VOCABULARY, make_encoder, make_groups, make_loop, make_stage, make_stepper, make_tokenizer

CPU = torch.device("cpu")
TOKENIZER = make_tokenizer()
Case = dict[str, Any]


def joined(number: int, folder: Path, work: Callable[..., None], arguments: tuple[Any, ...], of: int) -> None:
    """Be process ``number`` of several and do the work."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(number), "WORLD_SIZE": str(of), "LOCAL_RANK": str(number)}
    dist.init_process_group("gloo", f"file://{folder / 'meeting'}", rank=number, world_size=of)
    work(folder, *arguments)
    dist.destroy_process_group()


def case_model(case: Case) -> Any:
    """A tiny model as a case wants it."""
    model = tiny_model(case.get("kind", "llama"), VOCABULARY + case.get("more", 0))
    model = model.to(getattr(torch, case.get("dtype", "float32")))
    if case.get("recompute"):
        recompute_activations(model)
    return add_lora(model, Lora(rank=3, dropout=0.0)) if case.get("lora") else model.train()


def one_step(case: Case, divide: bool) -> tuple[StepResult, dict[str, torch.Tensor], float]:
    """A step's figures, its gradients, and their norm before clipping."""
    groups = make_groups(
        make_encoder(TOKENIZER), case.get("groups", 5), {"conflict": {"negative_share": 0.5}}
    )
    model = case_model(case)
    bf16, share = case.get("compute") == "bfloat16", not case.get("recompute")
    stepper = make_stepper(model, Objective(alpha=0.4), batch_tokens=200, compute_bf16=bf16, share=share)
    if divide:
        stepper.divide(CPU)
    with stepper.whole():
        stepper.check_sharing([encoded for group in groups[:4] for encoded in group])
    result = stepper.run(groups)
    found = {name: p.grad for name, p in trainable(model).items() if p.grad is not None}
    gradients = {name: whole(gradient).clone() for name, gradient in found.items()}
    return result, gradients, stepper.clip(1.0)


def steps(folder: Path, cases: list[Case]) -> None:
    """One step of each case; what both processes found, in files."""
    torch.save([one_step(case, True) for case in cases], folder / f"found{dist.get_rank()}.pt")


def divided_loop(folder: Path, case: Case, **more: Any) -> Loop:
    """A loop over the toy corpus on a divided model."""
    settings = {"tasks": {"conflict": {}}, "batch_tokens": 512, **case.get("stage", {})}
    if case.get("validate"):  # some scores, the sixth step's the best; and the model is whole then
        more["validate"] = _scores
    divide = CPU if case.get("divide", True) else None
    model = case_model(case)
    return make_loop(folder, make_encoder(TOKENIZER), make_stage(**settings), model, divide=divide, **more)


@torch.no_grad()
def _scores(model: Any, step: int) -> dict[str, float]:
    if dist.get_rank() == 0:  # alone: nothing is gathered for it
        layers = [module for module in model.modules() if isinstance(module, FSDPModule)]
        assert layers and not any(map(is_slice, model.parameters()))
        assert model(input_ids=torch.arange(3, 9)[None]).logits.isfinite().all()
    return {"loss": float(abs(step - 6))}


def stage(folder: Path, case: Case, cut: str = "") -> None:
    """Run a stage; ``cut``: ``<process>:<step>``, where one process dies without a word."""
    process, _, step = cut.partition(":")

    def tell(progress: Any) -> None:
        if cut and progress.step == int(step):
            if dist.get_rank() == int(process):
                os._exit(9)
            raise SystemExit(8)

    said: list[str] = []
    loop = divided_loop(folder, case, tell=tell, say=said.append)
    loop.run()
    tensors = collect(trainable(loop.model))
    if dist.get_rank() == 0:
        save_file(tensors, folder / "final.safetensors")
        (folder / "said.txt").write_text("\n".join(said))
        share = [local(p).numel() / p.numel() for p in loop.model.parameters() if is_slice(p)]
        (folder / "share.txt").write_text(f"{max(share, default=1.0)}")


def full_disk(folder: Path, case: Case) -> None:
    """The second process cannot write its part of the second checkpoint."""
    from dragoman.errors import ModelError
    from dragoman.tune import checkpoint

    save, saved = checkpoint.save_file, 0

    def fill(tensors: Any, path: Path) -> None:
        nonlocal saved
        saved += 1
        save(tensors, path)
        if saved == 4 and dist.get_rank() == 1:
            raise OSError(28, "No space left on device")

    checkpoint.save_file = fill
    try:
        divided_loop(folder, case).run()
    except ModelError as error:
        (folder / f"error{dist.get_rank()}.txt").write_text(str(error))

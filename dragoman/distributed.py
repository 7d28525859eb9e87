"""Several processes under torchrun: one process group for a run; the first process writes, all tune."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")
PATIENCE = timedelta(days=2)  # the others wait while the first process reads a large corpus


@contextmanager
def processes() -> Iterator[None]:
    """Join the process group that torchrun has announced; nothing to do in a single process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    import torch
    import torch.distributed as dist

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def is_first() -> bool:
    """True in the process that writes files and speaks; also where there is only one."""
    return int(os.environ.get("RANK", "0")) == 0


def my_share(items: list[T]) -> list[T]:
    """This process's part of work that the processes divide among them."""
    return items[int(os.environ.get("RANK", "0")) :: int(os.environ.get("WORLD_SIZE", "1"))]


def wait_for_all() -> None:
    """Every process waits here for the others."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        import torch.distributed as dist

        if dist.is_initialized():
            dist.barrier()

"""In what precision matrices are multiplied: what the processor is good at, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def bfloat16_units() -> bool:
    """True if the processor multiplies bfloat16 matrices by itself (AMX or AVX512-BF16)."""
    return bool(
        getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
        or getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    )


def bfloat16_pays(compute: str, device: torch.device) -> bool:
    """Whether ``compute`` (float32, bfloat16, auto) means products in bfloat16 on this device.

    auto: where there are units for it: a CUDA card that has them, a processor as in `bfloat16_units`.
    Elsewhere a product in bfloat16 takes many times as long as one in float32.
    """
    if compute != "auto":
        return compute == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and bfloat16_units()


def emulated(compute: str, device: torch.device) -> str:
    """What to say of a ``compute`` that asks for bfloat16 where there are no units for it; else empty."""
    if compute == "bfloat16" and device.type in ("cpu", "cuda") and not bfloat16_pays("auto", device):
        return (
            f"model.compute: bfloat16, and this {device.type} has no units for it: a step takes many times "
            "as long as with model.compute=auto"
        )
    return ""


@contextmanager
def low_precision(device: torch.device, on: bool) -> Iterator[None]:
    """Products in bfloat16 by autocast; on a CPU also those of float32 tensors outside it (the head's)."""
    if not on:
        yield
        return
    before = torch.get_float32_matmul_precision()
    if device.type == "cpu":
        torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            yield
    finally:
        torch.set_float32_matmul_precision(before)

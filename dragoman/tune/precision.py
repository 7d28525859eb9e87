"""In what precision matrices are multiplied: what the processor is good at, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dragoman.recipe import Model


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


def remarks(settings: Model, device: torch.device) -> list[str]:
    """What to say of the precision that a recipe asks for, where it is slow here or loses updates."""
    found = []
    asked = [key for key in ("dtype", "compute") if getattr(settings, key) == "bfloat16"]
    if asked and device.type in ("cpu", "cuda") and not bfloat16_pays("auto", device):
        better = "float32" if "dtype" in asked else "auto"
        found.append(
            f"model.{asked[0]}: bfloat16, and this {device.type} has no units for it: a step takes many "
            f"times as long as with {better}"
        )
    if settings.dtype == "bfloat16" and settings.lora is None:
        found.append(
            "model.dtype: bfloat16 without model.lora: updates below 1/256 of a weight are rounded away, "
            "at rates of 1e-5 most of them; float32 weights keep them"
        )
    return found


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

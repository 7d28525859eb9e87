"""``dragoman doctor``: what is installed, which devices there are, what is missing and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

import dragoman
from dragoman.errors import install

REQUIRED = (
    "torch", "transformers", "peft", "safetensors", "numpy", "numba", "pydantic", "pyyaml", "typer", "rich",
    "sacrebleu", "py3langid", "zstandard",
)  # fmt: skip
OPTIONAL = (
    ("datasets", "data", "Hugging Face data sets as text in"),
    ("pycld2", "lid", "a second language identifier"),
    ("fasttext-predict", "lid", "identifiers of the fastText kind"),
    ("mecab-python3", "eval", "words of Japanese, for BLEU"),
    ("mecab-ko", "eval", "words of Korean, for BLEU"),
    ("matplotlib", "plot", "the picture of dragoman probe as PNG"),
    ("trl", "bench", "the peer of benchmarks/tune.py"),
)


def examine() -> str:
    """The findings as text; nothing is changed."""
    lines = [
        f"dragoman {dragoman.__version__}   Python {platform.python_version()}   {platform.platform()}",
        "",
    ]
    missing = []
    for name in REQUIRED:
        found = _version(name)
        lines.append(f"  {name:<18} {found or 'MISSING'}")
        if found is None:
            missing.append(name)
    lines += ["", f"  extras; to get one: {install('lid')}"]
    for name, extra, purpose in OPTIONAL:
        found = _version(name)
        cure = found or f"not installed: extra {extra}"
        lines.append(f"  {name:<18} {cure}   ({purpose})")
    lines += ["", "  devices", *_devices(missing), ""]
    free = shutil.disk_usage(".").free / 2**30
    lines.append(f"  disk here          {free:.1f} GB free")
    hub = "offline" if os.environ.get("HF_HUB_OFFLINE") else "asked for ids that are no folder"
    lines.append(f"  hub                {hub}")
    lines.append("")
    lines.append(f"  missing: {', '.join(missing)}: {install()}" if missing else "  nothing is missing")
    return "\n".join(lines)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices(missing: list[str]) -> list[str]:
    """One line a device; the CPU's says whether bfloat16 products pay."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0
    if "torch" in missing:
        return [f"  cpu                {os.cpu_count()} cores, {memory:.0f} GB"]
    import torch

    from dragoman.tune.precision import bfloat16_units

    fast = torch.backends.cpu.get_cpu_capability()
    units = "bfloat16 units (model.compute: bfloat16 pays)" if bfloat16_units() else "no bfloat16 units"
    lines = [f"  cpu                {os.cpu_count()} cores, {memory:.0f} GB, {fast}, {units}"]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        lines.append(f"  cuda:{index}             {card.name}, {card.total_memory / 2**30:.0f} GB")
    if torch.backends.mps.is_available():
        lines.append("  mps                Apple GPU")
    if not torch.cuda.device_count():
        lines.append("  no CUDA card: small bases tune here; for a 7B base take a card, or LoRA and patience")
    return lines

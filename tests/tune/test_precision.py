"""Precision of products: what auto means where, and that nothing stays set."""

from __future__ import annotations

import pytest
import torch

from dragoman.recipe import Lora, Model
from dragoman.tune import precision
from dragoman.tune.precision import bfloat16_pays, low_precision, remarks

CPU = torch.device("cpu")
SLOW = "model.%s: bfloat16, and this cpu has no units for it: a step takes many times as long as with %s"


@pytest.mark.parametrize("units", [True, False])
def test_auto_follows_the_processor(units: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bfloat16_units", lambda: units)
    assert bfloat16_pays("auto", CPU) is units
    assert bfloat16_pays("bfloat16", CPU) and not bfloat16_pays("float32", CPU)
    assert not bfloat16_pays("auto", torch.device("mps"))
    assert not remarks(Model(compute="auto"), CPU) and not remarks(Model(), CPU)
    assert remarks(Model(compute="bfloat16"), CPU) == ([] if units else [SLOW % ("compute", "auto")])
    assert not remarks(Model(compute="bfloat16"), torch.device("mps"))
    adapted = Model(dtype="bfloat16", lora=Lora())
    assert remarks(adapted, CPU) == ([] if units else [SLOW % ("dtype", "float32")])
    assert "rounded away" in remarks(Model(dtype="bfloat16"), CPU)[-1]


def test_low_precision_is_taken_back() -> None:
    before = torch.get_float32_matmul_precision()
    a = torch.randn(8, 8)
    with low_precision(CPU, on=True):
        assert (a @ a).dtype == torch.bfloat16
    assert (a @ a).dtype == torch.float32
    assert torch.get_float32_matmul_precision() == before

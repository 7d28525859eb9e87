"""Precision of products: what auto means where, and that nothing stays set."""

from __future__ import annotations

import pytest
import torch

from dragoman.tune import precision
from dragoman.tune.precision import bfloat16_pays, emulated, low_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize("units", [True, False])
def test_auto_follows_the_processor(units: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bfloat16_units", lambda: units)
    assert bfloat16_pays("auto", CPU) is units
    assert bfloat16_pays("bfloat16", CPU) and not bfloat16_pays("float32", CPU)
    assert not bfloat16_pays("auto", torch.device("mps"))
    assert ("model.compute=auto" in emulated("bfloat16", CPU)) is not units
    assert not emulated("auto", CPU) and not emulated("float32", CPU)
    assert not emulated("bfloat16", torch.device("mps"))


def test_low_precision_is_taken_back() -> None:
    before = torch.get_float32_matmul_precision()
    a = torch.randn(8, 8)
    with low_precision(CPU, on=True):
        assert (a @ a).dtype == torch.bfloat16
    assert (a @ a).dtype == torch.float32
    assert torch.get_float32_matmul_precision() == before

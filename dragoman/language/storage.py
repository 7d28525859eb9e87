"""An identifier on disk: arrays in ``identifier.npz`` (no pickle), facts in ``identifier.json`` (last)."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dragoman.errors import ModelError

FACTS, ARRAYS = "identifier.json", "identifier.npz"


def write_identifier(
    folder: Path, kind: str, version: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    """Write beside, then rename; the facts come last, so that their presence means that all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{ARRAYS}.part"
    with beside.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    beside.replace(folder / ARRAYS)
    beside = folder / f".{FACTS}.part"
    text = json.dumps({"kind": kind, "version": version, **facts}, ensure_ascii=False, indent=1)
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(folder / FACTS)


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of the identifier in a folder; ModelError if there is none or it cannot be read."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"cannot read the identifier {folder / FACTS}: {error}; delete the folder and make it again"
        ) from error
    if not isinstance(facts, dict) or not {"kind", "version"} <= set(facts):
        raise ModelError(f"{folder / FACTS} is no identifier: expected the keys kind and version")
    return facts


def read_identifier(folder: Path, kind: str, version: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and facts; ModelError if they are missing, damaged, or of another kind or version."""
    facts = read_facts(folder)
    if (facts["kind"], facts["version"]) != (kind, version):
        raise ModelError(
            f"{folder / FACTS} holds {facts['kind']} {facts['version']}, here is {kind} {version}; "
            "install that version or make the identifier again"
        )
    try:
        with np.load(folder / ARRAYS, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}, facts
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"cannot read the identifier {folder / ARRAYS}: {error}; delete the folder and make it again"
        ) from error

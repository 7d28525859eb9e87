"""An aligner on disk: one file of arrays (safetensors, no pickle) with its settings in the header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dragoman.align.aligner import Aligner, Settings
from dragoman.align.joint import Joint
from dragoman.align.one_way import Diagonal, Direction
from dragoman.align.outputs import beside
from dragoman.align.rows import Rows
from dragoman.align.side import Side
from dragoman.align.text import Language
from dragoman.errors import ModelError

FORMAT = "2"
KIND = "dragoman aligner"


def save(aligner: Aligner, path: str | Path) -> None:
    """Write a trained aligner; the file appears when it is complete. ModelError if it is not trained."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    model = aligner.model
    if model is None:
        raise ModelError("the aligner has not been trained; train it before it is saved")
    arrays: dict[str, Any] = {"rows": model.words.rows, "columns": model.words.columns}
    facts: dict[str, Any] = {"settings": asdict(aligner.settings), "pairs": aligner.pairs}
    for name, language, side in (
        ("source", aligner.source, model.source),
        ("target", aligner.target, model.target),
    ):
        text = "\n".join(language.types).encode("utf-8")
        arrays |= {f"{name}.types": np.frombuffer(text, np.uint8), f"{name}.frequency": side.frequency}
        facts[f"{name}.cut"] = language.cut
    if isinstance(model, Joint):
        arrays |= {"counts": model.counts, "stem_counts": model.stem_counts}
        arrays |= {"stem_rows": model.stems.rows, "stem_columns": model.stems.columns}
        arrays |= {
            f"{what}.{n}": pair[n]
            for what, pair in (("null", model.nulls), ("jumps", model.jumps))
            for n in (0, 1)
        }
    else:
        facts["directions"] = [[d.turned, d.tension] for d in model.directions]
        arrays |= {f"values.{int(d.turned)}": d.values for d in model.directions}
        arrays |= {f"null.{int(d.turned)}": d.null for d in model.directions}
    part, target = beside(Path(path))
    if part == target:
        raise ModelError(f"{path}: is a device or a pipe; expected a file")
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    told = json.dumps(facts)
    header = {"kind": KIND, "format": FORMAT, "facts": told, "sha256": _sum(arrays, told)}
    try:
        part.touch()
        mode = part.stat().st_mode  # as any file of this user; safetensors lets nobody else read its own
        save_file(arrays, part, header)
        part.chmod(mode)
        part.replace(target)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise ModelError(f"{path}: cannot be written ({error}); choose another place") from None


def _sum(arrays: Mapping[str, Any], facts: str) -> str:
    """What tells a file that was damaged: the loops trust the numbers that they are given."""
    digest = hashlib.sha256(facts.encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].data)
    return digest.hexdigest()


def load(path: str | Path, threads: int = 1) -> Aligner:
    """A saved aligner. ModelError, a line, for a file that is no aligner, is cut off, or of another
    format."""
    arrays, facts = _read(Path(path))
    try:
        aligner = Aligner(threads=threads)
        aligner.settings = Settings(**facts["settings"])
        aligner.pairs = facts["pairs"]
        sides = []
        for name in ("source", "target"):
            text = arrays[f"{name}.types"].tobytes().decode("utf-8")
            language = Language(
                text.split("\n") if text else (), stem=aligner.settings.stem,
                segment=aligner.settings.segment, cut=facts[f"{name}.cut"],
            )  # fmt: skip
            setattr(aligner, name, language)
            sides.append(Side(language.stems, arrays[f"{name}.frequency"]))
        aligner.model = _model(aligner.settings.model, sides, arrays, facts)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: the aligner is damaged ({error}); train and save it again") from None
    return aligner


def _model(name: str, sides: list[Side], arrays: dict[str, Any], facts: dict[str, Any]) -> Joint | Diagonal:
    words = Rows(arrays["rows"], arrays["columns"], True)
    if name == "hmm":
        joint = Joint(sides[0], sides[1], words, Rows(arrays["stem_rows"], arrays["stem_columns"], True))
        joint.counts, joint.stem_counts = arrays["counts"], arrays["stem_counts"]
        joint.nulls = [arrays["null.0"], arrays["null.1"]]
        joint.jumps = [arrays["jumps.0"], arrays["jumps.1"]]
        return joint
    diagonal = Diagonal(sides[0], sides[1], words, [])
    for turned, tension in facts["directions"]:
        direction = Direction(turned, 0, 0)
        direction.tension = tension
        direction.values, direction.null = arrays[f"values.{int(turned)}"], arrays[f"null.{int(turned)}"]
        diagonal.directions.append(direction)
    return diagonal


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise ModelError(f"{path}: {what}; expected an aligner written with --save")
    try:
        with safe_open(path, "np") as file:
            header = file.metadata() or {}
            if header.get("kind") != KIND:
                raise ModelError(f"{path}: is no aligner; expected a file written with --save")
            if header.get("format") != FORMAT:
                raise ModelError(
                    f"{path}: is of format {header.get('format')}, here is {FORMAT}; train and save it again"
                )
            facts: dict[str, Any] = json.loads(header["facts"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping: it cannot be iterated)
        if _sum(arrays, header["facts"]) != header.get("sha256"):
            raise ModelError(
                f"{path}: is damaged (its content is not what was saved); train and save it again"
            )
        return arrays, facts
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: cannot be read as an aligner ({error}); train and save it again") from None

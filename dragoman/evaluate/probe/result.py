"""What a look inside found: a row for each model, language pair and layer; ``probe.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from statistics import fmean
from typing import Any

from dragoman import __version__
from dragoman.errors import DataError
from dragoman.evaluate.results import versions
from dragoman.language.language import parse_direction

FILE, SVG, PNG = FILES = ("probe.json", "probe.svg", "probe.png")
MARGIN, FORWARD, BACK = "margin", "forward", "back"
MEASURES = (MARGIN, FORWARD, BACK)
"""What is shown; `paired`, `shuffled` and `error` stand in the file beside them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One layer of a system on a language pair; see :class:`dragoman.evaluate.probe.measure.Score`.

    Layer 0 is the embeddings. ``lines``: the number of sentences on each side.
    """

    system: str
    pair: str
    layer: int
    paired: float
    shuffled: float
    margin: float
    error: float
    forward: float
    back: float
    lines: int


@dataclass(slots=True)
class ProbeResults:
    """All that was found. ``systems``: what is known of each, by name; ``text``: lines read, drawn and left
    out, by language pair; ``signature``: every choice that changes the numbers."""

    rows: list[Row] = field(default_factory=list)
    systems: dict[str, dict[str, Any]] = field(default_factory=dict)
    text: dict[str, dict[str, Any]] = field(default_factory=dict)
    signature: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Systems in order of first appearance."""
        return list(dict.fromkeys(row.system for row in self.rows))

    @property
    def pairs(self) -> list[str]:
        """Language pairs in order of first appearance."""
        return list(dict.fromkeys(row.pair for row in self.rows))

    def lines(self, pair: str) -> int:
        """Sentences of a language pair on each side."""
        return next(row.lines for row in self.rows if row.pair == pair)

    def layers(self, system: str) -> int:
        """Number of a system's last layer."""
        return max(row.layer for row in self.rows if row.system == system)

    def values(self, system: str, measure: str, pair: str | None = None) -> list[float]:
        """A measure of a system on a pair, layer by layer; None: the mean over all pairs."""
        by_layer: dict[int, list[float]] = {}
        for row in self.rows:
            if row.system == system and pair in (None, row.pair):
                by_layer.setdefault(row.layer, []).append(getattr(row, measure))
        return [fmean(by_layer[layer]) for layer in sorted(by_layer)]

    def to_json(self) -> dict[str, Any]:
        """The content of ``probe.json``."""
        return {
            "format": 1,
            "signature": self.signature,
            "systems": self.systems,
            "text": self.text,
            "rows": [asdict(row) for row in self.rows],
            "versions": self.versions,
        }


def signature(dtype: str, seed: int) -> str:
    """What every number of a look depends on besides models and lines."""
    parts = ("probe", "pool:mean-first", "centre:side", "sim:cosine", "shuffled:non-pairs", "p@1:ties-miss")
    return "|".join((*parts, f"dtype:{dtype}", f"seed:{seed}", f"version:{__version__}"))


def library_versions() -> dict[str, str]:
    """Versions of what computes the numbers."""
    import torch
    import transformers

    known = versions()
    kept = {name: known[name] for name in ("dragoman", "python")}
    return kept | {"torch": torch.__version__, "transformers": transformers.__version__}


def write_probe(path: Path, results: ProbeResults) -> None:
    """Write the results as JSON (beside, then renamed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    text = json.dumps(results.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)


def read_probe(path: Path) -> ProbeResults:
    """Read the results; DataError naming file and row if they are none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = list(content["rows"])
        results = ProbeResults(
            systems=dict(content["systems"]), text=dict(content["text"]), signature=str(content["signature"]),
            versions=dict(content["versions"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: no look inside ({error}); expected what dragoman probe writes") from error
    for number, row in enumerate(rows, 1):
        try:
            kept = Row(**{key.name: row[key.name] for key in fields(Row)})
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: row {number} lacks {error}; probe the models again") from error
        _check(kept, f"{path}: row {number}")
        results.rows.append(kept)
    _check_whole(results.rows, path)
    return results


def _check(row: Row, where: str) -> None:
    measures = (row.paired, row.shuffled, row.margin, row.error, row.forward, row.back)
    good = all(isinstance(value, int | float) and math.isfinite(value) for value in measures)
    if not good or not isinstance(row.layer, int) or not isinstance(row.lines, int):
        raise DataError(f"{where} holds a value that is no number; probe the models again")
    if not isinstance(row.system, str) or not isinstance(row.pair, str):
        raise DataError(f"{where} names no system or language pair; probe the models again")
    parse_direction(row.pair)


def _check_whole(rows: Sequence[Row], path: Path) -> None:
    """Every system has all its layers on every pair, each once."""
    if not rows:
        raise DataError(f"{path}: holds no rows; probe the models again")
    pairs = list(dict.fromkeys(row.pair for row in rows))
    for system in dict.fromkeys(row.system for row in rows):
        found = sorted((row.pair, row.layer) for row in rows if row.system == system)
        last = max(layer for _, layer in found)
        if found != sorted((pair, layer) for pair in pairs for layer in range(last + 1)) or last < 1:
            raise DataError(f"{path}: layers of {system!r} are missing; probe the models again")

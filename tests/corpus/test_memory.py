"""Ten times the lines need at most 1.1 times the memory, whatever the layout of the text."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

MEASURE = """
import json, re, sys
from pathlib import Path
from dragoman.corpus.prepare import prepare
from dragoman.recipe import Data
manifest = prepare(Data.model_validate(json.loads(sys.argv[1])), Path(sys.argv[2]))
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
print(manifest["train"]["kept"], peak)
"""
READ = """
import json, re, sys
from pathlib import Path
from dragoman.corpus.readers import read_source
from dragoman.recipe import Source
count = sum(1 for _ in read_source(Source(**json.loads(sys.argv[1])), print))
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
print(count, peak)
"""
"""Reads the peak from /proc: getrusage starts from that of the process which started this one."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measured on Linux")

FEW, MANY = 10_000, 100_000
SLACK = 2_000_000
"""Bytes by which two runs of the same work may differ."""


def write_corpus(folder: Path, count: int) -> dict[str, Any]:
    """Two aligned files (one of them compressed) of distinct lines of about 60 characters; their source."""
    folder.mkdir()
    english, german = folder / "train.en", folder / "train.de.gz"
    with english.open("w") as one, gzip.open(german, "wt", compresslevel=1) as other:
        for number in range(count):
            one.write(f"This is the English sentence that has the number {number * 7919}.\n")
            other.write(f"Das ist der deutsche Satz und er trägt die Nummer {number * 7919}.\n")
    return {"files": {"en": str(english), "de": str(german)}}


def test_saved_data_sets_are_not_mapped_whole(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    peaks = []
    for count in (FEW // 5, FEW):
        texts = {code: [f"{code} number {n} " * 40 for n in range(count)] for code in ("en", "de")}
        datasets.Dataset.from_dict(texts).save_to_disk(tmp_path / str(count))
        data = {"train": {"dataset": str(tmp_path / str(count))}}
        peaks.append(peak(data, tmp_path / f"corpus{count}")[1])
    assert peaks[1] - peaks[0] <= 4_000_000


def peak(data: dict[str, Any], *arguments: Path, program: str = MEASURE) -> tuple[int, int]:
    """Lines kept (or read) and peak memory in bytes of a process that prepares a corpus (or reads)."""
    command = [sys.executable, "-c", program, json.dumps(data), *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    kept, memory = done.stdout.split()
    return int(kept), int(memory)


def write_layout(folder: Path, layout: str, count: int) -> dict[str, Any]:
    """The same lines as a folder of .xz files, as TSV.zst or as JSONL.gz; their source."""
    folder.mkdir()
    rows = [(f"This is English sentence {n * 7919}.", f"Das ist Satz {n * 7919}.") for n in range(count)]
    if layout == "folder":
        for code, texts in zip(("en", "de"), zip(*rows, strict=True), strict=True):
            (folder / f"train.{code}.xz").write_bytes(lzma.compress("\n".join(texts).encode(), preset=0))
        return {"folder": str(folder)}
    path = folder / f"text.{layout}"
    if layout == "tsv.zst":
        path.write_bytes(zstandard.compress("".join(f"{en}\t{de}\n" for en, de in rows).encode(), 1))
        return {"tsv": str(path), "languages": ["en", "de"]}
    text = "".join(json.dumps({"en": en, "de": de}) + "\n" for en, de in rows)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=1))
    return {"jsonl": str(path)}


@pytest.mark.parametrize("layout", ["folder", "tsv.zst", "jsonl.gz"])
def test_every_reader_streams(tmp_path: Path, layout: str) -> None:
    peaks = {}
    for count in (FEW, MANY):
        found, peaks[count] = peak(write_layout(tmp_path / str(count), layout, count), program=READ)
        assert found == count
    assert peaks[MANY] <= 1.1 * peaks[FEW]


@pytest.mark.parametrize("duplicates", [False, True])
def test_memory_is_constant_in_the_number_of_lines(tmp_path: Path, duplicates: bool) -> None:
    peaks = {}
    for count in (FEW, MANY):
        data = {"train": write_corpus(tmp_path / str(count), count), "filters": {"duplicates": duplicates}}
        kept, peaks[count] = peak(data, tmp_path / f"corpus{count}")
        assert kept == count
    grown = peaks[MANY] - peaks[FEW]
    print(f"{peaks[FEW]:,} -> {peaks[MANY]:,} bytes, {grown / (MANY - FEW):.1f} a line")
    assert grown <= 16 * (MANY - FEW) * duplicates + SLACK
    if not duplicates:
        assert peaks[MANY] <= 1.1 * peaks[FEW]

"""The commands under "In use" in the README, as they stand there, in a folder as the README describes it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tinyrun import write_base, write_text

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clone's recipes, a small base, text in three languages, something to translate, `dragoman`."""
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    write_base(tmp_path / "Qwen" / "Qwen3-0.6B")  # the hub id of the README, as a folder
    corpus = write_text(tmp_path / "my-corpus", ("en", "it", "fr"), {"train": 12, "dev": 1, "test": 1})
    for path in corpus.glob("*.fr"):
        path.rename(path.with_suffix(".nl"))
    (tmp_path / "news.it").write_text("uno due\n")
    program = tmp_path / "bin" / "dragoman"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dragoman "$@"\n')
    program.chmod(0o755)
    return tmp_path


@pytest.mark.timeout(280)
def test_commands_work_as_they_stand(folder: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## In use\n+```\n(.*?)```", text, re.DOTALL)
    assert block is not None
    commands = [line.removeprefix("$ ") for line in block[1].splitlines() if line.startswith("$ ")]
    assert [command.split()[1] for command in commands] == ["run", "inspect", "run", "translate", "compare"]
    paths = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    said = []
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=os.environ | paths, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        said.append(done.stdout)
    assert "to do" in said[0] and "unlearned (-1)" in said[1] and "zero-shot (2)" in said[2]
    assert len((folder / "news.nl").read_text(encoding="utf-8").splitlines()) == 1
    assert re.search(r"stage1 +stage2 +difference", said[4])
    assert (folder / "runs" / "language-aware" / "report.html").exists()

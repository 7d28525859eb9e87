"""For every test: nothing is asked of the network; a run in miniature; the command line in this process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

Cli = Callable[..., tuple[int, str, str]]


class Tiny(NamedTuple):
    """A folder of text, a base, a recipe, and its finished run: tests share them and change none."""

    text: Path
    base: Path
    recipe: Path
    run: Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The miniature of tinyrun.py, run to its end once for all tests."""
    import torch
    from tinyrun import recipe_content, write_base, write_recipe, write_text

    from dragoman.recipe_file import load_recipe
    from dragoman.run import Run

    place = tmp_path_factory.mktemp("tiny")
    text, base = write_text(place / "text"), write_base(place / "base")
    recipe = write_recipe(place / "recipe.yaml", recipe_content(text, base))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same bits in every process
    Run(load_recipe(recipe), place / "runs" / "tiny").go()
    torch.set_num_threads(threads)
    return Tiny(text, base, recipe, place / "runs" / "tiny")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """The command line in this process: arguments in; exit status, standard output and error out."""
    from dragoman.cli import main

    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["dragoman", *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
        said = capsys.readouterr()
        return status, said.out, said.err

    yield call
    signal.signal(signal.SIGTERM, before)

"""``dragoman align``: text in, links out; one clear line for each mistake, and nothing half-written."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Cli

from align.texts import toy

SOURCE, TARGET, LINKS = toy(120)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with text of two files, a TSV, and gold links."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("\n".join(SOURCE) + "\n")
    (tmp_path / "b").write_text("\n".join(TARGET) + "\n")
    (tmp_path / "ab.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in zip(SOURCE, TARGET, strict=True)))
    (tmp_path / "gold").write_text("\n".join(" ".join(f"{i}-{j}" for i, j in line) for line in LINKS) + "\n")
    return tmp_path


def test_two_files_a_tsv_and_standard_input(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, said = cli("align", "a", "b", "--gold", "gold", "--threads", 1)
    assert status == 0, said
    assert len(out.splitlines()) == len(SOURCE)
    assert re.search(r"hmm, agree: 120 pairs, [\d,]+ links", said)
    found = re.search(r"precision ([\d.]+)  recall ([\d.]+)  F ([\d.]+)  AER ([\d.]+)", said)
    assert found is not None
    assert float(found[4]) < 0.05
    assert cli("align", "ab.tsv")[1] == out
    bars = "".join(f"{a} ||| {b}\n" for a, b in zip(SOURCE, TARGET, strict=True))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bars.encode())))
    assert cli("align", "-")[1] == out
    (here / "a.gz").write_bytes(gzip.compress((here / "a").read_bytes()))
    assert cli("align", "a.gz", "b", "-o", "links")[0] == 0
    assert (here / "links").read_text() == out


def test_saving_loading_and_scores(here: Path, cli: Cli) -> None:
    arguments = ("--model", "diagonal", "-s", "grow-diag-final-and")
    status, out, said = cli("align", "a", "b", *arguments, "--save", "kept", "--scores", "scores")
    assert status == 0, said
    assert cli("align", "ab.tsv", "--load", "kept")[1] == out
    for links, scores in zip(out.splitlines(), (here / "scores").read_text().splitlines(), strict=True):
        assert len(links.split()) == len(scores.split())
        assert all(0 <= float(number) <= 1 for number in scores.split())
    assert cli("align", "a", "b", "--load", "kept", "--threshold", 0.9)[0] == 0


def test_a_sample_is_drawn_by_its_seed(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.align.command.SHARD", 50)
    first, again = (cli("align", "a", "b", "--sample", 60, "--seed", 3)[1] for _ in range(2))
    assert first == again
    assert len(first.splitlines()) == len(SOURCE)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((here / "ab.tsv").read_bytes())))
    status, out, said = cli("align", "-", "--sample", 60, "--seed", 3)
    assert (status, out) == (0, first)
    assert "learns from 60 of 120 pairs, drawn with seed 3" in said


def test_more_text_to_learn_from(here: Path, cli: Cli) -> None:
    for name in ("a", "b"):
        lines = (here / name).read_text().splitlines(keepends=True)
        (here / f"few.{name}").write_text("".join(lines[:5]))
    status, out, said = cli("align", "few.a", "few.b", "--also", "a", "b")
    assert status == 0, said
    assert len(out.splitlines()) == 5


def test_units_of_text_without_spaces(here: Path, cli: Cli) -> None:
    (here / "zh").write_text("我有一本好书\n你有一本好书\n我有一所房子\n")
    (here / "en").write_text("i have a good book\nyou have a good book\ni have a house\n")
    status, out, said = cli("align", "zh", "en", "--units", "units")
    assert status == 0, said
    assert "source text was cut into units (Hani)" in said
    assert all(part.startswith("0-") for part in out.split())
    source, target, links = (here / "units").read_text().splitlines()[0].split("\t")
    assert (source, target) == ("我 有 一 本 好 书", "i have a good book")
    assert all(int(part.split("-")[0]) < 6 for part in links.split())


Setup = Callable[[Path], None]
MISTAKES: dict[str, tuple[Setup, list[object], str]] = {
    "a side is shorter": (
        lambda f: (f / "b").write_text("x\n") and None, ["a", "b"],
        r"a: 120 lines, but b has 1; expected equally many",
    ),
    "no such file": (lambda f: None, ["a", "nothing"], r"nothing: no such file"),
    "one column": (lambda f: None, ["a"], r"a:1: 1 columns, expected 2"),
    "three columns": (lambda f: (f / "t").write_text("a\tb\nc\td\te\n") and None, ["t"], r"t:2: 3 columns"),
    "no UTF-8": (
        lambda f: (f / "b").write_bytes(b"x\n" * 119 + b"\xff\n") and None, ["a", "b"],
        r"target:120: is no UTF-8",
    ),
    "an endless line": (
        lambda f: (f / "b").write_text("x\n" * 119 + "y " * 1_000_000 + "\n") and None, ["a", "b"],
        r"b:120: line over 1 MB; expected a sentence a line",
    ),
    "no text": (lambda f: (f / "t").write_text("") and None, ["t"], r"no pair of lines has words on both"),
    "gold of other lines": (
        lambda f: (f / "gold").write_text("0-0\n") and None, ["a", "b", "--gold", "gold"],
        r"gold: 1 lines of gold links for 120 pairs",
    ),
    "gold out of range": (
        lambda f: (f / "gold").write_text("0-0\n" * 119 + "0p99\n") and None, ["a", "b", "--gold", "gold"],
        r"gold:120: 0-99 points beyond the target, which has \d words",
    ),
    "gold of another kind": (
        lambda f: (f / "gold").write_text("0-0 1:2\n") and None, ["a", "b", "--gold", "gold"],
        r"gold:1: '1:2' is no link; expected '3-4' \(sure\) or '3p4' \(possible\)",
    ),
    "no aligner": (lambda f: None, ["a", "b", "--load", "gold"], r"gold: cannot be read as an aligner"),
    "learning and loading": (lambda f: None, ["a", "b", "--load", "gold", "--sample", 5], r"for training"),
    "threshold": (lambda f: None, ["a", "b", "--threshold", 1.5], r"threshold 1.5 is out of range"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(mistake: str, here: Path, cli: Cli) -> None:
    prepare, arguments, message = MISTAKES[mistake]
    prepare(here)
    before = {path.name for path in here.iterdir()}
    status, out, said = cli("align", *arguments, "-o", "links", "--save", "kept", "--scores", "scores")
    assert status == 1
    assert out == ""
    lines = [line for line in said.splitlines() if line.startswith("dragoman: ")]
    assert len(lines) == 1
    assert re.search(message, lines[0]), lines[0]
    assert {path.name for path in here.iterdir()} == before

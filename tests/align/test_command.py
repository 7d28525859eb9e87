"""``dragoman align``: text in, links out; one clear line for each mistake, and nothing half-written."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
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
    (here / "en").write_text("i don't have a good book, sir\nyou have a good book\ni have a house\n")
    status, out, said = cli("align", "zh", "en", "--units", "units")
    assert status == 0, said
    assert "source text was cut into units (Hani)" in said
    assert all(part.startswith("0-") for part in out.split())
    source, target, links = (here / "units").read_text().splitlines()[0].split("\t")
    assert (source, target) == ("我 有 一 本 好 书", "i don't have a good book, sir")
    assert all(int(part.split("-")[0]) < 6 for part in links.split())
    assert all(int(part.split("-")[1]) < 7 for part in links.split())


def test_links_of_another_program_are_scored_and_combined(here: Path, cli: Cli) -> None:
    (here / "few.a").write_text("x y z\nx\n\n")
    (here / "few.b").write_text("p q r\np q\n\n")
    (here / "forward").write_text("0-0 1-1 1-2\n0-0 0-1\n\n")
    (here / "reverse").write_text("0-0 2-2 1-1\n0-0\n\n")
    (here / "few.gold").write_text("0-0 1-1 2-2\n0p1\n\n")
    text = ("few.a", "few.b", "--gold", "few.gold")
    status, out, said = cli("align", *text, "--links", "forward")
    assert (status, out) == (0, (here / "forward").read_text())
    assert "precision 0.600  recall 0.667" in said
    both = ("--links", "forward", "--links", "reverse")
    for how, wanted in (("intersect", "0-0 1-1\n0-0\n\n"), ("union", "0-0 1-1 1-2 2-2\n0-0 0-1\n\n")):
        assert cli("align", *text, *both, "-s", how)[1] == wanted


def test_wrong_gold_is_told_before_a_link_is_written(here: Path, cli: Cli) -> None:
    (here / "gold").write_text("0-0\n" * 119)
    for more in ((), ("--sample", 20)):
        status, out, said = cli("align", "a", "b", "--gold", "gold", *more)
        assert (status, out) == (1, "")
        assert "119 lines of gold links for 120 pairs" in said


def test_progress_has_a_rate(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.console.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("dragoman.align.command.SHARD", 50)
    said = cli("align", "a", "b", "--save", "kept")[2]
    assert re.search(r"align      10 passes, pairs  1,200  [\d,]+/s", said)
    assert re.search(r"align      pairs  120  [\d,]+/s", cli("align", "a", "b", "--load", "kept")[2])


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
        r"b:120: is no UTF-8",
    ),
    "an endless line": (
        lambda f: (f / "b").write_text("x\n" * 119 + "y " * 1_000_000 + "\n") and None, ["a", "b"],
        r"b:120: line over 1 MB; expected a sentence a line",
    ),
    "no UTF-8 in more text": (
        lambda f: (f / "c").write_bytes(b"x y\n\xff\n") and None, ["a", "b", "--also", "c", "c"],
        r"c:2: is no UTF-8",
    ),
    "no UTF-8 in a line that is not drawn": (
        lambda f: (f / "b").write_bytes(b"x\n" * 119 + b"\xff\n") and None, ["a", "b", "--sample", "5"],
        r"b:120: is no UTF-8",
    ),
    "no blank": (
        lambda f: (f / "b").write_text("".join(f"word{n}\n" for n in range(120))) and None, ["a", "b"],
        r"b: no line has two words; expected blanks between words",
    ),
    "one word": (
        lambda f: (f / "b").write_text("same same\n" * 120) and None, ["a", "b"],
        r"b: its only word is 'same'; expected sentences",
    ),
    "only long lines": (
        lambda f: None, ["a", "b", "--longest", "1"],
        r"all 120 pairs have more than 1 words on a side; .* raise longest",
    ),
    "standard input twice": (lambda f: None, ["-", "-"], r"standard input \(-\) is named twice"),
    "a folder as an aligner": (
        lambda f: (f / "d").mkdir() or None, ["a", "b", "--load", "d"], r"d: is a folder; expected an",
    ),
    "units to standard output": (lambda f: None, ["a", "b", "--units", "-"], r"--units -: standard output"),
    "a pipe for what is learnt": (
        lambda f: os.mkfifo(f / "pipe"), ["a", "b", "--save", "pipe"], r"pipe: is a device or a pipe",
    ),
    "no text": (lambda f: (f / "t").write_text("") and None, ["t"], r"t: no line has words; expected par"),
    "gold of other lines": (
        lambda f: (f / "gold").write_text("0-0\n") and None, ["a", "b", "--gold", "gold"],
        r"gold: 1 lines of gold links for 120 pairs",
    ),
    "gold out of range": (
        lambda f: (f / "gold").write_text("0-0\n" * 119 + "0p99\n") and None, ["a", "b", "--gold", "gold"],
        r"gold:120: 0p99 points beyond the target, which has \d words",
    ),
    "gold of another kind": (
        lambda f: (f / "gold").write_text("0-0 1:2\n") and None, ["a", "b", "--gold", "gold"],
        r"gold:1: '1:2' is no link; expected '3-4' \(sure\) or '3p4' \(possible\)",
    ),
    "a hundredth line, which is no emoji": (
        lambda f: (f / "gold").write_text("0-0\n" * 99 + "0:0\n") and None, ["a", "b", "--gold", "gold"],
        r"gold:100: '0:0' is no link",
    ),
    "an aligner cut off": (
        lambda f: (f / "cut").write_bytes(b"\x10\0\0\0\0\0\0\0{") and None, ["a", "b", "--load", "cut"],
        r"cut: cannot be read as an aligner",
    ),
    "no aligner": (lambda f: None, ["a", "b", "--load", "gold"], r"gold: cannot be read as an aligner"),
    "learning and loading": (lambda f: None, ["a", "b", "--load", "gold", "--sample", 5], r"--sample: how"),
    "a setting of learning and loading": (
        lambda f: None, ["a", "b", "--load", "gold", "--stem", 3, "--model", "diagonal"],
        r"--model, --stem: how to learn; a saved aligner has learnt",
    ),
    "no such folder": (
        lambda f: None, ["a", "b", "--units", "none/units"], r"there is no folder none for --units",
    ),
    "a file twice": (lambda f: None, ["a", "b", "--units", "links"], r"links: --units would write it, but"),
    "the text itself": (lambda f: None, ["a", "b", "--units", "b"], r"b: --units would write it"),
    "a folder": (
        lambda f: (f / "d").mkdir() or None, ["a", "b", "--units", "d"], r"d: is a folder, expected the name",
    ),
    "threshold": (lambda f: None, ["a", "b", "--threshold", 1.5], r"threshold 1.5 is out of range"),
}  # fmt: skip


LINK_MISTAKES: dict[str, tuple[str, list[object], str]] = {
    "other lines": ("0-0\n", [], r"given: 1 lines of links for 120 pairs; expected one line a pair"),
    "out of range": ("0-0\n" * 119 + "7-99\n", [], r"given:120: '7-99' points beyond the (source|target)"),
    "another kind": ("0-0\n" * 119 + "0p0\n", [], r"given:120: '0p0' is no link; expected '3-4'"),
    "two and no way": (
        "0-0\n" * 120,
        ["--links", "given"],
        r"become one with --symmetrize",
    ),
    "one and a way": ("0-0\n" * 120, ["-s", "union"], r"needs two files of links"),
    "saved": ("0-0\n" * 120, ["--save", "kept"], r"--save: for links that are made here"),
}


@pytest.mark.parametrize("mistake", LINK_MISTAKES)
def test_mistakes_in_links_of_another_program(mistake: str, here: Path, cli: Cli) -> None:
    content, arguments, message = LINK_MISTAKES[mistake]
    (here / "given").write_text(content)
    before = {path.name for path in here.iterdir()}
    status, out, said = cli("align", "a", "b", "--links", "given", *arguments, "-o", "links")
    assert (status, out) == (1, "")
    (line,) = [line for line in said.splitlines() if line.startswith("dragoman: ")]
    assert re.search(message, line), line
    assert {path.name for path in here.iterdir()} == before


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(mistake: str, here: Path, cli: Cli) -> None:
    prepare, arguments, message = MISTAKES[mistake]
    prepare(here)
    before = {path.name for path in here.iterdir()}
    common = ["-o", "links", "--scores", "scores"] + ([] if "--save" in arguments else ["--save", "kept"])
    status, out, said = cli("align", *arguments, *common)
    assert status == 1
    assert out == ""
    lines = [line for line in said.splitlines() if line.startswith("dragoman: ")]
    assert len(lines) == 1
    assert re.search(message, lines[0]), lines[0]
    assert {path.name for path in here.iterdir()} == before


def test_words_alone_are_taken_where_the_user_says_so(here: Path, cli: Cli) -> None:
    (here / "lexicon").write_text("".join(f"wort{n}\tword{n}\n" for n in range(20)))
    status, out, _ = cli("align", "lexicon", "--segment", "words")
    assert (status, out.splitlines()) == (0, ["0-0"] * 20)
    status, out, _ = cli("align", "lexicon", "--segment", "words", "--longest", "1")
    assert (status, out.splitlines()) == (0, ["0-0"] * 20)


def test_a_link_to_a_file_and_a_pipe_stay_what_they_are(here: Path, cli: Cli) -> None:
    (here / "real").write_text("old")
    (here / "shortcut").symlink_to("real")
    assert cli("align", "a", "b", "-o", "shortcut")[0] == 0
    assert (here / "shortcut").is_symlink() and len((here / "real").read_text().splitlines()) == 120
    assert cli("align", "a", "b", "-o", "/dev/null", "--scores", "/dev/null")[0] == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    (here / "kept").symlink_to("aligner")
    assert cli("align", "a", "b", "-o", "links", "--save", "kept")[0] == 0
    assert (here / "kept").is_symlink() and (here / "aligner").is_file()
    assert stat.S_IMODE((here / "aligner").stat().st_mode) == stat.S_IMODE((here / "links").stat().st_mode)


def test_a_full_disk_is_told_with_the_file(here: Path, cli: Cli) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    status, _, said = cli("align", "a", "b", "-o", "/dev/full")
    assert status == 1 and "dragoman: /dev/full: cannot be written (No space left on device)" in said


@pytest.mark.parametrize("options", [(), ("--load", "kept"), ("--sample", "60")])
def test_long_pairs_are_told_however_they_come(options: tuple[str, ...], here: Path, cli: Cli) -> None:
    assert cli("align", "a", "b", "-o", "links", "--save", "kept", "--longest", "30")[0] == 0
    (here / "more").write_text("a b\n" * 5 + "c " * 40 + "\n")
    (here / "long.tsv").write_text((here / "ab.tsv").read_text() + "x " * 31 + "\ty z\n")
    limit = () if options[:1] == ("--load",) else ("--longest", "30", "--also", "more", "more")
    status, out, said = cli("align", "long.tsv", *limit, *options)
    assert status == 0 and out.splitlines()[120] == ""
    assert "1 pairs with more than 30 words on a side have no links" in " ".join(said.split())


def test_packed_standard_input_is_told(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BufferedReader(io.BytesIO(gzip.compress((here / "ab.tsv").read_bytes())))  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(raw))
    status, out, said = cli("align", "-")
    assert (status, out) == (1, "") and "standard input is gzip data, expected text; unpack it" in said


def test_a_copy_of_standard_input_is_told_as_standard_input(
    here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one column\n")))
    said = cli("align", "-", "--gold", "gold")[2]
    assert "dragoman: standard input:1: 1 columns, expected 2" in said

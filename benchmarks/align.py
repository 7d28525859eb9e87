"""The aligner beside its peers: accuracy, speed, threads, scale. All that is installed runs, in one go.

    python benchmarks/align.py                            # tables of accuracy and speed
    python benchmarks/align.py --eflomal PYTHON --fast-align PATH --systran PYTHON --repeat 5
    python benchmarks/align.py --only scale --pairs 1000000

Data is sought in ``../shared/data`` or in DRAGOMAN_DATA. ``--eflomal`` is the Python of an environment with
eflomal (GPL, so it is none of our dependencies); ``--fast-align`` is the path of its program; ``--systran``
is the Python of one with systran-align, which holds the code of fast_align, compiled (both directions are
trained; its own way makes one of them). Times are CPU seconds of the whole process, start-up included and
after compilation, medians; the clock stands beside.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dragoman.align.bitext import Bitext
from dragoman.align.gold import score
from dragoman.align.pharaoh import Gold, Link, read_gold, read_links
from dragoman.align.rows import Rows
from dragoman.align.symmetrize import METHODS, symmetrize
from dragoman.align.text import encode
from dragoman.align.vocabulary import Vocabulary

DATA = Path(os.environ.get("DRAGOMAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
EFLOMAL = """
import sys, eflomal
source, target, forward, reverse = sys.argv[1:]
with open(source, encoding="utf-8") as s, open(target, encoding="utf-8") as t:
    eflomal.Aligner().align(s, t, links_filename_fwd=forward, links_filename_rev=reverse, quiet=True)
"""
SYSTRAN = """
import sys, tempfile, systran_align
from pathlib import Path
both, out = sys.argv[1:]
with tempfile.TemporaryDirectory() as place:
    ends = [str(Path(place, end)) for end in ("forward", "backward")]
    systran_align.generate_alignment_probabilities(
        both, *ends, favor_diagonal=True, optimize_tension=True, variational_bayes=True)
    if out != "-":
        aligner = systran_align.Aligner(*ends)
        with open(both, encoding="utf-8") as lines, open(out, "w", encoding="utf-8") as file:
            for line in lines:
                source, target = (side.split() for side in line.split(" ||| "))
                links = aligner.align(source, target)["alignments"]
                print(*(f"{i}-{j}" for i, j in links), file=file)
"""


class Cost(NamedTuple):
    """CPU seconds, seconds of the clock, and peak memory in MB of a process."""

    cpu: float
    wall: float
    memory: float


def run(command: list[str], output: Path | None = None) -> Cost:
    """Run a program to its end, all of it; SystemExit if it fails."""
    start = time.monotonic()
    with (output or Path(os.devnull)).open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: ended with status {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1024)


def runs(*commands: tuple[list[str], Path | None]) -> list[Cost]:
    """The cost of programs, one after the other, each with the file that takes its output."""
    return [run(*each) for each in commands]


def ours(source: Path, target: Path, links: Path, *options: str) -> list[str]:
    """The command line of our aligner."""
    return [sys.executable, "-m", "dragoman", "align", str(source), str(target), "-o", str(links), *options]


class Peers:
    """The programs beside us; each makes the links of both directions, systran-align those of one way."""

    def __init__(
        self, eflomal: str | None, fast_align: str | None, systran: str | None, folder: Path
    ) -> None:
        self._eflomal, self._fast_align, self._folder = eflomal, fast_align, folder
        self._systran = systran

    def commands(
        self, source: Path, target: Path
    ) -> Iterator[tuple[str, list[tuple[list[str], Path | None]], tuple[Path, Path]]]:
        """Name, commands with the file that takes their output, and the two files of links."""
        if self._eflomal:
            ends = self._folder / "eflomal.f", self._folder / "eflomal.r"
            yield (
                "eflomal",
                [([self._eflomal, "-c", EFLOMAL, str(source), str(target), *map(str, ends)], None)],
                ends,
            )
        if self._fast_align:
            ends = self._folder / "fast.f", self._folder / "fast.r"
            both = self._both(source, target)
            base = [self._fast_align, "-i", str(both), "-d", "-o", "-v"]
            yield "fast_align", [(base, ends[0]), ([*base, "-r"], ends[1])], ends

    def systran(self, source: Path, target: Path, links: str) -> list[str] | None:
        """systran-align: trains both directions and writes ``links`` (-: trains only)."""
        if self._systran is None:
            return None
        return [self._systran, "-c", SYSTRAN, str(self._both(source, target)), links]

    def _both(self, source: Path, target: Path) -> Path:
        """Both sides in one file, as fast_align reads them."""
        both = self._folder / "both"
        with (
            both.open("w", encoding="utf-8") as file,
            source.open(encoding="utf-8") as s,
            target.open(encoding="utf-8") as t,
        ):
            file.writelines(f"{one.strip()} ||| {two.strip()}\n" for one, two in zip(s, t, strict=True))
        return both


def lowered(pair: str, folder: Path) -> tuple[Path, Path, list[Gold]]:
    """All splits of a set as two lower-cased files, and the gold links of the last lines."""
    paths = []
    for language in pair.split("-"):
        path = folder / f"{pair}.{language}"
        with path.open("w", encoding="utf-8") as file:
            for split in ("train", "dev", "test"):
                part = DATA / f"align_{pair}" / f"{split}.{language}"
                if part.exists():
                    file.write(part.read_text(encoding="utf-8").lower())
        paths.append(path)
    return paths[0], paths[1], read_gold(DATA / f"align_{pair}" / "test.align")


def accuracy(peers: Peers, folder: Path) -> None:
    """Precision, recall, F and AER on people's links; every symmetrisation is shown."""
    print(
        "\n| set | aligner | symmetrisation | precision | recall | F | AER |\n|---|---|---|---|---|---|---|"
    )
    for pair in ("fra-eng", "grc-eng"):
        source, target, gold = lowered(pair, folder)

        def row(
            name: str, how: str, links: list[list[Link]], pair: str = pair, gold: list[Gold] = gold
        ) -> None:
            s = score(links[-len(gold) :], gold)
            print(
                f"| {pair} | {name} | {how} | {s.precision:.3f} | {s.recall:.3f} | {s.f:.3f} | {s.aer:.4f} |",
                flush=True,
            )

        for model in ("hmm", "diagonal"):
            links, kept = folder / "links", folder / "kept"
            run(ours(source, target, links, "--model", model, "--threads", "1", "--save", str(kept)))
            row(f"dragoman {model}", "agree", read_links(links))
            both = []
            for how in ("forward", "reverse"):
                run(ours(source, target, links, "--load", str(kept), "-s", how))
                both.append(read_links(links))
            for how in METHODS:
                row(f"dragoman {model}", how, [symmetrize(a, b, how) for a, b in zip(*both, strict=True)])
        for name, commands, ends in peers.commands(source, target):
            for command, output in commands:
                run(command, output)
            both = [read_links(end) for end in ends]
            for how in METHODS:
                row(name, how, [symmetrize(a, b, how) for a, b in zip(*both, strict=True)])
        if command := peers.systran(source, target, str(folder / "systran")):
            run(command)
            row("systran-align", "its own", read_links(folder / "systran"))


def speed(peers: Peers, folder: Path, repeat: int) -> None:
    """CPU time and time of the clock on Multi30k; the runs of all take turns."""
    source, target = (DATA / "multi30k" / f"train.{code}" for code in ("eng", "deu"))
    links = folder / "links"
    tasks: dict[str, Callable[[], list[Cost]]] = {}
    for name, options in (
        ("diagonal, one direction", "--model diagonal -s forward --threads 1"),
        ("diagonal, both", "--model diagonal -s intersect --threads 1"),
        ("hmm (default), both", "--threads 1"),
        ("hmm (default), both, 2 threads", "--threads 2"),
    ):
        command = ours(source, target, links, *options.split())
        tasks[f"dragoman {name}"] = partial(runs, (command, None))
        run(command)  # compiles what is not in the cache
    for name, commands, _ in peers.commands(source, target):
        if len(commands) > 1:
            tasks[f"{name}, one direction"] = partial(runs, commands[0])
        tasks[f"{name}, both"] = partial(runs, *commands)
    if trained := peers.systran(source, target, "-"):
        tasks["systran-align (fast_align's code), both, training alone"] = partial(runs, (trained, None))
    found: dict[str, list[Cost]] = {name: [] for name in tasks}
    for _ in range(repeat):
        for name, task in tasks.items():
            cpu, wall, memory = zip(*task(), strict=True)
            found[name].append(Cost(sum(cpu), sum(wall), max(memory)))
    print("\n| Multi30k eng-deu, 28,989 pairs | CPU s | clock s | peak MB |\n|---|---|---|---|")
    for name, costs in found.items():
        middle = Cost(*(statistics.median(numbers) for numbers in zip(*costs, strict=True)))
        print(f"| {name} | {middle.cpu:.2f} | {middle.wall:.2f} | {middle.memory:.0f} |")


def meetings(source: Path, target: Path) -> int:
    """How many pairs of a source and a target word stand in some pair of lines."""
    sides, sizes = [], []
    for path in (source, target):
        vocabulary = Vocabulary()
        sides.append(encode(path.open("rb").read().splitlines(), vocabulary))
        sizes.append(len(vocabulary.types))
    whole = Bitext(sides[0], sides[1]).whole()
    return int(Rows.lengths(whole, whole.source, whole.target, (sizes[0], sizes[1]), 2, thin=False).sum())


def scale(folder: Path, pairs: int, words: int = 25, types: int = 100_000) -> None:
    """Synthetic pairs: Zipf words, each answered by its number nine times of ten, in a place that is near."""
    rng = np.random.default_rng(1)
    chances = 1 / np.arange(1, types + 1)
    cumulative = np.cumsum(chances / chances.sum())
    paths = folder / "big.a", folder / "big.b"
    with paths[0].open("w") as one, paths[1].open("w") as two:
        for _ in range(0, pairs, 10_000):
            ids = np.searchsorted(cumulative, rng.random((min(10_000, pairs), words)))
            noise = np.searchsorted(cumulative, rng.random(ids.shape))
            places = np.argsort(np.arange(words) + rng.normal(0, 1.5, ids.shape), axis=1)
            others = np.take_along_axis(np.where(rng.random(ids.shape) < 0.9, ids, noise), places, axis=1)
            one.writelines("a" + " a".join(map(str, row)) + "\n" for row in ids.tolist())
            two.writelines("b" + " b".join(map(str, row)) + "\n" for row in others.tolist())
    print(f"\n{pairs:,} synthetic pairs with {meetings(*paths):,} distinct pairs of words that meet in one")
    print("\n| | CPU s | clock s | peak MB |\n|---|---|---|---|", flush=True)
    for name, options in (
        ("diagonal, one direction", ["--model", "diagonal", "-s", "forward"]),
        ("hmm, from a sample of a tenth", ["--sample", str(max(pairs // 10, 1))]),
        ("hmm (default)", []),
    ):
        cost = run(ours(*paths, folder / "links", *options, "--threads", "2"))
        print(f"| {name} | {cost.cpu:.1f} | {cost.wall:.1f} | {cost.memory:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--eflomal", help="Python of an environment that has eflomal")
    parser.add_argument("--fast-align", help="path of the program fast_align")
    parser.add_argument("--systran", help="Python of an environment that has systran-align")
    parser.add_argument("--only", choices=("accuracy", "speed", "scale"))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=100_000, help="synthetic pairs of the table of scale")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        peers = Peers(given.eflomal, given.fast_align, given.systran, folder)
        for name, table in (
            ("accuracy", lambda: accuracy(peers, folder)),
            ("speed", lambda: speed(peers, folder, given.repeat)),
            ("scale", lambda: scale(folder, given.pairs)),
        ):
            if given.only in (None, name):
                table()


if __name__ == "__main__":
    main()

"""Run the replications of the language-aware method: bases, rows, seeds, grids. One command, resumable.

    python recipes/replications/replicate.py --data ../shared/data --parallel 1
    python recipes/replications/replicate.py --tables          # what is measured so far, as Markdown

Jobs run in the order below as soon as what they need is there; what is done is not done again, what was cut
off goes on. ``--stop-after`` ends all jobs in time (they save and leave), for machines lent by the hour.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
M30K = ("multi30k", "eng,deu,fra,ces")


@dataclass
class Job:
    """A command that leaves ``made``; ``needs`` are models that must be there before."""

    name: str
    command: list[str]
    made: Path
    needs: tuple[Path, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    tries: int = 0


def base(name: str, options: argparse.Namespace, data: str, languages: str, lines: str, *more: str) -> Job:
    """The job that makes a base."""
    out = options.bases / name
    command = [sys.executable, str(HERE / "make_base.py"), str(options.data / data), "--languages", languages,
               "--lines", lines, "--out", str(out), *more]  # fmt: skip
    return Job(name, command, out / "base.json")


def run(name: str, options: argparse.Namespace, recipe: str, base: Path, *overrides: str) -> Job:
    """The job that runs a recipe on a base."""
    command = [sys.executable, "-m", "dragoman", "run", str(HERE / recipe), f"name={name}",
               f"base={base}", f"data.root={options.data}", *overrides,
               "--runs", str(options.runs)]  # fmt: skip
    return Job(name, command, options.runs / name / "report.html", (base,))


def jobs(options: argparse.Namespace) -> list[Job]:
    """All jobs, the most wanted first."""
    data, languages = M30K
    share = {
        n: base(f"multi30k-{n}", options, data, languages, "1-14000", "--bilingual", str(n / 100))
        for n in (100, 5, 0)
    }
    large = base("multi30k-100-large", options, data, languages, "1-14000", "--bilingual", "1",
                 "--hidden", "320", "--layers", "6")  # fmt: skip
    bible = base("bible", options, "bible_nt", "eng,deu,spa,ceb,chr", "1-3300", "--held-out", "dev,test",
                 "--bilingual", "0.75")  # fmt: skip
    b100, first = options.bases / "multi30k-100", options.runs / "multi30k-s1"
    stage1, small = first / "stages" / "stage 1" / "model", "multi30k-small.yaml"
    lines = [
        run(f"multi30k-lines{n}", options, small, b100, f"data.train.lines=14001-{14000 + n}")
        for n in (1000, 3000, 10000)
    ]
    return [
        share[100],
        run(first.name, options, "multi30k.yaml", b100),
        *(run(f"multi30k-s{n}", options, "multi30k-seed.yaml", stage1, f"seed={n}") for n in (2, 3)),
        run("multi30k-post", options, small, b100, "prompt.template=alpaca-post"),
        run("multi30k-grid", options, "multi30k-grid.yaml", stage1),
        share[5],
        run("multi30k-share5", options, small, options.bases / "multi30k-5"),
        bible,
        run("bible", options, "bible.yaml", options.bases / "bible"),
        *lines,
        share[0],
        run("multi30k-share0", options, small, options.bases / "multi30k-0"),
        large,
        run("multi30k-large", options, small, options.bases / "multi30k-100-large"),
    ]


def work(todo: list[Job], options: argparse.Namespace) -> None:
    """Keep ``parallel`` jobs going until all are done or the time is over."""
    end = time.monotonic() + options.stop_after
    running: list[Job] = []
    options.logs.mkdir(parents=True, exist_ok=True)
    todo = [job for job in todo if not job.made.exists()]
    while (todo or running) and time.monotonic() < end:
        for job in [job for job in running if job.process is not None and job.process.poll() is not None]:
            running.remove(job)
            done = job.made.exists()
            print(f"{time.strftime('%H:%M:%S')} {job.name}: {'done' if done else 'failed'}", flush=True)
            if not done and job.tries < 2:
                todo.append(job)
        for job in list(todo):
            ready = all((need / "config.json").exists() for need in job.needs)
            if len(running) < options.parallel and ready:
                todo.remove(job)
                job.tries += 1
                log = (options.logs / f"{job.name.replace(' ', '-')}.log").open("ab")
                job.process = subprocess.Popen(job.command, stdout=log, stderr=log)
                running.append(job)
                print(f"{time.strftime('%H:%M:%S')} {job.name}: started", flush=True)
        time.sleep(1)
    for job in running:
        if job.process is not None:
            job.process.send_signal(signal.SIGTERM)
    for job in running:
        if job.process is not None:
            try:
                job.process.wait(20)
            except subprocess.TimeoutExpired:
                job.process.kill()


def tables(options: argparse.Namespace) -> None:
    """Markdown of everything that is measured."""
    from dragoman.evaluate.results import merge, read_results
    from dragoman.evaluate.tables import by_direction, summary

    found = {path.parent.name: read_results(path) for path in sorted(options.runs.glob("*/results.json"))}
    seeds = [
        results for name, results in found.items() if name.startswith("multi30k-s") and name[-1] in "123"
    ]
    if len(seeds) > 1:
        merged = merge(seeds)
        print(
            f"## multi30k, mean and deviation of {len(seeds)} seeds\n\n{summary(merged).show('markdown')}\n"
        )
        for metric in ("BLEU", "chrF++", "OTR"):
            print(f"### {metric} by direction\n\n{by_direction(merged, metric).show('markdown')}\n")
    for name, results in found.items():
        print(f"## {name}\n\n{summary(results).show('markdown')}\n")
        rows = [row for row in results.significance if row.get("group")]
        for row in rows:
            where = f"{row['b']} against {row['a']}, {row['group']}, {row['metric']}"
            span = f"{row['difference']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
            print(f"- {where}: {span}, p {row['p_bootstrap']:.3f} / {row['p_randomisation']:.3f}")
        print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--bases", type=Path, default=Path("runs/bases"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--logs", type=Path, default=Path("runs/logs"))
    parser.add_argument("--parallel", type=int, default=1, help="jobs at a time")
    parser.add_argument("--stop-after", type=float, default=1e9, help="seconds")
    parser.add_argument("--only", nargs="*", default=[], help="names of jobs (default: all)")
    parser.add_argument("--tables", action="store_true", help="print what is measured, run nothing")
    options = parser.parse_args()
    if options.tables:
        tables(options)
        return
    work([job for job in jobs(options) if not options.only or job.name in options.only], options)


if __name__ == "__main__":
    main()

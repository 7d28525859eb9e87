"""Jobs of the replications: what makes a base, what runs a recipe, and how jobs that need others are run."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


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
    """The job that makes a base of the folders ``data`` (names with commas)."""
    out = options.bases / name
    folders = [str(options.data / folder) for folder in data.split(",")]
    command = [sys.executable, str(HERE / "make_base.py"), *folders, "--languages", languages,
               "--lines", lines, "--out", str(out), *more]  # fmt: skip
    return Job(name, command, out / "base.json")


def run(name: str, options: argparse.Namespace, recipe: str, base: Path, *overrides: str) -> Job:
    """The job that runs a recipe on a base."""
    command = [sys.executable, "-m", "dragoman", "run", str(HERE / recipe), f"name={name}",
               f"base={base}", f"data.root={options.data}", *overrides,
               "--runs", str(options.runs)]  # fmt: skip
    return Job(name, command, options.runs / name / "report.html", (base,))


SCHEDULES = {  # recipe, its stages, overrides
    "multi-task": ("align-short.yaml", ("MT x2", "Align", "placebo"), ()),
    "pre-fine-tuning": ("align-first.yaml", ("MT x2", "Align 1", "Align", "placebo 1", "placebo"), ()),
    "mixed": (
        "align-first.yaml",
        ("MT x2", "Align 1", "Align", "placebo 1", "placebo"),
        (
            *(f"stages.{name}.steps=150" for name in ("Align 1", "placebo 1")),
            *(f"stages.{name}.steps=450" for name in ("Align", "placebo")),
            *(f"stages.{name}.tasks.mt.share=2" for name in ("Align", "placebo")),
            "stages.Align.tasks.align={directions: english, assertions: 8}",
            "stages.placebo.tasks.align={directions: english, assertions: 8, placebo: true}",
        ),
    ),
}
"""Alignment instructions as one row: how the row ``Align`` and its placebo are tuned."""


def schedule(name: str, options: argparse.Namespace, base: Path, *overrides: str, each: str = "") -> Job:
    """The job of a short run, called after the schedule that is asked for; ``each``: a key of every stage."""
    recipe, stages, more = SCHEDULES[options.schedule]
    everywhere = [f"stages.{stage}.{each}" for stage in stages if each]
    return run(f"{name}-{options.schedule}", options, recipe, base, *more, *everywhere, *overrides)


def losses(name: str, options: argparse.Namespace, template: str, models: dict[str, Path]) -> Job:
    """The job that measures models on held-out general instructions."""
    out = options.runs / f"{name}.md"
    file = options.data / "instructions" / "user_oriented_instructions.jsonl"
    command = [sys.executable, str(HERE / "general_loss.py"), str(file), "--template", template,
               "--out", str(out), *(f"{called}={model}" for called, model in models.items())]  # fmt: skip
    return Job(name, command, out, tuple(models.values()))


def threads(options: argparse.Namespace) -> dict[str, str]:
    """The environment of a job: jobs that run side by side share the cores, unless OMP_NUM_THREADS is set."""
    each = max(1, (os.cpu_count() or 1) // options.parallel)
    return {"OMP_NUM_THREADS": str(each), **os.environ}


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
                job.process = subprocess.Popen(job.command, stdout=log, stderr=log, env=threads(options))
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

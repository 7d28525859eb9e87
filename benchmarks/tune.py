"""Tuning speed and memory beside peers, in one run: pairs/s (medians), peaks of memory, ratios.

    python benchmarks/tune.py                 the whole table
    python benchmarks/tune.py --quick         a smoke test of a few minutes
    python benchmarks/tune.py --device cuda --dtypes bfloat16 --pairs 8192 \\
        --batches 64 128 256 --batch-tokens 16384 32768 65536

A LLaMA of 256 x 6 with random weights learns alpaca prompts on Multi30k, English to and from German, French
and Czech. Stage 1 learns pairs: our loop, once with and once without sharing what prompts begin with alike;
the loop that everybody writes around `transformers`; TRL's SFTTrainer. Stage 2 also unlearns a negative of
each pair: our loop and a Trainer that makes two passes, as the published script does. All train on the same
pairs as the same ids in the same dtype, in batches of like length; each takes the best of three batch
sizes. Ours encodes its text while it trains, the peers' ids are made beforehand. Each contender is a
process of its own; they take turns, so that a slow moment of the machine hits all.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = Path(os.environ.get("DRAGOMAN_DATA", HERE.parent.parent / "shared" / "data")) / "multi30k"
AIMS = {(1, 8000): ("trl", 2.2), (1, 64000): ("trl", 8.0), (2, 8000): ("two-pass", 1.7)}
STAGES = {1: ["ours", "ours-alone", "plain", "trl"], 2: ["ours", "ours-alone", "two-pass"]}
NAMES = {
    "ours": "Dragoman", "ours-alone": "Dragoman, nothing shared", "plain": "plain loop",
    "trl": "TRL SFTTrainer", "two-pass": "Trainer, two passes",
}  # fmt: skip


@dataclass
class Setting:
    """What the contenders of one table have in common."""

    folder: Path
    vocabulary: int
    stage: int
    dtype: str
    facts: dict[str, int]


@dataclass
class Contender:
    """A running worker."""

    name: str
    batch: int
    process: subprocess.Popen[str]
    log: Path
    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0
    idle: float = 0.0

    def ask(self) -> dict[str, Any]:
        """One answer; ends the benchmark with the worker's log if it has died."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise SystemExit(f"{self.name} (batch {self.batch}) ended:\n{tail}")
        return dict(json.loads(line))

    def run(self) -> float:
        """Train once on all pairs; seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.ask()["seconds"])

    def end(self) -> None:
        """Ask for the peak of memory and let it leave."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        answer = self.ask()
        self.peak, self.idle = answer["peak"], answer["idle"]
        self.process.wait()


def start(name: str, batch: int, setting: Setting, options: argparse.Namespace) -> Contender:
    """A warm worker."""
    command = [
        sys.executable, str(HERE / "tune_workers.py"), name.removesuffix("-alone"), str(setting.folder),
        "--stage", str(setting.stage), "--pairs", str(options.pairs), "--batch", str(batch),
        "--dtype", setting.dtype, "--device", options.device, "--threads", str(options.threads),
        "--clock", options.clock,
        *(["--no-share"] if name.endswith("-alone") else []),
    ]  # fmt: skip
    log = setting.folder / f"{name}-{setting.stage}-{setting.dtype}-{batch}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(options),
        )
    contender = Contender(name, batch, process, log)
    contender.ask()
    return contender


def environment(options: argparse.Namespace) -> dict[str, str]:
    """Threads as asked for, nothing from the network."""
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "WANDB_DISABLED": "true"}
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, **quiet, "OMP_NUM_THREADS": str(options.threads), "PYTHONPATH": path}


def best_of(name: str, sizes: list[int], setting: Setting, options: argparse.Namespace) -> Contender:
    """The worker with the batch size that is fastest in one run of each."""
    best: Contender | None = None
    fastest = 0.0
    for size in sizes:
        contender = start(name, size, setting, options)
        seconds = contender.run() if len(sizes) > 1 else 0.0
        if len(sizes) > 1:
            tell(f"  {NAMES[name]}, batch {size:,}: {options.pairs / seconds:.1f} pairs/s")
        if best is None or seconds < fastest:
            if best is not None:
                best.end()
            best, fastest = contender, seconds
        else:
            contender.end()
    assert best is not None
    return best


def compare(setting: Setting, options: argparse.Namespace) -> list[Contender]:
    """All contenders of a setting, measured in turns."""
    tell(f"vocabulary {setting.vocabulary:,}, {setting.dtype}, stage {setting.stage}")
    contenders: list[Contender] = []
    for name in options.stages[setting.stage]:
        if name == "ours-alone":
            sizes = [contenders[0].batch]
        else:
            sizes = options.batch_tokens if name == "ours" else options.batches
        contenders.append(best_of(name, sizes, setting, options))
    for _ in range(options.repeats):
        for contender in contenders:
            contender.seconds.append(contender.run())
    for contender in contenders:
        contender.end()
    return contenders


def table(setting: Setting, contenders: list[Contender], options: argparse.Namespace) -> None:
    """Rows of one setting, and whether its aim is met."""
    speeds = {c.name: options.pairs / statistics.median(c.seconds) for c in contenders}
    ours = contenders[0]
    for c in contenders:
        spread = f"{options.pairs / max(c.seconds):.1f}-{options.pairs / min(c.seconds):.1f}"
        print(
            f"| {setting.vocabulary:,} | {setting.dtype} | {setting.stage} | {NAMES[c.name]} | {c.batch:,} "
            f"| {speeds[c.name]:.1f} ({spread}) | {speeds['ours'] / speeds[c.name]:.2f} | {c.peak:,.0f} "
            f"| {c.peak - c.idle:,.0f} | {ours.peak / c.peak:.2f} |",
            flush=True,
        )
    peer, factor = AIMS.get((setting.stage, setting.vocabulary), ("", 0.0))
    for c in contenders:
        if c.name == peer and setting.dtype == "float32" and options.device == "cpu":
            ratio = speeds["ours"] / speeds[peer]
            met = "met" if ratio >= factor and ours.peak <= c.peak else "MISSED"
            options.verdicts.append(
                f"stage {setting.stage}, vocabulary {setting.vocabulary:,}: {ratio:.1f} times {NAMES[peer]} "
                f"(aim {factor}) at {ours.peak / c.peak:.2f} of its memory (aim 1): {met}"
            )


def prepare(folder: Path, vocabulary: int, options: argparse.Namespace) -> dict[str, int]:
    """Text, tokenizer, base and pairs, made in a process of its own."""
    folder.mkdir()
    lines = ["--lines", "4000"] if options.quick else []
    command = [
        sys.executable, str(HERE / "tune_data.py"), str(folder), "--data", str(options.data),
        "--vocabulary", str(vocabulary), "--hidden", "256", "--layers", "6",
        "--pairs", str(options.pairs), *lines,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment(options), check=False)
    if done.returncode:
        raise SystemExit(f"the data could not be made:\n{done.stderr[-3000:]}")
    return dict(json.loads((folder / "facts.json").read_text(encoding="utf-8")))


def tell(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def processor() -> str:
    """The name of the CPU."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder of Multi30k: train.eng, train.deu, ..."
    )
    parser.add_argument("--vocabularies", type=int, nargs="+", default=[8000, 64000])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--only", type=int, choices=[1, 2], help="one stage")
    parser.add_argument("--contenders", nargs="+", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--pairs", type=int, default=512, help="pairs of one run")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32], help="peers' batch sizes")
    parser.add_argument(
        "--batch-tokens", type=int, nargs="+", default=[4096, 8192, 16384], help="our batch sizes"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall",
        help="cpu: seconds of the processor, summed over threads, for a machine that others use too",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="48 pairs, one batch size, two runs, float32")
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.repeats, options.dtypes = 48, 2, ["float32"]
        options.batches, options.batch_tokens = [16], [4096]
    if importlib.util.find_spec("trl") is None and "trl" in options.contenders:
        options.contenders.remove("trl")
        print("TRL is not installed (pip install -c constraints.txt '.[bench]'): that peer is left out.\n")
    if not options.data.is_dir():
        raise SystemExit(f"{options.data}: no such folder; give Multi30k by --data or DRAGOMAN_DATA")
    options.stages = {
        stage: [name for name in names if name in options.contenders] for stage, names in STAGES.items()
        if options.only in (None, stage)
    }  # fmt: skip
    options.verdicts = []
    return options


def main() -> None:
    options = arguments()
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("torch", "transformers", "accelerate", "trl") if importlib.util.find_spec(name)
    ]  # fmt: skip
    print(
        f"{processor()}, {os.cpu_count()} cores, {options.threads} threads, device {options.device}, ", end=""
    )
    print(f"load {os.getloadavg()[0]:.1f} now; Python {platform.python_version()}, {', '.join(versions)}")
    seconds = "seconds of the processor" if options.clock == "cpu" else "seconds"
    print(f"{options.pairs} pairs a run, medians of {options.repeats} (slowest-fastest), {seconds}\n")
    folder = Path(tempfile.mkdtemp(prefix="dragoman-tune-"))
    try:
        notes = []
        print(
            "| vocabulary | dtype | stage | contender | batch | pairs/s | ours / it | peak MB | training "
            "| ours / its peak |"
        )
        print("|---:|---|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
        for vocabulary in options.vocabularies:
            place = folder / str(vocabulary)
            facts = prepare(place, vocabulary, options)
            notes.append(
                f"Vocabulary {vocabulary:,}: {facts['learnt']:,} tokens learnt from the text, "
                f"{facts['parameters'] / 1e6:.1f}M parameters; {facts['tokens-1'] / options.pairs:.0f} "
                f"tokens a pair, {facts['learned-1'] / options.pairs:.0f} of them learned."
            )
            for dtype in options.dtypes:
                for stage in options.stages:
                    setting = Setting(place, vocabulary, stage, dtype, facts)
                    table(setting, compare(setting, options), options)
        print("\nPeak MB: the whole process; training: what came after the model was loaded. Batch: padded")
        print("tokens a step for Dragoman, pairs a step for the others.\n")
        print("\n".join([*notes, "", *options.verdicts, f"Load at the end: {os.getloadavg()[0]:.1f}."]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Scores lines with COMET or BLEURT inside an environment of their own; imports nothing of Dragoman.

Started by ``external.py`` as ``<interpreter> metric_runner.py comet --model NAME``. It speaks JSON, one
object a line. First it says what it is: ``{"protocol": 1, "metric": ..., "package": ..., "version": ...}``.
Then it reads ``{"source", "hypothesis", "reference"}`` rows until the end of its input, loads the model if
there was a row, and answers ``{"index": i, "score": x}`` for each row and ``{"done": n}``. An object with
``error`` ends it at any point. Whatever the libraries print goes to the standard error.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import sys
from typing import Any, Callable, Iterator, TextIO  # noqa: UP035 (runs on Python 3.8 as well)

PROTOCOL = 1
CHUNK = 512  # rows between two reports; the models sort by length inside
PACKAGES = {
    "comet": [("comet", "unbabel-comet")],
    "bleurt": [("bleurt_pytorch", "bleurt-pytorch"), ("bleurt", "bleurt")],
}
INSTALL = {
    "comet": "pip install unbabel-comet==2.2.7 'setuptools<81' 'sentencepiece<0.2.3'",
    "bleurt": "pip install bleurt-pytorch",
}

Row = dict
Scorer = Callable[[list], list]


def main() -> int:
    """Handshake, rows, scores; the exit status is 0 unless an error was reported."""
    parser = argparse.ArgumentParser(description="score JSONL rows with COMET or BLEURT")
    parser.add_argument("metric", choices=sorted(PACKAGES))
    parser.add_argument("--model", required=True, help="name of a model, or a path to a checkpoint")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    options = parser.parse_args()
    forget_own_folder()
    answers = take_standard_output()
    try:
        module, package, version = installed(options.metric)
        hello = {"protocol": PROTOCOL, "metric": options.metric, "package": package, "version": version}
        say(answers, **hello, python=sys.version.split()[0])
        rows = [json.loads(line) for line in sys.stdin if line.strip()]
        if rows:
            scorer = LOADERS[module](options.model, options.batch, options.device, "reference" in rows[0])
            for index, score in scored(scorer, rows):
                say(answers, index=index, score=score)
        say(answers, done=len(rows))
    except Problem as problem:
        say(answers, error=str(problem))
        return 1
    return 0


class Problem(Exception):
    """Something that the user can mend; its text is sent as the error."""


def forget_own_folder() -> None:
    """Take the folder of this script off the path: its neighbours are no modules for other people's code."""
    own = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (as sys.path has it)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != own]  # noqa: PTH100 (as above)


def take_standard_output() -> TextIO:
    """The real standard output as a stream of our own; from now on prints go to the standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers


def say(answers: TextIO, **content: Any) -> None:
    """One line to the parent."""
    answers.write(json.dumps(content, ensure_ascii=False) + "\n")
    answers.flush()


def installed(metric: str) -> tuple[str, str, str]:
    """Module, package and version that serve the metric; Problem if none is installed."""
    for module, package in PACKAGES[metric]:
        if importlib.util.find_spec(module) is not None:
            try:
                return module, package, importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                return module, package, "unknown"
    names = " or ".join(package for _, package in PACKAGES[metric])
    raise Problem(f"{names} is not installed for {sys.executable}; run there: {INSTALL[metric]}")


def scored(scorer: Scorer, rows: list) -> Iterator[tuple[int, float]]:
    """Index and score of every row, chunk by chunk."""
    for start in range(0, len(rows), CHUNK):
        for offset, score in enumerate(scorer(rows[start : start + CHUNK])):
            yield start + offset, float(score)


def load_comet(model: str, batch: int, device: str, references: bool) -> Scorer:
    """A COMET checkpoint by path or by its name on the hub."""
    import torch
    from comet import download_model, load_from_checkpoint  # type: ignore[import-not-found]  # in its own environment

    path = model if os.path.isfile(model) else download_model(model)  # noqa: PTH113 (a name, mostly)
    network = load_from_checkpoint(path)
    if network.requires_references() and not references:
        raise Problem(
            f"{model} needs references; give them or choose a model without, such as wmt22-cometkiwi-da"
        )
    gpus = int(device != "cpu" and torch.cuda.is_available())

    def score(rows: list) -> list:
        samples = [{"src": row["source"], "mt": row["hypothesis"]} for row in rows]
        for sample, row in zip(samples, rows):  # noqa: B905 (Python 3.8)
            if "reference" in row:
                sample["ref"] = row["reference"]
        found = network.predict(samples, batch_size=batch, gpus=gpus, progress_bar=False)
        return list(found.scores)

    return score


def load_bleurt_pytorch(model: str, batch: int, device: str, references: bool) -> Scorer:
    """BLEURT as ported to PyTorch."""
    import torch
    from bleurt_pytorch import (  # type: ignore[import-not-found]  # in its own environment
        BleurtForSequenceClassification,
        BleurtTokenizer,
    )

    need_references(references)
    place = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    network = BleurtForSequenceClassification.from_pretrained(model).to(place).eval()
    tokenizer = BleurtTokenizer.from_pretrained(model)

    def score(rows: list) -> list:
        scores = []
        for start in range(0, len(rows), batch):
            some = rows[start : start + batch]
            sides = [[row[key] for row in some] for key in ("reference", "hypothesis")]
            inputs = tokenizer(
                *sides, padding="longest", truncation=True, max_length=512, return_tensors="pt"
            )
            with torch.no_grad():
                scores += network(**inputs.to(place)).logits.flatten().tolist()
        return scores

    return score


def load_bleurt(model: str, batch: int, device: str, references: bool) -> Scorer:
    """BLEURT as published, on TensorFlow; ``model`` is the folder of a checkpoint."""
    from bleurt import score as bleurt_score  # type: ignore[import-not-found]  # in its own environment

    need_references(references)
    network = bleurt_score.BleurtScorer(model)

    def score(rows: list) -> list:
        sides = {key: [row[key] for row in rows] for key in ("reference", "hypothesis")}
        found = network.score(references=sides["reference"], candidates=sides["hypothesis"], batch_size=batch)
        return list(found)

    return score


def need_references(references: bool) -> None:
    """Problem if there are none."""
    if not references:
        raise Problem("BLEURT needs references; give them")


LOADERS = {"comet": load_comet, "bleurt_pytorch": load_bleurt_pytorch, "bleurt": load_bleurt}

if __name__ == "__main__":
    sys.exit(main())

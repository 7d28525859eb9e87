"""Metrics that need an environment of their own: COMET and BLEURT, run by another interpreter.

Their packages cannot be installed beside current transformers and numpy. So ``metric_runner.py`` is started
with the interpreter of an environment that the user made, and speaks JSON over its standard streams. Scores
are kept by the content of a line, so that nothing is scored twice, also after a crash.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.errors import DataError, ModelError, RecipeError
from dragoman.evaluate.metrics import LineScores, mean_of, nfc

PROTOCOL = 1
RUNNER = Path(__file__).with_name("metric_runner.py")
MODELS = {"comet": "Unbabel/wmt22-comet-da", "bleurt": "lucadiliello/BLEURT-20"}
"""Metrics that the runner knows, with their usual models."""
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True, slots=True)
class External:
    """A metric in another environment.

    ``python`` is that environment's interpreter; ``timeout`` the seconds that it may stay silent; ``cache``
    the folder of scores already taken (None: none are kept).
    """

    metric: str
    python: Path
    model: str
    batch: int = 16
    device: str = "auto"
    timeout: float = 1800.0
    cache: Path | None = None
    runner: Path = RUNNER

    def lines(
        self, sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str] = ()
    ) -> LineScores:
        """100 times the mean score; ModelError if the other side fails, DataError if sources are missing."""
        if len(sources) != len(hypotheses):
            raise DataError(
                f"{self.metric}: {len(sources)} sources for {len(hypotheses)} lines; it needs all"
            )
        hello, scores = self._scores(_rows(sources, hypotheses, references))
        signature = "|".join(
            [
                f"model:{self.model}",
                f"refs:{'yes' if references else 'no'}",
                "scale:100",
                "unicode:NFC",
                f"{hello['package']}:{hello['version']}",
            ]
        )
        return mean_of(self.metric.upper(), scores, signature, higher_is_better=True)

    def _scores(self, rows: list[dict[str, str]]) -> tuple[dict[str, Any], list[float]]:
        """The runner's greeting and one score a row; equal rows are sent once."""
        keys = [_key(row) for row in rows]
        with self._started() as conversation:
            hello = conversation.greeting()
            file = self._cache_file(hello)
            known = read_cache(file)
            todo = list({key: row for key, row in zip(keys, rows, strict=True) if key not in known}.items())
            try:
                conversation.send([row for _, row in todo])
                for index, score in conversation.scores(len(todo)):
                    known[todo[index][0]] = score
            finally:
                if todo:
                    _write_cache(file, known)
        return hello, [known[key] for key in keys]

    def _cache_file(self, hello: dict[str, Any]) -> Path | None:
        if self.cache is None:
            return None
        return cache_file(self.cache, self.metric, self.model, hello["package"], hello["version"])

    @contextmanager
    def _started(self) -> Iterator[_Conversation]:
        """The runner's process; it is gone when the block is left, however that happens."""
        if not os.access(self.python, os.X_OK) or self.python.is_dir():
            raise ModelError(
                f"{self.metric}: {self.python} is no interpreter; make an environment for {self.metric} "
                "and name its bin/python (docs/evaluate.md)"
            )
        command = [str(self.python), str(self.runner), self.metric, "--model", self.model]
        command += ["--batch", str(self.batch), "--device", self.device]
        environment = {key: value for key, value in os.environ.items() if key not in _OURS}
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
        ) as process:
            try:
                yield _Conversation(self.metric, process, self.timeout)
            finally:
                _end(process)


class _Conversation:
    """Lines to and from the runner. Three threads keep its pipes moving, so that neither side can block."""

    def __init__(self, metric: str, process: subprocess.Popen[bytes], timeout: float) -> None:
        self._metric, self._process, self._timeout = metric, process, timeout
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        self._complaints: deque[str] = deque(maxlen=50)
        self._listeners = [self._thread(self._listen), self._thread(self._note_complaints)]

    @staticmethod
    def _thread(work: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        return thread

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(None)

    def _note_complaints(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if text := line.decode("utf-8", "replace").strip():
                self._complaints.append(text)

    def greeting(self) -> dict[str, Any]:
        """The first line; ModelError unless it comes from this protocol and metric."""
        hello = self._next()
        if hello.get("protocol") != PROTOCOL or hello.get("metric") != self._metric:
            raise self._error(f"the runner speaks {hello}, expected protocol {PROTOCOL} for {self._metric}")
        if not all(isinstance(hello.get(key), str) for key in ("package", "version")):
            raise self._error(f"the runner does not name its package and version: {hello}")
        return hello

    def send(self, rows: list[dict[str, str]]) -> None:
        """Hand over the rows in the background and close the runner's input."""
        self._thread(self._write, rows)

    def _write(self, rows: list[dict[str, str]]) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as file:
                for row in rows:
                    file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        except (BrokenPipeError, OSError):
            return  # the runner is gone; what it said last is told by whoever listens

    def scores(self, count: int) -> Iterator[tuple[int, float]]:
        """Index and score as they arrive; ModelError unless each of ``count`` rows gets exactly one."""
        seen: set[int] = set()
        while "done" not in (answer := self._next()):
            index, score = answer.get("index"), answer.get("score")
            if not isinstance(index, int) or not 0 <= index < count or index in seen:
                raise self._error(
                    f"the runner answered for line {index!r} of {count}; expected each line once"
                )
            if not isinstance(score, int | float) or not math.isfinite(score):
                raise self._error(f"the runner gave line {index + 1} the score {score!r}; expected a number")
            seen.add(index)
            yield index, float(score)
        if len(seen) < count:
            raise self._error(f"the runner scored {len(seen)} of {count} lines")

    def _next(self) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=self._timeout)
        except queue.Empty:
            raise self._error(
                f"no answer for {self._timeout:g} seconds; is the model too slow here?"
            ) from None
        if line is None:
            for thread in self._listeners:
                thread.join(timeout=5)
            status = self._process.wait()
            last = self._complaints[-1] if self._complaints else "it said nothing"
            raise self._error(f"the runner ended early with status {status}: {last}")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            shown = line.decode("utf-8", "replace").strip()[:120]
            raise self._error(f"the runner wrote no JSON object: {shown!r}")
        if "error" in answer:
            raise self._error(str(answer["error"]))
        return answer

    def _error(self, message: str) -> ModelError:
        return ModelError(f"{self._metric}: {message}")


def make_external(
    name: str, python: str | Path, *, cache: Path | None = None, device: str = "auto"
) -> External:
    """``comet`` or ``bleurt``, or with a model of one's own as ``comet:NAME``; RecipeError if unknown."""
    metric, _, model = name.partition(":")
    metric = metric.lower()
    if metric not in MODELS:
        raise RecipeError(
            f"unknown metric {name!r} with an environment of its own; known: {', '.join(MODELS)}"
        )
    path = Path(python).expanduser()
    return External(metric, path, model or MODELS[metric], cache=cache, device=device)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the runner and the workers that its libraries started (they would hold the pipes open)."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def cache_file(folder: Path, metric: str, model: str, package: str, version: str) -> Path:
    """Where the scores of a model lie, as one version of its package gives them."""
    digest = hashlib.sha256("\0".join([metric, model, package, version]).encode()).hexdigest()[:12]
    return folder / f"{metric}-{digest}.json"


def line_keys(sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str] = ()) -> list[str]:
    """What the score of each line is kept under."""
    return [_key(row) for row in _rows(sources, hypotheses, references)]


def _rows(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
) -> list[dict[str, str]]:
    rows = [{"source": nfc(s), "hypothesis": nfc(h)} for s, h in zip(sources, hypotheses, strict=False)]
    for row, reference in zip(rows, references, strict=False):
        row["reference"] = nfc(reference)
    return rows


def _key(row: dict[str, str]) -> str:
    text = json.dumps([row["source"], row["hypothesis"], row.get("reference")])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_cache(file: Path | None) -> dict[str, float]:
    """The scores of a cache file; a damaged one is as good as none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8")) if file is not None else {}
    except (OSError, ValueError):
        return {}
    sound = isinstance(content, dict) and all(isinstance(score, float) for score in content.values())
    return content if sound else {}


def _write_cache(file: Path | None, scores: dict[str, float]) -> None:
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(json.dumps(scores), encoding="utf-8")
    part.replace(file)

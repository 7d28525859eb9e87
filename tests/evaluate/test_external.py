"""Metrics in another environment, with fake runners (agreeing, crashing, slow, malformed) and ours."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dragoman.errors import DataError, DragomanError, ModelError, RecipeError
from dragoman.evaluate.external import RUNNER, External, make_external

HELLO = '{"protocol": 1, "metric": "comet", "package": "fake", "version": "1.0"}'
# A runner that scores a line by the length of its hypothesis and notes in a file how many rows it was given.
GOOD = f"""
import json, sys, pathlib
print('{HELLO}', flush=True)
rows = [json.loads(line) for line in sys.stdin]
with pathlib.Path(__file__).with_suffix(".log").open("a") as log:
    log.write(f"{{len(rows)}}\\n")
for index, row in enumerate(rows):
    print(json.dumps({{"index": index, "score": len(row["hypothesis"]) / 10}}), flush=True)
print(json.dumps({{"done": len(rows)}}), flush=True)
"""
SOURCES, HYPOTHESES, REFERENCES = ["a", "b", "b"], ["xx", "xxxx", "xxxx"], ["r", "s", "s"]


def fake(folder: Path, script: str, *, timeout: float = 20.0, cache: bool = False) -> External:
    runner = folder / "runner.py"
    runner.write_text(script, encoding="utf-8")
    where = folder / "cache" if cache else None
    return External("comet", Path(sys.executable), "some/model", timeout=timeout, cache=where, runner=runner)


def score(metric: External) -> float:
    return metric.lines(SOURCES, HYPOTHESES, REFERENCES).value


def calls(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "runner.log").read_text().split()]


def test_scores_and_signature(tmp_path: Path) -> None:
    lines = fake(tmp_path, GOOD).lines(SOURCES, HYPOTHESES, REFERENCES)
    assert lines.metric == "COMET" and lines.higher_is_better
    assert lines.value == pytest.approx(100 * (0.2 + 0.4 + 0.4) / 3)
    assert lines.statistics[:, 0].tolist() == [0.2, 0.4, 0.4]
    assert lines.signature == "model:some/model|refs:yes|scale:100|unicode:NFC|fake:1.0"
    assert calls(tmp_path) == [2], "equal lines are sent once"


def test_nothing_is_scored_twice(tmp_path: Path) -> None:
    metric = fake(tmp_path, GOOD, cache=True)
    first = score(metric)
    assert score(metric) == first
    metric.lines(["new", *SOURCES], ["x", *HYPOTHESES], ["r", *REFERENCES])
    metric.lines(SOURCES, HYPOTHESES)
    assert calls(tmp_path) == [2, 0, 1, 2]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_another_version_is_another_cache(tmp_path: Path) -> None:
    score(fake(tmp_path, GOOD, cache=True))
    score(fake(tmp_path, GOOD.replace('"1.0"', '"1.1"'), cache=True))
    assert calls(tmp_path) == [2, 2]


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    metric = fake(tmp_path, GOOD, cache=True)
    first = score(metric)
    (kept,) = (tmp_path / "cache").iterdir()
    for damage in (kept.read_text()[:-5], "[]", '{"a": "b"}'):
        kept.write_text(damage)
        assert score(metric) == first


def test_a_crash_midway_tells_its_last_words_and_keeps_what_was_scored(tmp_path: Path) -> None:
    crashing = GOOD.replace(
        '    print(json.dumps({"index"',
        "    if index == 1: raise SystemError('CUDA out of memory')\n    print(json.dumps({\"index\"",
    )
    with pytest.raises(
        ModelError, match=r"^comet: the runner ended early with status 1: SystemError: CUDA out"
    ):
        score(fake(tmp_path, crashing, cache=True))
    score(fake(tmp_path, GOOD, cache=True))
    assert calls(tmp_path) == [2, 1]


def test_a_silent_runner_is_stopped(tmp_path: Path) -> None:
    slow = f"import time\nprint('{HELLO}', flush=True)\ntime.sleep(60)"
    start = time.perf_counter()
    with pytest.raises(ModelError, match=r"comet: no answer for 0\.5 seconds"):
        score(fake(tmp_path, slow, timeout=0.5))
    assert time.perf_counter() - start < 10


def test_workers_of_a_stopped_runner_do_not_hold_us_up(tmp_path: Path) -> None:
    forking = f"import os, time\nprint('{HELLO}', flush=True)\nos.fork()\ntime.sleep(60)"
    start = time.perf_counter()
    with pytest.raises(ModelError, match="no answer"):
        score(fake(tmp_path, forking, timeout=0.5))
    assert time.perf_counter() - start < 10


TALK = "import sys\nprint('{hello}', flush=True)\nsys.stdin.read()\nprint('''{answer}''', flush=True)\n"


@pytest.mark.parametrize(
    ("hello", "answer", "message"),
    [
        ("Loading weights...", "", "the runner wrote no JSON object: 'Loading weights...'"),
        ("[1]", "", "the runner wrote no JSON object"),
        (HELLO.replace("1,", "2,", 1), "", "expected protocol 1 for comet"),
        (HELLO.replace("comet", "bleurt"), "", "expected protocol 1 for comet"),
        ('{"protocol": 1, "metric": "comet"}', "", "does not name its package"),
        ('{"error": "unbabel-comet is not installed"}', "", "comet: unbabel-comet is not installed"),
        (HELLO, '{"index": 0, "score"', 'the runner wrote no JSON object: \'{"index": 0, "score"\''),
        (HELLO, '{"index": 0, "score": NaN}', "gave line 1 the score nan"),
        (HELLO, '{"index": 0, "score": "high"}', "gave line 1 the score 'high'"),
        (HELLO, '{"index": 7, "score": 1}', "answered for line 7 of 2"),
        (HELLO, '{"index": 0, "score": 1}\n{"index": 0, "score": 1}', "answered for line 0 of 2"),
        (HELLO, '{"done": 0}', "scored 0 of 2 lines"),
        (HELLO, "", "ended early with status 0|wrote no JSON"),
    ],
)
def test_a_runner_that_breaks_the_rules(tmp_path: Path, hello: str, answer: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        score(fake(tmp_path, TALK.format(hello=hello, answer=answer)))
    assert any(part in str(caught.value) for part in message.split("|"))
    assert "\n" not in str(caught.value)


def test_much_text_both_ways_does_not_block(tmp_path: Path) -> None:
    chatty = GOOD.replace("rows = [", "sys.stderr.write('warning ' * 100000)\nrows = [")
    count = 20000
    lines = fake(tmp_path, chatty).lines(["s" * 20] * count, [f"h{n}" for n in range(count)], ["r"] * count)
    assert len(lines.statistics) == count


def test_a_missing_interpreter(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no interpreter; make an environment for comet"):
        score(make_external("comet", tmp_path / "bin" / "python"))
    with pytest.raises(ModelError, match="is no interpreter"):
        score(make_external("comet", tmp_path))


def test_names_and_models() -> None:
    assert make_external("COMET", "/p").model == "Unbabel/wmt22-comet-da"
    assert make_external("comet:my/model", "/p").model == "my/model"
    with pytest.raises(RecipeError, match="unknown metric 'meteor'"):
        make_external("meteor", "/p")


def test_sources_are_needed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="comet: 0 sources for 1 lines"):
        fake(tmp_path, GOOD).lines([], ["x"])


def test_the_real_runner_says_what_is_not_installed(tmp_path: Path) -> None:
    for name in ("comet", "bleurt"):
        with pytest.raises(DragomanError, match=rf"^{name}: .* is not installed for .*pip install"):
            make_external(name, sys.executable).lines(["a"], ["b"], ["c"])


def test_the_real_runner_with_a_stand_in_package(tmp_path: Path) -> None:
    """The runner as shipped: noise on standard output, chunks, a model that needs references."""
    package = tmp_path / "site" / "comet"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from types import SimpleNamespace\n"
        "def download_model(name):\n    print('downloading', name)\n    return name\n"
        "class Model:\n"
        "    def requires_references(self): return True\n"
        "    def predict(self, samples, batch_size, gpus, progress_bar):\n"
        "        print('predicting', len(samples))\n"
        "        return SimpleNamespace(scores=[len(s['mt']) / len(s['ref']) for s in samples])\n"
        "def load_from_checkpoint(path): return Model()\n"
    )
    (tmp_path / "site" / "torch.py").write_text(
        "from types import SimpleNamespace\ncuda = SimpleNamespace(is_available=lambda: False)\n"
    )
    rows = [{"source": "s", "hypothesis": "x" * (n % 7), "reference": "four"} for n in range(600)]

    def run(rows: list[dict[str, str]]) -> list[dict[str, object]]:
        done = subprocess.run(
            [sys.executable, str(RUNNER), "comet", "--model", "m"],
            input="".join(json.dumps(row) + "\n" for row in rows),
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(tmp_path / "site")},
            check=False,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    hello, *scores, done = run(rows)
    assert hello["protocol"] == 1 and hello["metric"] == "comet" and done == {"done": 600}
    assert scores == [{"index": n, "score": (n % 7) / 4} for n in range(600)]
    without = [{"source": "s", "hypothesis": "x"}]
    assert "needs references" in str(run(without)[-1]["error"])
    assert run([])[-1] == {"done": 0}

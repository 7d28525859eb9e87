"""The command line: help that is quick and shows examples, and one clear line for every mistake."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Cli, Tiny
from tinyrun import recipe_content, write_recipe, write_text

VERBS = ("run", "inspect", "translate", "chat", "evaluate", "compare", "align", "probe", "demo", "doctor")
HEAVY = ("torch", "transformers", "peft", "numpy", "numba", "sacrebleu", "pydantic", "yaml", "rich.progress")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_help_loads_nothing_heavy() -> None:
    """What takes time at the start is imports: --help must do without them."""
    program = (
        "import sys; sys.argv = ['dragoman', '--help']\n"
        "from dragoman.cli import main\n"
        "try: main()\n"
        f"finally: print('HEAVY', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("HEAVY []")
    assert all(re.search(rf"^  {verb} ", done.stdout, re.MULTILINE) for verb in VERBS)


def test_help_takes_less_than_half_a_second() -> None:
    """Of the processor's time, so that a busy machine does not matter; the best of three."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "dragoman", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(took) < 0.5


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example(verb: str, cli: Cli) -> None:
    status, out, _ = cli(verb, "--help")
    assert status == 0
    assert re.search(rf"Example:\n +dragoman {verb}", out)


def test_version_and_doctor(cli: Cli) -> None:
    import dragoman

    assert cli("--version") == (0, f"dragoman {dragoman.__version__}\n", "")
    status, out, _ = cli("doctor")
    assert status == 0
    for word in ("torch", "devices", "cpu", "cores", "disk here", "nothing is missing"):
        assert word in out
    pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    extras = pyproject["project"]["optional-dependencies"]
    wanted = [*pyproject["project"]["dependencies"], *extras["data"], *extras["lid"], *extras["plot"]]
    for requirement in wanted:
        assert re.search(rf"^  {re.split('[><=]', requirement)[0]} ", out, re.MULTILINE), requirement


def test_doctor_says_what_is_missing_and_how_to_get_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError, version

    def without(name: str) -> str:
        if name in ("peft", "pycld2"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("dragoman.doctor.version", without)
    _, out, _ = cli("doctor")
    assert "missing: peft: pip install" in out
    assert re.search(r"pycld2 +not installed: extra lid ", out)


# -- mistakes: what is typed, and what the one line must say ------------------------------------------------

Arguments = Callable[[Tiny, Path], list[object]]


def edited(**changes: object) -> Callable[[Tiny, Path], Path]:
    """A recipe with other values at its top."""

    def write(tiny: Tiny, here: Path) -> Path:
        return write_recipe(here / "r.yaml", recipe_content(tiny.text, tiny.base) | changes)

    return write


def broken_base(*names: str) -> Callable[[Tiny, Path], str]:
    """A copy of the base without some of its files."""

    def make(tiny: Tiny, here: Path) -> str:
        shutil.copytree(tiny.base, here / "base", dirs_exist_ok=True)
        for name in names:
            (here / "base" / name).unlink()
        return f"base={here / 'base'}"

    return make


def with_file(name: str, text: str | bytes) -> Callable[[Tiny, Path], Path]:
    def write(tiny: Tiny, here: Path) -> Path:
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def short_side(tiny: Tiny, here: Path) -> str:
    text = write_text(here / "text")
    lines = (text / "train.de").read_text(encoding="utf-8").splitlines()[:-1]
    (text / "train.de").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"data.train={text}"


def torn_run(tiny: Tiny, here: Path) -> Path:
    shutil.copytree(tiny.run, here / "runs" / "tiny")
    (here / "runs" / "tiny" / "run.json").write_text('{"steps": {')
    return tiny.recipe


def encoder_decoder(tiny: Tiny, here: Path) -> str:
    broken_base()(tiny, here)
    config = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}
    (here / "base" / "config.json").write_text(json.dumps(config))
    return f"base={here / 'base'}"


def bad_card(tiny: Tiny, here: Path) -> Path:
    shutil.copytree(tiny.run / "stages" / "stage1" / "model", here / "model")
    (here / "model" / "dragoman.json").write_text('{"prompt": {"template')
    return here / "model"


def recipe(tiny: Tiny, here: Path) -> Path:
    return tiny.recipe


def run_folder(tiny: Tiny, here: Path) -> Path:
    return tiny.run


def model(tiny: Tiny, here: Path) -> Path:
    return tiny.run / "stages" / "stage1" / "model"


def sentence(tiny: Tiny, here: Path) -> Path:
    return with_file("in.en", "one two\n")(tiny, here)


def text_file(tiny: Tiny, here: Path) -> Path:
    return tiny.text / "test.en"


def link_to_itself(tiny: Tiny, here: Path) -> str:
    shutil.copytree(tiny.text, here / "text")
    (here / "text" / "train.de").unlink()
    (here / "text" / "train.de").symlink_to("train.de")
    return f"data.train={here / 'text'}"


def two_outputs(tiny: Tiny, here: Path) -> Path:
    """A folder of two systems that answer with the source, as another program would leave it."""
    lines = (tiny.text / "test.en").read_text(encoding="utf-8")
    for system in ("ours", "theirs"):
        with_file(f"outputs/{system}/test.en-de.txt", lines)(tiny, here)
    return here / "outputs"


def recipe_as_base(tiny: Tiny, here: Path) -> str:
    return f"base={tiny.recipe}"


MISTAKES: dict[str, tuple[list[object], list[str]]] = {
    "no recipe": (["run", "nowhere.yaml"], ["nowhere.yaml: no such file", "recipes/"]),
    "a folder as recipe": (["run", run_folder], ["is a folder; name a recipe file"]),
    "bytes as recipe": (["run", with_file("r.yaml", b"\xff\xfe\x00")], ["r.yaml", "UTF-8"]),
    "no YAML": (["run", with_file("r.yaml", "name: [\n")], ["r.yaml", "line 2", "not YAML"]),
    "an empty recipe": (["run", with_file("r.yaml", "")], ["r.yaml", "expected keys"]),
    "unknown key": (["run", edited(stagges=[])], ["stagges (line", "did you mean 'stages'"]),
    "several mistakes": (
        ["run", edited(seed="x", prompt={"templat": "alpaca"})],
        ["2 mistakes", "seed (line", "prompt.templat (line", "did you mean 'template'"],
    ),
    "unknown key on the line": (
        ["run", recipe, "stages.stage1.stepz=3"],
        ["stages.0.stepz (command line)", "did you mean 'steps'"],
    ),
    "no stage of that name": (
        ["run", recipe, "stages.stage9.steps=3"],
        ["no item 'stage9'", "stage1, stage2"],
    ),
    "no key=value": (["run", recipe, "steps"], ["'steps': expected key=value"]),
    "no direction": (["run", recipe, "evaluate.directions=[deen]"], ["deen", "evaluate.directions"]),
    "no such base": (["run", recipe, "base=models/none"], ["models/none", "no such folder here"]),
    "no such base, nor a hub id": (
        ["run", recipe, "base=/nowhere/at/all"],
        ["no such folder here, and no hub id"],
    ),
    "a file as base": (["run", recipe, recipe_as_base], ["recipe.yaml': is a file; name the folder"]),
    "no such card": (["run", recipe, "model.device=cuda:99"], ["'cuda:99'", "visible"]),
    "a negative seed": (["run", recipe, "seed=-1"], ["seed (command line)", "greater than or equal to 0"]),
    "no such identifier": (
        ["run", recipe, "evaluate.identifier=foo"],
        ["unknown identifier 'foo'", "py3langid"],
    ),
    "no tokenizer": (
        ["run", recipe, broken_base("tokenizer.json", "tokenizer_config.json")],
        ["tokenizer of", "cannot be loaded"],
    ),
    "no weights": (["run", recipe, broken_base("model.safetensors")], ["no *.safetensors"]),
    "no causal model": (["run", recipe, encoder_decoder], ["t5 is no causal language model"]),
    "too long for the base": (["run", recipe, "prompt.max_length=9999"], ["9,999", "512 positions"]),
    "unknown template": (["run", recipe, "prompt.template=alpacca"], ["'alpacca'", "did you mean 'alpaca'"]),
    "no words in a language": (["run", recipe, "prompt.language=target"], ["no wording", "'de'"]),
    "no folder of text": (["run", recipe, "data.train=texts"], ["texts"]),
    "a link to itself": (["run", recipe, link_to_itself], ["train.de", "symbolic links"]),
    "an empty folder of text": (
        ["run", recipe, lambda tiny, here: f"data.train={here}"],
        ["here", "train.<language>"],
    ),
    "sides of other lengths": (["run", recipe, short_side], ["train.de", "40", "39"]),
    "another checksum": (
        ["run", recipe, "data.train.sha256={train.en: 00}"],
        ["train.en: SHA-256 is", "the recipe says 00"],
    ),
    "a language that is not there": (
        ["run", recipe, "stages.stage1.tasks.mt.directions=[en-zh]"],
        ["en-zh", "de, en, fr"],
    ),
    "a run that is a file": (
        ["run", recipe, "--runs", text_file],
        ["test.en", "Not a directory", "a file where a folder is needed"],
    ),
    "a run folder as base": (
        ["run", recipe, lambda tiny, here: f"base={tiny.run}"],
        ["no config.json", "name one of those in it", "stages/stage1/model"],
    ),
    "a list that is a word": (
        ["run", recipe, "evaluate.directions=en-de"],
        ["evaluate.directions (command line)", "a valid list or ", "'all' (found 'en-de')"],
    ),
    "one language twice": (
        ["run", recipe, "stages.stage1.tasks.mt.directions=[en-eng]"],
        ["tasks.mt.directions", "'en-eng'", "one language twice"],
    ),
    "a torn run": (["run", torn_run], ["run.json: damaged", "delete it"]),
    "no such device": (["run", recipe, "model.device=tpu9"], ["tpu9", "expected auto, cpu"]),
    "an adapter on nothing": (
        ["run", recipe, "model.lora={targets: [nothing]}"],
        ["lora.targets", "nothing"],
    ),
    "a folder to inspect": (["inspect", model], ["is a folder; name a recipe file"]),
    "no such stage to inspect": (["inspect", recipe, "--stage", "sft"], ["--stage sft", "stage1, stage2"]),
    "no such model": (["translate", "models/none", "-d", "de-en"], ["models/none"]),
    "a direction of one": (["translate", model, "-d", "german"], ["german"]),
    "one language twice to translate": (["translate", model, "-d", "de-deu"], ["one language twice"]),
    "a run as model": (["translate", run_folder, "-d", "en-de"], ["name one of those", "stage2/model"]),
    "an empty folder as model": (
        ["translate", lambda tiny, here: here, "-d", "en-de"],
        ["no config.json in the folder", "save_pretrained"],
    ),
    "the output is the input": (
        ["translate", model, "-d", "en-de", "-i", sentence, "-o", sentence],
        ["in.en: is the input; write the translations to another file"],
    ),
    "an unknown language": (["translate", model, "-d", "de-xqq"], ["xqq"]),
    "an unknown template to translate": (
        ["translate", model, "-d", "en-de", "--template", "none", "-i", sentence],
        ["unknown template 'none'"],
    ),
    "no such input": (["translate", model, "-d", "en-de", "-i", "none.txt"], ["none.txt"]),
    "no folder for the output": (
        ["translate", model, "-d", "en-de", "-i", sentence, "-o", "none/out.de"],
        ["none: no such directory"],
    ),
    "an unknown prompt language": (
        ["translate", model, "-d", "en-de", "--prompt-language", "xx", "-i", sentence],
        ["--prompt-language", "'en' or 'target'"],
    ),
    "an unknown precision": (
        ["translate", model, "-d", "en-de", "--dtype", "float8", "-i", sentence],
        ["--dtype", "float8"],
    ),
    "a torn card": (["translate", bad_card, "-d", "en-de"], ["dragoman.json: not a model card"]),
    "nothing to evaluate": (["evaluate"], ["evaluate needs"]),
    "no such folder": (["evaluate", "none"], ["none: not a folder"]),
    "a folder without outputs": (["evaluate", lambda tiny, here: here], ["here: no translations"]),
    "a model without text": (["evaluate", model], ["model: is a model", "data", "out"]),
    "a run as model to evaluate": (
        ["evaluate", run_folder, "--data", lambda t, h: t.text, "--out", "scores"],
        ["name one of those in it"],
    ),
    "outputs without references": (["evaluate", two_outputs], ["no references", "<split>.<language>"]),
    "outputs of another split": (
        ["evaluate", two_outputs, "--references", lambda t, h: t.text, "--split", "dev"],
        ["test.en-de.txt: is called 'test', not 'dev'"],
    ),
    "scores where a file is": (
        ["evaluate", two_outputs, "--references", lambda t, h: t.text, "--out", sentence],
        ["in.en", "a file where a folder is needed"],
    ),
    "no training text": (
        [
            *("evaluate", two_outputs, "--references", lambda t, h: t.text),
            *("--identifier", "learnt", "--training", "none"),
        ],
        ["none: No such file or directory; check the path"],
    ),
    "an unknown system": (["evaluate", run_folder, "--system", "s3"], ["no system 's3'", "base, stage1"]),
    "an unknown direction": (["evaluate", run_folder, "-d", "en-it"], ["en-it"]),
    "an unknown identifier": (["evaluate", run_folder, "--identifier", "guess"], ["guess"]),
    "an unknown metric": (["evaluate", run_folder, "--metric", "blue"], ["blue"]),
    "a report without a place": (["evaluate", run_folder, "--report"], ["report", "folder"]),
    "a file without a direction": (
        ["evaluate", "--hyp", text_file, "--ref", text_file],
        ["in which direction"],
    ),
    "files of other lengths": (
        ["evaluate", "--hyp", text_file, "--ref", lambda t, h: t.text / "dev.en", "-d", "de-en"],
        ["test.en has 4 lines", "dev.en has 3"],
    ),
    "a model in a direction without text": (
        ["evaluate", model, "--data", lambda t, h: t.text, "--out", "scores", "-d", "en-ja"],
        ["en-ja", "de, en, fr"],
    ),
    "one system to compare": (["compare", run_folder, "--system", "base"], ["two systems"]),
    "systems not named": (["compare", two_outputs], ["two names (got 0)", "ours, theirs"]),
    "a run against itself": (
        ["compare", run_folder, run_folder],
        ["this side has base, stage1, stage2; name one for each side"],
    ),
    "no results to add to": (
        ["compare", run_folder, "--system", "base", "--system", "stage1", "--out", "none"],
        ["none/results.json: no such file; score first"],
    ),
    "an unknown system to compare": (
        ["compare", run_folder, "--system", "base", "--system", "s3"],
        ["no system 's3'"],
    ),
    "outputs of other lines": (
        ["compare", text_file, lambda t, h: t.text / "dev.en", "-d", "de-en"],
        ["test has 4 lines, dev has 3"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake: str, tiny: Tiny, here: Path, cli: Cli) -> None:
    given, wanted = MISTAKES[mistake]
    arguments = [one(tiny, here) if callable(one) else one for one in given]
    status, _, said = cli(*arguments)
    assert status == 1, said
    last = said.splitlines()[-1]
    assert last.startswith("dragoman: "), said
    assert "Traceback" not in said
    for words in wanted:
        assert words in last, last
    assert not list(here.rglob("*.part")), "something half-written stays"


@pytest.mark.parametrize(
    "arguments",
    [
        ["trnslate"],
        ["run"],
        ["run", "r.yaml", "--dry"],
        ["compare", "x", "--style", "html"],
        ["inspect", "r.yaml", "--count", "0"],
        ["inspect", "r.yaml", "--epoch", "-1"],
    ],
)
def test_usage_is_told_with_status_2(arguments: list[str], cli: Cli) -> None:
    status, _, said = cli(*arguments)
    assert status == 2
    assert "Error: " in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["translate", "models/none", "-d", "en-de"], "models/none"),
    ],
)
def test_as_a_program(arguments: list[str], words: str, here: Path) -> None:
    """The whole program, as a shell sees it: status, no traceback, nothing on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "dragoman", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert not done.stdout
    last = done.stderr.splitlines()[-1]
    assert last.startswith("dragoman: ") and words in last
    assert "Traceback" not in done.stderr
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (PermissionError(13, "Permission denied", "/runs/x"), "/runs/x: Permission denied; write to another"),
        (OSError(30, "Read-only file system", "x"), "x: Read-only file system; write to another place"),
        (OSError(28, "No space left on device"), "system: No space left on device; free space"),
        (OSError("odd"), "system: odd"),
    ],
)
def test_what_the_system_refuses_comes_with_a_cure(
    error: OSError, wanted: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise error

    monkeypatch.setattr("dragoman.doctor.examine", refuse)
    status, _, said = cli("doctor")
    assert status == 1 and said.startswith(f"dragoman: {wanted}") and said.count("\n") == 1


def test_a_reader_that_leaves_is_no_mistake(tiny: Tiny) -> None:
    """``dragoman doctor | head -1``."""
    command = f"{sys.executable} -m dragoman evaluate {tiny.run} --each | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr and not done.stderr.startswith("dragoman:")


@pytest.mark.parametrize(
    ("number", "status", "words"), [("SIGINT", 130, "stopped by Ctrl-C"), ("SIGTERM", 143, "")]
)
def test_a_signal_ends_it_without_a_traceback(
    number: str, status: int, words: str, tiny: Tiny, here: Path
) -> None:
    """In the middle of work; the temporary corpus goes too."""
    program = (
        "import os, signal, sys\n"
        "import dragoman.inspect\n"
        "from dragoman.cli import main\n"
        # a shell that starts tests in the background has them ignore Ctrl-C
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"dragoman.inspect._show = lambda *_: os.kill(os.getpid(), signal.{number})\n"
        f"sys.argv = ['dragoman', 'inspect', {str(tiny.recipe)!r}]\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TMPDIR": str(here)},
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr and words in done.stderr
    assert not list(here.iterdir())


# -- the verbs at work --------------------------------------------------------------------------------------


def test_translate_a_file_and_standard_input(
    tiny: Tiny, here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    folder = tiny.run / "stages" / "stage2" / "model"
    few = ["--max-new-tokens", 5]
    status, _, said = cli(
        "translate", folder, "-d", "en-de", "-i", tiny.text / "test.en", "-o", "out.de", *few
    )
    assert status == 0 and "4 lines" in said
    found = (here / "out.de").read_text(encoding="utf-8")
    assert len(found.splitlines()) == 4

    class Piped:
        buffer = io.BytesIO((tiny.text / "test.en").read_bytes())

    monkeypatch.setattr("sys.stdin", Piped)
    command = [sys.executable, "-m", "dragoman", "translate", str(folder), "-d", "en-de", *map(str, few)]
    with (tiny.text / "test.en").open("rb") as source:
        piped = subprocess.run(command, stdin=source, capture_output=True, check=True)
    assert piped.stdout.decode() == found
    status, _, said = cli(
        "translate", folder, "-d", "en-it", "-i", tiny.text / "test.en", "-o", "out.it", *few
    )
    assert status == 0 and "warning" in said and "en-it" in said


def test_inspect_shows_tokens_and_writes_nothing(tiny: Tiny, here: Path, cli: Cli) -> None:
    status, out, _ = cli("inspect", tiny.recipe, "--stage", "stage2", "--count", 2, "--epoch", 1)
    assert status == 0
    assert "stage2  conflict 160 items" in out and "unlearned (-1)" in out
    assert not list(here.iterdir())


def test_inspect_passes_over_items_without_use_and_tells_why(tiny: Tiny, here: Path, cli: Cli) -> None:
    tasks = "stages.stage1.tasks={align: {directions: english, posterior: 0.9999999}}"
    status, out, said = cli("inspect", tiny.recipe, tasks, "--stage", "stage1", "--count", 1)
    assert status == 0
    assert re.search(r"passed over [\d,]+: align: no usable link", out), out
    assert "dropped.jsonl" not in said, "that file is gone when the command ends"


def test_evaluate_a_model_on_a_folder(tiny: Tiny, here: Path, cli: Cli) -> None:
    folder = tiny.run / "stages" / "stage2" / "model"
    status, out, _ = cli(
        "evaluate",
        folder,
        "--data",
        tiny.text,
        "--lines",
        2,
        "--out",
        "scores",
        "-d",
        "deu-eng,de-fr",
        "--report",
    )
    assert status == 0
    assert "supervised (1)" in out and "zero-shot (1)" in out and "stage2" in out
    assert sorted(p.name for p in (here / "scores" / "translations" / "stage2").iterdir()) == [
        "de-en.jsonl",
        "de-fr.jsonl",
    ]
    assert (here / "scores" / "report.html").exists()


def test_evaluate_and_compare_a_run(tiny: Tiny, here: Path, cli: Cli) -> None:
    status, out, _ = cli("evaluate", tiny.run, "--system", "stage2", "--each", "--style", "markdown")
    assert status == 0 and "| system | supervised BLEU" in out and "| stage2" in out
    status, out, _ = cli("compare", tiny.run, "--system", "stage1", "--system", "stage2", "--trials", 20)
    assert status == 0 and "chrF++" in out and "zero-shot" in out


FOREIGN = """
import sys
from dragoman.cli import main
sys.argv = ["dragoman", *sys.argv[1:]]
try:
    main()
finally:
    print("MODELS", [name for name in ("torch", "transformers", "peft") if name in sys.modules])
"""


def test_outputs_of_other_systems_without_any_model(tiny: Tiny, here: Path) -> None:
    """A folder of hypotheses, sources and references in; the full table, significance and report out."""
    for system, shift in (("google", 0), ("ours", 1)):
        folder = here / "outputs" / system
        folder.mkdir(parents=True)
        for source, target in (("en", "de"), ("de", "en"), ("de", "fr")):
            lines = (tiny.text / f"test.{target}").read_text(encoding="utf-8").splitlines()
            moved = [line.split()[-1] if shift and number % 2 else line for number, line in enumerate(lines)]
            (folder / f"test.{source}-{target}.txt").write_text("\n".join(moved) + "\n", encoding="utf-8")
    given = ["--references", str(tiny.text), "--supervised", "en-de,de-en"]

    def run(*arguments: str) -> str:
        command = [sys.executable, "-c", FOREIGN, *arguments]
        environment = os.environ | {"HF_HUB_OFFLINE": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.rstrip().endswith("MODELS []"), "a model library was loaded"
        return str(done.stdout)

    metrics = [word for name in ("BLEU", "chrF++", "TER") for word in ("--metric", name)]
    out = run("evaluate", "outputs", *given, *metrics, "--out", "scores", "--report")
    assert re.search(r"google +\S+ +100\.0", out)
    for words in (
        "supervised (2)",
        "zero-shot (1)",
        "floor",
        "TER",
        "OTR: id:py3langid",
        "scores/report.html",
    ):
        assert words in out
    out = run(
        "compare",
        "outputs",
        "--system",
        "google",
        "--system",
        "ours",
        *given,
        "--trials",
        "50",
        "--out",
        "scores",
    )
    assert "chrF++" in out
    found = json.loads((here / "scores" / "results.json").read_text(encoding="utf-8"))
    assert {row["system"] for row in found["rows"]} == {"google", "ours"}
    assert {row["group"] for row in found["rows"]} == {"supervised", "zero-shot"}
    assert found["significance"]
    page = (here / "scores" / "report.html").read_text(encoding="utf-8")
    assert "google" in page and "ours" in page


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("evaluate x --copy", "--copy: evaluate does not read it without --interactive"),
        ("evaluate x --terms", "--terms: evaluate does not read it without --interactive"),
        (
            "evaluate x --interactive --terms",
            "--terms: evaluate does not read it with answers",
        ),
        ("evaluate x --beam 2", "--beam: evaluate does not read it without --data"),
        ("evaluate x --data y --out z --hyp q", "--hyp: evaluate does not read it with --data"),
        (
            "evaluate x --interactive --data y --metric TER",
            "--metric: evaluate does not read it with --",
        ),
        (
            "evaluate x --interactive --dialogues f --kinds style",
            "--kinds: evaluate does not read it with --d",
        ),
        ("evaluate x --interactive --copy", "--copy: evaluate does not read it with answers that are there"),
        ("evaluate x --ref r", "--ref: evaluate does not read it without --hyp"),
        ("evaluate --hyp h --split test", "--split: evaluate does not read it with --hyp"),
        ("evaluate --hyp h -d a-b -d c-d", "--direction: one file (--hyp) can have one only, got a-b, c-d"),
        (f"compare {__file__} b --system s", "--system: compare does not read it for two files"),
        (f"compare {__file__} b -d a-b -d c-d", "--direction: two files can have one only, got a-b, c-d"),
        ("compare x --source s", "--source: compare does not read it for runs and folders"),
        ("compare x --interactive --ref r", "--ref: compare does not read it with --interactive"),
    ],
)
def test_an_option_that_a_mode_does_not_read_is_refused(cli: Cli, arguments: str, expected: str) -> None:
    status, _, error = cli(*arguments.split())
    assert status == 1 and expected in error

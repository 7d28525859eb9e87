"""The shape of the house: data flows one way, modules load without extras, files and functions are short."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dragoman"
MODULES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = [path for folder in ("recipes", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
LONGEST_FILE, LONGEST_FUNCTION = 300, 60
"""In lines; a function stands on one screen."""
ROOMS = (
    "language",
    "prompt",
    "endpoint",
    "corpus",
    "align",
    "instruct",
    "tune",
    "translate",
    "chat",
    "evaluate",
)
"""Folders, the lowest first: none imports one that stands after it."""
GROUND = {"errors", "recipe", "console", "distributed", "hub", "jsonl"}
"""Modules beside the folders that these may import."""
NAMES = {"py3langid": "py3langid", "yaml": "pyyaml", "fasttext": "fasttext-predict"}
"""Modules whose package is called otherwise."""
WITH_OTHERS = {
    "huggingface_hub": "transformers",
    "tokenizers": "transformers",
    "pydantic_core": "pydantic",
    "jinja2": "torch",
    "pyarrow": "datasets",
}
"""Modules that come with a package that is declared."""


def imports_of(path: Path, top_only: bool = False) -> set[str]:
    """Modules that a file imports: anywhere in it, or only when it is loaded itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module and node.level == 0, f"{path}: a relative import"
            inside = node.module == "dragoman"  # from dragoman import run
            found |= {f"dragoman.{alias.name}" for alias in node.names} if inside else {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def room_of(module: str) -> str:
    return module.removeprefix("dragoman.").split(".")[0]


def test_no_folder_imports_one_that_stands_above_it() -> None:
    for path in MODULES:
        room = path.relative_to(PACKAGE).parts[0]
        for module in imports_of(path) if room in ROOMS else ():
            if module.startswith("dragoman."):
                other = room_of(module)
                below = other in ROOMS and ROOMS.index(other) <= ROOMS.index(room)
                ground = other in GROUND or other.startswith("__")
                assert below or ground, f"{path.relative_to(PACKAGE)} imports {module}"


def test_the_ground_imports_nothing_that_stands_on_it() -> None:
    for path in MODULES:
        if room_of(".".join(path.relative_to(PACKAGE).with_suffix("").parts)) in GROUND:
            others = {room_of(module) for module in imports_of(path) if module.startswith("dragoman.")}
            assert others <= {*GROUND, "language"}, path.relative_to(PACKAGE)


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE, "split it by subject"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            # what it is called with is a list (a verb has many options): the screen is for what it does
            first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            assert node.end_lineno - first.lineno < LONGEST_FUNCTION, f"{node.name}: name its parts"


def requirements(*extras: str) -> set[str]:
    """Names of the packages that pyproject.toml declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in extras for line in project["optional-dependencies"][extra]),
    ]
    return {re.split(r"[\[<>=! ]", line)[0].lower() for line in lines}


def packages(modules: set[str]) -> set[str]:
    """The packages of modules that are neither ours nor Python's."""
    tops = {module.split(".")[0] for module in modules} - {"dragoman", "_typeshed", *sys.stdlib_module_names}
    return {WITH_OTHERS.get(top, NAMES.get(top, top)) for top in tops}


def test_what_is_imported_is_declared() -> None:
    """At the top of a file only what every installation has; extras inside functions."""
    at_once = set().union(*(imports_of(path, top_only=True) for path in MODULES))
    assert packages(at_once) <= requirements()
    runner = PACKAGE / "evaluate" / "metric_runner.py"  # runs in an environment of its own
    ever = set().union(*(imports_of(path) for path in MODULES if path != runner))
    assert packages(ever) <= requirements("data", "lid", "eval", "plot")


def test_every_module_loads_without_any_extra() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in MODULES
        if path.name != "__main__.py"
    ]
    absent = (
        "datasets",
        "pycld2",
        "fasttext",
        "trl",
        "sentencepiece",
        "MeCab",
        "pytest",
        "hypothesis",
        "matplotlib",
    )
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({absent!r}))\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_pin_is_one_version_and_none_is_local() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9a-z.]+", pin) for pin in pins)
    pinned = {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    assert requirements("data", "lid", "eval", "plot", "bench", "dev") <= pinned
    assert "torch==2.13.0" in pins

"""The documentation: its links lead somewhere, its commands are commands, its map names what is there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import Tiny
from typer.main import get_command

from dragoman.cli import app
from dragoman.evaluate.report import SECTIONS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
VERBS = get_command(app).commands  # type: ignore[attr-defined]


def commands() -> list[tuple[str, str]]:
    """Page or verb, and command: code in the pages that calls Dragoman, and examples of the help texts."""
    found = [
        (verb, line.strip())
        for verb, command in VERBS.items()
        for line in (command.epilog or "").splitlines()
        if line.strip().startswith("dragoman ")
    ]
    assert {verb for verb, _ in found} == set(VERBS)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        around = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", around)]
        for line in lines:
            call = re.match(r"(?:\$ )?(?:torchrun .* -m )?(dragoman [a-z-].*)", line)
            if call:
                found.append((page.name, call[1]))
    return found


def anchors(page: Path) -> set[str]:
    """The names under which headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(place), f"{page.name}: {target}"


def test_commands_are_commands() -> None:
    """Each verb and option that a page shows is one that the command line has."""
    shown = commands()
    assert len(shown) > 60
    for page, line in shown:
        words = shlex.split(
            line.split(" # ")[0].split(" < ")[0].split(" > ")[0].split(" | ")[0], comments=True
        )[1:]
        if words[0].startswith("-"):
            continue
        assert words[0] in VERBS, f"{page}: {line}"
        known = {option for parameter in VERBS[words[0]].params for option in parameter.opts} | {
            "--help",
            "-h",
        }
        for word in words[1:]:
            if re.match(r"--?[a-z]", word):
                assert word.split("=")[0] in known, f"{page}: {line}: {word}"


@pytest.mark.parametrize("verb", ["run", "inspect", "translate", "evaluate", "compare", "demo", "doctor"])
def test_every_option_stands_in_the_pages(verb: str) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    options = [option for parameter in VERBS[verb].params for option in parameter.opts if option[:2] == "--"]
    assert [option for option in options if f"{option}`" not in text and f"{option} " not in text] == []


def test_what_a_run_writes_is_described(tiny: Tiny) -> None:
    """The keys of metrics.jsonl in docs/tune.md, the sections of the report in docs/report.md."""
    page = (ROOT / "docs" / "tune.md").read_text(encoding="utf-8")
    log = (tiny.run / "stages" / "stage2" / "metrics.jsonl").read_text(encoding="utf-8")
    keys = {key for line in log.splitlines() for key in json.loads(line)} - {"stage", "step"}
    assert len(keys) > 10 and [key for key in sorted(keys) if f"`{key}`" not in page] == []
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert [key for key, *_ in SECTIONS if not re.search(rf"^\| .*\b{key}\b.* \|", page, re.MULTILINE)] == []


def test_every_page_stands_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index]
    assert missing == ["index.md"]


def test_the_map_names_every_file_and_none_that_is_gone() -> None:
    """docs/overview.md: the tables of files hold all of the package's files, folder by folder."""
    text = (ROOT / "docs" / "overview.md").read_text(encoding="utf-8")
    package = ROOT / "dragoman"
    folders = [path.parent.name for path in package.glob("*/__init__.py") if path.parent.name != "demo"]
    text = text.split("## At the top")[1].split("Beside the package")[0]
    top, *parts = re.split(r"^\| \*\*`(\w+)/`\*\* \|.*$", text, flags=re.MULTILINE)
    tables = {"": top, **dict(zip(parts[::2], parts[1::2], strict=True))}
    for folder in ("", *folders):
        named = set(re.findall(r"`(\w+\.py)`", tables.get(folder, "")))
        there = {path.name for path in (package / folder).glob("*.py") if not path.name.startswith("__")}
        assert named == there, folder or "the top"

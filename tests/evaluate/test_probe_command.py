"""``dragoman probe``: models and text in; tables, JSON and pictures out; one clear line for each mistake."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Cli, Tiny
from helpers import data_folder, tiny_model
from tinyrun import write_text

from dragoman.evaluate.probe.command import names_of
from dragoman.evaluate.probe.result import read_probe

LINES = 30


@pytest.fixture
def here(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with text in every form and three models."""
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "text", sizes={"test": LINES})
    sides = {
        code: (tmp_path / "text" / f"test.{code}").read_text().splitlines() for code in ("en", "de", "fr")
    }
    rows = list(zip(sides["en"], sides["de"], strict=True))
    (tmp_path / "ende.tsv").write_text("".join(f"{n}\t{a}\t{b}\n" for n, (a, b) in enumerate(rows)))
    with gzip.open(tmp_path / "ende.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"en": a, "de": b}) + "\n" for a, b in rows)
    shutil.copytree(tiny.base, tmp_path / "base")
    for stage in ("stage1", "stage2"):
        shutil.copytree(tiny.run / "stages" / stage / "model", tmp_path / "run" / stage / "model")
    return tmp_path


def probed(cli: Cli, *arguments: object) -> tuple[str, str]:
    status, out, said = cli("probe", *arguments, "--device", "cpu")
    assert status == 0, said
    return out, said


def test_models_side_by_side(here: Path, cli: Cli) -> None:
    models = ["base", "run/stage1/model/", "run/stage2/model"]
    out, said = probed(cli, *models, "--data", "text", "--out", "new/look")
    assert re.search(r"base +stage1 +stage2\n", out) and "mean over 3 language pairs" in out
    assert [line.split()[0] for line in out.splitlines()[3:6]] == ["embeddings", "layer", "layer"]
    assert f"de-en, de-fr, fr-en: {LINES} sentences of {LINES} lines" in said
    found = read_probe(here / "new" / "look" / "probe.json")
    assert found.names == ["base", "stage1", "stage2"] and found.pairs == ["de-en", "de-fr", "fr-en"]
    assert found.systems["stage2"] | {"stage": "stage2", "layers": 2} == found.systems["stage2"]
    assert {"torch", "transformers", "dragoman", "python"} == set(found.versions)
    assert re.search(r"pool:mean-first\|.*\|dtype:float32\|seed:1\|version:", found.signature)
    assert found.signature in out
    assert sorted(p.name for p in (here / "new" / "look").iterdir()) == [
        "probe.json",
        "probe.png",
        "probe.svg",
    ]


def test_every_form_of_text_gives_the_same(here: Path, cli: Cli) -> None:
    forms = {
        "folder": ["--data", "text", "-d", "en-de"],
        "other codes": ["--data", "text", "-d", "eng-deu,de-en"],
        "languages": ["--data", "text", "--languages", "en,de", "-d", "en-de"],
        "files": ["--file", "en=text/test.en", "--file", "de=text/test.de", "-d", "en-de"],
        "tsv": ["--data", "ende.tsv", "--languages", "-,en,de", "-d", "en-de"],
        "jsonl": ["--data", "ende.jsonl.gz", "-d", "en-de"],
    }
    measured = {}
    for name, form in forms.items():
        probed(cli, "base", *form, "--json", f"{name}.json")
        found = read_probe(here / f"{name}.json")
        assert len(found.rows) == 3 and found.rows[0].lines == LINES
        measured[name] = [replace(row, pair="en-de") for row in found.rows]
    assert all(rows == measured["folder"] for rows in measured.values())


def test_the_seed_draws_the_lines(here: Path, cli: Cli) -> None:
    def margin(*more: object) -> list[float]:
        probed(cli, "base", "--data", "text", "-d", "de-en", "--lines", 12, "--json", "a.json", *more)
        return read_probe(here / "a.json").values("base", "margin")

    assert margin() == margin() != margin("--seed", 2)
    assert margin("--batch-tokens", 1) == pytest.approx(margin(), abs=1e-5)
    assert margin("--dtype", "bfloat16") == pytest.approx(margin(), abs=0.05)


def test_empty_and_unreadable_lines_are_counted(here: Path, cli: Cli) -> None:
    lines = (here / "text" / "test.de").read_bytes().splitlines()
    lines[3], lines[5], lines[7] = b"", b"\xff\xfe broken", lines[8]
    (here / "text" / "test.de").write_bytes(b"\n".join(lines) + b"\n")
    _, said = probed(cli, "base", "--data", "text", "-d", "de-en")
    assert (
        f"de-en: {LINES - 2} sentences of {LINES} lines, left out: 1 empty, 1 not in both languages" in said
    )
    assert "1 lines cannot be read, the first is text/test.de:6: invalid UTF-8" in said


def test_names(here: Path, cli: Cli) -> None:
    given = ["--name", "MT only", "--name", "MT + Align", "--style", "markdown"]
    out, _ = probed(cli, "run/stage1/model", "run/stage2/model", "--data", "text", "-d", "de-en", *given)
    assert "| system | MT only margin |" in out and "MT + Align P@1 en-de |" in out
    assert names_of(["runs/a/stages/mt/model", "runs/a/stages/mt-align/model"]) == ["mt", "mt-align"]
    assert names_of(["runs/a/stages/mt/model", "runs/b/stages/mt/model/"]) == ["a", "b"]
    assert names_of(["x/mt", "y/mt", "y/base"]) == ["x/mt", "y/mt", "y/base"]
    assert names_of(["Qwen/Qwen3-0.6B", "models/small/model"]) == ["Qwen3-0.6B", "small"]
    assert names_of(["model"]) == ["model"] and names_of(["a", "a"]) == ["a", "a"]


def test_the_picture_is_one_of_layers_and_systems(
    here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deeper model ends at the same place: layers stand at their relative depth."""
    shutil.copytree("base", "deep")
    tiny_model("llama", 400, layers=4).save_pretrained(here / "deep")
    name = "a <b> & $x$"
    models = ["base", "deep", "--name", name, "--name", "deep"]
    probed(cli, *models, "--data", "text", "-d", "de-en", "--out", "look")
    tree = ElementTree.fromstring((here / "look" / "probe.svg").read_text(encoding="utf-8"))
    mark = "{http://www.w3.org/2000/svg}"
    assert name in [text.text for text in tree.iter(f"{mark}text")]
    dots = [(float(dot.attrib["cx"]), dot[0].text or "") for dot in tree.iter(f"{mark}circle")]
    assert len(dots) == 3 * (3 + 5)
    by_system = [[x for x, title in dots[:8] if title.startswith(f"{system}: ")] for system in (name, "deep")]
    assert by_system[0] == by_system[1][::2] and len(by_system[1]) == 5
    assert (here / "look" / "probe.png").read_bytes().startswith(b"\x89PNG")
    assert not list(here.rglob("*.part"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    _, said = probed(cli, "base", "--data", "text", "-d", "de-en", "--out", "plain")
    assert "no probe.png: pip install -c constraints.txt '.[plot]'" in said
    assert sorted(p.name for p in (here / "plain").iterdir()) == ["probe.json", "probe.svg"]


def test_real_text(tiny: Tiny, cli: Cli, tmp_path: Path) -> None:
    """Multi30k through an untrained model: three languages at once, codes matched."""
    given = ["--data", data_folder("multi30k"), "--split", "test_2016_flickr", "--lines", 40]
    out, said = probed(
        cli, tiny.base, *given, "-d", "de-en,cs-en", "--json", tmp_path / "probe.json", "--each"
    )
    assert "de-en, cs-en: 40 sentences of 1,000 lines" in said
    found = read_probe(tmp_path / "probe.json")
    assert found.pairs == ["de-en", "cs-en"] and {row.lines for row in found.rows} == {40}
    assert all(-1 <= row.margin <= 2 and 0 <= row.forward <= 100 for row in found.rows)
    assert out.count("40 sentences") == 2


# -- mistakes -----------------------------------------------------------------------------------------------


def short(here: Path) -> None:
    lines = (here / "text" / "test.de").read_text().splitlines()
    (here / "text" / "test.de").write_text("\n".join(lines[:-2]) + "\n")


def one_line(here: Path) -> None:
    write_text(here / "text", sizes={"test": 1})


def nothing(here: Path) -> None:
    pass


def plain_file(here: Path) -> None:
    (here / "taken").write_text("mine")


DATA = ["--data", "text"]
MISTAKES: dict[str, tuple[Callable[[Path], None], list[str], list[str]]] = {
    "no such model": (nothing, ["models/none", *DATA], ["models/none", "no such folder"]),
    "no such second model": (nothing, ["base", "models/none", *DATA], ["models/none"]),
    "no model in the folder": (nothing, ["text", *DATA], ["model 'text': no config.json in the folder"]),
    "no text": (nothing, ["base"], ["--data", "--file"]),
    "text twice": (nothing, ["base", *DATA, "--file", "en=a"], ["--data", "--file"]),
    "no such text": (nothing, ["base", "--data", "nowhere"], ["nowhere: no such folder"]),
    "no such split": (nothing, ["base", *DATA, "--split", "dev"], ["no files dev.<language>", "test"]),
    "unequal lines": (short, ["base", *DATA], ["line counts differ", "test.de 28", "test.en 30"]),
    "unequal files": (
        short,
        ["base", "--file", "en=text/test.en", "--file", "de=text/test.de"],
        ["line counts differ"],
    ),
    "one sentence only": (one_line, ["base", *DATA], ["1 usable lines of 1 in de-en", "at least 2"]),
    "an unknown language": (nothing, ["base", *DATA, "-d", "xqz-en"], ["xqz"]),
    "an unknown language of a file": (
        nothing,
        ["base", "--file", "xqz=text/test.en", "--file", "de=text/test.de"],
        ["unknown language code 'xqz'"],
    ),
    "a language without text": (nothing, ["base", *DATA, "-d", "ja-en"], ["0 usable", "ja-en", "de, en, fr"]),
    "a direction that is none": (nothing, ["base", *DATA, "-d", "german"], ["german"]),
    "one language twice": (nothing, ["base", *DATA, "-d", "de-deu"], ["one language twice"]),
    "a TSV without languages": (nothing, ["base", "--data", "ende.tsv"], ["--languages"]),
    "a file without a language": (nothing, ["base", "--file", "text/test.en"], ["LANGUAGE=FILE"]),
    "one file": (nothing, ["base", "--file", "en=text/test.en"], ["text in en alone"]),
    "a model twice": (nothing, ["base", "base", *DATA], ["is called 'base', as another one", "--name"]),
    "too few names": (nothing, ["base", "run/stage1/model", *DATA, "--name", "a"], ["1 names for 2 models"]),
    "no such device": (nothing, ["base", *DATA, "--device", "abacus"], ["abacus"]),
    "an unknown dtype": (nothing, ["base", *DATA, "--dtype", "int4"], ["--dtype"]),
    "a file where the folder should be": (plain_file, ["base", *DATA, "--out", "taken"], ["--out taken"]),
    "a folder where the file should be": (nothing, ["base", *DATA, "--json", "text"], ["--json text"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake: str, here: Path, cli: Cli) -> None:
    spoil, given, wanted = MISTAKES[mistake]
    spoil(here)
    before = sorted(here.rglob("*"))
    status, out, said = cli("probe", *given)
    assert status == 1 and not out, said
    last = said.splitlines()[-1]
    assert last.startswith("dragoman: ") and "Traceback" not in said
    for words in wanted:
        assert words in last, last
    assert sorted(here.rglob("*")) == before, "nothing is left behind"

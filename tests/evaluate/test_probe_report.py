"""The look inside as a step of a run and a part of its report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Tiny
from report_run import make_run
from tinyrun import recipe_content, write_recipe

from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.probe.result import ProbeResults, Row, read_probe, write_probe
from dragoman.evaluate.report import write_report
from dragoman.evaluate.report.charts import contrast
from dragoman.evaluate.report.probe_panel import COLOURS, css, kind_of
from dragoman.recipe_file import load_recipe, parse_recipe
from dragoman.run import Run

NAMES = ("MT only", "MT + Align", "<b>deep</b>")
PAIRS = ("cs-en", "de-en")


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with a look inside three systems, one of them deeper."""
    folder = make_run(tmp_path_factory.mktemp("run"), lines=20)
    rows = [
        Row(name, pair, layer, 0.5, 0.25, 0.25 + layer / 100, 0.01, 40.0 + layer, 30.0 + layer, 200)
        for name, last in zip(NAMES, (4, 4, 8), strict=True)
        for pair in PAIRS
        for layer in range(last + 1)
    ]
    write_probe(
        folder / "probe.json", ProbeResults(rows, {name: {} for name in NAMES}, {}, "probe|by hand", {})
    )
    return folder


def section(page: Path) -> str:
    found = re.search(r'<section id="inside".*?</section>', page.read_text(encoding="utf-8"), re.DOTALL)
    return found[0] if found else ""


def test_systems_lie_side_by_side(looked: Path, tmp_path: Path) -> None:
    page = section(write_report(looked, tmp_path / "report.html"))
    assert "mean over 2 language pairs" in page and all(f"{pair}, 200 sentences" in page for pair in PAIRS)
    assert page.count("<figure") == 9 and page.count("<polyline") > 9 * 3
    for number, name in enumerate(("MT only", "MT + Align", "&lt;b&gt;deep&lt;/b&gt;")):
        assert page.count(f'curve-{kind_of(number)}"') == 9
        assert f"<bdi>{name}</bdi>" in page and f"{name}: 0.250 at layer 0 of " in page
    assert "<b>deep" not in page and "probe|by hand" in page
    cells = re.findall(r"<bdi>MT only</bdi></th>(.*?)</tr>", page)
    assert [re.findall(r">([\d.–]+)<", row)[3:6] for row in cells] == [
        ["0.280", "0.290", "–"],
        ["43.0", "44.0", "–"],
        ["33.0", "34.0", "–"],
    ]


def test_the_page_says_what_it_is_and_claims_nothing(looked: Path, tmp_path: Path) -> None:
    page = section(write_report(looked, tmp_path / "report.html"))
    assert "whether higher ones translate better" in page
    assert not re.search(r"\b(better|improves?|gain|higher) than\b", page)


def test_a_run_without_a_look_has_no_such_part(looked: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(looked, tmp_path / "own"))
    (own / "probe.json").unlink()
    page = write_report(own)
    assert not section(page) and "look inside" not in page.read_text()
    (own / "probe.json").write_text('{"rows": [')
    page = write_report(own)
    assert not section(page) and "The look inside is left out" in page.read_text()


@pytest.mark.parametrize(("mode", "paper"), [("light", "#fbfaf6"), ("dark", "#14181a")])
def test_every_curve_is_visible(mode: str, paper: str) -> None:
    assert len(set(COLOURS[mode])) == len(COLOURS[mode]) == 8
    assert min(contrast(colour, paper) for colour in COLOURS[mode]) >= 3
    assert all(colour in css(mode) for colour in COLOURS[mode])


# -- in a recipe --------------------------------------------------------------------------------------------


def with_probe(probe: Any, **more: Any) -> dict[str, Any]:
    content = recipe_content(Path("text"), Path("base"))
    content["evaluate"] |= {"probe": probe, **more}
    return content


def test_what_a_recipe_may_ask_for() -> None:
    spec = parse_recipe(with_probe({})).evaluate.probe
    assert spec is not None and (spec.lines, spec.directions, spec.systems) == (1000, "all", None)
    assert parse_recipe(with_probe(None)).evaluate.probe is None
    parse_recipe(with_probe({"lines": 200, "systems": ["base", "stage2"], "directions": ["de-en"]}))
    rows = [{"name": "mt", "stage": "stage1"}, {"name": "same", "kind": "copy"}]
    parse_recipe(with_probe({"systems": ["mt"]}, systems=rows))
    for probe, systems, words in (
        ({"systems": ["stage3"]}, None, "names row 'stage3'; rows of a model: base, stage1, stage2"),
        ({"systems": ["same"]}, rows, "names row 'same'; rows of a model: mt"),
        ({"lines": 1}, None, "evaluate.probe.lines"),
        ({"layers": 3}, None, "evaluate.probe.layers"),
        ({"directions": ["deen"]}, None, "evaluate.probe.directions"),
    ):
        with pytest.raises(RecipeError, match=words):
            parse_recipe(with_probe(probe, **({"systems": systems} if systems else {})))


@pytest.fixture
def mine(tiny: Tiny, tmp_path: Path) -> Tiny:
    """A copy of the finished run, and a recipe that asks for a look."""
    run = Path(shutil.copytree(tiny.run, tmp_path / "runs" / "tiny"))
    content = recipe_content(tiny.text, tiny.base)
    content["evaluate"]["probe"] = {"lines": 3}
    return Tiny(tiny.text, tiny.base, write_recipe(tmp_path / "recipe.yaml", content), run)


def go(tiny: Tiny, *overrides: str) -> None:
    Run(load_recipe(tiny.recipe, overrides), tiny.run).go()


def test_a_run_looks_inside(mine: Tiny, capsys: pytest.CaptureFixture[str], cli: Cli) -> None:
    """Once; again when it is asked for something else; no longer when it is asked for nothing."""
    plan = cli("run", mine.recipe, "--runs", mine.run.parent, "--dry-run")[1]
    assert "probe     base, stage1, stage2: 3 language pairs: to do" in plan
    go(mine)
    assert "done before" not in _said(capsys, "probe")
    found = read_probe(mine.run / "probe.json")
    assert found.names == ["base", "stage1", "stage2"] and found.pairs == ["de-en", "de-fr", "fr-en"]
    assert {row.lines for row in found.rows} == {3}
    assert found.systems["stage2"]["source"] == str(mine.run / "stages" / "stage2" / "model")
    assert section(mine.run / "report.html") and (mine.run / "probe.svg").exists()

    go(mine)
    assert "done before" in _said(capsys, "probe") and section(mine.run / "report.html")
    go(mine, "evaluate.probe.systems=[stage1]", "evaluate.probe.directions=[fr-en]")
    assert "done before" not in _said(capsys, "probe")
    again = read_probe(mine.run / "probe.json")
    assert again.names == ["stage1"] and again.pairs == ["fr-en"]
    assert again.rows == [row for row in found.rows if row.system == "stage1" and row.pair == "fr-en"]

    go(mine, "evaluate.probe=")
    assert not list(mine.run.glob("probe.*")) and not section(mine.run / "report.html")
    assert "probe" not in json.loads((mine.run / "run.json").read_text())["steps"]


def _said(capsys: pytest.CaptureFixture[str], step: str) -> str:
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f" {step} ")]
    assert said
    return "\n".join(said)


def test_text_that_is_not_there_ends_a_run_before_its_first_stage(mine: Tiny, tmp_path: Path) -> None:
    settings = load_recipe(mine.recipe, ["evaluate.probe.directions=[ja-en]", "name=fresh"])
    with pytest.raises(DataError, match="0 usable lines of 4 in ja-en"):
        Run(settings, tmp_path / "runs" / "fresh").go()
    assert not (tmp_path / "runs" / "fresh" / "stages").exists()


def test_a_look_put_into_a_run_by_hand_is_in_its_next_report(mine: Tiny, cli: Cli) -> None:
    model = mine.run / "stages" / "stage1" / "model"
    assert cli("probe", model, "--data", mine.text, "--out", mine.run)[0] == 0
    assert cli("evaluate", mine.run, "--out", mine.run, "--report")[0] == 0
    assert "<bdi>stage1</bdi>" in section(mine.run / "report.html")

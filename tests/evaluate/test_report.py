"""The report: what it shows, that it is one safe page, and that it makes do with whatever a run has."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from report_run import make_run

from dragoman.errors import DataError
from dragoman.evaluate.report import write_report
from dragoman.evaluate.report.charts import Series, contrast, line_chart, scale_css, shade, thinned
from dragoman.evaluate.report.data import Evidence
from dragoman.evaluate.report.focus import focus_and_before
from dragoman.evaluate.report.languages import kind_of, label_words
from dragoman.evaluate.report.load import load
from dragoman.evaluate.report.markup import Markup, compact, el, escape, join, number, p_value, percent
from dragoman.evaluate.report.samples import choose, is_off_target
from dragoman.evaluate.report.scores import WIDEST, maps
from dragoman.evaluate.report.verdict import verdict
from dragoman.evaluate.results import Row
from dragoman.language.language import known_codes

HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>&amp;</p></main>\x00\x1b\u202e]]>"
SECTIONS = (
    "summary",
    "directions",
    "languages",
    "faults",
    "samples",
    "significance",
    "training",
    "corpus",
    "recipe",
    "method",
)
VOID = {"meta", "br", "hr", "img", "link", "line"}


class Page(HTMLParser):
    """The elements of a page; raises if they are not nested as they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def values(self, tag: str, name: str) -> list[str | None]:
        return [its[name] for found, its in self.tags if found == tag and name in its]


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests do not change it."""
    return make_run(tmp_path_factory.mktemp("run"), lines=60)


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return read(write_report(run))


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(run, tmp_path / "own"))


def change(folder: Path, **keys: Any) -> None:
    """Replace keys of results.json."""
    path = folder / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def test_every_section_is_there(page: Page) -> None:
    assert tuple(page.values("section", "id")) == SECTIONS
    assert [str(href) for href in page.values("a", "href")][1:] == [f"#{key}" for key in SECTIONS]
    assert "harbour-two-stage" in page.text and "floor" in page.text


def test_nothing_is_fetched_and_nothing_runs(run: Path, page: Page) -> None:
    text = write_report(run).read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(", text)
    assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    assert all(not name.startswith("on") and name != "src" for _, its in page.tags for name in its)
    assert "default-src 'none'" in str(page.values("meta", "content"))


def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    first = write_report(run, tmp_path / "a" / "first.html")
    assert first.read_bytes() == write_report(run, tmp_path / "second.html").read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["first.html"]


def test_size_of_ten_systems_and_twelve_directions(tmp_path: Path) -> None:
    path = write_report(make_run(tmp_path, systems=10, lines=150))
    assert path.stat().st_size < 1_500_000


def test_hostile_text_stays_text(own: Path) -> None:
    for path in (own / "translations").glob("*/*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        keys = ("id", "source", "reference", "hypothesis", "label")
        path.write_text("".join(json.dumps({**row, **dict.fromkeys(keys, HOSTILE)}) + "\n" for row in rows))
    results = json.loads((own / "results.json").read_text())
    results["rows"][0] |= {"system": HOSTILE, "metric": HOSTILE, "signature": HOSTILE, "direction": HOSTILE}
    confusion = {"stage2": {"de-fr": {HOSTILE: 3}}}
    change(own, rows=results["rows"], confusion=confusion, remarks=[HOSTILE], identifier={HOSTILE: [HOSTILE]})
    (own / "recipe.yaml").write_text(f"name: {json.dumps(HOSTILE)}\n# {HOSTILE}\n")
    (own / "corpus" / "manifest.json").write_text(json.dumps({"train": {"reasons": {HOSTILE: 3}}}))
    (own / "stages" / HOSTILE.replace("/", "_").replace("\0", "")).mkdir()
    page = read(write_report(own))
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert page.text.count("<script>alert('x')</script>") > 20
    assert "\0" not in page.text and "\x1b" not in page.text
    assert tuple(page.values("section", "id")) == SECTIONS


def test_lone_surrogates_do_not_stop_the_page(own: Path) -> None:
    path = own / "translations" / "stage2" / "de-fr.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**row, "hypothesis": "a\ud800b"}) + "\n" for row in rows))
    assert "a\ufffdb" in read(write_report(own)).text


@pytest.mark.parametrize(
    ("missing", "section", "remark"),
    [
        ("results.json", "summary", "No results.json"),
        ("translations", "samples", "No translations/"),
        ("stages", "training", "No stages/"),
        ("recipe.yaml", "recipe", "No recipe.yaml"),
        ("corpus", "corpus", "No corpus/manifest.json"),
    ],
)
def test_a_missing_part_is_left_out_with_a_remark(own: Path, missing: str, section: str, remark: str) -> None:
    gone = own / missing
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    page = read(write_report(own))
    assert section not in page.values("section", "id")
    assert remark in page.text


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"rows": 3}', '{"rows": [7]}', '{"rows": [{}]}'])
def test_broken_files_are_remarked(own: Path, broken: str) -> None:
    for name in ("results.json", "recipe.yaml", "corpus/manifest.json", "stages/stage1/metrics.jsonl"):
        (own / name).write_text(broken)
    page = read(write_report(own))
    assert "Remarks" in page.text and "The scores are left out" in page.text


def test_odd_parts_of_results_do_no_harm(own: Path) -> None:
    odd = {
        "confusion": {"stage2": [1], "base": {"de-fr": 3}},
        "floor": {"de-fr": None},
        "significance": [1, {}],
    }
    change(own, **odd, identifier=3, versions=[])
    assert "summary" in read(write_report(own)).values("section", "id")


def test_an_empty_folder_gives_a_page_and_no_folder_an_error(tmp_path: Path) -> None:
    page = read(write_report(tmp_path))
    assert "Nothing has been scored yet" in page.text and not page.values("section", "id")
    with pytest.raises(DataError, match="not a folder"):
        write_report(tmp_path / "absent")


def test_foreign_outputs_have_no_recipe_and_no_stages(tmp_path: Path) -> None:
    rows = [
        {
            "system": s,
            "seed": None,
            "direction": d,
            "group": "all",
            "metric": m,
            "value": v,
            "signature": "",
            "lines": 2,
        }
        for s, d, m, v in (
            ("ours", "eng-deu", "chrF++", 41.0),
            ("theirs", "eng-deu", "chrF++", 44.0),
            ("theirs", "eng-deu", "OTR", 1.0),
        )
    ]
    (tmp_path / "results.json").write_text(json.dumps({"rows": rows}))
    (tmp_path / "translations" / "theirs").mkdir(parents=True)
    (tmp_path / "translations" / "theirs" / "eng-deu.jsonl").write_text(
        '{"id": "1", "hypothesis": "Ein Hund."}\n'
    )
    page = read(write_report(tmp_path, extra={"name": "A comparison"}))
    assert "A comparison" in page.text and "theirs answers in the wrong language in 1.0" in page.text
    assert page.values("section", "id") == ["summary", "directions", "samples", "method"]
    assert "English → German" in page.text and "empty" not in page.text.split("Samples")[-1]


def test_extra_stands_over_results(run: Path, tmp_path: Path) -> None:
    extra = {"versions": {"torch": "9.9"}, "significance": [], "remarks": ["Seen by daylight."]}
    page = read(write_report(run, tmp_path / "report.html", extra))
    assert "9.9" in page.text and "Seen by daylight." in page.text
    assert "significance" not in page.values("section", "id")


def test_verdict_names_the_last_and_the_first_stage(run: Path) -> None:
    evidence = load(run)
    assert focus_and_before(evidence) == ("stage2", "stage1")
    assert focus_and_before(load(run, {"focus": "ptl", "against": "base"})) == ("ptl", "base")
    assert focus_and_before(load(run, {"focus": "no such", "against": "base"})) == ("stage2", "stage1")
    words = Page(verdict(evidence)).text.replace("\u202f", " ")
    now, then = (evidence.mean(name, "zero-shot", "OTR") for name in ("stage2", "stage1"))
    assert now and then
    assert f"wrong language in {now.value:.1f} % of its zero-shot translations" in words
    assert f"down from {then.value:.1f} % after stage1" in words
    assert "of the BLEU of oracle" in words and "p < 0.001" in words


def scored(**otr: float) -> Evidence:
    """Evidence of systems with nothing but a zero-shot OTR in one direction, floor 1."""
    evidence = Evidence(Path("absent"), recipe={"stages": [{"name": name} for name in otr]})
    rows = [
        {"system": s, "seed": 1, "direction": "de-fr", "group": "zero-shot", "metric": "OTR", "value": v}
        for s, v in otr.items()
    ]
    evidence.results.rows = [Row(**row, signature="lid", lines=9) for row in rows]
    evidence.results.floor = {"de-fr": 1.0}
    return evidence


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("[{name: one}, {name: two, tasks: {conflict: {}}}, {name: three, start: one}]", ("two", "one")),
        ("[{name: one, tasks: {conflict: {}}}, {name: two, tasks: {mt: {}}}]", ("two", "one")),
        ("[{name: one}, {name: oracle-two}]", ("one", None)),
        ("[{name: absent}, {name: two, start: absent}]", ("two", None)),
        ("[7, {start: one}]", ("one", None)),
        ("{}", ("one", None)),
    ],
)
def test_the_focus_follows_the_recipe(stages: str, expected: tuple[str, str | None]) -> None:
    evidence = scored(one=60.0, two=2.5, three=9.0)
    evidence.results.rows = [replace(row, metric="chrF++") for row in evidence.results.rows]
    evidence.recipe = {"stages": yaml.safe_load(stages)}
    assert focus_and_before(evidence) == expected


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        (60.0, 2.5, ("down from 60.0 % after one", "so that is its floor")),
        (60.0, 12.0, ("down from 60.0 %", "11.0 points above the identifier’s floor of 1.0 %")),
        (10.0, 30.0, ("up from 10.0 %",)),
        (10.0, 10.0, ("10.0 % of its zero-shot translations, as one",)),
    ],
)
def test_verdict_tells_better_from_worse(one: float, two: float, words: tuple[str, ...]) -> None:
    text = Page(verdict(scored(one=one, two=two))).text.replace("\u202f", " ")
    assert all(part in text for part in words), text


def test_systems_stand_in_the_order_of_the_recipe(own: Path) -> None:
    path = own / "results.json"
    rows = json.loads(path.read_text())["rows"]
    change(own, rows=sorted(rows, key=lambda row: str(row["system"])))
    assert load(own).systems[:4] == ["base", "stage1", "post-ins", "ptl"]
    (own / "recipe.yaml").write_text("stages: [{name: stage2}, {name: stage1}]")
    assert load(own).systems[:4] == ["base", "stage2", "stage1", "1-shot"]


def test_summary_shows_deviations_and_does_not_mix_tokenizations(own: Path) -> None:
    assert "±" in read(write_report(own)).text
    rows = json.loads((own / "results.json").read_text())["rows"]
    for row in rows:
        if row["metric"] == "BLEU" and row["direction"].endswith("cs"):
            row["signature"] = row["signature"].replace("tok:13a", "tok:char")
    change(own, rows=rows)
    text = read(write_report(own)).text
    assert "BLEU is not averaged over zero-shot directions" in text
    assert "Zero-shot chrF++ goes from" in text


def test_many_directions_become_rows() -> None:
    evidence = scored(one=60.0, two=2.5)
    rows = evidence.results.rows
    more = [replace(row, direction=f"de-{code}") for row in rows for code in known_codes()[:WIDEST]]
    evidence.results.rows = [*rows, *more]
    page = Page(str(maps(evidence)))
    assert page.values("th", "scope").count("row") == WIDEST + 1
    assert page.values("th", "scope").count("rowgroup") == 1


def test_off_target_samples_are_marked(page: Page) -> None:
    assert "off target: English" in page.text
    assert any("off" in str(its.get("class")).split() for tag, its in page.tags if tag == "div")
    spans = [its for tag, its in page.tags if tag == "span" and "lang" in its]
    assert spans and all(its["dir"] == "auto" for its in spans)


def test_samples_without_labels_are_identified_if_that_is_possible(own: Path) -> None:
    for path in (own / "translations").glob("*/*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        texts = {**rows[0], "hypothesis": rows[0]["source"]}, {**rows[1], "hypothesis": "la " * 300}
        kept = [{key: row[key] for key in row if key != "label"} for row in (*texts, *rows[2:6])]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    text = read(write_report(own)).text
    assert "not known here" in text and "off target" not in text
    assert "copied" in text and "runs on" in text
    text = read(write_report(own, identify=lambda texts: ["it" for _ in texts])).text
    assert "not known here" not in text and "off target: Italian" in text


def test_kinds_of_languages() -> None:
    asked = {"fra": "right", "de": "source", "en": "english", "nl": "other", "other": "other"}
    asked |= {"und": "none", "empty": "none", "<b>": "other"}
    assert {label: kind_of("deu", "fr", label) for label in asked} == asked
    assert [label_words(label) for label in ("nl", "other", "und")] == [
        "Dutch",
        "another language",
        "no letters",
    ]


def test_choice_of_samples() -> None:
    rows = [{"hypothesis": "the same", "reference": "the same", "label": "fr"} for _ in range(40)]
    rows[7] = {"hypothesis": "zzz", "reference": "the same", "label": "fr"}
    rows[9] = {"hypothesis": "the same", "reference": "the same", "label": "en"}
    chosen = choose(rows, "de-fr")
    assert chosen == choose(rows, "de-fr") and len(chosen) == 5
    assert [place for place, why in chosen if why == "worst"] == [7, 9]
    assert choose(rows[:2], "de-fr") == [(0, "random"), (1, "random")]
    assert is_off_target({"hypothesis": "", "label": None}, "fr")
    assert not is_off_target({"hypothesis": "oui", "label": "fra"}, "fr")
    assert is_off_target({"hypothesis": "…", "label": "und"}, "fr")


def test_curves_survive_gaps_and_repeated_steps(own: Path) -> None:
    path = own / "stages" / "stage2" / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "loss_positive": NaN, "loss_negative": null}\n'
        '{"step": 2, "loss_positive": 5.0}\n{"step": 2, "loss_positive": 3.0}\n'
        '{"step": 2, "validation": {"zero_shot_otr": 0.0, "zero_shot_chrf": null}}\n{"step": 3, "los'
    )
    labels = [str(label) for label in read(write_report(own)).values("svg", "aria-label")]
    assert any("training: 3 to 3" in label for label in labels)


def test_charts() -> None:
    flat = line_chart("Flat", [Series("a", "good", [(5.0, 0.0)], dots=True)])
    assert "NaN" not in flat and "inf" not in flat
    long = Series("a", "good", [(float(i), float(i % 7)) for i in range(5000)])
    assert len(thinned(long)) <= 161 and thinned(long)[-1] == (4999.0, float(4999 % 7))
    assert shade(-1, 0, 10, "bad") == "bad0" and shade(11, 0, 10, "good") == "good20"
    assert shade(1, 0, 0, "good") == "good0"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_shade_is_legible(mode: str) -> None:
    pairs = re.findall(r"background:(#\w{6});color:(#\w{6})", scale_css(mode))
    assert len(pairs) == 42
    assert min(contrast(back, ink) for back, ink in pairs) >= 4.5


def test_markup_escapes_all_but_markup() -> None:
    assert el("p", "<b>", el("i", "&"), class_='"', hidden=True, title=None) == (
        '<p class="&quot;" hidden>&lt;b&gt;<i>&amp;</i></p>'
    )
    assert join("a<", None, [Markup("<b>"), "c"], between=" ") == "a&lt; <b>c"
    assert escape("a\0b\ufffe") == "a\ufffdb\ufffd"


def test_numbers() -> None:
    assert (number(-0.04), number(-3.14), number(2.0, sign=True), number(0.01, sign=True)) == (
        "0.0",
        "−3.1",
        "+2.0",
        "0.0",
    )
    assert (number(None), number(float("nan")), percent(True)) == ("–", "–", "–")
    assert (p_value(0.0004), p_value(0.5), p_value(None)) == ("<\u202f0.001", "0.500", "–")
    assert (compact(2e-05), compact(12345), compact(0.123456)) == ("2e−5", "12\u202f345", "0.123")

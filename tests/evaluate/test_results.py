"""Results: averages by group, signature and seed; tables in three styles; results.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.results import Results, Row, merge, read_results, uneven, write_results
from dragoman.evaluate.tables import by_direction, faults, signatures, summary

TOK = "nrefs:1|case:mixed|eff:no|tok:{}|smooth:exp|version:2.6.0"
GROUPS = {"en-de": "supervised", "de-en": "supervised", "de-fr": "zero-shot", "fr-de": "zero-shot"}


def row(
    system: str, direction: str, metric: str, value: float, *, seed: int | None = 1, tok: str = "13a"
) -> Row:
    signature = TOK.format(tok) if metric == "BLEU" else metric
    return Row(system, seed, direction, GROUPS.get(direction, "zero-shot"), metric, value, signature, 100)


def table_of(seed: int | None = 1, plus: float = 0.0) -> Results:
    results = Results()
    for place, direction in enumerate(GROUPS):
        for system, base in (("base", 1.0), ("stage 1", 30.0)):
            results.rows.append(row(system, direction, "BLEU", base + place + plus, seed=seed))
            results.rows.append(row(system, direction, "chrF++", 2 * base + place + plus, seed=seed))
            results.rows.append(row(system, direction, "OTR", 90.0 - base - place, seed=seed))
    results.floor = {"en-de": 0.0, "de-en": 1.0, "de-fr": 0.5, "fr-de": 0.25}
    return results


def test_summary_text_is_the_layout_of_the_plan() -> None:
    shown = summary(table_of(), {"stage 1": "(p < 0.001 against base)"}).show()
    assert shown == (
        "             supervised (2)          zero-shot (2)\n"
        "              BLEU  chrF++    OTR     BLEU  chrF++    OTR\n"
        "  base         1.5     2.5   88.5      3.5     4.5   86.5\n"
        "  stage 1     30.5    60.5   59.5     32.5    62.5   57.5   (p < 0.001 against base)\n"
        "  floor                       0.5                     0.4"
    )


def test_summary_as_markdown_and_tsv() -> None:
    table = summary(table_of())
    assert table.show("markdown").splitlines()[:3] == [
        "| system | supervised BLEU | supervised chrF++ | supervised OTR | zero-shot BLEU | zero-shot chrF++ "
        "| zero-shot OTR |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| base | 1.5 | 2.5 | 88.5 | 3.5 | 4.5 | 86.5 |",
    ]
    lines = [line.split("\t") for line in table.show("tsv").splitlines()]
    assert {len(line) for line in lines} == {7}
    assert lines[2] == ["stage 1", "30.5", "60.5", "59.5", "32.5", "62.5", "57.5"]
    with pytest.raises(RecipeError, match="unknown table style 'latex'; expected text, markdown or tsv"):
        table.show("latex")  # type: ignore[arg-type]


def test_bleu_is_not_averaged_over_tokenizations_but_chrf_is() -> None:
    results = Results([row("a", "en-zh", "BLEU", 20, tok="zh"), row("a", "zh-en", "BLEU", 30)])
    results.rows += [row("a", "zh-fr", "BLEU", 10)]
    results.rows += [row("a", d, "chrF++", v) for d, v in (("en-zh", 20), ("zh-en", 30), ("zh-fr", 40))]
    by_tokenizer = {a.signature: (a.value, a.directions) for a in results.averages("a", "zero-shot", "BLEU")}
    assert by_tokenizer == {TOK.format("zh"): (20, ("en-zh",)), TOK.format("13a"): (20, ("zh-en", "zh-fr"))}
    (chrf,) = results.averages("a", "zero-shot", "chrF++")
    assert chrf.value == 30
    shown = summary(results).show()
    assert "–    30.0" in shown
    assert "BLEU is not averaged over different signatures: zh 20.0 (1), 13a 20.0 (2)" in shown
    assert signatures(results)[:2] == [
        f"BLEU: {TOK.format('zh')} (en-zh)",
        f"BLEU: {TOK.format('13a')} (zh-en, zh-fr)",
    ]


def test_mean_and_deviation_over_seeds() -> None:
    merged = merge([table_of(1), table_of(2, plus=1.0), table_of(3, plus=2.0)])
    (average,) = merged.averages("stage 1", "zero-shot", "BLEU")
    assert (average.value, average.deviation, average.seeds) == (33.5, pytest.approx(1.0), 3)
    assert average.directions == ("de-fr", "fr-de")
    assert "33.5±1.0" in summary(merged).show()
    assert merged.value("stage 1", "en-de", "BLEU") == 31.0
    (single,) = table_of().averages("base", "supervised", "BLEU")
    assert single.deviation is None


def test_merging_refuses_the_same_score_twice_and_tells_of_another_identifier() -> None:
    with pytest.raises(DataError, match="system 'base' has two BLEU scores in en-de with seed 1"):
        merge([table_of(1), table_of(1)])
    other = table_of(2)
    other.floor = {"en-de": 7.0}
    assert merge([table_of(1), other]).remarks == [
        "the runs disagree on the OTR of the references in en-de: was it the same identifier?"
    ]


def test_merging_adds_confusions() -> None:
    parts = [table_of(1), table_of(2)]
    for part, count in zip(parts, (3, 4), strict=True):
        part.confusion = {"base": {"en-de": {"en": count, "de": 1}}}
    assert merge(parts).confusion == {"base": {"en-de": {"en": 7, "de": 2}}}


def test_a_system_without_some_directions_is_marked() -> None:
    results = table_of()
    results.rows = [r for r in results.rows if (r.system, r.direction) != ("base", "fr-de")]
    assert "3.0 (1)" in summary(results).show()
    assert uneven(results) == ["base has no translations for fr-de (zero-shot)"]


def test_directions_table_and_faults_table() -> None:
    results = table_of()
    shown = by_direction(results, "OTR").show().splitlines()
    assert shown[1].split() == ["en-de", "de-en", "de-fr", "fr-de"]
    assert shown[-1].split() == ["floor", "0.0", "1.0", "0.5", "0.2"]
    assert faults(results) is None
    results.rows += [row("base", d, "runaway", 5.0) for d in GROUPS]
    table = faults(results)
    assert table is not None and table.show().splitlines()[2].split() == ["base", "5.0", "5.0"]
    assert "runaway" not in summary(results).show()


def test_json_round_trip(tmp_path: Path) -> None:
    results = table_of()
    results.confusion = {"base": {"en-de": {"en": 9}}}
    results.remarks = ["a remark"]
    path = tmp_path / "new" / "results.json"
    write_results(path, results)
    assert read_results(path) == results
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["rows"][0] == {
        "system": "base",
        "seed": 1,
        "direction": "en-de",
        "group": "supervised",
        "metric": "BLEU",
        "value": 1.0,
        "signature": TOK.format("13a"),
        "lines": 100,
    }
    assert content["systems"] == ["base", "stage 1"] and content["versions"]["sacrebleu"]
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no results"),
        ("[]", "no results"),
        ('{"rows": [{}]}', "row 1 lacks 'system'"),
        (json.dumps({"rows": [dict.fromkeys(Row.__slots__, "x")]}), "row 1: value 'x' is no number"),
    ],
)
def test_damaged_results(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_results(path)

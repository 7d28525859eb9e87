"""The look inside: its numbers by hand and by brute force, and which lines are looked at."""

from __future__ import annotations

import json
import math
from itertools import permutations
from pathlib import Path

import pytest
import torch
from helpers import data_folder

from dragoman.corpus.pair import Record
from dragoman.corpus.readers import read_source
from dragoman.errors import DataError
from dragoman.evaluate.probe import measure as measuring
from dragoman.evaluate.probe.measure import directions_of, groups, measure
from dragoman.evaluate.probe.result import ProbeResults, Row, read_probe, write_probe
from dragoman.evaluate.probe.table import show
from dragoman.evaluate.probe.text import Line, draw_lines
from dragoman.language.language import Direction
from dragoman.recipe import Source

ROOT2 = math.sqrt(2)
EN_DE, DE_EN = Direction("en", "de"), Direction("de", "en")
DISTINCT = torch.arange(3)


def vectors(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(rows)


# -- numbers ------------------------------------------------------------------------------------------------


def test_margin_and_retrieval_by_hand() -> None:
    """Three sentences in the plane; each side lies around a mean of its own, which must not matter."""
    source = vectors((1, 0), (0, 1), (-1, -1)) + vectors((7.0, 7.0))
    target = vectors((1, 0), (-1, -1), (0, 1)) + vectors((10.0, -3.0))
    score = measure(source, target, DISTINCT, DISTINCT)
    # cosines, source by row: 1 -r 0 | 0 -r 1 | -r 1 -r, with r = 1 / root 2
    assert score.paired == pytest.approx((1 - ROOT2) / 3)
    assert score.shuffled == pytest.approx((2 - ROOT2) / 6)
    assert score.margin == pytest.approx(-ROOT2 / 6)
    away = [1 + ROOT2 / 4, -ROOT2 / 2 - 1 / 2, -ROOT2 / 2 - (1 - ROOT2 / 2) / 2]  # each less its row's others
    spread = math.sqrt(sum((x - sum(away) / 3) ** 2 for x in away) / 2)
    assert score.error == pytest.approx(spread / math.sqrt(3))
    assert (score.forward, score.back) == pytest.approx((100 / 3, 100 / 3))


def test_both_ways_of_retrieval_differ_and_a_tie_is_a_miss() -> None:
    source = vectors((1, 0), (0, 1), (-1, -1))
    target = vectors((1, 0), (1, 0), (-2, 0))
    score = measure(source, target, DISTINCT, DISTINCT)
    # own cosines 1, 0, r; the first target ties with the second, the second with the first
    assert (score.forward, score.back) == pytest.approx((100 / 3, 200 / 3))
    assert score.paired == pytest.approx((1 + 1 / ROOT2) / 3)


def test_equal_texts_are_neither_rivals_nor_non_pairs() -> None:
    """The first two targets are the same text: the first source has found it, whichever line it is of."""
    source = vectors((1, 0), (0, 1), (-1, -1))
    target = vectors((1, 0), (1, 0), (-2, 0))
    score = measure(source, target, DISTINCT, groups(["x", "x", "y"]))
    assert score.forward == pytest.approx(200 / 3)
    assert score.shuffled == pytest.approx((-1 + 0 - 1 / ROOT2 - 1 / ROOT2) / 4)


def test_a_sentence_with_itself() -> None:
    """The ceiling: cosine 1, everything found."""
    states = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    score = measure(states, 3 * states + 5, torch.arange(20), torch.arange(20))
    assert score.paired == pytest.approx(1)
    assert (score.forward, score.back) == (100, 100)
    assert score.margin == pytest.approx(1 - score.shuffled) and abs(score.shuffled) < 0.2


def test_vectors_that_are_all_the_same_have_no_direction() -> None:
    """What rounding leaves of them is not blown up to length 1; nothing is found."""
    same = torch.full((4, 6), 0.1) * torch.linspace(1, 3, 6)
    assert torch.equal(directions_of(same), torch.zeros(4, 6, dtype=torch.float64))
    score = measure(same, torch.randn(4, 6), torch.arange(4), torch.arange(4))
    assert tuple(score) == (0, 0, 0, 0, 0, 0)


def test_non_pairs_are_what_derangements_give_on_average() -> None:
    random = torch.Generator().manual_seed(3)
    source, target = torch.randn(5, 4, generator=random), torch.randn(5, 4, generator=random)
    score = measure(source, target, torch.arange(5), torch.arange(5))
    one, two = directions_of(source), directions_of(target)
    orders = [order for order in permutations(range(5)) if all(i != j for i, j in enumerate(order))]
    means = [float((one * two[list(order)]).sum(1).mean()) for order in orders]
    assert len(orders) == 44
    assert score.shuffled == pytest.approx(sum(means) / 44)


def test_a_part_at_a_time_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """And both are what two plain loops find."""
    random = torch.Generator().manual_seed(5)
    source = torch.randn(23, 6, generator=random)
    target = source + torch.randn(23, 6, generator=random)
    same = groups([f"text {i // 2}" for i in range(23)])
    whole = measure(source, target, torch.arange(23), same)
    monkeypatch.setattr(measuring, "CHUNK", 4)
    assert tuple(measure(source, target, torch.arange(23), same)) == pytest.approx(tuple(whole))
    cosines = directions_of(source) @ directions_of(target).T
    forward = [all(cosines[i, i] > cosines[i, j] for j in range(23) if same[j] != same[i]) for i in range(23)]
    back = [all(cosines[i, i] > cosines[j, i] for j in range(23) if j != i) for i in range(23)]
    others = [float(cosines[i, j]) for i in range(23) for j in range(23) if same[i] != same[j]]
    assert whole.forward == pytest.approx(100 * sum(forward) / 23)
    assert whole.back == pytest.approx(100 * sum(back) / 23)
    assert whole.shuffled == pytest.approx(sum(others) / len(others))


# -- lines --------------------------------------------------------------------------------------------------


def records(count: int, codes: tuple[str, ...] = ("en", "de", "cs")) -> list[Record]:
    return [
        Record(f"test:{n}", {code: f"{code} {n}" for code in codes}, "text", n) for n in range(1, count + 1)
    ]


def numbers(lines: list[Line]) -> list[int]:
    return [int(line.source.split()[1]) for line in lines]


def test_every_pair_of_a_text_gets_the_same_lines() -> None:
    found = draw_lines(records(200), [], 30, 1, "text")
    assert list(map(str, found)) == ["de-en", "cs-en", "cs-de"]
    drawn = {pair: numbers(its.lines) for pair, its in found.items()}
    first = drawn[DE_EN]
    assert all(lines == first for lines in drawn.values())
    assert len(first) == 30 and first == sorted(first)
    assert found[DE_EN].lines[0] == Line(f"de {first[0]}", f"en {first[0]}")
    again = draw_lines(records(200), [EN_DE], 30, 1, "text")[EN_DE]
    assert numbers(again.lines) == first and again.read == 200
    assert numbers(draw_lines(records(200), [EN_DE], 30, 2, "text")[EN_DE].lines) != first
    few = numbers(draw_lines(records(200), [EN_DE], 10, 1, "text")[EN_DE].lines)
    assert set(few) < set(first)


def test_each_line_is_as_likely_as_any_other() -> None:
    drawn = [
        number
        for seed in range(200)
        for number in numbers(draw_lines(records(20), [EN_DE], 5, seed, "text")[EN_DE].lines)
    ]
    counts = [drawn.count(number) for number in range(1, 21)]
    assert sum(counts) == 1000 and min(counts) > 25 and max(counts) < 80


def test_empty_repeated_and_one_sided_lines_are_left_out_and_counted() -> None:
    rows = records(8)
    rows[1] = rows[1]._replace(texts={"en": "en 2", "de": " \t", "cs": "cs 2"})
    rows[2] = rows[2]._replace(texts={"en": "en 1", "de": "de 1", "cs": "cs 3"})
    rows[3] = rows[3]._replace(texts={"en": "en 4", "cs": "cs 4"})
    rows[4] = rows[4]._replace(skip=frozenset({"de en"}))
    found = draw_lines(rows, [], 100, 1, "text")
    assert numbers(found[DE_EN].lines) == [1, 6, 7, 8]
    assert found[DE_EN].left_out == {"empty": 1, "repeated": 1, "not in both languages": 2}
    assert len(found[Direction("cs", "en")].lines) == 8 and not found[Direction("cs", "en")].left_out


def test_a_pair_is_called_as_it_was_named_and_looked_at_once() -> None:
    wanted = [Direction("deu", "eng"), Direction("en", "de"), Direction("eng", "cs")]
    found = draw_lines(records(5), wanted, 100, 1, "text")
    assert list(map(str, found)) == ["deu-eng", "eng-cs"]
    assert found[wanted[0]].lines[0] == Line("de 1", "en 1")


@pytest.mark.parametrize(
    ("rows", "wanted", "words"),
    [
        (records(4), [Direction("en", "ja")], "0 usable lines of 4 in en-ja, 4 not in both languages"),
        (records(1), [], "1 usable lines of 1 in de-en; expected at least 2 different sentences"),
        (records(4, ("en",)), [], "no line in two languages"),
        (records(4), [Direction("en", "eng")], "one language twice"),
        (
            [row._replace(texts={"en": "a", "de": f"b {row.line}"}) for row in records(3)],
            [],
            "3 usable lines",
        ),
    ],
)
def test_text_that_has_nothing_to_tell_apart(rows: list[Record], wanted: list[Direction], words: str) -> None:
    with pytest.raises(DataError, match=words):
        draw_lines(rows, wanted, 100, 1, "text")


def test_real_text() -> None:
    """Multi30k in its four languages: all pairs, the lines of one draw, none repeated."""
    source = Source(folder=str(data_folder("multi30k")), split="test_2016_flickr")
    found = draw_lines(read_source(source, lambda drop: None), [], 100, 1, "multi30k")
    assert sorted(map(str, found)) == ["ces-deu", "ces-eng", "ces-fra", "deu-eng", "deu-fra", "fra-eng"]
    assert all(its.read == 1000 and 95 <= len(set(its.lines)) == len(its.lines) for its in found.values())
    german = [{line.source for line in found[Direction("deu", code)].lines} for code in ("eng", "fra")]
    assert german[0] == german[1]


# -- results ------------------------------------------------------------------------------------------------


def made(layers: dict[str, int], pairs: tuple[str, ...] = ("de-en",)) -> ProbeResults:
    """Results with a number for each layer that tells system, pair and layer."""
    rows = [
        Row(
            name,
            pair,
            layer,
            0.5,
            0.4,
            0.1 * s + 0.01 * p + 0.001 * layer,
            0.01,
            10.0 * layer,
            5.0 * layer,
            7,
        )
        for s, (name, last) in enumerate(layers.items())
        for p, pair in enumerate(pairs)
        for layer in range(last + 1)
    ]
    text = {pair: {"read": 7, "lines": 7, "left_out": {}} for pair in pairs}
    return ProbeResults(rows, {name: {"source": name} for name in layers}, text, "probe|test", {"torch": "9"})


def test_results_are_what_was_written(tmp_path: Path) -> None:
    results = made({"mt only": 2, "mt + align": 4}, ("de-en", "cs-en"))
    write_probe(tmp_path / "new" / "probe.json", results)
    assert read_probe(tmp_path / "new" / "probe.json") == results
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["probe.json"]
    content = json.loads((tmp_path / "new" / "probe.json").read_text())
    assert content["signature"] == "probe|test" and content["rows"][0]["system"] == "mt only"
    assert results.values("mt + align", "margin", "cs-en") == pytest.approx(
        [0.11, 0.111, 0.112, 0.113, 0.114]
    )
    assert results.values("mt only", "margin") == pytest.approx([0.005, 0.006, 0.007])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("{", "no look inside"),
        ("[]", "no look inside"),
        ({"rows": [{}]}, "row 1 lacks"),
        ({"rows": 3}, "no look inside"),
        ({"drop": "margin"}, "row 1 lacks 'margin'"),
        ({"margin": "high"}, "row 1 holds a value that is no number"),
        ({"rows": []}, "holds no rows"),
        ({"pair": "nowhere"}, "'nowhere' is no direction"),
        ({"system": 3}, "names no system"),
        ({"layer": 9}, "layers of 'a' are missing"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, change: object, words: str) -> None:
    path = tmp_path / "probe.json"
    content = made({"a": 2}).to_json()
    if isinstance(change, dict) and "rows" not in change:
        content["rows"][0] |= change
        content["rows"][0].pop(change.get("drop"), None)
    elif isinstance(change, dict):
        content |= change
    path.write_text(change if isinstance(change, str) else json.dumps(content))
    with pytest.raises(DataError, match=words) as error:
        read_probe(path)
    assert ("probe.json" in str(error.value) or "direction" in words) and "\n" not in str(error.value)


def test_tables() -> None:
    """Systems with as many layers stand side by side; the mean stands for all pairs."""
    text = show(made({"mt only": 2, "mt + align": 2, "large": 3}, ("de-en", "cs-en")))
    lines = text.splitlines()
    assert text.count("mean over 2 language pairs") == 2 and "de-en, 7" not in text
    assert any("mt only" in line and "mt + align" in line for line in lines)
    assert next(line for line in lines if line.startswith("  layer 2")).split() == [
        "layer", "2", "0.007", "20.0", "10.0", "0.107", "20.0", "10.0",
    ]  # fmt: skip
    assert sum(line.startswith("  layer 3") for line in lines) == 1
    assert lines[-1].strip() == "probe|test" and "language pairs, forward: de-en, cs-en" in text
    text = show(made({"a": 1}), each=True)
    assert text.count("embeddings") == 1 and "P@1 de-en  P@1 en-de" in text and "7 sentences" in text
    assert "| embeddings | 0.000 | 0.0 | 0.0 |" in show(made({"a": 1}), "markdown")
    assert "embeddings\t0.000" in show(made({"a": 1}), "tsv")

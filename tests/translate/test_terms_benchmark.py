"""What benchmarks/terms.py measures: which demands are fair, which are met, and which phrases are late."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dragoman.corpus.pair import Record
from dragoman.language.language import Direction
from dragoman.translate.demand import Demand, check
from dragoman.translate.engine import Translation

EN_DE = Direction("en", "de")


@pytest.fixture
def terms(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.delitem(sys.modules, "terms", raising=False)
    return import_module("terms")


def test_a_phrase_is_late_if_its_middle_lies_in_the_last_part(terms: Any) -> None:
    demands = [Demand((("Haus",),)), Demand((("Boot", "Kahn"), ("Meer",)))]
    assert terms.late_share(["Haus und ein langer Satz", "Kahn im Meer und weit weg"], demands) == 0
    assert terms.late_share(["und ein langer Satz: Haus", "nichts davon"], demands) == 100
    assert terms.late_share(["Haus und noch ein Haus", "ein Kahn, dann noch viel, viel Meer"], demands) == (
        pytest.approx(100 / 3)
    )
    assert terms.late_share(["", ""], demands) == 0


def test_a_glossary_demands_what_the_reference_confirms(terms: Any, tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text("house\tHaus|Heim\nsea\tMeer\n", encoding="utf-8")
    pairs = [("the house", "das Heim"), ("the sea", "der See"), ("the house by the sea", "Haus am Meer")]
    test = [Record(str(n), {"en": en, "de": de}, "toy", n) for n, (en, de) in enumerate(pairs, 1)]
    found = terms.glossary_demands(path, test, EN_DE)
    assert found == [Demand((("Heim",),)), None, Demand((("Haus",), ("Meer",)))]
    lines = terms.with_demands(terms.Lines(EN_DE, *map(list, zip(*pairs, strict=True)), found))
    assert lines.sources == ["the house", "the house by the sea"]
    assert [bool(one.demand) for one in lines.requests(True, every=2)] == [False, True]
    assert not any(one.demand for one in lines.requests(False))


def test_the_row_counts_what_could_have_been_met(terms: Any) -> None:
    demands = [Demand((("Haus",), ("Meer",))), Demand((("Boot",),)), Demand((("Wal",),))]
    lines = terms.Lines(
        EN_DE, ["a"] * 3, ["Haus am Meer heute.", "Ein Boot fährt heute.", "x"], list(demands)
    )
    texts = [("Haus am See heute.", ""), ("Ein Boot fährt heute.", "unmet"), ("", "too-long")]
    found = [
        Translation(text, 0.0, (), True, outcome=check(text, demand), error=error)
        for (text, error), demand in zip(texts, demands, strict=True)
    ]
    system = terms.System("hard", found, 6.0)
    cells = [cell.strip() for cell in terms.row(system, lines, terms.System("plain", found, 3.0)).split("|")]
    assert cells[1:4] == ["hard", "2 of 3 (66.7 %)", "50.0 %"]
    assert cells[6:9] == ["6.0 s", "2.00", "1"]

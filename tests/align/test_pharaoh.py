"""Links as text: parsing and formatting are inverses, and mistakes are told with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.align.gold import check_gold, score
from dragoman.align.pharaoh import Gold, format_links, parse_gold, parse_links, read_gold, read_links
from dragoman.errors import DataError

LINKS = st.sets(st.tuples(st.integers(0, 300), st.integers(0, 300)))


@given(LINKS)
def test_parse_and_format_are_inverses(links: set[tuple[int, int]]) -> None:
    assert parse_links(format_links(sorted(links))) == sorted(links)


def test_links_are_sorted_and_told_once() -> None:
    assert parse_links("2-0  0-1 2-0 10-3") == [(0, 1), (2, 0), (10, 3)]
    assert parse_links("") == []


def test_sure_links_are_possible_too() -> None:
    assert parse_gold("0-0 1p2") == Gold(frozenset({(0, 0)}), frozenset({(0, 0), (1, 2)}))


@pytest.mark.parametrize("part", ["1", "1-", "a-b", "1-2-3", "-1-2", "1p2", "٣-1", "1_0-2", "1–2"])
def test_what_is_no_link_is_refused(part: str) -> None:
    with pytest.raises(DataError, match="is no link; expected '3-4'"):
        parse_links(f"0-0 {part}")


def test_links_beyond_the_words_are_refused() -> None:
    with pytest.raises(DataError, match="x:3: '0-2' points beyond the target, which has 2 words"):
        parse_links("0-1 0-2", "x:3", (1, 2))
    with pytest.raises(DataError, match="beyond the source, which has 1 words"):
        parse_gold("1p0", lengths=(1, 2))


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "links"
    path.write_text("0-0\n\n1-0 0-1\n")
    assert read_links(path) == [[(0, 0)], [], [(0, 1), (1, 0)]]
    assert read_links(path, [(1, 1), (0, 0), (2, 2)])[2] == [(0, 1), (1, 0)]
    with pytest.raises(DataError, match="3 lines of links for 2 pairs"):
        read_links(path, [(2, 2), (2, 2)])
    path.write_bytes(b"0-0\n\xff\n")
    with pytest.raises(DataError, match=r"links:2: invalid UTF-8"):
        read_gold(path)


def test_score_by_hand() -> None:
    """Three links, of which one is sure, one possible, one wrong; two sure in gold: 1 - (1 + 2) / (3 + 2)."""
    gold = [parse_gold("0-0 1-1 2p1"), parse_gold("")]
    found = score([[(0, 0), (2, 1), (2, 2)], []], gold)
    assert (found.precision, found.recall) == (2 / 3, 1 / 2)
    assert found.f == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert found.aer == pytest.approx(1 - 3 / 5)
    assert "AER 0.4000" in str(found)


def test_score_without_anything() -> None:
    assert score([[]], [parse_gold("")]).aer == 0
    assert score([[]], [parse_gold("0-0")]).aer == 1
    assert score([[(0, 0)]], [parse_gold("1-1")]).f == 0


def test_gold_must_fit_the_text() -> None:
    gold = [parse_gold("0-0"), parse_gold("0p3")]
    check_gold(Path("g"), gold, [(1, 1), (1, 4)])
    with pytest.raises(DataError, match="g: 2 lines of gold links for 1 pairs"):
        check_gold(Path("g"), gold, [(1, 1)])
    with pytest.raises(DataError, match="g:2: 0p3 points beyond the target, which has 3 words"):
        check_gold(Path("g"), gold, [(1, 1), (1, 3)])

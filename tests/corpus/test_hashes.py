"""The set of texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.corpus.hashes import TextSet, _slot


@given(st.lists(st.text(max_size=3)))
def test_is_a_set(texts: list[str]) -> None:
    found, seen = TextSet(), set()
    for text in texts:
        assert found.add(text) == (text not in seen)
        seen.add(text)
    assert len(found) == len(seen)
    assert all(text in found for text in texts)
    assert "never added" not in found


def test_grows_and_finds_everything_within_sixteen_bytes() -> None:
    found = TextSet()
    count = 60_000
    assert all(found.add(f"text {number}") for number in range(count))
    assert not any(found.add(f"text {number}") for number in range(count))
    assert f"text {count}" not in found
    assert sum(8 * len(table) for table in found._tables) <= 13 * count


def test_a_full_end_of_the_table_goes_on_at_its_start() -> None:
    from array import array

    assert _slot(array("Q", [0, 0, 0, 3]), 7) == 0
    assert _slot(array("Q", [7, 0, 0, 3]), 7) == 0
    assert _slot(array("Q", [11, 0, 0, 3]), 7) == 1

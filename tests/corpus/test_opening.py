"""Bytes to lines: what is a line, and what happens to bytes that are none."""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dragoman.corpus.opening import BAD_UTF8, MAX_LINE, OVERLONG, Lines, check_file, decode, raw_lines
from dragoman.errors import DataError

from .conftest import PACK, Write


def lines_of(path: Path) -> list[object]:
    return [decode(line) for line in raw_lines(path)]


TEXT = st.text(st.characters(exclude_characters="\n", codec="utf-8")).filter(
    lambda text: not text.endswith("\r") and not text.startswith("\ufeff")
)


@given(st.lists(TEXT), st.sampled_from(sorted(PACK)), st.sampled_from(["\n", "\r\n"]))
def test_any_text_comes_back(texts: list[str], ending: str, newline: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"text.de{ending}"
        path.write_bytes(PACK[ending]("".join(text + newline for text in texts).encode()))
        assert lines_of(path) == texts


def test_only_newline_ends_a_line(write: Write) -> None:
    text = "one\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven\rten"
    assert lines_of(write("a.en", text, "next")) == [text, "next"]


def test_byte_order_mark_carriage_returns_and_missing_last_newline(write: Write) -> None:
    assert lines_of(write("a.en", b"\xef\xbb\xbfone\r\ntwo\r\n\r\nfour")) == ["one", "two", "", "four"]
    assert lines_of(write("b.en", b"\xef\xbb\xbf")) == []
    assert lines_of(write("c.en", b"")) == []


def test_invalid_utf8_is_one_bad_line(write: Write) -> None:
    path = write("a.en", b"good\nb\xe4d\n\xed\xa0\x80\nalso good\n")
    assert lines_of(path) == ["good", BAD_UTF8, BAD_UTF8, "also good"]


@pytest.mark.parametrize("ending", sorted(PACK))
def test_line_of_ten_megabytes_is_one_bad_line(write: Write, ending: str) -> None:
    data = b"one\n" + b"x" * 10_000_000 + b"\ntwo\n" + b"y" * MAX_LINE + b"\n" + b"z" * (MAX_LINE + 1)
    found = lines_of(write(f"a.en{ending}", PACK[ending](data)))
    assert found == ["one", OVERLONG, "two", "y" * MAX_LINE, OVERLONG]


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("rest", [0.99, 0.5])
def test_truncated_compressed_file(write: Write, ending: str, rest: float) -> None:
    data = PACK[ending](os.urandom(300_000).hex().encode())
    path = write(f"a.en{ending}", data[: int(len(data) * rest)])
    with pytest.raises(DataError, match=r"a\.en\.\w+: the compressed file ends early, after line \d+; fetch"):
        list(raw_lines(path))


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_damaged_compressed_file(write: Write, ending: str) -> None:
    data = bytearray(PACK[ending](os.urandom(50_000).hex().encode()))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    with pytest.raises(DataError, match="fetch it again"):
        list(raw_lines(write(f"a.en{ending}", bytes(data))))


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_name_of_a_compressed_file_on_plain_text(write: Write, ending: str) -> None:
    with pytest.raises(DataError, match=r"is no .* file although its name says so"):
        list(raw_lines(write(f"a.en{ending}", "plain text")))


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_compressed_file_without_the_name(write: Write, ending: str) -> None:
    assert lines_of(write("a.en", PACK[ending](b"one\ntwo\n"))) == ["one", "two"]


def test_several_frames_and_members(write: Write) -> None:
    frame = zstandard.ZstdCompressor().compress
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    assert lines_of(write("a.zst", frame(b"one\nt") + frame(b"wo\n") + skippable)) == ["one", "two"]
    assert lines_of(write("b.zst", skippable + frame(b"one\n"))) == ["one"]
    assert lines_of(write("c.gz", gzip.compress(b"one\n") + gzip.compress(b"two\n"))) == ["one", "two"]
    with pytest.raises(DataError, match="ends early, after line 1"):
        list(raw_lines(write("d.zst", frame(b"one\n") + frame(b"two\n" * 100)[:-3])))


def test_missing_file_directory_and_utf16(write: Write, tmp_path: Path) -> None:
    write("train.en", "x")
    with pytest.raises(DataError, match=r"trian\.en: no such file; did you mean train\.en\?"):
        check_file(tmp_path / "trian.en")
    with pytest.raises(DataError, match="no such file; check the path"):
        list(raw_lines(tmp_path / "nowhere" / "x"))
    with pytest.raises(DataError, match="is a directory, expected a text file"):
        list(raw_lines(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is a pipe or device, expected a file"):
        list(raw_lines(tmp_path / "pipe"))
    with pytest.raises(DataError, match="is UTF-16, expected UTF-8; convert it"):
        list(raw_lines(write("a.en", "hallo\n".encode("utf-16"))))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_file(write: Write) -> None:
    path = write("a.en", "x")
    path.chmod(0)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        list(raw_lines(path))


@pytest.mark.parametrize(
    ("spec", "chosen"),
    [
        (None, [1, 2, 3, 4, 5, 6]),
        ("1-3", [1, 2, 3]),
        ("5-", [5, 6]),
        ("4", [4]),
        ("5-6, 1-2", [1, 2, 5, 6]),
        ("1-3,2-4", [1, 2, 3, 4]),
    ],
)
def test_lines(spec: str | None, chosen: list[int]) -> None:
    assert [number for number in range(1, 7) if number in Lines(spec)] == chosen


@pytest.mark.parametrize("spec", ["", "0-5", "5-1", "-5", "a-b", "1-5,,7", "1..5", "²"])
def test_lines_that_are_no_range(spec: str) -> None:
    with pytest.raises(DataError, match="is no range; expected '1-5000', '5001-' or '7', counted from 1"):
        Lines(spec)


def test_lines_overlap() -> None:
    assert Lines("1-5,9").overlaps(Lines("9-"))
    assert not Lines("1-5").overlaps(Lines("6-"))
    assert (Lines("7-9,3").first, Lines("7-9,3").last) == (3, 9)

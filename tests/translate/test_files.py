"""Files and standard streams: one line out for each line in, whatever is in it, and going on after a stop."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dragoman.errors import DataError
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.recipe import Decoding
from dragoman.translate.engine import Translation, Translator
from dragoman.translate.files import FileReport, translate_file, unknown_direction
from dragoman.translate.formats import Formats, Line
from dragoman.translate.prompts import Request

EN_DE = Direction("en", "de")
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"]
LINES = [f"{NUMBERS[i % 10]} {NUMBERS[i // 10 % 10]} {NUMBERS[i * 7 % 10]}" for i in range(60)]


@pytest.fixture
def translator(model: Any, encoder: Encoder) -> Translator:
    """Small windows (of 4 lines), so that a file has many."""
    return Translator(model, encoder, Decoding(max_new_tokens=4, batch_tokens=544), window=1)


def expected(translator: Translator, lines: list[str]) -> list[str]:
    found = translator.translate([Request(line, EN_DE) for line in lines])
    return [
        "".join(" " if c in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029" else c for c in one.text) for one in found
    ]


def written(path: Path) -> list[str]:
    text = path.read_bytes().decode()
    assert text.endswith("\n")
    return text[:-1].split("\n")


def test_file_to_file(translator: Translator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("\n".join(LINES))  # no line end at the end
    told: list[tuple[int, str, int | None]] = []
    report = translate_file(
        translator, EN_DE, str(source), str(target), advance=lambda *args: told.append(args)
    )
    assert written(target) == expected(translator, LINES)
    assert report.lines == 60
    assert told[-1][0] == told[-1][2] == 60
    assert told[-1][1].endswith("lines/s")
    assert "60 lines" in str(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.txt"]


def test_strange_lines(translator: Translator, tmp_path: Path) -> None:
    """CRLF, a byte-order mark, empty lines, odd separators, invalid UTF-8, NUL: every line keeps its
    place."""
    raw = [b"\xef\xbb\xbfone two\r", b"\r", b"", b"  ", b"four\xe2\x80\xa8five\x0bsix", b"caf\xe9", b"a\x00b"]
    raw += ["日本語 🎉 ΑΒΓ".encode(), b"one " * 900, b"x" * (1 << 21), b"### Response:", b"</s>", b"nine"]
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_bytes(b"\n".join(raw) + b"\n")
    said: list[str] = []
    report = translate_file(translator, EN_DE, str(source), str(target), say=said.append)
    texts = written(target)
    assert len(texts) == len(raw)
    assert [texts[i] for i in (1, 2, 3, 5, 8, 9, 10)] == [""] * 7
    plain = ["one two", "four\u2028five\x0bsix", "a\x00b", "日本語 🎉 ΑΒΓ", "</s>", "nine"]
    assert [texts[i] for i in (0, 4, 6, 7, 11, 12)] == expected(translator, plain)
    assert report.empty == 3
    assert [number for number, _ in report.failed] == [6, 9, 10, 11]
    assert said[0] == "line 6: invalid UTF-8"
    assert said[1].startswith("line 9: too long: ")
    assert said[2] == "line 10: line over 1 MB"
    assert "a delimiter of the template" in said[3]  # these few tokens can spell it in one way only


def test_line_breaks_in_outputs_become_spaces() -> None:
    report, line, formats = FileReport(), Line(Request("x", EN_DE)), Formats()
    assert report.add(Translation("a\nb\r\nc\u2028d", -1.0, (1,), True), line, formats) == "a b c d"
    assert report.add(Translation(" a b ", -1.0, (1,), True), line, formats) == " a b "
    assert report.add(Translation("a", -1.0, (1,), False, "cut after 1 tokens"), line, formats) == "a"
    assert (report.joined, report.cut, report.failures) == (1, 1, 0)


def test_empty_and_compressed_input(translator: Translator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_bytes(b"")
    assert translate_file(translator, EN_DE, str(source), str(target)).lines == 0
    assert target.read_bytes() == b""
    packed = tmp_path / "in.txt.gz"
    packed.write_bytes(gzip.compress("\n".join(LINES[:6]).encode()))
    translate_file(translator, EN_DE, str(packed), str(target))
    assert written(target) == expected(translator, LINES[:6])


def test_standard_streams(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    data = b"\xef\xbb\xbf" + "\r\n".join(["one two", "", *LINES[:8]]).encode()
    give(data)
    report = translate_file(translator, EN_DE)
    wanted = expected(translator, ["one two", "", *LINES[:8]])
    assert capfdbinary.readouterr().out.decode() == "".join(line + "\n" for line in wanted)
    assert (report.lines, report.empty) == (10, 1)
    give(data)
    translate_file(translator, EN_DE, target=str(tmp_path / "out.txt"))
    assert written(tmp_path / "out.txt") == wanted


def test_wrong_paths(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\n")
    with pytest.raises(DataError, match=r"no such file; did you mean in\.txt"):
        translate_file(translator, EN_DE, str(tmp_path / "im.txt"), str(tmp_path / "out.txt"))
    with pytest.raises(DataError, match="is a directory"):
        translate_file(translator, EN_DE, str(tmp_path / "in.txt"), str(tmp_path))
    with pytest.raises(DataError, match="no such directory"):
        translate_file(translator, EN_DE, str(tmp_path / "in.txt"), str(tmp_path / "a" / "out.txt"))


class Stop(Exception):
    pass


def stopped(translator: Translator, source: str, target: Path, after: int = 20, **settings: Any) -> None:
    """Translate until ``after`` lines are done, then break off."""

    def advance(done: int, rate: str, total: int | None) -> None:
        if done >= after:
            raise Stop

    with pytest.raises(Stop):
        translate_file(translator, EN_DE, source, str(target), advance=advance, **settings)
    assert not target.exists()


def test_going_on(translator: Translator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("caf\n\n" + "\n".join(LINES) + "\n")
    stopped(translator, str(source), target)
    part = target.with_name("out.txt.part")
    done = json.loads(target.with_name("out.txt.part.json").read_text())
    assert done["lines"] >= 16
    with part.open("ab") as file:
        file.write(b"half a li")  # a stop in the middle of writing
    said: list[str] = []
    report = translate_file(translator, EN_DE, str(source), str(target), say=said.append)
    assert said == [f"{part}: going on after line {done['lines']}"]
    assert (report.resumed, report.lines, report.empty) == (done["lines"], 62, 1)
    assert written(target) == expected(translator, ["caf", "", *LINES])
    assert not part.exists()


def test_starting_anew(model: Any, encoder: Encoder, translator: Translator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("\n".join(LINES))
    stopped(translator, str(source), target)
    said: list[str] = []
    other = Translator(model, encoder, Decoding(max_new_tokens=3, batch_tokens=544), window=1)
    stopped(other, str(source), target, say=said.append)
    assert "other settings, starting anew" in said[0]
    source.write_text("\n".join(LINES[::-1]))
    report = translate_file(other, EN_DE, str(source), str(target), say=said.append)
    assert "another input, starting anew" in said[1]
    assert report.resumed == 0
    assert written(target) == expected(other, LINES[::-1])
    stopped(other, str(source), target.with_name("again.txt"))
    source.write_text("\n".join(LINES[:3]))  # shorter than what is done
    translate_file(other, EN_DE, str(source), str(tmp_path / "again.txt"))
    assert written(tmp_path / "again.txt") == expected(other, LINES[:3])


def test_damaged_books(translator: Translator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("\n".join(LINES))
    book, part = tmp_path / "out.txt.part.json", tmp_path / "out.txt.part"
    for damage in (lambda: book.write_text("{"), lambda: part.write_bytes(b""), part.unlink, book.unlink):
        stopped(translator, str(source), target)
        damage()
        assert translate_file(translator, EN_DE, str(source), str(target)).resumed == 0
        assert written(target) == expected(translator, LINES)
        target.unlink()


def test_a_pipe_goes_on_only_with_the_same_input(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give(lines: list[str]) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))

    target = tmp_path / "out.txt"
    give(LINES)
    stopped(translator, "-", target)
    give(LINES[::-1])
    with pytest.raises(DataError, match="comes from another input; delete it"):
        translate_file(translator, EN_DE, target=str(target))
    give(LINES)
    assert translate_file(translator, EN_DE, target=str(target)).resumed >= 16
    assert written(target) == expected(translator, LINES)


KILLED = """
import sys, time
sys.path[:0] = [{root!r}, {tests!r}]
from translate.toy import text_encoder, text_model
from dragoman.language.language import Direction
from dragoman.recipe import Decoding
from dragoman.translate.engine import Translator
from dragoman.translate.files import translate_file
import torch
torch.set_num_threads(1)
encoder = text_encoder()
translator = Translator(text_model(encoder), encoder, Decoding(max_new_tokens=4, batch_tokens=544), window=1)
translate_file(translator, Direction("en", "de"), {source!r}, {target!r}, advance=lambda *_: time.sleep(0.05))
"""


def test_kill_and_go_on(translator: Translator, tmp_path: Path) -> None:
    source, target, whole = (tmp_path / name for name in ("in.txt", "out.txt", "whole.txt"))
    source.write_text("\n".join(LINES * 3))
    tests = Path(__file__).parents[1]
    script = KILLED.format(root=str(tests.parent), tests=str(tests), source=str(source), target=str(target))
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "OMP_NUM_THREADS": "1"})
    book = tmp_path / "out.txt.part.json"
    try:
        while process.poll() is None and not (book.exists() and json.loads(book.read_text())["lines"] >= 40):
            time.sleep(0.02)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not target.exists()
    report = translate_file(translator, EN_DE, str(source), str(target))
    assert 40 <= report.resumed < 180
    translate_file(translator, EN_DE, str(source), str(whole))
    assert target.read_bytes() == whole.read_bytes()
    assert written(whole) == expected(translator, LINES * 3)


def test_a_direction_that_the_card_does_not_know(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "dragoman.json").write_text(
        json.dumps({"directions": [["en", "de"], ["de", "en"]], "tuned_directions": [["en", "fr"]]})
    )
    folder = str(tmp_path)
    assert unknown_direction(folder, EN_DE) is None
    assert unknown_direction(folder, Direction("eng", "deu")) is None
    assert unknown_direction(folder, Direction("en", "fr")) is None
    warning = unknown_direction(folder, Direction("de", "fr"))
    assert warning == "warning: this model's card does not know de-fr; it knows de-en, en-de, en-fr"
    assert unknown_direction("somebody/model", Direction("de", "fr")) is None
    source, said = tmp_path / "in.txt", []
    source.write_text("one\n")
    translate_file(
        translator, Direction("de", "fr"), str(source), str(tmp_path / "o"), model=folder, say=said.append
    )
    assert said == [warning]

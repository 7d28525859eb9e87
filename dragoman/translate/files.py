"""Files or standard input to files or standard output: a line in, a line out, in order."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dragoman.corpus.opening import COMPRESSIONS, check_file, raw_lines
from dragoman.errors import DataError, RecipeError
from dragoman.language.language import Direction, same_language
from dragoman.translate.engine import EMPTY, Translation, Translator
from dragoman.translate.formats import Formats, Line
from dragoman.translate.partial import InputLines, PartialFile
from dragoman.translate.prompts import Request
from dragoman.tune.model import read_card

STANDARD = "-"
"""In place of a file name: standard input or output."""
TOLD = 10
"""Lines without a translation that are told one by one."""
_BOM = b"\xef\xbb\xbf"

Say = Callable[[str], None]
Advance = Callable[[int, str, int | None], None]
"""Is told lines done, the rate in words, and the number of lines where it is known."""


@dataclass(slots=True)
class FileReport:
    """What happened to the lines of a file. ``failed`` holds the lines without a translation, by number
    (from 1) and reason, the first ``TOLD`` of ``failures``; ``cut`` counts texts that reached the longest
    output,
    ``joined`` those whose line breaks became spaces; ``resumed``: lines that an earlier run had done. Of the
    ``demands`` for phrases ``met`` were met; ``forbidden`` phrases stand in outputs."""

    lines: int = 0
    empty: int = 0
    cut: int = 0
    joined: int = 0
    failures: int = 0
    failed: list[list[Any]] = field(default_factory=list)
    resumed: int = 0
    demands: int = 0
    met: int = 0
    forbidden: int = 0
    seconds: float = 0.0

    def add(self, translation: Translation, line: Line, formats: Formats) -> str:
        """Count one line; returns what to write for it."""
        self.lines += 1
        bad, reason = line.bad, line.bad or translation.reason
        if reason == EMPTY:
            self.empty += 1
        elif bad or translation.error or (reason and not translation.ids):
            self.failures += 1
            if len(self.failed) < TOLD:
                self.failed.append([self.lines, reason])
        self.cut += not translation.finished and bool(translation.ids)
        if translation.outcome is not None:
            self.met += len(translation.outcome.met)
            self.demands += len(translation.outcome.met) + len(translation.outcome.unmet)
            self.forbidden += len(translation.outcome.found)
        text, joined = formats.written(line, translation)
        self.joined += joined
        return text

    def __str__(self) -> str:
        rate = (self.lines - self.resumed) / self.seconds if self.seconds else 0.0
        parts = [f"{self.lines:,} lines", f"{rate:.1f} lines/s"]
        named = {"empty": "empty", "failures": "without a translation", "cut": "cut at the longest output"}
        named |= {"joined": "with line breaks made spaces", "resumed": "from an earlier run"}
        parts += [f"{getattr(self, key):,} {words}" for key, words in named.items() if getattr(self, key)]
        parts += [f"{self.met:,} of {self.demands:,} demands met"] if self.demands else []
        parts += [f"{self.forbidden:,} forbidden phrases"] if self.forbidden else []
        return ", ".join(parts)


def translate_file(
    translator: Translator,
    direction: Direction,
    source: str = STANDARD,
    target: str = STANDARD,
    *,
    model: str = "",
    formats: Formats | None = None,
    say: Say | None = None,
    advance: Advance | None = None,
) -> FileReport:
    """Translate every line of ``source`` to a line of ``target``; ``-`` stands for standard input and output.

    A file appears under its name only when it is complete; a run that was stopped goes on where it was.
    Empty lines stay empty; a line that cannot be translated becomes an empty line and is told. ``model`` is
    the folder (or hub id) of the model: its card knows the directions, and resuming needs to know it.
    ``formats`` says how lines are read and written, and which terms hold. ``say`` gets the messages for the
    user (standard error if not given).
    """
    say, formats = say or _say, formats or Formats()
    if translator.settings.n_best > 1 and formats.write == "text":
        raise RecipeError("n-best lists do not fit into text, a line for a line; write JSONL")
    if source != STANDARD:
        check_file(Path(source))
        if target != STANDARD and Path(target).exists() and Path(target).samefile(source):
            raise DataError(f"{target}: is the input; write the translations to another file")
    warning = unknown_direction(model, direction)
    if warning:
        say(warning)
    open_input = partial(_open_input, source)
    if target == STANDARD:
        report = FileReport()
        lines = open_input()
        _translate(translator, direction, lines, report, formats, write=_print, advance=advance, total=None)
    else:
        output = PartialFile(Path(target), settings_of(translator, direction, model, formats), say)
        lines = output.resume(open_input, again=source != STANDARD)
        report = FileReport(**output.mark.counts)
        report.resumed = report.lines

        def write(texts: list[str]) -> None:
            output.append(texts, lines, asdict(report))

        total = _count(source)
        _translate(translator, direction, lines, report, formats, write=write, advance=advance, total=total)
        output.finish()
    for number, reason in report.failed:
        say(f"line {number:,}: {reason}")
    if translator.prompter.missing:
        say(f"{translator.prompter.missing:,} sources found no other source to contrast with")
    return report


def _translate(
    translator: Translator,
    direction: Direction,
    lines: InputLines,
    report: FileReport,
    formats: Formats,
    *,
    write: Callable[[list[str]], None],
    advance: Advance | None,
    total: int | None,
) -> None:
    taken: deque[Line] = deque()  # the lines that the translator has and has not yet given back
    start, before = time.monotonic(), report.lines

    def requests() -> Iterator[Request]:
        for raw in lines:
            taken.append(formats.line(raw, direction))
            yield taken[-1].request

    def progress(done: int) -> None:
        if advance:
            rate = done / max(time.monotonic() - start, 1e-9)
            advance(before + done, f"{rate:.1f} lines/s", total)

    for window in translator.windows(requests(), progress):
        texts = [report.add(translation, taken.popleft(), formats) for translation in window]
        report.seconds = time.monotonic() - start
        write(texts)


def _open_input(source: str) -> InputLines:
    if source != STANDARD:
        return InputLines(raw_lines(Path(source)))
    return InputLines(_standard_input())


def _standard_input() -> Iterator[bytes]:
    for number, line in enumerate(sys.stdin.buffer):
        line = line.removeprefix(_BOM) if number == 0 else line
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _print(texts: list[str]) -> None:
    sys.stdout.buffer.write("".join(text + "\n" for text in texts).encode())
    sys.stdout.buffer.flush()


def _count(source: str) -> int | None:
    """Lines of a plain file; None where counting would cost more (standard input, compressed files)."""
    if source == STANDARD or Path(source).suffix in COMPRESSIONS:
        return None
    with Path(source).open("rb") as file:
        last = b"\n"
        count = 0
        while chunk := file.read(1 << 20):
            count, last = count + chunk.count(b"\n"), chunk
        return count + (not last.endswith(b"\n"))


def unknown_direction(model: str, direction: Direction) -> str | None:
    """A warning if the card of a model folder does not hold the direction; None without a card."""
    card = read_card(model) if model else {}
    known = [Direction(*pair) for key in ("directions", "tuned_directions") for pair in card.get(key, [])]
    if not known or any(all(map(same_language, direction, other)) for other in known):
        return None
    names = ", ".join(sorted({str(other) for other in known}))
    return f"warning: this model's card does not know {direction}; it knows {names}"


def settings_of(translator: Translator, direction: Direction, model: str, formats: Formats) -> str:
    """A digest of all that decides the output: weights, prompt, worked examples, contrast, search, terms,
    formats."""
    probe = translator.prompter.contexts([Request("1", direction), Request("2", direction)])
    parts: list[Any] = [translator.decoding.model_dump(), asdict(translator.settings), translator.window]
    parts += [asdict(translator.prompter.contrast), probe, str(translator.model.dtype), _fingerprint(model)]
    glossary = formats.glossary.digest if formats.glossary else None
    parts += [translator.meeting.mode, formats.read, formats.write, glossary, formats.ignore_case]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _fingerprint(model: str) -> list[Any]:
    """Name, size and time of a model folder's files; a hub id as it is."""
    with suppress(OSError):
        if model and Path(model).is_dir():
            stats = [(path.name, path.stat()) for path in sorted(Path(model).iterdir()) if path.is_file()]
            return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    return [model]

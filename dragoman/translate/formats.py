"""Lines of files as requests, and translations as lines: plain text, or JSONL with demands and scores."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dragoman.corpus.opening import COMPRESSIONS, Bad, decode
from dragoman.errors import DataError
from dragoman.language.language import Direction
from dragoman.translate.demand import Demand, read_demand
from dragoman.translate.engine import Translation
from dragoman.translate.glossary import Glossary
from dragoman.translate.prompts import Request

Format = Literal["text", "jsonl"]
KEYS = ("text", "must", "forbid", "ignore_case", "id")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class Line(NamedTuple):
    """A line of the input: what to translate, what is wrong with it, and its ``id``, if it has one."""

    request: Request
    bad: str = ""
    id: Any = None


@dataclass(frozen=True, slots=True)
class Formats:
    """How lines are read and written. ``glossary`` adds its demands to those of the lines."""

    read: Format = "text"
    write: Format = "text"
    glossary: Glossary | None = None
    ignore_case: bool = False

    def line(self, raw: bytes | Bad, direction: Direction) -> Line:
        """A line of the input; one that cannot be read has an empty source and says why."""
        text = raw if isinstance(raw, Bad) else decode(raw)
        if isinstance(text, Bad):
            return Line(Request("", direction), text.reason)
        if self.read == "text" or not text.strip():
            return Line(Request(text, direction, demand=self._demand(text, Demand())))
        try:
            row = _row(text)
            ignore_case = bool(row.get("ignore_case", self.ignore_case))
            own = read_demand(row.get("must"), row.get("forbid"), "JSON", ignore_case)
        except DataError as error:
            return Line(Request("", direction), str(error))
        demand = self._demand(row["text"], own)
        return Line(Request(row["text"], direction, demand=demand), "", row.get("id"))

    def _demand(self, source: str, own: Demand) -> Demand | None:
        ignore_case = own.ignore_case or self.ignore_case
        terms = self.glossary.demands(source) if self.glossary else ()
        return Demand((*own.must, *terms), own.forbid, ignore_case) if own or terms else None

    def written(self, line: Line, translation: Translation) -> tuple[str, bool]:
        """The line to write for a translation, and whether line breaks in it became spaces."""
        if self.write == "jsonl":
            told = self._told(line, translation)
            text = json.dumps(told, ensure_ascii=False)
            # JSON can hold half a surrogate pair, in a demand or an id; UTF-8 cannot
            return (json.dumps(told) if _SURROGATE.search(text) else text), False
        text = _BREAK.sub(" ", translation.text)
        return text, text != translation.text

    def _told(self, line: Line, translation: Translation) -> dict[str, Any]:
        told: dict[str, Any] = {} if line.id is None else {"id": line.id}
        told |= {"text": translation.text, "score": round(translation.score, 5)}
        told["finished"] = translation.finished
        reason = line.bad or translation.reason
        if translation.error:
            told["error"] = {"name": translation.error, "message": reason}
        elif line.bad or (reason and not translation.ids and line.request.source.strip()):
            told["error"] = {"name": "bad-line" if line.bad else "untranslatable", "message": reason}
        if translation.alternatives:
            texts = [(translation.text, translation.score), *translation.alternatives]
            told["n_best"] = [{"text": text, "score": round(score, 5)} for text, score in texts]
        if translation.outcome is not None:
            outcome = translation.outcome
            told["terms"] = {"met": outcome.met, "unmet": outcome.unmet, "forbidden_found": outcome.found}
        return told


def format_of(path: str, given: str | None, what: str) -> Format:
    """The format of a file: as it is given, else by the end of its name."""
    if given is not None:
        if given not in ("text", "jsonl"):
            raise DataError(f"{what} format {given!r} is unknown; use text or jsonl")
        return "jsonl" if given == "jsonl" else "text"
    name = Path(path)
    name = name.with_suffix("") if name.suffix in COMPRESSIONS else name
    return "jsonl" if name.suffix in (".jsonl", ".ndjson") else "text"


def _row(text: str) -> dict[str, Any]:
    """The object of a JSONL line; DataError if it is none, has an unknown key, or no text."""
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON ({error.msg})") from error
    except RecursionError as error:
        raise DataError("not JSON (nested too deeply)") from error
    for key in row if isinstance(row, dict) else ():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise DataError(f"unknown key {key!r}; known: {', '.join(KEYS)}{hint}")
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise DataError('expected an object such as {"text": "...", "must": [["Klinik", "Krankenhaus"]]}')
    if not isinstance(row.get("ignore_case", False), bool):
        raise DataError("ignore_case: expected true or false")
    return row

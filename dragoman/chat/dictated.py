"""Which words a user dictates or bans in plain words, by the wordings that training uses.

"Use “Krankenhaus” for “hospital”." says what must stand in the next version as plainly as ``/terms`` does.
Only what is certain is taken: the whole turn is such a wording, and its words stand in quotes, in the text or
in its translation. All else is for the model alone.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.wordings import has_speech, speech
from dragoman.language.language import Direction
from dragoman.language.phrases import holds, normal
from dragoman.translate.demand import Demand

KINDS = (
    "vocabulary/replace", "style/replace", "vocabulary/name", "vocabulary/include", "vocabulary/exclude",
)  # fmt: skip
UNQUOTED = 2
"""Words at most that are taken for a phrase without quotes around them."""
LONGEST = 400
"""Characters at most of such a turn: a longer one says more than this, and takes long to be looked at."""
_PAIRED = '"“”„‟«»‹›「」『』'
_QUOTES = _PAIRED + "'‘’‚‛"
_POLITE = r"(?:please|bitte|s['’]il (?:te|vous) pla[iî]t|请)"
"""May stand before or behind any wording."""
_END = r"\s*[.!?。！？]*\s*"


def dictated(said: str, direction: Direction, source: str, draft: str) -> Correction | None:
    """What a user turn demands of the next version, if it is certain; None if not.

    ``said`` may be in English, the source's or the target's language. ``forbid`` holds only what stands in
    the draft: other words need no ban.
    """
    if len(said) > LONGEST:
        return None
    for code in dict.fromkeys(("en", *direction)):
        if has_speech(code):
            for kind, listed, pattern in _patterns(code):
                match = pattern.fullmatch(said.strip())
                found = match and _read(kind, listed, match.groupdict(), source, draft)
                if found:
                    return found
    return None


def with_dictated(demand: Demand | None, asked: Correction) -> Demand:
    """A demand and what was dictated besides; a phrase that it demands already is not demanded twice."""
    held = demand or Demand()
    known = {form for forms in held.must for form in forms}
    must = tuple((phrase,) for phrase in asked.must if phrase not in known)
    forbid = tuple(phrase for phrase in asked.forbid if phrase not in held.forbid)
    return Demand(held.must + must, held.forbid + forbid, held.ignore_case)


def _read(kind: str, listed: bool, groups: dict[str, str], source: str, draft: str) -> Correction | None:
    phrases = {key: _phrase(raw) for key, raw in groups.items()}
    if not all(phrases.values()):
        return None
    new, old = phrases.get("new") or phrases.get("name"), phrases.get("old")
    named = (phrases.get("word") or phrases.get("name"), source), (old, draft)
    known = any(phrase and holds(text, phrase) for phrase, text in named)
    quoted = _in_quotes(groups.get("new") or groups.get("name") or "")
    if not quoted and (not (known or listed) or len((new or "").split()) > UNQUOTED):
        return None
    forbid = (old,) if old and holds(draft, old) and not (new and holds(new, old)) else ()
    must = (new,) if new else ()
    return Correction(kind, must, forbid) if must or forbid else None


def _phrase(raw: str) -> str:
    """The words between the quotes; '' if there are other quotes among them: then they are not one phrase."""
    text = normal(raw.strip().strip(_QUOTES).strip())
    return "" if any(mark in text for mark in _PAIRED) else text


def _in_quotes(raw: str) -> bool:
    text = raw.strip()
    return len(text) > 2 and text[0] in _QUOTES and text[-1] in _QUOTES


@lru_cache(maxsize=16)
def _patterns(code: str) -> list[tuple[str, bool, re.Pattern[str]]]:
    """The wordings of demands with groups in place of their words, the longest first; whether a colon stands
    before the new word: then it needs no quotes."""
    wordings = speech(code).wordings
    found = [(kind, text) for kind in KINDS for text in wordings[kind]]
    found.sort(key=lambda row: -len(row[1]))
    return [(kind, re.search(r"[:：]\s*\{new\}", text) is not None, _pattern(text)) for kind, text in found]


def _unquoted(text: str) -> str:
    """What stands between two words, without their quotes and the spaces inside of these."""
    text = re.sub(rf"^\s*[{_QUOTES}]|[{_QUOTES}]\s*$", "", text)
    return "".join(mark for mark in text if mark not in _PAIRED)


def _pattern(wording: str) -> re.Pattern[str]:
    """Quotes, case, the width of spaces and the mark at the end do not count."""
    parts = list(string.Formatter().parse(wording))
    literals = [_unquoted(text) for text, _, _, _ in parts]
    if parts[-1][1] is None:
        literals[-1] = literals[-1].rstrip(".!?。！？ ")
    found = ""
    for number, (literal, (_, key, _, _)) in enumerate(zip(literals, parts, strict=True)):
        pieces = re.split(r"\s+", literal.lstrip() if number == 0 else literal)
        found += r"\s+".join(map(re.escape, pieces)).replace("'", "['’]")
        if key is not None:
            found += f"(?P={key})" if f"<{key}>" in found else f"(?P<{key}>.+?)"
    before, behind = rf"(?:{_POLITE}[\s,]*)?", rf"(?:\s*,?\s*{_POLITE})?"
    return re.compile(before + found + behind + _END, re.IGNORECASE | re.DOTALL)

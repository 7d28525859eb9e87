"""Which words a user dictates or bans in plain words, by the wordings that training uses.

"Use “Krankenhaus” for “hospital”." says what must stand in the next version as plainly as a glossary does.
Only what is certain is taken: the whole turn is such a wording, and what it dictates stands in quotes. What
is banned stands in the draft. All else is for the model alone.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.wordings import has_speech, speech
from dragoman.language.language import Direction
from dragoman.language.phrases import holds, normal

NAME = "vocabulary/name"
KINDS = ("vocabulary/replace", "style/replace", NAME, "vocabulary/include", "vocabulary/exclude")
LONGEST = 400
"""Characters at most of such a turn: a longer one says more than this, and takes long to be looked at."""
_PAIRED = '"“”„‟«»‹›「」『』'
_QUOTES = _PAIRED + "'‘’‚‛"
_SPLIT = re.compile(rf"[{_PAIRED}]|(?<!\w)['‘’‚‛]|['‘’‚‛](?!\w)")
"""A quotation mark inside of what should be one phrase; an apostrophe in a word is none."""
_POLITE = r"(?:please|bitte|s['’]il (?:te|vous) pla[iî]t|请)"
"""May stand before or behind any wording."""


def dictated(said: str, direction: Direction, source: str, draft: str) -> Correction | None:
    """What a user turn demands of the next version, if it is certain; None if not.

    ``said`` may be in English, the source's or the target's language. ``forbid`` holds only what stands in
    the draft: other words need no ban. A question demands nothing.
    """
    text = " ".join(said.split())
    if len(text) > LONGEST or text.endswith(("?", "？")):
        return None
    for code in dict.fromkeys(("en", *direction)):
        if has_speech(code):
            for kind, listed, pattern in _patterns(code):
                match = pattern.fullmatch(text)
                found = match and _read(kind, listed, match.groupdict(), source, draft)
                if found:
                    return found
    return None


def _read(kind: str, listed: bool, groups: dict[str, str], source: str, draft: str) -> Correction | None:
    phrases = {key: _phrase(raw) for key, raw in groups.items()}
    if not all(phrases.values()):
        return None
    new, old = phrases.get("new") or phrases.get("name"), phrases.get("old")
    if kind == NAME and not holds(source, new or ""):
        return None
    word = listed and " " not in (new or "")
    if new and kind != NAME and not word and not _in_quotes(groups["new"]):
        return None
    forbid = (old,) if old and holds(draft, old) and not (new and holds(new, old)) else ()
    must = (new,) if new else ()
    return Correction(kind, must, forbid) if must or forbid else None


def _phrase(raw: str) -> str:
    """The words between the quotes; '' if these do not stand on both sides, if there are others among the
    words, which then are not one phrase, or if there is no word at all."""
    bare = raw.strip().strip(_QUOTES)
    if _in_quotes(raw) or bare == raw.strip():
        text = normal(bare.strip())
        return "" if _SPLIT.search(text) or not any(map(str.isalnum, text)) else text
    return ""


def _in_quotes(raw: str) -> bool:
    text = raw.strip()
    return len(text) > 2 and text[0] in _QUOTES and text[-1] in _QUOTES


@lru_cache(maxsize=16)
def _patterns(code: str) -> list[tuple[str, bool, re.Pattern[str]]]:
    """The wordings of demands with groups in place of their words, the longest first; whether a colon stands
    before the new word: then one word needs no quotes."""
    wordings = speech(code).wordings
    found = [(kind, text) for kind in KINDS for text in wordings[kind]]
    found.sort(key=lambda row: -len(row[1]))
    return [(kind, re.search(r"[:：]\s*\{new\}", text) is not None, _pattern(text)) for kind, text in found]


def _unquoted(text: str) -> str:
    """What stands between two words, without their quotes and the spaces inside of these."""
    text = re.sub(rf"^\s*[{_QUOTES}]|[{_QUOTES}]\s*$", "", text)
    return "".join(mark for mark in text if mark not in _PAIRED)


def _pattern(wording: str) -> re.Pattern[str]:
    """Quotes, case, the width of spaces, a please and the mark at the end do not count."""
    parts = list(string.Formatter().parse(wording))
    literals = [_unquoted(text) for text, _, _, _ in parts]
    if parts[-1][1] is None:
        literals[-1] = literals[-1].rstrip(".!。！ ")
    found = ""
    for number, (literal, (_, key, _, _)) in enumerate(zip(literals, parts, strict=True)):
        pieces = re.split(r"\s+", literal.lstrip() if number == 0 else literal)
        found += r"\s+".join(map(re.escape, pieces)).replace("'", "['’]")
        if key is not None:
            found += f"(?P={key})" if f"<{key}>" in found else f"(?P<{key}>.+?)"
    before, behind = rf"(?:{_POLITE}[\s,]*)?", rf"(?:\s*,?\s*{_POLITE})?"
    return re.compile(before + found + behind + r"[\s.!。！]*", re.IGNORECASE)

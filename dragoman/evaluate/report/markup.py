"""Small builders of HTML in which text is always escaped: only a :class:`Markup` is taken as HTML."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable

# Not allowed in HTML, or invisible and confusing: control characters, lone surrogates, noncharacters.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_EMPTY = frozenset({"br", "hr", "img", "meta", "link", "col"})

NOTHING = "–"
THIN = "\u202f"


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | Markup | Iterable["Child"] | None


def escape(text: object) -> Markup:
    """HTML of `text`; a :class:`Markup` stays as it is. Unfit characters become U+FFFD."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_UNFIT.sub("\ufffd", str(text))))


def join(*children: Child, between: str = "") -> Markup:
    """The HTML of all children, one after the other; None is left out."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        parts.append(escape(child) if isinstance(child, str) else join(*child))
    return Markup(escape(between).join(part for part in parts if part))


def el(tag: str, *children: Child, **attributes: object) -> Markup:
    """An element with children and attributes.

    `class_` becomes class, `aria_label` aria-label; True gives a bare attribute, None and False none.
    """
    shown = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        shown.append(f" {name}" if value is True else f' {name}="{escape(value)}"')
    head = f"<{tag}{''.join(shown)}>"
    return Markup(head if tag in _EMPTY else f"{head}{join(*children)}</{tag}>")


def finite(value: object) -> float | None:
    """`value` as a float, or None if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def number(value: object, digits: int = 1, sign: bool = False) -> str:
    """A number for readers: fixed digits, a true minus, thousands apart; a dash where there is none."""
    real = finite(value)
    if real is None:
        return NOTHING
    if round(real, digits) == 0:
        real = 0.0
    return f"{real:{'+' if sign and real else ''},.{digits}f}".replace("-", "−").replace(",", THIN)


def percent(value: object, digits: int = 1) -> str:
    """A value that is in percent already, with its sign."""
    return f"{number(value, digits)}{THIN}%" if finite(value) is not None else NOTHING


def p_value(value: object) -> str:
    """A p-value: three digits, and never 0."""
    real = finite(value)
    if real is None:
        return NOTHING
    return f"<{THIN}0.001" if real < 0.001 else f"{real:.3f}"


def compact(value: object) -> str:
    """Any number at three significant digits (learning rates, losses, counts)."""
    real = finite(value)
    if real is None:
        return NOTHING
    if real == int(real) and abs(real) < 1e15:
        return number(real, 0)
    return f"{real:.3g}".replace("e-0", "e-").replace("e+0", "e+").replace("-", "−")

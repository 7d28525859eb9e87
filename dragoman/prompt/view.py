"""What an encoded example looks like to the model: every token, coloured by its weight."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dragoman.prompt.encode import Encoded, Encoder

if TYPE_CHECKING:
    from rich.text import Text

LEARNED, CONTEXT, UNLEARNED = "green", "dim", "red"
BORDER = "│"
LINE_END = "⏎"


def coloured(encoder: Encoder, encoded: Encoded) -> Text:
    """The tokens of an example as coloured text: learned green, context dim, unlearned red.

    A bar stands between tokens, control tokens are reversed and named, line ends are shown before they are
    made, and bytes that are no whole character are written like ``\\xe6``.
    """
    from rich.text import Text

    vocabulary = encoder.safe.vocabulary
    text = Text()
    for place, (index, weight) in enumerate(zip(encoded.ids, encoded.weights, strict=True)):
        surface = vocabulary.text([index]).decode("utf-8", errors="backslashreplace")
        style = colour(weight)
        if index in vocabulary.control:
            style = f"{style} reverse"
        if place:
            text.append(BORDER, "bright_black")
        text.append(surface.replace("\n", LINE_END + "\n"), style)
    return text


def colour(weight: float) -> str:
    """The style of a weight."""
    if weight == 0:
        return CONTEXT
    return LEARNED if weight > 0 else UNLEARNED


def summary(encoded: Encoded) -> str:
    """One line: task, id, tokens, and how many of them are learned and unlearned with which weight."""
    words = [encoded.task, *([encoded.id] if encoded.id else []), f"{len(encoded.ids)} tokens"]
    for weight, same in groupby(sorted(w for w in encoded.weights if w)):
        words.append(f"{len(list(same))} {'learned' if weight > 0 else 'unlearned'} ({weight:g})")
    return "  ".join(words)


def legend() -> Text:
    """What the colours mean."""
    from rich.text import Text

    names = (
        (LEARNED, "learned"),
        (CONTEXT, "context"),
        (UNLEARNED, "unlearned"),
        ("reverse", "control token"),
    )
    return Text("  ").join(Text(name, style) for style, name in names)

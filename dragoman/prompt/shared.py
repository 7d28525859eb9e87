"""Texts that begin alike, as the assertions about one pair do: what they share is encoded once.

A text is cut where a line of its data begins with a letter, if no token of the vocabulary spans a line end
and a letter (:attr:`SafeText.cuts`). No merge crosses such a place, so the ids of the whole are those of its
head, encoded before the same letter, and those of its tail. A text stays whole if no other has its head, if a
token ate the line end, or if a delimiter of the template lies across the cut.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from dragoman.prompt.safe import SafeText, Text, Unwritable
from dragoman.prompt.templates import Piece

_LINE = re.compile(r"\n[A-Za-z]")
Result = list[int] | Unwritable


def encode_shared(safe: SafeText, texts: Sequence[Text]) -> list[Result]:
    """What ``safe.encode_many`` gives for each of the texts alone."""
    cuts = {text: cut for text in texts if safe.cuts and (cut := _halves(text))}
    heads = Counter(head for head, _ in cuts.values())
    cuts = {text: cut for text, cut in cuts.items() if heads[cut[0]] > 1}
    parts = list(dict.fromkeys(part for text in texts for part in cuts.get(text, (text,))))
    found = dict(zip(parts, safe.encode_many(parts), strict=True))
    for text, (head, tail) in cuts.items():
        if (ids := _joined(safe, text, found[head], found[tail])) is not None:
            found[text] = ids
    whole = list(cuts.keys() - found.keys())
    found |= zip(whole, safe.encode_many(whole), strict=True)
    return [found[text] for text in texts]


def _halves(text: Text) -> tuple[Text, Text] | None:
    """A text cut at the last line of its data that begins with a letter; the head has that letter too."""
    pieces = text.pieces
    for k in range(len(pieces) - 1, -1, -1):
        piece = pieces[k].text
        if pieces[k].data and (places := [match.end() for match in _LINE.finditer(piece)]):
            head, tail = Piece(piece[: places[-1]], True), Piece(piece[places[-1] - 1 :], True)
            return (
                Text((*pieces[:k], head), text.fresh, text.delimiters),
                Text((tail, *pieces[k + 1 :]), False, text.delimiters),
            )
    return None


def _joined(safe: SafeText, text: Text, head: Result, tail: Result) -> list[int] | None:
    """The ids of a whole text; None if they are not sure to be those of its parts."""
    if isinstance(head, Unwritable) or isinstance(tail, Unwritable) or len(head) < 2:
        return None
    end, letter = (safe.vocabulary.surface[index] for index in head[-2:])
    if not end.endswith(b"\n") or len(letter) != 1 or safe.crossed(head[:-1], tail, text.delimiters):
        return None
    return head[:-1] + tail

"""What a correction changes weighs more than what the answer copies from the version before it.

Of a corrected sentence most words stand in the version that the user spoke of, and one or two do not. A model
that has learnt to copy is right about nearly all of its tokens, and the loss hardly speaks of the others.
"""

from __future__ import annotations

from dataclasses import replace

from dragoman.instruct.interactive.compare import hunks, units
from dragoman.instruct.interactive.dialogue import Dialogue, Round, learned
from dragoman.instruct.words import words
from dragoman.prompt.example import Span


def stressed(dialogue: Dialogue, weight: float, spaceless: bool = False) -> Dialogue:
    """The dialogue with changed words of learned versions at ``weight``, all else as it was.

    A version is compared with the one that held before it. Context stays context.
    """
    rounds: list[Round] = []
    last: str | None = None
    for one in dialogue.rounds:
        if one.version is not None:
            if last is not None and all(span.weight == 1 for span in one.spans):
                one = replace(one, spans=spans(last, one.answer, weight, spaceless))
            last = one.answer
        rounds.append(one)
    return replace(dialogue, rounds=rounds)


def spans(before: str, after: str, weight: float, spaceless: bool = False) -> tuple[Span, ...]:
    """``after`` in spans: its words that ``before`` has not in that place, at ``weight``, the rest at 1.

    Where words were only taken out, the word behind the gap is what has changed, at the end the last one. A
    span begins with the space before its first word, as tokens do.
    """
    places = words(after, spaceless)
    changed: set[int] = set()
    for hunk in hunks(units(before, spaceless), units(after, spaceless)):
        first = min(hunk.new_start, len(places) - 1)
        changed.update(range(first, max(hunk.new_end, first + 1)))
    found: list[Span] = []
    done = 0
    for number, word in enumerate(places):
        end = word.end if number + 1 < len(places) else len(after)
        value = weight if number in changed else 1.0
        if found and found[-1].weight == value:
            found[-1] = Span(found[-1].text + after[done:end], value)
        else:
            found.append(Span(after[done:end], value))
        done = end
    return tuple(found) or learned(after)

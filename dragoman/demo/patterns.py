"""The patterns of the phrasebook and how often each occurs.

A pattern is a list of leaves of equal weight (mostly one leaf a verb), so that a verb with few objects is
heard as often as one with many. Each leaf is a :class:`~dragoman.demo.spaces.Space` of meanings; no two
meanings of all leaves read the same in any language. Where two tenses of an English verb look alike, a time
parts them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dragoman.demo import compounds, qualities, statements
from dragoman.demo.spaces import Space

PATTERNS: dict[str, tuple[float, Callable[[], list[Space]]]] = {
    "plain": (5, partial(statements.simple, "present")),
    "described subject": (4, partial(statements.simple, "present", (True, False))),
    "described object": (4, partial(statements.simple, "present", (False, True))),
    "described both": (3, partial(statements.simple, "present", (True, True))),
    "past": (3, partial(statements.simple, "past")),
    "future": (3, partial(statements.simple, "future")),
    "time": (6, partial(statements.timed, False, False)),
    "time in front": (6, partial(statements.timed, False, True)),
    "time, described": (3, partial(statements.timed, True, False)),
    "time in front, described": (3, partial(statements.timed, True, True)),
    "place": (2, partial(statements.placed, False, "present")),
    "place, past": (2, partial(statements.placed, False, "past")),
    "described place": (2, partial(statements.placed, True, "present")),
    "place and time": (4, statements.placed_and_timed),
    "frequency": (7, statements.frequency),
    "denied": (6, partial(statements.denied, True)),
    "I and we": (4, statements.of_ours),
    "I and we, denied": (2, partial(statements.denied, False)),
    "modal": (8, statements.modals),
    "intransitive": (6, statements.intransitive),
    "motion": (5, statements.motions),
    "gift": (4, statements.gifts),
    "both": (3, statements.joined_subjects),
    "quality": (2, lambda: list(qualities.beings())),
    "quality, past": (2, lambda: list(qualities.beings(tense="past"))),
    "quality, denied": (1.5, lambda: list(qualities.beings(negated=True))),
    "comparison": (4, qualities.comparisons),
    "there is": (2, partial(qualities.existences, (("a", False),))),
    "there are": (2, partial(qualities.existences, tuple((str(n), True) for n in range(2, 13)))),
    "owner": (4, qualities.owned),
    "liking": (4, qualities.likings),
    "age and feeling": (2, qualities.ages_and_feelings),
    "you?": (3, compounds.you_questions),
    "already, still": (3, compounds.still_and_already),
    "please": (2, compounds.requests),
    "who": (2, compounds.who_questions),
    "what": (1.5, compounds.what_questions),
    "how many": (2, compounds.how_many_questions),
    "where, when": (2, compounds.where_and_when),
    "why": (2, compounds.why_questions),
    "that": (5, compounds.reports),
    "because": (4, compounds.reasons),
    "relative": (4, compounds.relatives),
}

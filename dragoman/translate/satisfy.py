"""Whether a demand can be met at all, and the shortest way to meet what is open."""

from __future__ import annotations

from dragoman.language.phrases import holds
from dragoman.translate.automaton import Automaton, Node
from dragoman.translate.demand import Demand, clauses
from dragoman.translate.lexicon import Lexicon

SEPARATORS = (" ", ", ", "; ", " / ", ". ")
"""What may stand before a phrase that is put in because nothing else is left, besides what stands there."""
TRIES = 1000
"""Ways that are tried to put the open phrases in a row."""
NO_PLAN = (-1,)


class Unsatisfiable(Exception):
    """A demand that no output can meet. ``name``: contradictory, unwritable or too-long."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def compiled(demand: Demand, lexicon: Lexicon, room: int) -> Automaton:
    """The automaton of a demand that an output of ``room`` tokens can meet; else Unsatisfiable."""
    parts = clauses(demand)
    if sum(times for _, times in parts) > room:
        raise Unsatisfiable("too-long", f"more demands than the {room} tokens that fit; take some out")
    automaton = Automaton(demand, lexicon, [_usable(forms, demand, lexicon, room) for forms, _ in parts])
    plan = plan_of(automaton, automaton.start)
    if plan is None:
        raise Unsatisfiable(
            "contradictory", "no order of the phrases avoids the forbidden ones; take one out"
        )
    if len(plan) > room:
        raise Unsatisfiable(
            "too-long", f"the phrases take {len(plan)} tokens, at most {room} fit; allow a longer output"
        )
    return automaton


def _usable(forms: tuple[str, ...], demand: Demand, lexicon: Lexicon, room: int) -> list[str]:
    """The forms of a clause that are not forbidden, can be written, and fit."""
    found, reasons = [], []
    for form in forms:
        if len(form) > room * lexicon.longest:
            reasons.append(("too-long", f"{form[:40]!r}... takes more than the {room} tokens that fit"))
            continue
        banned = next((phrase for phrase in demand.forbid if holds(form, phrase, demand.ignore_case)), None)
        if banned is not None:
            reasons.append(("contradictory", f"{form!r} must appear and holds {banned!r}, which must not"))
        elif not form:
            reasons.append(("unwritable", "a phrase is empty"))
        elif not lexicon.writes(form):
            reasons.append(("unwritable", f"{form!r} holds characters that the tokenizer cannot write"))
        else:
            found.append(form)
    if not found:
        name, message = min(reasons)
        raise Unsatisfiable(name, f"{message}; take it out or give another form")
    return found


def plan_of(automaton: Automaton, node: Node) -> tuple[int, ...] | None:
    """Tokens that lead from a node to one where the text may end, or None if none were found.

    They are the fewest, or nearly so; from each node on their way the rest of them is the plan.
    """
    if node.plan is None:
        found = _search(automaton, node, [TRIES])
        node.plan = NO_PLAN if found is None else found
        for place, after in enumerate(automaton.walk(node, found or ()) or ()):
            after.plan = node.plan[place + 1 :]
    return None if node.plan == NO_PLAN else node.plan


def _search(automaton: Automaton, node: Node, tries: list[int]) -> tuple[int, ...] | None:
    if node.final:
        return ()
    for option in sorted(_options(automaton, node), key=len):
        tries[0] -= 1
        if tries[0] < 0:
            return None
        nodes = automaton.walk(node, option)
        if nodes and nodes[-1].missing < node.missing:
            rest = _search(automaton, nodes[-1], tries)
            if rest is not None:
                return (*option, *rest)
    return None


def _options(automaton: Automaton, node: Node) -> list[tuple[int, ...]]:
    """Ways to write one of the open phrases next."""
    texts = [automaton.phrases[index].data[done:] for index, done in automaton.under_way(node)]
    openings = automaton.openings(node)
    texts += [before.encode() + automaton.phrases[index].data for index, before in openings]
    for index in dict.fromkeys(index for index, _ in openings):
        texts += [separator.encode() + automaton.phrases[index].data for separator in SEPARATORS]
    ways = map(automaton.lexicon.fewest, texts)
    return [way for way in ways if way is not None]

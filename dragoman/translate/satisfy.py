"""Whether a demand can be met at all, and the shortest way to meet what is open."""

from __future__ import annotations

from dragoman.language.phrases import holds
from dragoman.translate.automaton import Automaton, Node
from dragoman.translate.demand import Demand, clauses
from dragoman.translate.lexicon import FAR, Lexicon

SEPARATORS = ("", " ", ", ", "; ", " / ", ". ")
"""What may stand before a phrase that is put in because nothing else is left; the first that do are taken."""
TRIES = 400
"""Ways that are tried to put the open phrases in a row."""
NO_PLAN = (-1,)


class Unsatisfiable(Exception):
    """A demand that no output can meet. ``name``: contradictory, unwritable or too-long."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def compiled(demand: Demand, lexicon: Lexicon, room: int) -> Automaton:
    """The automaton of a demand that an output of ``room`` tokens can meet; else Unsatisfiable."""
    usable = [_usable(forms, demand, lexicon) for forms, _ in clauses(demand)]
    automaton = Automaton(demand, lexicon, usable)
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


def _usable(forms: tuple[str, ...], demand: Demand, lexicon: Lexicon) -> list[str]:
    """The forms of a clause that are not forbidden and can be written."""
    found, reasons = [], []
    for form in forms:
        banned = next((phrase for phrase in demand.forbid if holds(form, phrase, demand.ignore_case)), None)
        if banned is not None:
            reasons.append(("contradictory", f"{form!r} must appear and holds {banned!r}, which must not"))
        elif not _is_text(form) or lexicon.costs(form.encode())[0] >= FAR:
            reasons.append(("unwritable", f"{form!r} holds characters that the tokenizer cannot write"))
        else:
            found.append(form)
    if not found:
        name, message = min(reasons)
        raise Unsatisfiable(name, f"{message}; take it out or give another form")
    return found


def _is_text(form: str) -> bool:
    """False for text with half a surrogate pair, which JSON can hold and no output can."""
    return not any("\ud800" <= char <= "\udfff" for char in form)


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
    lexicon, found = automaton.lexicon, []
    for index, done in automaton.under_way(node):
        found.append(automaton.phrases[index].data[done:])
    for clause, some in enumerate(automaton.clauses):
        for index in some if node.needs(clause) else ():
            found += [separator.encode() + automaton.phrases[index].data for separator in SEPARATORS]
    ways = []
    for text in found:
        costs = lexicon.costs(text)
        if costs[0] < FAR:
            ways.append(tuple(lexicon.shortest(text, costs)))
    return ways

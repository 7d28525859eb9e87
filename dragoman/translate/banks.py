"""Which continuations of a sentence with demands are followed: a share of the beam for every number met.

After dynamic beam allocation (Post and Vilar 2018): hypotheses compete with those that meet as many demands,
each such bank has a share of the beam, and what a bank cannot use goes to the others. Three things are ours.
A hypothesis inside a phrase also competes as if the phrase were written, at the price that its remaining
tokens have had in this sentence so far: a phrase that begins in its place wins over one that came too early.
Where the model would end the text, or the text is longer than expected, an open phrase is the only way on:
otherwise words without sense would pay for the phrase, because scores are means over tokens. And of
hypotheses that stand behind a forbidden phrase, and hope that the word goes on, only one is followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dragoman.translate.automaton import Automaton, Node
from dragoman.translate.satisfy import plan_of

UNKNOWN = 1.0
"""Price of a token inside a phrase, in nats, before one has been seen."""
OPEN = 3.0
"""Least price of a demand that nothing has been written for."""
FLOOR = -40.0
"""Log-probability of what must be written though the model (or a contrast) rules it out."""
LIKELY = 2.0
"""In a greedy search a phrase begins where its first token is no further below the best one, in nats."""
SLACK = 2
"""Tokens that a text may be longer than expected before open phrases become the only way on."""


class Row(NamedTuple):
    """A hypothesis and what may follow: tokens with log-probabilities, the likeliest first; ``offers``: those
    that begin or continue an open phrase; ``end``: the likeliest end token. ``bound``: an open phrase is the
    only way on, until it is written."""

    row: int
    node: Node
    total: float
    best: Sequence[tuple[int, float]]
    offers: Sequence[tuple[int, float]]
    end: tuple[int, float]
    bound: bool

    @property
    def wants_end(self) -> bool:
        """Whether the model would end the text here."""
        return not self.best or self.end[1] >= self.best[0][1]


@dataclass(eq=False, slots=True)
class Candidate:
    """A hypothesis with one more token, and its log-probability. ``node`` is None if that token ends it;
    ``hope`` is the log-probability that it may still have when all demands are met."""

    row: int
    token: int
    value: float
    node: Node | None
    bound: bool = False
    hope: float = 0.0

    @property
    def risky(self) -> bool:
        """Whether a border would complete a forbidden phrase."""
        return self.node is not None and self.node.risky


class Banks:
    """The choices for one sentence, step by step. ``expected``: the length of its translation without
    demands, in tokens; if it is not given, the first place where the best hypothesis would end."""

    def __init__(
        self, automaton: Automaton, slots: int, n_best: int, penalty: float, expected: int | None = None
    ) -> None:
        self.automaton, self.slots, self.n_best, self.penalty = automaton, slots, n_best, penalty
        self.expected = expected
        self.window = len(plan_of(automaton, automaton.start) or ()) + 3 * automaton.total + 4
        self.finished: list[float] = []
        self._paid: dict[tuple[int, int], tuple[float, int]] = {}

    def offers(self, node: Node, room: int) -> list[int]:
        """Tokens that begin or continue an open phrase, as the tokenizer writes it; where little room is left
        also the next token of the shortest way."""
        if node.offers is None:
            node.offers = self._offers(node)
        found = [token for token, _, _ in node.offers]
        return list(dict.fromkeys([*found, *self._shortest(node, room - 1)]))

    def _shortest(self, node: Node, room: int) -> tuple[int, ...]:
        """The next token of the shortest way to meet what is open, where little room is left after it."""
        near = room <= self.window and node.missing
        return (plan_of(self.automaton, node) or ())[:1] if near else ()

    def _offers(self, node: Node) -> list[tuple[int, int, int]]:
        """Tokens with the phrase they belong to and the bytes of it that stand there already."""
        automaton = self.automaton
        texts = [
            (index, done, automaton.phrases[index].data[done:]) for index, done in automaton.under_way(node)
        ]
        if not node.buffer:
            openings = automaton.openings(node)
            texts += [
                (index, 0, before.encode() + automaton.phrases[index].data) for index, before in openings
            ]
        spelt = [(index, done, automaton.lexicon.spelled(text)) for index, done, text in texts]
        return [(ids[0], index, done) for index, done, ids in spelt if ids]

    def choose(self, rows: Sequence[Row], step: int, room: int) -> list[Candidate]:
        """At most ``slots`` candidates to follow and as many that end; none if the sentence is done."""
        self._learn(rows)
        if self.expected is None and max(rows, key=lambda row: row.total).wants_end:
            self.expected = step
        late = self.expected is not None and step > self.expected + SLACK
        going = [one for row in rows for one in self._extend(row, late, room - 1)]
        ends = [
            Candidate(row.row, row.end[0], row.total + row.end[1], None)
            for row in rows
            if row.node.final and row.end[1] > FLOOR
        ]
        if self.slots == 1:
            return self._greedy(rows[0], going, ends)
        return self._share(going, ends, (step + 1) ** self.penalty)

    def _extend(self, row: Row, late: bool, room: int) -> list[Candidate]:
        """What may follow one hypothesis."""
        bound = row.node.missing > 0 and bool(row.offers) and (row.bound or late or row.wants_end)
        tokens = dict(row.offers)
        if not bound:
            tokens |= dict(row.best)
        else:
            inside = {token for token, _, done in row.node.offers or () if done}
            kept = inside and inside.union(self._shortest(row.node, room))
            tokens = {token: price for token, price in tokens.items() if not kept or token in kept}
        found = []
        for token, log_prob in tokens.items():
            after = self.automaton.step(row.node, token)
            if after is not None and self._fits(after, room):
                value = row.total + max(log_prob, FLOOR)
                still = bound and after.missing == row.node.missing
                found.append(Candidate(row.row, token, value, after, still))
        return found

    def _fits(self, node: Node, room: int) -> bool:
        """Whether what is open fits into the tokens that are left."""
        if room > self.window:
            return True
        plan = plan_of(self.automaton, node)
        return plan is not None and len(plan) <= room

    def _learn(self, rows: Sequence[Row]) -> None:
        """Note what the tokens inside phrases cost."""
        for row in rows:
            prices = dict(row.offers)
            for token, phrase, done in row.node.offers or ():
                if done and token in prices:
                    total, times = self._paid.get((phrase, done), (0.0, 0))
                    self._paid[phrase, done] = (total - max(prices[token], FLOOR), times + 1)

    def _promise(self, node: Node) -> float | None:
        """The least price of ending a phrase that a text is inside of; None if it is inside of none."""
        prices = [self._price(phrase, done) for phrase, done in self.automaton.under_way(node)]
        return min(prices) if prices else None

    def _price(self, phrase: int, done: int) -> float:
        """What the rest of a phrase will cost."""
        lexicon, price = self.automaton.lexicon, 0.0
        for token in lexicon.spelled(self.automaton.phrases[phrase].data[done:]):
            total, times = self._paid.get((phrase, done), (UNKNOWN, 1))
            price += total / times
            done += len(lexicon.surface(token))
        return price

    def _share(self, going: list[Candidate], ends: list[Candidate], length: float) -> list[Candidate]:
        """Share the beam out over the banks; then leave out what cannot become better than what is done."""
        banks: list[list[tuple[float, Candidate]]] = [
            [] for _ in range(min(self.slots, self.automaton.total + 1))
        ]
        for one in going:
            missing = one.node.missing if one.node else 0
            promise = self._promise(one.node) if one.node and missing else None
            banks[self._bank(missing)].append((one.value, one))
            one.hope = one.value - OPEN * missing
            if promise is not None:
                banks[self._bank(missing - 1)].append((one.value - promise, one))
                one.hope += OPEN - promise
        chosen = self._fill([sorted(bank, key=lambda pair: -pair[0]) for bank in reversed(banks) if bank])
        rivals = sorted((value for value, _ in banks[-1]), reverse=True)
        bar = rivals[self.slots - 1] if len(rivals) >= self.slots else FLOOR * 1e6
        ends = sorted((one for one in ends if one.value >= bar), key=lambda one: -one.value)[: self.slots]
        self.finished = sorted([*self.finished, *(one.value / length for one in ends)], reverse=True)
        if len(self.finished) >= self.n_best:
            worst = self.finished[self.n_best - 1]
            chosen = [one for one in chosen if one.hope / length > worst]
        return [*chosen, *ends]

    def _bank(self, missing: int) -> int:
        """The bank of a hypothesis; with more of them than slots, neighbours share one, but not the last."""
        total = self.automaton.total
        if total < self.slots:
            return total - missing
        return self.slots - 1 if missing == 0 else (total - missing) * (self.slots - 1) // total

    def _fill(self, queues: list[list[tuple[float, Candidate]]]) -> list[Candidate]:
        """The best of each bank by equal shares, odd ones to those that meet most (the first); of risky
        candidates one, unless there are not enough others."""
        chosen: dict[Candidate, None] = {}
        risky: dict[Candidate, None] = {}
        share, odd = divmod(self.slots, max(len(queues), 1))
        quotas = [share + (place < odd) for place in range(len(queues))]
        for quota, queue in (*zip(quotas, queues, strict=True), *((self.slots, queue) for queue in queues)):
            taken = 0
            while queue and taken < quota and len(chosen) < self.slots:
                one = queue.pop(0)[1]
                if one.risky:
                    risky[one] = None
                if one not in chosen and (not one.risky or len(risky) == 1):
                    chosen[one] = None
                    taken += 1
        rest = [one for one in risky if one not in chosen]
        return [*chosen, *rest[: self.slots - len(chosen)]]

    def _greedy(self, row: Row, going: list[Candidate], ends: list[Candidate]) -> list[Candidate]:
        """One candidate: inside a phrase go on, begin one where it is likely, end where the model would."""
        safe = [one for one in going if not one.risky] or going
        best = max(safe, key=lambda one: one.value, default=None)
        if best is None or (ends and ends[0].value >= best.value):
            return ends
        offers = {token for token, _ in row.offers}
        phrase = max((one for one in safe if one.token in offers), key=lambda one: one.value, default=None)
        inside = bool(self.automaton.under_way(row.node))
        return [phrase if phrase and (inside or best.value - phrase.value <= LIKELY) else best]

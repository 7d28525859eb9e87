"""The score processor of hard demands: it leaves each sentence the candidates that its banks choose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from dragoman.translate.automaton import Automaton, Node
from dragoman.translate.banks import FLOOR, Banks, Candidate, Row
from dragoman.translate.state import Settings, State

SPARE = 4
"""Tokens of a row that are looked at beyond what the beam could take: some may be forbidden."""
DEEP = 256
"""Tokens of a row that are looked at where none of the likeliest may be chosen."""


class Constraints:
    """Meets the demands of a search's jobs.

    ``automata`` has one for each job, or None: rows of jobs without one are left as they are. ``expected``
    has the lengths of translations without demands, in tokens, where they are known.
    """

    def __init__(
        self,
        automata: Sequence[Automaton | None],
        settings: Settings,
        expected: Sequence[int | None] | None = None,
    ) -> None:
        lengths = expected or [None] * len(automata)
        self.banks = {
            job: Banks(one, settings.beam, settings.n_best, settings.length_penalty, length)
            for job, (one, length) in enumerate(zip(automata, lengths, strict=True))
            if one is not None
        }
        self.stops = list(settings.stop_ids)
        self.width = settings.beam + SPARE + len(self.stops)
        self._nodes: dict[int, Node] = {}
        self._bound: set[int] = set()
        self._chosen: dict[tuple[int, int], Candidate] = {}

    def __call__(self, scores: Tensor, state: State) -> Tensor:
        """Scores [rows, vocabulary] with -inf for all that was not chosen, in the rows that have demands."""
        jobs = state.sequence.tolist()
        held = [row for row, job in enumerate(jobs) if job in self.banks]
        if not held:
            return scores
        self._follow(held, jobs, state)
        found = self._choose(scores, list(self._nodes), jobs, state, self.width)
        self._chosen = {(one.row, one.token): one for one in found}
        places = torch.tensor(held, device=scores.device)
        rows = torch.tensor([one.row for one in found], dtype=torch.long, device=scores.device)
        tokens = torch.tensor([one.token for one in found], dtype=torch.long, device=scores.device)
        kept = scores[rows, tokens].clamp(min=FLOOR)
        scores[places] = -torch.inf
        scores[rows, tokens] = kept
        state.chosen[places] = True
        return scores

    def _follow(self, held: Sequence[int], jobs: Sequence[int], state: State) -> None:
        """The node of each row that is still followed, and whether it is bound to a phrase."""
        if state.parents is None:
            self._nodes = {row: self.banks[jobs[row]].automaton.start for row in held}
            return
        parents, last, total = state.parents.tolist(), state.tokens[:, -1].tolist(), state.total.tolist()
        before, self._nodes, self._bound = self._chosen, {}, set()
        for row in held:
            one = before.get((parents[row], last[row]))
            if one is not None and one.node is not None and total[row] > -torch.inf:
                self._nodes[row] = one.node
                if one.bound:
                    self._bound.add(row)

    def _choose(
        self, scores: Tensor, alive: list[int], jobs: Sequence[int], state: State, width: int
    ) -> list[Candidate]:
        """What the banks of each sentence choose, given the likeliest ``width`` tokens of each row."""
        if not alive:
            return []
        of_job: dict[int, list[Row]] = defaultdict(list)
        room = state.room.tolist()
        for row in self._rows(scores, alive, jobs, room, state, width):
            of_job[jobs[row.row]].append(row)
        found: list[Candidate] = []
        stuck: list[int] = []
        for job, rows in of_job.items():
            chosen = self.banks[job].choose(rows, state.step, room[rows[0].row])
            found += chosen
            if not chosen and not self.banks[job].finished:
                stuck += [row.row for row in rows]
        if stuck and width < DEEP:
            found += self._choose(scores, stuck, jobs, state, DEEP)
        return found

    def _rows(
        self,
        scores: Tensor,
        alive: Sequence[int],
        jobs: Sequence[int],
        room: Sequence[int],
        state: State,
        width: int,
    ) -> list[Row]:
        """What may follow each row, read from the scores in one go."""
        part = scores[torch.tensor(alive, device=scores.device)]
        value, token = (one.tolist() for one in part.topk(min(width, part.shape[-1]), dim=-1))
        end, which = (one.tolist() for one in part[:, self.stops].max(dim=-1))
        total = state.total.tolist()
        offers = [self.banks[jobs[row]].offers(self._nodes[row], room[row]) for row in alive]
        owner = [place for place, tokens in enumerate(offers) for _ in tokens]
        prices = iter(part[owner, [token for tokens in offers for token in tokens]].tolist() if owner else ())
        rows = []
        for place, row in enumerate(alive):
            pairs = zip(token[place], value[place], strict=True)
            best = [(one, price) for one, price in pairs if one not in self.stops and price > -torch.inf]
            offered = [(one, next(prices)) for one in offers[place]]
            last = (self.stops[which[place]], end[place])
            rows.append(Row(row, self._nodes[row], total[row], best, offered, last, row in self._bound))
        return rows

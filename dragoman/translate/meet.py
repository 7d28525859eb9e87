"""How demands are met: asked for in the prompt, enforced by the search, or both.

A sentence is first translated as if there were no hard demand. Its translation stays if it meets the demand;
else it is searched again, with a processor that meets it. So a demand changes nothing where it is met
anyway, and costs only where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from dragoman.prompt.encode import Encoder
from dragoman.translate.automaton import Automaton
from dragoman.translate.batches import Item
from dragoman.translate.constraints import Constraints
from dragoman.translate.demand import Demand, check
from dragoman.translate.lexicon import Lexicon
from dragoman.translate.satisfy import compiled
from dragoman.translate.search import Hypothesis, Processor, Settings, search

Mode = Literal["soft", "hard", "both"]
"""soft: the demand stands in the prompt; hard: the search meets it; both: both."""
MODES: tuple[Mode, ...] = ("soft", "hard", "both")
LEAST = 4
"""Hypotheses that a search with demands follows at least, also where lines without demands are greedy."""


class Meeting:
    """Meets the demands of one translator."""

    def __init__(self, encoder: Encoder, settings: Settings, mode: Mode) -> None:
        self.encoder, self.settings, self.mode = encoder, settings, mode
        self.soft, self.hard = mode != "hard", mode != "soft"
        self._lexicon: Lexicon | None = None

    def automaton(self, demand: Demand, room: int) -> Automaton:
        """The automaton of a demand; Unsatisfiable if no output of ``room`` tokens can meet it."""
        self._lexicon = self._lexicon or Lexicon(self.encoder)
        return compiled(demand, self._lexicon, room)

    def writable(self, demand: Demand, room: int) -> Demand:
        """What of a demand a prompt can name: the phrases that the tokenizer can write; Unsatisfiable if no
        output can meet the demand."""
        lexicon = self.automaton(demand, room).lexicon
        must = tuple(tuple(filter(lexicon.writes, forms)) for forms in demand.must)
        return replace(demand, must=must, forbid=tuple(filter(lexicon.writes, demand.forbid)))

    def prepare(self, item: Item, demand: Demand | None) -> Item:
        """The item with the automaton of its demand; Unsatisfiable if its output cannot meet it."""
        if self.hard and demand:
            item.automaton = self.automaton(demand, item.job.max_new_tokens)
        return item

    def beam(self, item: Item) -> int:
        """Hypotheses that are followed for an item with a demand: one more for every second part of it, as
        far as twice the beam."""
        total = item.automaton.total if item.automaton else 0
        base = max(self.settings.beam, LEAST)
        return min(2 * base, base + total // 2)

    def cost(self, item: Item) -> int:
        """Tokens of a row of an item in the second search, as its first translation lets expect: an output
        of at most twice that length."""
        longest = 2 * len(item.found[0].ids) if item.found else item.job.max_new_tokens
        return max(map(len, item.job.contexts)) + min(longest, item.job.max_new_tokens)

    def search(
        self, model: Any, items: Sequence[Item], beam: int, processors: Sequence[Processor]
    ) -> list[list[Hypothesis]]:
        """Hypotheses that meet the demands of items whose first translations did not."""
        settings = replace(self.settings, beam=beam)
        expected = [len(item.found[0].ids) if item.found else None for item in items]
        constraints = Constraints([item.automaton for item in items], settings, expected)
        return search(model, [item.job for item in items], settings, [*processors, constraints])

    def good(self, hypotheses: Sequence[Hypothesis], demand: Demand) -> list[Hypothesis]:
        """Those that meet a demand."""
        return [one for one in hypotheses if check(self.encoder.decode(one.ids), demand).satisfied]

    def best(
        self, first: Sequence[Hypothesis], second: Sequence[Hypothesis], demand: Demand
    ) -> list[Hypothesis]:
        """The best of two searches that meet a demand, each text once; if none does, the best attempt."""
        ranked = sorted(self.good((*first, *second), demand), key=lambda one: one.score)
        found = {self.encoder.decode(one.ids): one for one in ranked}
        best = sorted(found.values(), key=lambda one: -one.score)[: self.settings.n_best]
        return best or [one for one in second if one.ids][:1] or list(first[:1])

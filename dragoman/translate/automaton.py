"""The automaton that reads an output byte by byte and knows which demands it meets, whatever its tokens are.

A node says all that matters of the text so far: the bytes of an unfinished character, the kind of the last
character, how far phrases have been followed, and how often each clause is still to be met. A phrase is met
when the character behind it shows a border, or the text ends there.
"""

from __future__ import annotations

import codecs
from collections import defaultdict
from collections.abc import Sequence

from dragoman.language.phrases import BORDER, FREE, LEADS, SPACE, START, fold, kind_of, normal, spellings
from dragoman.translate.demand import Demand, clauses
from dragoman.translate.lexicon import Lexicon

FORBIDDEN = -1
"""In place of a clause's number."""

Key = tuple[bytes, int, tuple[tuple[int, int], ...], tuple[int, ...]]


class Phrase:
    """A phrase that is looked for. ``clause``: the demand that it meets, or FORBIDDEN."""

    def __init__(self, text: str, clause: int, ignore_case: bool) -> None:
        self.text, self.clause = text, clause
        self.chars = tuple(map(fold, text)) if ignore_case else tuple(text)
        self.size = len(self.chars)
        self.data = text.encode(errors="replace")
        self.offsets = [len(text[:place].encode(errors="replace")) for place in range(self.size + 1)]

    def follows(self, place: int, char: str) -> tuple[int, ...]:
        """The places that a character leads to from ``place``; a forbidden space is any white space."""
        wanted = self.chars[place]
        if self.clause != FORBIDDEN:
            return (place + 1,) if char == wanted else ()
        space = char.isspace()
        stays = space and place > 0 and self.chars[place - 1] == " "
        goes = space if wanted == " " else char == wanted
        return (*((place,) if stays else ()), *((place + 1,) if goes else ()))


class Node:
    """A state of the automaton.

    ``threads``: (phrase, characters of it that the text ends with), sorted; ``left``: how often each clause
    is still to be met, not counting one that the end of the text would meet. ``missing``: demands that are
    open even if the text ends here. ``risky``: at the end, or before a border, a forbidden phrase would
    stand here.
    """

    __slots__ = (
        "after",
        "buffer",
        "left",
        "missing",
        "offers",
        "plan",
        "prev",
        "risky",
        "threads",
        "waiting",
    )

    def __init__(self, key: Key, phrases: Sequence[Phrase]) -> None:
        self.buffer, self.prev, self.threads, self.left = key
        whole = [phrases[phrase].clause for phrase, place in self.threads if place == phrases[phrase].size]
        self.waiting = frozenset(clause for clause in whole if clause != FORBIDDEN)
        self.missing = sum(self.left) - len(self.waiting)
        self.risky = FORBIDDEN in whole
        self.after: dict[int, Node | None] = {}
        self.offers: list[tuple[int, int, int]] | None = None
        self.plan: tuple[int, ...] | None = None

    @property
    def final(self) -> bool:
        """Whether the text may end here."""
        return self.missing == 0 and not self.risky

    def needs(self, clause: int) -> bool:
        """Whether a clause would still be open at the end of the text."""
        return self.left[clause] > (clause in self.waiting)


class Automaton:
    """The automaton of one demand; ``usable`` holds the forms of each clause that can be written."""

    def __init__(self, demand: Demand, lexicon: Lexicon, usable: Sequence[Sequence[str]]) -> None:
        self.lexicon, self.ignore_case = lexicon, demand.ignore_case
        parts = clauses(demand)
        self.phrases = [
            Phrase(form, clause, demand.ignore_case) for clause, some in enumerate(usable) for form in some
        ]
        self.clauses = [
            [index for index, phrase in enumerate(self.phrases) if phrase.clause == clause]
            for clause in range(len(parts))
        ]
        forbidden = filter(None, map(normal, demand.forbid))
        for text in dict.fromkeys(spelling for phrase in forbidden for spelling in spellings(phrase)):
            self.phrases.append(Phrase(text, FORBIDDEN, demand.ignore_case))
        self._first: dict[str, list[int]] = defaultdict(list)
        for index, phrase in enumerate(self.phrases):
            self._first[phrase.chars[0]].append(index)
        self._nodes: dict[Key, Node] = {}
        self.total = sum(times for _, times in parts)
        self.start = self._node((b"", START, (), tuple(times for _, times in parts)))

    def step(self, node: Node, token: int) -> Node | None:
        """The node after one more token; None if that has written a forbidden phrase."""
        if token not in node.after:
            surface = self.lexicon.surface(token)
            node.after[token] = self._feed(node, surface) if surface else node
        return node.after[token]

    def walk(self, node: Node, tokens: Sequence[int]) -> list[Node] | None:
        """The nodes after each of several tokens; None if they write a forbidden phrase."""
        found: list[Node] = []
        for token in tokens:
            after = self.step(found[-1] if found else node, token)
            if after is None:
                return None
            found.append(after)
        return found

    def _node(self, key: Key) -> Node:
        if key not in self._nodes:
            self._nodes[key] = Node(key, self.phrases)
        return self._nodes[key]

    def _feed(self, node: Node, surface: bytes) -> Node | None:
        data = node.buffer + surface
        text, used = codecs.utf_8_decode(data, "replace", False)
        prev, threads, left = node.prev, node.threads, node.left
        for char in text:
            kind = kind_of(char)
            at_border = BORDER[prev][kind]
            folded = fold(char) if self.ignore_case else char
            first = self._first.get(folded, ()) if at_border else ()
            if threads or first:
                settled = self._settle(threads, left, at_border)
                if settled is None:
                    return None
                threads, left = settled
                threads = self._follow(threads, first, folded, left)
            prev = kind
        return self._node((data[used:], prev, threads, left))

    def _settle(
        self, threads: tuple[tuple[int, int], ...], left: tuple[int, ...], at_border: bool
    ) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]] | None:
        """Phrases that ended with the last character, now that it is known whether a border follows."""
        going = [(phrase, place) for phrase, place in threads if place < self.phrases[phrase].size]
        if len(going) == len(threads) or not at_border:
            return tuple(going), left
        whole = set(threads).difference(going)
        met = {self.phrases[phrase].clause for phrase, _ in whole}
        if FORBIDDEN in met:
            return None
        # what was under way overlaps with the phrase that has been met: it cannot count for another time
        going = [(phrase, place) for phrase, place in going if self.phrases[phrase].clause not in met]
        return tuple(going), tuple(times - (clause in met) for clause, times in enumerate(left))

    def _follow(
        self, threads: tuple[tuple[int, int], ...], first: Sequence[int], char: str, left: tuple[int, ...]
    ) -> tuple[tuple[int, int], ...]:
        """The threads after one more character, with those that it begins."""
        found = {
            (phrase, place) for phrase, was in threads for place in self.phrases[phrase].follows(was, char)
        }
        for phrase in first:
            clause = self.phrases[phrase].clause
            if clause == FORBIDDEN or left[clause] > 0:
                found.add((phrase, 1))
        return tuple(sorted(found))

    def under_way(self, node: Node) -> list[tuple[int, int]]:
        """The open phrases that a text is inside of, with the bytes of each that stand there; those whose
        next character has begun otherwise are left out."""
        found = []
        for index, place in node.threads:
            phrase = self.phrases[index]
            if phrase.clause == FORBIDDEN or place == phrase.size or not node.needs(phrase.clause):
                continue
            done = phrase.offsets[place] + len(node.buffer)
            if not node.buffer or phrase.data[phrase.offsets[place] : done] == node.buffer:
                found.append((index, done))
        return found

    def openings(self, node: Node) -> list[tuple[int, str]]:
        """The open phrases that could begin here, each with what may stand before it: nothing or a space."""
        found = []
        spaced = node.prev != SPACE and (node is not self.start or self.lexicon.fresh_space)
        for clause, some in enumerate(self.clauses):
            for index in some if node.needs(clause) else ():
                kind = kind_of(self.phrases[index].text[0])
                at_border = BORDER[node.prev][kind]
                if at_border:
                    found.append((index, ""))
                if spaced and not (at_border and node.prev >= FREE and kind in (FREE, LEADS)):
                    found.append((index, " "))
        return found

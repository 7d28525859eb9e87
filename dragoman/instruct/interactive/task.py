"""Task ``interactive``: dialogues in which a translation is corrected, asked about and taken back.

A line gives one dialogue, of a kind that is drawn by its share; where the line has no room for that kind,
another one is drawn. Every dialogue is checked (:mod:`check`); what fails is dropped and counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from dragoman.corpus.pair import Record
from dragoman.errors import RecipeError
from dragoman.instruct.interactive.check import fault
from dragoman.instruct.interactive.dialogue import Dialogue
from dragoman.instruct.interactive.lexicon import Lexicon, pair_lexicon
from dragoman.instruct.interactive.plots import PLOTS, Length, Shares, corrections, history, questions
from dragoman.instruct.interactive.scene import Scene
from dragoman.instruct.interactive.script import Script
from dragoman.instruct.interactive.single import single_turns
from dragoman.instruct.interactive.stress import stressed
from dragoman.instruct.interactive.style import variants
from dragoman.instruct.interactive.wordings import Speech, has_speech, speech
from dragoman.instruct.linked import LinkedItems, Side
from dragoman.instruct.task import Material
from dragoman.language.language import Direction, same_language
from dragoman.prompt.example import Example
from dragoman.recipe import TaskSpec

VERSION = 3
"""Goes up when the same lines would give other dialogues."""
KINDS = ("vocabulary", "grammar", "content", "style", "history", "question")
LEAST = {"history": min(least for _, least in PLOTS)}
"""User turns that a kind needs, where two are not enough."""
OWN_REQUEST = 0.5
"""Share of the requests in the template's own words for a translation, where the user speaks its language."""


class Interactive:
    """One dialogue for each line and direction."""

    def __init__(self, spec: TaskSpec, material: Material) -> None:
        self.spec, self.material = spec, material
        self.lines = LinkedItems(spec, material, "interactive")
        self.size = self.lines.size
        self.shares = shares_of(spec, material)
        self._lexicons: dict[tuple[str, ...], Lexicon] = {}
        self._speech = {direction: self._languages(direction) for direction in self.lines.items.directions}

    def make(self, item: int, rng: random.Random) -> list[Example]:
        """One example, or with ``single_turn`` one for each round that needs no history.

        None if the line gives no dialogue or the check finds a fault in it.
        """
        dialogue = self.dialogue(item, rng)
        if dialogue is None:
            return []
        if self.spec.edit_weight != 1:
            spaceless = self.lines.links(dialogue.direction).spaceless(dialogue.direction.target)
            dialogue = stressed(dialogue, self.spec.edit_weight, spaceless)
        return single_turns(dialogue) if self.spec.single_turn else [dialogue.example("interactive")]

    def dialogue(self, item: int, rng: random.Random) -> Dialogue | None:
        """The dialogue of an item."""
        record, direction = self.lines.items[item]
        line = self.lines.items.line(item)
        fewest, most = self.spec.turns
        language = rng.choice(self._speech[direction])
        for kind in _drawn(self.shares, rng):
            if LEAST.get(kind, 2) > most:
                continue
            length = Length(fewest, rng.randint(max(fewest, LEAST.get(kind, 2)), most))
            scene = self._scene(record, direction, line, rng)
            script = Script(
                scene,
                language,
                self._request(direction, language, rng),
                self.material.prompt_language(direction),
            )
            if _written(kind, script, length, self.shares) and len(script.dialogue.rounds) >= fewest:
                return self._checked(script, scene)
        self.lines.skip("no room for a dialogue")
        return None

    def _checked(self, script: Script, scene: Scene) -> Dialogue | None:
        real = {scene.text, *(v.text for v in scene.record.variants if v.language == scene.direction.target)}
        reason = fault(script.dialogue, real, scene.cut[1])
        if reason:
            self.lines.skip(reason)
            return None
        return script.dialogue

    def _request(self, direction: Direction, language: Speech, rng: random.Random) -> str:
        """What asks for the translation."""
        own = same_language(language.language, self.material.prompt_language(direction))
        if own and rng.random() < OWN_REQUEST:
            return self.material.instruction("mt", direction)
        return language.say("translate", rng, direction)

    def _languages(self, direction: Direction) -> list[Speech]:
        """The languages that a user may speak in a direction."""
        folder = self.spec.wordings
        if self.spec.user_language == "mixed":
            codes = [code for code in dict.fromkeys(("en", *direction)) if has_speech(code, folder)]
            codes = [
                c for k, c in enumerate(codes) if not any(same_language(c, other) for other in codes[:k])
            ]
        else:
            codes = [
                {"en": "en", "source": direction.source, "target": direction.target}[self.spec.user_language]
            ]
        return [speech(code, folder) for code in codes]

    def _scene(self, record: Record, direction: Direction, line: int, rng: random.Random) -> Scene:
        links = self.lines.links(direction)
        cut = (links.spaceless(direction.source), links.spaceless(direction.target))
        cells = [
            (i, j) for i, j, score in links.cells(line, direction.source) if score >= self.spec.posterior
        ]
        indices = self.material.store.indices(direction)

        def other() -> Scene:
            number = rng.randrange(len(indices))
            return self._scene(self.material.store[int(indices[number])], direction, number, rng)

        return Scene(
            record, direction, Side(record.texts[direction.source], cut[0]),
            Side(record.texts[direction.target], cut[1]), cells, cut, self._lexicon(direction), rng, other,
            lambda word, answer: links.known(direction.source, word, answer),
        )  # fmt: skip

    def _lexicon(self, direction: Direction) -> Lexicon:
        pair = tuple(sorted(direction))
        if pair not in self._lexicons:
            self._lexicons[pair] = pair_lexicon(self.material.store, direction, self.lines.links(direction))
        return self._lexicons[pair]


def shares_of(spec: TaskSpec, material: Material) -> dict[str, float]:
    """The shares of the kinds: those asked for, or all that the text allows alike.

    RecipeError if style is asked for and no line has a variant, or no kind has a share or turns enough.
    """
    has_variants = bool(getattr(material.store, "manifest", {}).get("variants"))
    if not spec.kinds:
        return {kind: 1.0 for kind in KINDS if kind != "style" or has_variants}
    shares: dict[str, float] = {kind: share for kind, share in spec.kinds.items() if share > 0}
    if not shares:
        raise RecipeError(f"task interactive: every kind has the share 0; known: {', '.join(KINDS)}")
    if "style" in shares and not has_variants:
        raise RecipeError(
            "task interactive: style is never invented: it needs `variants` (revisions, machine output or "
            "other references) in a source of data.train; add some, or leave style out of `kinds`"
        )
    if all(LEAST.get(kind, 2) > spec.turns[1] for kind in shares):
        raise RecipeError(f"task interactive: history needs {LEAST['history']} user turns; raise `turns`")
    return shares


def _drawn(shares: Shares, rng: random.Random) -> Iterator[str]:
    """The kinds in an order drawn by their shares."""
    left = dict(shares)
    while left:
        (kind,) = rng.choices(list(left), list(left.values()))
        del left[kind]
        yield kind


def _written(kind: str, script: Script, length: Length, shares: Shares) -> bool:
    """Write the dialogue of a kind; False if the line has no room for one."""
    plots: dict[str, Callable[[], bool]] = {
        "style": lambda: variants(script, length, shares),
        "history": lambda: history(script, length, shares),
        "question": lambda: questions(script, length),
    }
    if kind in plots:
        return plots[kind]()
    return corrections(script, kind, length, shares)

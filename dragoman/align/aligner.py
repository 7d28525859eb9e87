"""The aligner: trained on parallel text, it links the words of that text or of other text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from dragoman.align.bitext import CHUNK, LONGEST, Bitext
from dragoman.align.decide import SYMMETRIES, THRESHOLD, Symmetry, links
from dragoman.align.joint import Joint
from dragoman.align.one_way import Diagonal
from dragoman.align.result import Links, in_order
from dragoman.align.segment import Cutting
from dragoman.align.side import Side
from dragoman.align.text import Language, Text
from dragoman.align.vocabulary import STEM
from dragoman.errors import DataError, ModelError

ModelName = Literal["hmm", "diagonal"]
MODELS: tuple[str, ...] = get_args(ModelName)
Tell = Callable[[int], None]
Line = str | bytes


@dataclass(frozen=True)
class Settings:
    """What a trained aligner depends on besides its text; it is saved with it."""

    model: str = "hmm"
    symmetrize: str = "agree"
    threshold: float | None = None
    """Least posterior of a link; None: 0.4 for `agree`, for the others each word's best link."""
    stem: int = STEM
    """Characters at the beginning of a word that its relatives share; 0: no help from relatives."""
    longest: int = LONGEST
    """Words of a side above which a pair is left without links."""
    segment: str = "auto"
    """Whether text without spaces is cut: `auto`, `words` (never), `units` (always)."""

    def __post_init__(self) -> None:
        for name, choices in (("model", MODELS), ("symmetrize", SYMMETRIES), ("segment", get_args(Cutting))):
            if (given := getattr(self, name)) not in choices:
                raise DataError(f"{name} {given!r} is unknown; expected one of {', '.join(choices)}")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise DataError(
                f"threshold {self.threshold} is out of range; expected a posterior between 0 and 1"
            )
        if self.stem < 0 or self.longest < 1:
            raise DataError("stem must be 0 or more characters, longest at least 1 word; change the setting")


class Aligner:
    """Learns from parallel text which word answers which, and links words.

    ``aligner = Aligner(); aligner.train(source, target); aligner.align(source, target)``: source and target
    are equally many lines, each a string whose words are parted by blanks. The result, a :class:`Links`, is
    a sequence with a sorted list of (source index, target index) for each line, empty lines included.
    Training uses no random numbers, and sums do not depend on the number of threads: the same text gives the
    same links.
    """

    def __init__(
        self, model: ModelName = "hmm", symmetrize: Symmetry = "agree", threshold: float | None = None, *,
        stem: int = STEM, longest: int = LONGEST, segment: Cutting = "auto", threads: int = 1,
        chunk: int = CHUNK,
    ) -> None:  # fmt: skip
        self.settings = Settings(model, symmetrize, threshold, stem, longest, segment)
        self.threads, self.chunk = threads, chunk
        self.source = Language(stem=stem, segment=segment)
        self.target = Language(stem=stem, segment=segment)
        self.model: Joint | Diagonal | None = None
        self.pairs = 0
        """Pairs of the last training that were used; ``too_long`` were left out."""
        self.too_long = 0
        self.entries = 0
        """Pairs of words in the table of the last training."""

    def train(self, source: Iterable[Line], target: Iterable[Line], tell: Tell | None = None) -> Aligner:
        """Learn from these lines, anew; ``tell`` is called with the number of pairs seen in all passes so
        far."""
        self._fit(self._new_text(source, target), tell)[1].forget()
        return self

    def train_align(self, source: Iterable[Line], target: Iterable[Line], tell: Tell | None = None) -> Links:
        """Learn from these lines and link their words; the text is read once."""
        text = self._new_text(source, target)
        bitext, model = self._fit(text, tell)
        found = self._link(model, text, bitext)
        model.forget()
        return found

    def align(self, source: Iterable[Line], target: Iterable[Line]) -> Links:
        """Link the words of these lines with what was learnt; words that are new are judged by their
        stems."""
        model = self._trained()
        text = Text.of(self.source.copy(), self.target.copy(), source, target)
        sides = [
            side.extended(language.new_stems(len(side.stem)))
            for language, side in ((text.source, model.source), (text.target, model.target))
        ]
        bitext = Bitext(text.source_tokens, text.target_tokens, self.settings.longest, self.chunk)
        return self._link(model.extended(sides[0], sides[1]), text, bitext)

    def link_as(self, symmetrize: Symmetry | None = None, threshold: float | None = None) -> None:
        """Make links in another way from what was learnt. ModelError if a direction was not learnt."""
        settings = replace(
            self.settings, symmetrize=symmetrize or self.settings.symmetrize,
            threshold=self.settings.threshold if threshold is None else threshold,
        )  # fmt: skip
        if isinstance(self.model, Diagonal):
            there = {direction.turned for direction in self.model.directions}
            if not set(_turned(settings.symmetrize)) <= there:
                raise ModelError(
                    f"only one direction was learnt, {settings.symmetrize} needs another; train it again"
                )
        self.settings = settings

    def depends(self) -> dict[str, Any]:
        """All that the links of a text depend on besides the text: settings, and the models' numbers."""
        from dragoman.align import agree, chain, diagonal, joint, one_way, rows, table

        numbers = {
            "hmm": (joint.NULL, joint.BAG, joint.CHAIN, agree.WORDS, agree.STEMS, chain.FAR),
            "diagonal": (one_way.PASSES, diagonal.NULL, diagonal.TENSION, diagonal.ALPHA),
        }[self.settings.model]
        thin = rows.THIN_ABOVE, table.RARE, self.chunk
        return {**asdict(self.settings), "numbers": numbers, "agree": THRESHOLD, "thin": thin}

    def passes(self) -> int:
        """How often training goes over the text: what ``tell`` counts to is this times the pairs."""
        from dragoman.align import joint, one_way

        if self.settings.model == "hmm":
            return joint.BAG + joint.CHAIN
        return one_way.PASSES * len(_turned(self.settings.symmetrize))

    def _trained(self) -> Joint | Diagonal:
        if self.model is None:
            raise ModelError("the aligner has not been trained; call train, or load a saved one")
        return self.model

    def _new_text(self, source: Iterable[Line], target: Iterable[Line]) -> Text:
        stem, segment = self.settings.stem, self.settings.segment
        languages = Language(stem=stem, segment=segment), Language(stem=stem, segment=segment)
        return Text.of(*languages, source, target)

    def _fit(self, text: Text, tell: Tell | None) -> tuple[Bitext, Joint | Diagonal]:
        """Learn from the text. Whatever was learnt before stays if this does not come to its end."""
        sides: list[Side] = []
        for language, tokens in ((text.source, text.source_tokens), (text.target, text.target_tokens)):
            tokens.ids = language.sort()[tokens.ids]
            sides.append(Side(language.stems, np.bincount(tokens.ids, minlength=len(language.stems))))
        bitext = Bitext(text.source_tokens, text.target_tokens, self.settings.longest, self.chunk)
        if not len(bitext):
            raise DataError(
                f"all {len(bitext.too_long):,} pairs have more than {self.settings.longest} words on a side; "
                "expected a sentence a line; cut them, or raise longest"
                if len(bitext.too_long)
                else "no pair of lines has words on both sides; expected parallel text, a sentence a line"
            )
        model: Joint | Diagonal
        if self.settings.model == "hmm":
            model = Joint.untrained(bitext, sides[0], sides[1], self.threads)
        else:
            turned = _turned(self.settings.symmetrize)
            model = Diagonal.untrained(bitext, sides[0], sides[1], self.threads, turned)
        model.train(bitext, self.threads, tell)
        self.entries = len(model.words.columns)
        if isinstance(model, Joint):
            model.prune()
        self.model, self.source, self.target = model, text.source, text.target
        self.pairs, self.too_long = len(bitext), len(bitext.too_long)
        return bitext, model

    def _link(self, model: Joint | Diagonal, text: Text, bitext: Bitext) -> Links:
        symmetry, threshold = self.settings.symmetrize, self.settings.threshold
        least = threshold if threshold is not None else THRESHOLD if symmetry == "agree" else 0.0
        found = [
            links(chunk, model.infer(chunk, self.threads), symmetry, least, self.threads)
            for chunk in bitext.chunks()
        ]
        return text.project(in_order(found, bitext.lines, bitext.count, bitext.too_long))


def _turned(symmetrize: str) -> tuple[bool, ...]:
    """The directions that the diagonal model needs: False is source to target."""
    return {"forward": (False,), "reverse": (True,)}.get(symmetrize, (False, True))

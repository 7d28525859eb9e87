"""From outputs to results: quality, off-target ratio with its floor, faults, by system and direction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from dragoman.errors import DataError
from dragoman.evaluate.faults import BY_REFERENCE, BY_SOURCE, LOOP, ROOM, TURNS, copied, runaway
from dragoman.evaluate.metrics import LineScores, Metric, make_metric, mean_of
from dragoman.evaluate.off_target import OffTarget, off_target
from dragoman.evaluate.outputs import Output
from dragoman.evaluate.results import ALL, SUPERVISED, ZERO_SHOT, Results, Row, uneven
from dragoman.language.identify import Identifier, knows
from dragoman.language.identify import signature as identifier_signature
from dragoman.language.language import Direction, canonical


class LineMetric(Protocol):
    """A metric of sources, hypotheses and references; ``lines`` is None where it has no score for them."""

    @property
    def metric(self) -> str:
        """Its name, in any letter case."""

    def lines(
        self, sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str] = ()
    ) -> LineScores | None:
        """One score a line, and their mean."""


_KEPT_LINES = 200_000
"""Lines whose statistics a scorer holds on to: about 60 MB."""


@dataclass(slots=True)
class Scorer:
    """How outputs are scored: text metrics by name, the OTR's identifier (None: no OTR), external metrics."""

    metrics: Sequence[str] = ("BLEU", "chrF++")
    identifier: Identifier | None = None
    external: Sequence[LineMetric] = ()
    _made: dict[tuple[str, str], Metric] = field(default_factory=dict)
    _kept: dict[Output, tuple[list[LineScores], dict[str, int]]] = field(default_factory=dict)

    def lines(self, output: Output) -> list[LineScores]:
        """Every metric and rate that can be taken of this output, as per-line statistics."""
        return self.score(output)[0]

    def score(self, output: Output) -> tuple[list[LineScores], dict[str, int]]:
        """As :meth:`lines`, and the number of lines by language that the identifier saw.

        Kept for the next call, so that comparing what was just evaluated costs no second count.
        """
        if output not in self._kept:
            judged = self.judge(output.hypotheses, output.direction)
            seen = dict(judged.confusion) if judged else {}
            scored = [*self._quality(output), *self._rates(output, judged)], seen
            if sum(len(known.ids) for known in self._kept) > _KEPT_LINES:
                self._kept.clear()
            self._kept[output] = scored
        return self._kept[output]

    def judge(self, texts: Sequence[str], direction: Direction) -> OffTarget | None:
        """The identifier's opinion of texts that should be in the target language.

        None without an identifier, or if it does not know that language.
        """
        if self.identifier is None or not knows(self.identifier, direction.target):
            return None
        return off_target(texts, direction.target, self.identifier)

    def _quality(self, output: Output) -> list[LineScores]:
        found = []
        if output.references:
            for name in self.metrics:
                key = (name, output.direction.target)
                if key not in self._made:
                    self._made[key] = make_metric(*key)
                found.append(self._made[key].lines(output.hypotheses, output.references))
        others = (e.lines(output.sources, output.hypotheses, output.references) for e in self.external)
        return found + [one for one in others if one is not None]

    def _rates(self, output: Output, judged: OffTarget | None) -> list[LineScores]:
        found = []
        if judged is not None:
            signature = judged.signature
            found += [
                mean_of("OTR", judged.off_target, signature),
                mean_of("unidentified", judged.unidentified, signature),
            ]
        empty = [not text.strip() for text in output.hypotheses]
        found.append(mean_of("empty", empty, "stripped"))
        if output.sources:
            flags = copied(output.hypotheses, output.sources, output.references)
            found.append(mean_of("copied", flags, "case:folded|spaces:folded"))
        yardsticks = output.references or output.sources
        if yardsticks:
            factor, by = (BY_REFERENCE, "reference") if output.references else (BY_SOURCE, "source")
            signature = f"longer:{factor}*{by}+{ROOM}|loop:{TURNS}*,{LOOP}"
            found.append(mean_of("runaway", runaway(output.hypotheses, yardsticks, factor), signature))
        return found


def evaluate_outputs(
    outputs: Sequence[Output],
    scorer: Scorer,
    supervised: Sequence[Direction] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Results:
    """Score every output. ``supervised``: directions that training saw; None if not known (group ``all``).

    DataError if a system has two outputs in one direction with the same seed. ``progress`` is called with the
    name of each output before it is scored.
    """
    outputs = unify(outputs)
    _check_distinct(outputs)
    results = Results()
    for output in outputs:
        if progress is not None:
            progress(f"{output.system} {output.direction}")
        scores, seen = scorer.score(output)
        name, group = str(output.direction), group_of(output.direction, supervised)
        for one in scores:
            about = (output.system, output.seed, name, group, one.metric)
            results.rows.append(Row(*about, one.value, one.signature, len(one.statistics)))
            if one.note and one.note not in results.remarks:
                results.remarks.append(one.note)
        if seen:
            counts = Counter(results.confusion.setdefault(output.system, {}).get(name, {})) + Counter(seen)
            results.confusion[output.system][name] = dict(counts.most_common())
    _add_floor(results, outputs, scorer)
    results.remarks += [*_warnings(outputs, scorer), *uneven(results)]
    return results


def _add_floor(results: Results, outputs: Sequence[Output], scorer: Scorer) -> None:
    """OTR of the references, once for each direction."""
    if scorer.identifier is None:
        return
    results.identifier = {
        "name": scorer.identifier.name,
        "candidates": list(scorer.identifier.candidates),
        "signature": identifier_signature(scorer.identifier),
    }
    known: dict[tuple[str, tuple[str, ...]], float] = {}
    for output in outputs:
        name = str(output.direction)
        if name in results.floor or not output.references:
            continue
        key = (canonical(output.direction.target), output.references)
        if key not in known:
            judged = scorer.judge(output.references, output.direction)
            if judged is None:
                continue
            known[key] = judged.ratio
        results.floor[name] = known[key]


def group_of(direction: Direction, supervised: Sequence[Direction] | None) -> str:
    """``supervised`` or ``zero-shot``; ``all`` if the supervised directions are not known."""
    if supervised is None:
        return ALL
    return SUPERVISED if _key(direction) in {_key(known) for known in supervised} else ZERO_SHOT


def unify(outputs: Iterable[Output]) -> list[Output]:
    """Give each direction one spelling, the first that occurs: ``deu-eng`` and ``de-en`` are the same."""
    spelling: dict[tuple[str, str], Direction] = {}
    return [replace(o, direction=spelling.setdefault(_key(o.direction), o.direction)) for o in outputs]


def _key(direction: Direction) -> tuple[str, str]:
    return canonical(direction.source), canonical(direction.target)


def _check_distinct(outputs: Sequence[Output]) -> None:
    counts = Counter((output.system, output.direction, output.seed) for output in outputs)
    for (system, direction, seed), count in counts.items():
        if count > 1:
            raise DataError(
                f"{system} has {count} outputs in {direction} with seed {seed}; "
                "keep one, or name the systems apart"
            )


def _warnings(outputs: Sequence[Output], scorer: Scorer) -> list[str]:
    """What is left out, and what is likely a mistake of whoever made the files."""
    remarks: dict[str, None] = {}
    for output in outputs:
        target = output.direction.target
        if scorer.identifier is not None and not knows(scorer.identifier, target):
            name = scorer.identifier.name
            remarks[f"no OTR into {target}: {name} does not know it; learn an identifier from text"] = None
        if not output.references:
            remarks[f"{output.system} {output.direction}: no references, so no BLEU, chrF++ or floor"] = None
        spaced = sum(text.endswith((" .", " ?", " !")) for text in output.references)
        if spaced > len(output.references) // 4:
            remarks[f"references in {target} look tokenised; BLEU wants plain text"] = None
    return list(remarks)

"""The look itself: the same lines through every model, one model in memory at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from dragoman.evaluate.probe.measure import groups, measure
from dragoman.evaluate.probe.result import ProbeResults, Row, library_versions, signature
from dragoman.evaluate.probe.states import Ids, Reading, pooled_states
from dragoman.evaluate.probe.text import Line, PairLines, check_enough
from dragoman.language.language import Direction
from dragoman.recipe import Model
from dragoman.tune.model import load_model, read_card

BATCH_TOKENS = 4096
Tell = Callable[[str, int, int], None]
"""Gets the system, sentences done, and sentences in all."""


def look_inside(
    sources: Mapping[str, str],
    text: Mapping[Direction, PairLines],
    settings: Model | None = None,
    seed: int = 1,
    batch_tokens: int = BATCH_TOKENS,
    tell: Tell = lambda name, done, total: None,
) -> ProbeResults:
    """Measure every layer of each model (``sources``: name to folder or hub id) on the lines of each pair.

    Lines that one of the models cannot be given are left out for all of them. All tokenizers and
    configurations are read before the first weights are. ModelError or DataError as told there. Memory:
    4 bytes x layers x width for each different sentence, beside one model and its hidden states of one batch.
    """
    settings = settings or Model()
    readings = {name: Reading(source) for name, source in sources.items()}
    sentences = list(dict.fromkeys(side for its in text.values() for line in its.lines for side in line))
    ids = {
        name: dict(zip(sentences, reading.encode(sentences), strict=True))
        for name, reading in readings.items()
    }
    kept = {pair: _readable(its, list(ids.values())) for pair, its in text.items()}
    for pair, its in kept.items():
        check_enough(pair, its, "text")
    results = ProbeResults(
        systems={name: _about(reading) for name, reading in readings.items()},
        text={str(pair): _told(its) for pair, its in kept.items()},
        signature=signature(settings.dtype, seed),
        versions=library_versions(),
    )
    for name, reading in readings.items():
        _look(results, name, reading, ids[name], kept, settings, batch_tokens, tell)
    return results


def _look(
    results: ProbeResults,
    name: str,
    reading: Reading,
    ids: Mapping[str, Ids | str],
    text: Mapping[Direction, PairLines],
    settings: Model,
    batch_tokens: int,
    tell: Tell,
) -> None:
    """Rows of one model; each different sentence is read once."""
    used = list(dict.fromkeys(side for its in text.values() for line in its.lines for side in line))
    rows = [found for sentence in used if isinstance(found := ids[sentence], list)]
    model = load_model(reading.source, settings)
    states = pooled_states(model, rows, batch_tokens, lambda done: tell(name, done, len(rows)))
    results.systems[name] |= {"layers": len(states) - 1, "width": states.shape[-1]}
    place = {sentence: number for number, sentence in enumerate(used)}
    for pair, its in text.items():
        results.rows += _measured(name, pair, its.lines, states, place)


def _measured(
    name: str, pair: Direction, lines: list[Line], states: Tensor, place: Mapping[str, int]
) -> list[Row]:
    """A row for each layer; ``states`` are [layers + 1, sentences, width]."""
    sides = [[line[side] for line in lines] for side in (0, 1)]
    same = [groups(side) for side in sides]
    at = [[place[sentence] for sentence in side] for side in sides]
    return [
        Row(name, str(pair), number, *measure(layer[at[0]], layer[at[1]], *same), len(lines))
        for number, layer in enumerate(states)
    ]


def _readable(its: PairLines, ids: list[dict[str, Ids | str]]) -> PairLines:
    """The lines that every model can be given."""
    lines: list[Line] = []
    left_out: Counter[str] = Counter(its.left_out)
    for line in its.lines:
        reason = next(
            (found for known in ids for side in line if isinstance(found := known[side], str)), None
        )
        if reason is None:
            lines.append(line)
        else:
            left_out[reason] += 1
    return PairLines(lines, its.read, left_out)


def _told(its: PairLines) -> dict[str, Any]:
    return {"read": its.read, "lines": len(its.lines), "left_out": dict(its.left_out)}


def _about(reading: Reading) -> dict[str, Any]:
    """What is known of a model before it is loaded."""
    card = read_card(reading.source)
    about = {"source": reading.source, "fingerprint": reading.fingerprint(), "kind": reading.kind}
    return about | {key: card[key] for key in ("base", "stage", "step") if key in card}

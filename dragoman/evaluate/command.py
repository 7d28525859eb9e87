"""What ``dragoman evaluate`` and ``dragoman compare`` do: read outputs, score, print tables, keep results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from dragoman.console import progress, say
from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.again import read_earlier, score_again
from dragoman.evaluate.compare import Comparison, compare_systems
from dragoman.evaluate.external import make_external
from dragoman.evaluate.outputs import (
    Output,
    read_files,
    read_lines,
    read_outputs,
    systems_in,
    texts_in,
    write_outputs,
)
from dragoman.evaluate.results import FAULTS, SUPERVISED, Results, of_dialogues, read_results, write_results
from dragoman.evaluate.score import Scorer, evaluate_outputs, group_of
from dragoman.evaluate.tables import Style, by_direction, faults, signatures, summary
from dragoman.language.identify import Identifier, load_identifier, make_identifier
from dragoman.language.language import Direction, parse_direction

_WORTH_SHOWING = 0.5  # percent of faulty lines in some direction


def evaluate_command(
    path: Path | None = None,
    *,
    references: Path | None = None,
    split: str | None = None,
    systems: Sequence[str] = (),
    directions: Sequence[str] = (),
    hyp: Path | None = None,
    ref: Path | None = None,
    source: Path | None = None,
    direction: str | None = None,
    system: str | None = None,
    supervised: Sequence[str] | None = None,
    identifier: str | Identifier | None = "auto",
    candidates: Sequence[str] = (),
    training: Path | None = None,
    metrics: Sequence[str] = ("BLEU", "chrF++"),
    external: Mapping[str, str] | None = None,
    out: Path | None = None,
    report: bool = False,
    style: Style = "text",
    each_direction: bool = False,
    seed: int | None = None,
) -> Results:
    """Score outputs, print the tables and return the results.

    Give ``path``, a run or a folder of systems (``references``, ``split``, ``systems``, ``directions``: see
    :func:`read_outputs`), or one file ``hyp`` with ``ref``, ``source``, ``direction`` and ``system``.
    ``supervised``: directions that training saw. ``identifier`` to ``external``: see :func:`make_scorer`.
    ``out``: a folder for ``results.json``, the translations unless it is the run itself, and ``report.html``;
    what its ``results.json`` holds already is kept as :func:`score_again` says.
    """
    if (path is None) == (hyp is None):
        raise RecipeError("evaluate needs either a folder of translations or one file of them (hyp)")
    if report and out is None:
        raise RecipeError("a report needs a folder to lie in; name one (out)")
    if hyp is not None:
        outputs = [_single(hyp, direction, ref=ref, source=source, system=system, seed=seed)]
    elif path is not None:
        wanted = _directions(directions) or ()
        outputs = read_outputs(
            path, references=references, split=split, systems=systems, directions=wanted,
            seed=seed if seed is not None else _seed_of(path),
        )  # fmt: skip
    scorer = make_scorer(
        outputs, identifier=_of_run(path, identifier), candidates=candidates, training=training,
        metrics=metrics, external=external, cache=_cache(out, path),
    )  # fmt: skip
    tuned, done = _tuned(supervised, outputs), count()
    with progress(" evaluate", len(outputs)) as advance:

        def tell(name: str) -> None:
            advance(next(done), name)

        if out is None:
            results = evaluate_outputs(outputs, scorer, tuned, tell)
        else:
            if path is None or out.resolve() != path.resolve():
                write_outputs(out, outputs)
            results = score_again(out / "results.json", outputs, scorer, tuned, progress=tell)
    print(show(results, style=style, each_direction=each_direction))
    if out is not None and report:
        print(f"\n  report    {_report(out, scorer.identifier)}")
    return results


def compare_command(
    first: Path,
    second: Path | None = None,
    *,
    systems: Sequence[str] = (),
    references: Path | None = None,
    split: str | None = None,
    directions: Sequence[str] = (),
    ref: Path | None = None,
    source: Path | None = None,
    direction: str | None = None,
    supervised: Sequence[str] | None = None,
    identifier: str | Identifier | None = "auto",
    candidates: Sequence[str] = (),
    training: Path | None = None,
    metrics: Sequence[str] = ("BLEU", "chrF++"),
    external: Mapping[str, str] | None = None,
    trials: int = 1000,
    seed: int = 1,
    out: Path | None = None,
    style: Style = "text",
) -> Comparison:
    """Compare two systems, print the table and return the comparison.

    ``first`` and ``second`` are folders of one system each, or two files (with ``ref``, ``source``,
    ``direction``); or ``first`` alone is a run or a folder of systems, and ``systems`` names two of them.
    With ``out`` the rows are added to the ``significance`` of ``out/results.json``.
    """
    if second is None and len(systems) != 2:
        raise RecipeError(
            f"compare needs two systems: two paths, or one path and two names (got {len(systems)})"
            + (f"; {first} has {', '.join(there)}" if (there := systems_in(first)) else "")
        )
    if out is not None:
        read_results(out / "results.json")  # found out now, not after the work
    sides = []
    for place, names in ((first, systems[:1]), (second or first, systems[1:2])):
        if place.is_file():
            sides.append([_single(place, direction, ref=ref, source=source)])
        else:
            wanted = _directions(directions) or ()
            sides.append(
                read_outputs(place, references=references, split=split, systems=names, directions=wanted)
            )
    scorer = make_scorer(
        [*sides[0], *sides[1]], identifier=_of_run(first, identifier), candidates=candidates,
        training=training, metrics=metrics, external=external, cache=_cache(out, first),
    )  # fmt: skip
    tuned = _tuned(supervised, [*sides[0], *sides[1]])
    comparison = compare_systems(sides[0], sides[1], scorer, supervised=tuned, trials=trials, seed=seed)
    print(comparison.table().show(style))
    if out is not None:
        add_significance(out / "results.json", comparison)
    return comparison


def add_significance(path: Path, comparison: Comparison) -> None:
    """Put a comparison into ``results.json``, in place of an earlier one of the same two systems."""
    results = read_results(path)
    rows = comparison.to_json()

    def what(row: dict[str, Any]) -> tuple[Any, Any, bool]:
        return row.get("a"), row.get("b"), of_dialogues(str(row.get("metric")))

    again = set(map(what, rows))
    results.significance = [row for row in results.significance if what(row) not in again] + rows
    write_results(path, results)


def make_scorer(
    outputs: Sequence[Output],
    *,
    identifier: str | Identifier | None = "auto",
    candidates: Sequence[str] = (),
    training: Path | None = None,
    metrics: Sequence[str] = ("BLEU", "chrF++"),
    external: Mapping[str, str] | None = None,
    cache: Path | None = None,
) -> Scorer:
    """The scorer for these outputs.

    ``identifier`` is spelt as in a recipe, ``none``, or an object; made by name it covers all languages of
    the outputs, may answer ``candidates`` too, and learns from ``training`` (``train.<language>`` files).
    ``external`` maps ``comet`` or ``bleurt`` to an interpreter; ``cache`` is the folder of their scores.
    """
    others = [make_external(name, python, cache=cache) for name, python in (external or {}).items()]
    if identifier == "none":
        identifier = None
    if isinstance(identifier, str):
        languages = sorted({code for output in outputs for code in output.direction})
        texts = _training_text(training) if training is not None else None
        identifier = make_identifier(identifier, languages, texts_by_language=texts, candidates=candidates)
    return Scorer(tuple(metrics), identifier, tuple(others))


def show(results: Results, *, style: Style = "text", each_direction: bool = False) -> str:
    """The tables of an evaluation, its signatures and remarks, as text."""
    parts = [summary(results).show(style)]
    if any(row.value >= _WORTH_SHOWING for row in results.rows if row.metric in FAULTS):
        table = faults(results)
        parts += [table.show(style)] if table else []
    if each_direction:
        for metric in (name for name in results.metrics if name not in FAULTS):
            parts.append(f"{metric}\n{by_direction(results, metric).show(style)}")
    if style != "tsv":
        lead = "  " if style == "text" else "- "
        shown = [line for line in signatures(results) if line.split(":")[0] not in FAULTS]
        parts.append("\n".join(lead + line for line in [*shown, *(f"note: {r}" for r in results.remarks)]))
    return "\n\n".join(parts)


def _report(out: Path, identifier: Identifier | None) -> Path:
    from dragoman.evaluate.report import write_report

    if identifier is None:
        return write_report(out)
    judge = identifier
    return write_report(out, identify=lambda texts: [code for code, _ in judge.identify(texts)])


def _directions(names: Sequence[str] | None) -> list[Direction] | None:
    """Directions of names that may hold several with commas: ``en-de,de-en``."""
    return None if names is None else [parse_direction(part) for name in names for part in name.split(",")]


def _tuned(names: Sequence[str] | None, outputs: Sequence[Output]) -> list[Direction] | None:
    """The directions that training saw; said if none of them was translated, since all are zero-shot then."""
    known = _directions(names)
    if known and all(group_of(output.direction, known) != SUPERVISED for output in outputs):
        there = sorted({str(output.direction) for output in outputs})
        say(
            f" note      no translation is in a supervised direction ({', '.join(map(str, known))}); "
            f"there: {', '.join(there)}; all count as zero-shot"
        )
    return known


def _cache(out: Path | None, path: Path | None) -> Path | None:
    """Where external metrics keep their scores: in ``out``, else where an evaluation of ``path`` did."""
    if out is not None:
        return out / "metrics"
    return path / "metrics" if path is not None and (path / "metrics").is_dir() else None


def _of_run(path: Path | None, identifier: str | Identifier | None) -> str | Identifier | None:
    """The identifier that a run keeps, where none was asked for by name."""
    if path is not None and identifier == "auto" and (path / "identifier").is_dir():
        return load_identifier(path / "identifier")
    return identifier


def _seed_of(path: Path) -> int | None:
    """The training seed that earlier results of a run tell."""
    seeds = {row.seed for row in read_earlier(path / "results.json").rows}
    return seeds.pop() if len(seeds) == 1 else None


def _single(
    path: Path,
    direction: str | None,
    *,
    ref: Path | None,
    source: Path | None,
    system: str | None = None,
    seed: int | None = None,
) -> Output:
    if direction is None:
        raise RecipeError(f"{path}: in which direction was it translated? name it, such as en-de")
    return read_files(
        path, parse_direction(direction), reference=ref, source=source, system=system, seed=seed
    )


def _training_text(folder: Path) -> dict[str, list[str]]:
    """Lines by language from the ``train.<language>`` files of a folder."""
    texts = {code: read_lines(path) for (split, code), path in texts_in(folder).items() if split == "train"}
    if not texts:
        raise DataError(f"{folder}: no train.<language> files to learn to identify languages from; add them")
    return texts

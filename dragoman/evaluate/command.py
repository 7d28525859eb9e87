"""What ``dragoman evaluate`` and ``dragoman compare`` do: read outputs, score, print tables, keep results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.compare import Comparison, compare_systems
from dragoman.evaluate.external import make_external
from dragoman.evaluate.outputs import Output, read_files, read_lines, read_outputs, texts_in, write_outputs
from dragoman.evaluate.results import FAULTS, Results, read_results, write_results
from dragoman.evaluate.score import Scorer, evaluate_outputs
from dragoman.evaluate.tables import Style, by_direction, faults, signatures, summary
from dragoman.language.language import Direction, parse_direction

if TYPE_CHECKING:
    from dragoman.language.identify import Identifier

_WORTH_SHOWING = 0.5  # percent of faulty lines in some direction


def evaluate_command(
    path: Path,
    *,
    references: Path | None = None,
    split: str | None = None,
    systems: Sequence[str] = (),
    directions: Sequence[str] = (),
    source: Path | None = None,
    name: str | None = None,
    supervised: Sequence[str] | None = None,
    identifier: str | Identifier | None = "auto",
    candidates: Sequence[str] = (),
    training: Path | None = None,
    metrics: Sequence[str] = ("BLEU", "chrF++"),
    external: Mapping[str, str] | None = None,
    out: Path | None = None,
    style: Style = "text",
    each_direction: bool = False,
    seed: int | None = None,
) -> Results:
    """Score outputs, print the tables and return the results.

    ``path`` is a run, a folder of systems (text files: with the folder ``references``), or one file of
    hypotheses (then ``references`` and ``source`` are files too, ``directions`` names its direction and
    ``name`` the system). ``identifier`` is a recipe's spelling, ``none``, or an object; ``training`` is a
    folder of ``<split>.<language>`` text for one that learns. ``external`` maps ``comet`` or ``bleurt`` to an
    interpreter. ``out`` is a folder for ``results.json`` and, unless it is the run itself, the translations.
    """
    wanted = [parse_direction(text) for text in directions]
    if path.is_file():
        outputs = [_single(path, wanted, reference=references, source=source, name=name, seed=seed)]
    else:
        outputs = read_outputs(
            path, references=references, split=split, systems=systems, directions=wanted, seed=seed
        )
    scorer = make_scorer(
        outputs,
        identifier=identifier,
        candidates=candidates,
        training=training,
        metrics=metrics,
        external=external,
        cache=(out or Path()) / "metrics" if out else None,
    )
    tuned = None if supervised is None else [parse_direction(text) for text in supervised]
    results = evaluate_outputs(outputs, scorer, tuned)
    print(show(results, style=style, each_direction=each_direction))
    if out is not None:
        if out.resolve() != path.resolve():
            write_outputs(out, outputs)
        write_results(out / "results.json", results)
    return results


def compare_command(
    first: Path,
    second: Path | None = None,
    *,
    systems: Sequence[str] = (),
    references: Path | None = None,
    split: str | None = None,
    directions: Sequence[str] = (),
    source: Path | None = None,
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

    ``first`` and ``second`` are folders of one system each, or files as in :func:`evaluate_command`; or
    ``first`` alone is a run or a folder of systems, and ``systems`` names two of them. With ``out`` the rows
    are added to the ``significance`` of ``out/results.json``.
    """
    wanted = [parse_direction(text) for text in directions]
    if second is None and len(systems) != 2:
        raise RecipeError(
            f"compare needs two systems: give two paths, or one and two names (got {len(systems)})"
        )
    places = [(first, systems[:1]), (second or first, systems[1:2])]
    sides = []
    for path, names in places:
        if path.is_file():
            sides.append([_single(path, wanted, reference=references, source=source)])
        else:
            sides.append(
                read_outputs(path, references=references, split=split, systems=names, directions=wanted)
            )
    scorer = make_scorer(
        [*sides[0], *sides[1]],
        identifier=identifier,
        candidates=candidates,
        training=training,
        metrics=metrics,
        external=external,
        cache=out / "metrics" if out else None,
    )
    tuned = None if supervised is None else [parse_direction(text) for text in supervised]
    comparison = compare_systems(sides[0], sides[1], scorer, supervised=tuned, trials=trials, seed=seed)
    print(comparison.table().show(style))
    if out is not None:
        add_significance(out / "results.json", comparison)
    return comparison


def add_significance(path: Path, comparison: Comparison) -> None:
    """Put a comparison into ``results.json``, in place of an earlier one of the same two systems."""
    results = read_results(path)
    pair = (comparison.first, comparison.second)
    results.significance = [row for row in results.significance if (row.get("a"), row.get("b")) != pair]
    results.significance += comparison.to_json()
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
    """The scorer for these outputs; an identifier given by name covers all of their languages."""
    others = [make_external(name, python, cache=cache) for name, python in (external or {}).items()]
    if identifier == "none":
        identifier = None
    if isinstance(identifier, str):
        from dragoman.language.identify import make_identifier

        languages = sorted({code for output in outputs for code in output.direction})
        texts = _training_text(training) if training is not None else None
        identifier = make_identifier(
            identifier, languages, texts_by_language=texts, candidates=tuple(candidates)
        )
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
        parts.append(
            "\n".join(lead + line for line in signatures(results) if line.split(":")[0] not in FAULTS)
        )
        parts += ["\n".join(f"{lead}note: {remark}" for remark in results.remarks)] if results.remarks else []
    return "\n\n".join(parts)


def _single(
    path: Path,
    directions: Sequence[Direction],
    *,
    reference: Path | None,
    source: Path | None,
    name: str | None = None,
    seed: int | None = None,
) -> Output:
    if len(directions) != 1:
        raise RecipeError(f"{path}: in which direction was it translated? name one, such as en-de")
    return read_files(path, directions[0], reference=reference, source=source, system=name, seed=seed)


def _training_text(folder: Path) -> dict[str, list[str]]:
    """Lines by language from the ``train.<language>`` files of a folder."""
    texts = {code: read_lines(path) for (split, code), path in texts_in(folder).items() if split == "train"}
    if not texts:
        raise DataError(f"{folder}: no train.<language> files to learn to identify languages from; add them")
    return texts

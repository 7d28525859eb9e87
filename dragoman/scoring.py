"""The verbs that score: `evaluate` and `compare`, as the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dragoman import options
from dragoman.errors import RecipeError

EVALUATE = (
    "dragoman evaluate runs/demo",
    "dragoman evaluate outputs/ --references data/ --split test --out scores/ --report",
    "dragoman evaluate --hyp out.de --ref ref.de --source src.en --direction en-de",
    "dragoman evaluate runs/x/stages/all/model --interactive --data text/ -d en-de --copy --out scores/",
)
COMPARE = ("dragoman compare runs/demo --system stage1 --system stage2",)
_FILE = frozenset(("ref", "source"))
_FOLDER = frozenset(("references", "split"))
_FILES = _FILE | _FOLDER | {"hyp"}
_SCORES = frozenset(("identifier", "metric", "comet", "bleurt", "each"))
_MADE = frozenset(("lines", "kind", "turns", "user", "seed", "training", "split"))
_ASKED = frozenset(("draft", "single_turn", "terms", "copy", "retranslate"))
_TALK = (_MADE | _ASKED | {"dialogues"}) - {"lines", "training", "split"}
_UNREAD = {
    ("evaluate", "without --interactive"): _TALK,
    ("evaluate", "without --data"): frozenset(("lines", "beam")),
    ("evaluate", "with --data"): _FILES - {"split"} | {"system"},
    ("evaluate", "with --hyp"): _FOLDER,
    ("evaluate", "without --hyp"): _FILE,
    ("evaluate", "with --interactive"): _FILES - {"split"} | _SCORES,
    ("evaluate", "with --dialogues"): _MADE | {"data"},
    ("evaluate", "with answers that are there (no --data, no --dialogues)"): _MADE | _ASKED | {"beam"},
    ("compare", "with --interactive"): _SCORES | _FILE | _FOLDER | {"training"},
    ("compare", "for two files"): _FOLDER | {"system"},
    ("compare", "for runs and folders"): _FILE,
}
"""Options of a verb that one of its modes does not read."""


def evaluate(
    context: typer.Context,
    path: Annotated[
        Path | None, typer.Argument(help="run, folder of systems, or model folder (with --data)")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="folder of <split>.<lang>: translate it with a model, then score")
    ] = None,
    references: options.References = None,
    split: Annotated[str | None, typer.Option(help="split of the references or the data")] = None,
    system: Annotated[list[str] | None, typer.Option(help="only these systems; the name for --hyp")] = None,
    direction: options.Directions = None,
    hyp: Annotated[Path | None, typer.Option(help="one file of translations")] = None,
    ref: Annotated[Path | None, typer.Option(help="its references")] = None,
    source: Annotated[Path | None, typer.Option(help="its sources")] = None,
    supervised: options.Supervised = None,
    identifier: options.Judge = "auto",
    training: options.Training = None,
    metric: options.Metrics = None,
    comet: options.Comet = None,
    bleurt: options.Bleurt = None,
    beam: Annotated[int, typer.Option(min=1, help="beam size when a model translates")] = 1,
    lines: Annotated[
        int | None, typer.Option(min=1, help="lines per direction when a model translates")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for results.json, translations and report")] = None,
    report: Annotated[bool, typer.Option("--report", help="also write report.html into --out")] = False,
    style: options.Style = "text",
    each: Annotated[bool, typer.Option("--each", help="also a table for each metric by direction")] = False,
    interactive: options.Talking = False,
    dialogues: options.DialogueFiles = None,
    kind: options.Kinds = None,
    turns: options.Turns = (2, 5),
    user: options.User = "mixed",
    draft: options.Draft = "fixed",
    single_turn: options.SingleTurn = False,
    terms: options.TalkTerms = False,
    copy: options.Copy = False,
    retranslate: options.Retranslate = False,
    seed: options.DialogueSeed = 1,
) -> None:
    """Score a model, a run, or files of translations that any system made."""
    for mode in _modes(interactive, data is not None, hyp is not None, bool(dialogues)):
        _refuse_unread(context, mode)
    if interactive:
        from dragoman.dialogues import Job, evaluate_dialogues, spec_of

        spec = spec_of(lines, kind, turns, user, draft, seed)
        tuned = supervised or (_supervised_of(path) if path else None)
        evaluate_dialogues(Job(
            str(path) if path else None, spec, data, split, training, dialogues or (), direction or (),
            system or (), tuned, copy=copy, retranslate=retranslate, single=single_turn, terms=terms,
            beam=beam, out=out, report=report, style=style,
        ))  # fmt: skip
        return
    from dragoman.evaluate.command import evaluate_command

    common: dict[str, Any] = {
        "identifier": identifier, "training": training, "metrics": metric or ("BLEU", "chrF++"),
        "external": _external(comet, bleurt), "report": report, "style": style, "each_direction": each,
    }  # fmt: skip
    if data is not None:
        if path is None or out is None:
            raise typer.BadParameter("give the model folder and --out with --data")
        from dragoman.loading import translate_folder

        tuned = translate_folder(str(path), data, split, direction or [], beam, lines, out)
        evaluate_command(out, supervised=supervised or tuned, out=out, **common)
        return
    _refuse_several(hyp is not None, "one file (--hyp)", direction=direction, system=system)
    evaluate_command(
        path, references=references, split=split, systems=system if hyp is None and system else (),
        directions=direction if hyp is None and direction else (), hyp=hyp, ref=ref, source=source,
        direction=direction[0] if hyp is not None and direction else None,
        system=system[0] if hyp is not None and system else None,
        supervised=supervised or (_supervised_of(path) if path else None), out=out, **common,
    )  # fmt: skip


def compare(
    context: typer.Context,
    first: Annotated[Path, typer.Argument(help="run, folder of outputs, or a file of translations")],
    second: Annotated[Path | None, typer.Argument(help="the other folder or file")] = None,
    system: Annotated[list[str] | None, typer.Option(help="two systems of one run or folder")] = None,
    references: options.References = None,
    split: Annotated[str | None, typer.Option(help="split of the references")] = None,
    direction: options.Directions = None,
    ref: Annotated[Path | None, typer.Option(help="references of two files")] = None,
    source: Annotated[Path | None, typer.Option(help="sources of two files")] = None,
    supervised: options.Supervised = None,
    identifier: options.Judge = "auto",
    training: options.Training = None,
    metric: options.Metrics = None,
    comet: options.Comet = None,
    bleurt: options.Bleurt = None,
    trials: Annotated[int, typer.Option(min=10, help="resamplings")] = 1000,
    seed: Annotated[int, typer.Option(help="seed of the resamplings")] = 1,
    out: Annotated[Path | None, typer.Option(help="folder whose results.json gets the rows")] = None,
    style: options.Style = "text",
    interactive: Annotated[
        bool, typer.Option("--interactive", help="what they answered in dialogues")
    ] = False,
) -> None:
    """Compare two systems: paired bootstrap and randomisation, joint over directions, Holm-corrected."""
    if interactive:
        _refuse_unread(context, "with --interactive")
        from dragoman.dialogues import compare_dialogues

        compare_dialogues(first, second, system or (), directions=direction or (), trials=trials, seed=seed,
                          supervised=supervised or _supervised_of(first), out=out, style=style)  # fmt: skip
        return
    from dragoman.evaluate.command import compare_command

    is_file = first.is_file()
    _refuse_unread(context, "for two files" if is_file else "for runs and folders")
    _refuse_several(is_file, "two files", direction=direction)
    compare_command(
        first, second, systems=system or (), references=references, split=split,
        directions=direction if direction and not is_file else (), ref=ref, source=source,
        direction=direction[0] if direction and is_file else None,
        supervised=supervised or _supervised_of(first),
        identifier=identifier, training=training, metrics=metric or ("BLEU", "chrF++"),
        external=_external(comet, bleurt), trials=trials, seed=seed, out=out, style=style,
    )  # fmt: skip


def _external(comet: str | None, bleurt: str | None) -> dict[str, str]:
    """Interpreters by metric, of those that were asked for."""
    return {name: python for name, python in (("comet", comet), ("bleurt", bleurt)) if python}


def _supervised_of(folder: Path) -> list[str] | None:
    """Supervised directions of a run, from its results, else from its recipe; None for another folder."""
    if not (folder / "run.json").exists():
        return None
    if (folder / "results.json").exists():
        from dragoman.evaluate.results import SUPERVISED, read_results

        return read_results(folder / "results.json").directions(SUPERVISED)
    from dragoman.recipe_file import load_recipe
    from dragoman.run import Run

    return [str(d) for d in Run(load_recipe(folder / "recipe.yaml"), folder).supervised()]


def _modes(interactive: bool, data: bool, hyp: bool, dialogues: bool) -> tuple[str, ...]:
    """What `evaluate` is asked to do, in the words of its messages."""
    if not interactive and data:
        return "without --interactive", "with --data"
    if not interactive:
        return "without --interactive", "without --data", "with --hyp" if hyp else "without --hyp"
    if dialogues:
        return "with --interactive", "with --dialogues"
    if data:
        return ("with --interactive",)
    return "with --interactive", "with answers that are there (no --data, no --dialogues)"


def _refuse_unread(context: typer.Context, mode: str) -> None:
    """Refuse options that were given, to a mode of the verb that does not read them."""
    verb = str(context.info_name)
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and option.name in _UNREAD[verb, mode]:
            raise RecipeError(f"{option.opts[0]}: {verb} does not read it {mode}; leave it out")


def _refuse_several(one: bool, what: str, **given: list[str] | None) -> None:
    """Refuse several values of an option where the text at hand can have but one."""
    for name, values in given.items():
        if one and len(values or ()) > 1:
            raise RecipeError(f"--{name}: {what} can have one only, got {', '.join(values or ())}")

"""The command line: one function a verb, heavy imports inside, mistakes as one line that names the cure."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import dragoman
from dragoman import judging, options, ranking, teaching, verbs
from dragoman.align import verb
from dragoman.errors import DragomanError, told

app = typer.Typer(
    name="dragoman",
    help="Turns an open LLM and some parallel text into a translator that answers in the language asked for.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _example(*lines: str) -> str:
    """The epilog of a help text: lines to copy, kept whole (that is what the mark at the start asks for)."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"dragoman {dragoman.__version__}")
        raise typer.Exit


@app.callback()
def before_any_verb(
    version: Annotated[
        bool, typer.Option("--version", help="show the version and leave", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


@app.command(
    epilog=_example("dragoman run recipes/language-aware.yaml base=Qwen/Qwen3-0.6B data.train=my-corpus/")
)
def run(
    recipe: options.RecipeFile,
    overrides: options.Overrides = None,
    runs: options.Runs = Path("runs"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the plan and the counts, do nothing")
    ] = False,
) -> None:
    """Run a recipe from text to report; started again, it goes on where it was."""
    from dragoman.recipe_file import load_recipe

    settings = load_recipe(recipe, overrides or [])
    if dry_run:
        from dragoman.plan import plan

        print("\n".join(plan(settings, runs / settings.name)))
        return
    from dragoman.distributed import processes
    from dragoman.run import Run

    with processes():
        Run(settings, runs / settings.name).go()


@app.command(epilog=_example("dragoman inspect recipes/language-aware.yaml base=models/x data.train=text/"))
def inspect(
    recipe: options.RecipeFile,
    overrides: options.Overrides = None,
    stage: Annotated[str | None, typer.Option(help="stage whose mixture is shown (default: each)")] = None,
    count: Annotated[int, typer.Option(min=1, help="groups of examples per stage")] = 2,
    epoch: Annotated[int, typer.Option(min=0, help="epoch to draw from")] = 0,
    runs: options.Runs = Path("runs"),
) -> None:
    """Show examples of a recipe: tokens coloured by weight (learned, context, unlearned)."""
    from dragoman.inspect import inspect_recipe
    from dragoman.recipe_file import load_recipe

    inspect_recipe(load_recipe(recipe, overrides or []), runs, stage, count, epoch)


app.command(epilog=_example(*verbs.TRANSLATE))(verbs.translate)


app.command(epilog=_example(*verbs.CHAT))(verbs.chat)


@app.command(epilog=_example(
    "dragoman evaluate runs/demo",
    "dragoman evaluate outputs/ --references data/ --split test --out scores/ --report",
    "dragoman evaluate --hyp out.de --ref ref.de --source src.en --direction en-de",
    "dragoman evaluate runs/x/stages/all/model --interactive --data text/ -d en-de --copy --out scores/",
))  # fmt: skip
def evaluate(
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
    copy: options.Copy = False,
    retranslate: options.Retranslate = False,
    seed: options.DialogueSeed = 1,
) -> None:
    """Score a model, a run, or files of translations that any system made."""
    if interactive:
        from dragoman.dialogues import Job, evaluate_dialogues, spec_of

        spec = spec_of(lines, kind, turns, user, draft, seed)
        tuned = supervised or (_supervised_of(path) if path else None)
        evaluate_dialogues(Job(str(path) if path else None, spec, data, split, training, dialogues or (),
                               direction or (), system or (), tuned, copy, retranslate, single_turn, beam,
                               out, report, style))  # fmt: skip
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
    evaluate_command(
        path, references=references, split=split, systems=system if hyp is None and system else (),
        directions=direction if hyp is None and direction else (), hyp=hyp, ref=ref, source=source,
        direction=direction[0] if hyp is not None and direction else None,
        system=system[0] if hyp is not None and system else None,
        supervised=supervised or (_supervised_of(path) if path else None), out=out, **common,
    )  # fmt: skip


@app.command(epilog=_example("dragoman compare runs/demo --system stage1 --system stage2"))
def compare(
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
        from dragoman.dialogues import compare_dialogues

        compare_dialogues(first, second, system or (), directions=direction or (), trials=trials, seed=seed,
                          supervised=supervised or _supervised_of(first), out=out, style=style)  # fmt: skip
        return
    from dragoman.evaluate.command import compare_command

    is_file = first.is_file()
    compare_command(
        first, second, systems=system or (), references=references, split=split,
        directions=direction if direction and not is_file else (), ref=ref, source=source,
        direction=direction[0] if direction and is_file else None,
        supervised=supervised or _supervised_of(first),
        identifier=identifier, training=training, metrics=metric or ("BLEU", "chrF++"),
        external=_external(comet, bleurt), trials=trials, seed=seed, out=out, style=style,
    )  # fmt: skip


app.command(epilog=_example(*verb.EXAMPLES))(verb.align)


app.command(epilog=_example(*verbs.PROBE))(verbs.probe)


app.command(epilog=_example(*teaching.EXAMPLES))(teaching.teach)


app.command(epilog=_example(*judging.ANSWER))(judging.answer)


app.command(epilog=_example(*judging.JUDGE))(judging.judge)


app.command(epilog=_example(*ranking.SHEET))(ranking.sheet)


app.command(epilog=_example(*ranking.RANK))(ranking.rank)


@app.command(epilog=_example("dragoman demo", "dragoman demo stages.stage2.objective.alpha=0.1 --seed 2"))
def demo(
    overrides: options.Overrides = None,
    runs: options.Runs = Path("runs"),
    seed: Annotated[int, typer.Option(help="seed of every random stream")] = 1,
) -> None:
    """The main job on the embedded base and text: base, stage 1, stage 2, and a report, in minutes."""
    from dragoman.demo.command import demo_run

    demo_run(runs, seed, overrides or [])


@app.command(epilog=_example("dragoman doctor"))
def doctor() -> None:
    """What is installed, which devices there are, what is missing and how to get it."""
    from dragoman.doctor import examine

    print(examine())


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


def main() -> None:
    """Entry point: a mistake ends with status 1 and one line, Ctrl-C with 130, SIGTERM with 143."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # leave, but tidy up
    try:
        app()
    except DragomanError as error:
        _leave(str(error), 130 if type(error).__name__ == "Interrupted" else 1)
    except SystemExit as leaving:
        if leaving.code == 130:
            _leave("stopped by Ctrl-C", 130)
        raise
    except BrokenPipeError:  # the reader of our output has left
        sys.exit(141)
    except OSError as error:
        _leave(told(error), 1)


def _leave(message: str, status: int) -> None:
    from dragoman.console import say

    say(f"dragoman: {message}")
    sys.exit(status)

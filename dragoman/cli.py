"""The command line: one function a verb, heavy imports inside, mistakes as one line that names the cure."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

import dragoman
from dragoman import judging, options, ranking, scoring, teaching, verbs
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


app.command(epilog=_example(*scoring.EVALUATE))(scoring.evaluate)


app.command(epilog=_example(*scoring.COMPARE))(scoring.compare)


app.command(epilog=_example(*verb.EXAMPLES))(verb.align)


app.command(epilog=_example(*verbs.PROBE))(verbs.probe)


app.command(epilog=_example(*teaching.EXAMPLES))(teaching.teach)


app.command(epilog=_example(*judging.ANSWER))(judging.answer)


app.command(epilog=_example(*judging.JUDGE))(judging.judge)


app.command(epilog=_example(*ranking.SHEET))(ranking.sheet)


app.command(epilog=_example(*ranking.RANK))(ranking.rank)


@app.command(epilog=_example("dragoman demo", "dragoman demo stages.stage2.objective.alpha=0.3 --seed 2"))
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

"""``dragoman teach``: a run's training text, or text of one's own, to dialogues that a teacher answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman import options
from dragoman.asking import Server, asks_a_server, check_out, journal_of

if TYPE_CHECKING:
    from dragoman.instruct.task import Material

EXAMPLES = (
    "dragoman teach my.yaml -d de-en --endpoint http://127.0.0.1:8000/v1 --model qwen --out taught.jsonl",
    "dragoman teach text/ --endpoint https://host/v1 --model big --price-in 0.5 --price-out 1.5 --dry-run "
    "--out taught.jsonl",
)
KINDS = ("shorter", "formal", "another", "comment")


@asks_a_server(usual_temperature=0.7)
def teach(
    text: Annotated[Path, typer.Argument(help="recipe (its training text), folder, TSV or JSONL")],
    out: Annotated[Path, typer.Option(help="file for the dialogues (JSONL)")],
    server: Server,
    direction: options.Directions = None,
    lines: Annotated[int, typer.Option(min=1, help="lines that are spoken about, drawn by seed")] = 1000,
    kind: Annotated[list[str] | None, typer.Option(help="shorter, formal, another, comment (all)")] = None,
    turns: Annotated[int, typer.Option(min=1, max=4, help="most requests in a dialogue")] = 2,
    seed: Annotated[int, typer.Option(help="seed of what is drawn")] = 1,
    split: Annotated[str | None, typer.Option(help="split of a folder (default: train)")] = None,
    languages: Annotated[list[str] | None, typer.Option(help="columns of a TSV: en,de")] = None,
    runs: options.Runs = Path("runs"),
) -> None:
    """Have a large model answer open-ended requests about translations, as dialogues to train on."""
    from dragoman.console import say
    from dragoman.errors import RecipeError
    from dragoman.instruct.task import task_directions
    from dragoman.instruct.teacher import Teacher, lessons
    from dragoman.instruct.teacher_check import check_language
    from dragoman.instruct.teacher_write import dropped_file, write_taught
    from dragoman.language.identify import make_identifier
    from dragoman.language.language import parse_direction
    from dragoman.recipe import TaskSpec

    check_out(out)
    kinds = list(dict.fromkeys(kind or KINDS))
    for name in kinds:
        if name not in KINDS:
            raise RecipeError(f"--kind {name}: no such kind; known: {', '.join(KINDS)}")
    named = [parse_direction(one) for given in direction or [] for one in given.split(",")]
    with _material(text, split, languages or [], runs) as material:
        directions = task_directions(TaskSpec(directions=named or "all"), material.store, "teach")
        identifier = make_identifier("py3langid", material.store.languages, candidates=["en"])
        work = Teacher(material, [check_language(identifier)]).teach
        drawn = partial(lessons, material, directions, lines, kinds, turns, seed)
        if not server.may_start(drawn(), work, journal_of(out)):
            return
        report = write_taught(out, server.results(drawn(), work, journal_of(out), "teach", lines))
    told = ", ".join(f"{reason} {count:,}" for reason, count in report.dropped.most_common())
    lost = f", dropped {report.dropped.total():,} answers ({told}; {dropped_file(out)})" if told else ""
    say(f" teach     {report.written:,} dialogues in {out}{lost}")


@contextmanager
def _material(text: Path, split: str | None, languages: list[str], runs: Path) -> Iterator[Material]:
    """The lines to speak about, and the wordings of the recipe's template; without a recipe, alpaca's."""
    from dragoman.corpus.readers import read_source
    from dragoman.corpus.store import Store, write_store
    from dragoman.evaluate.probe.command import source_of
    from dragoman.instruct.task import Material
    from dragoman.plan import readable
    from dragoman.prompt.templates import load_template
    from dragoman.recipe_file import load_recipe

    if text.suffix in (".yaml", ".yml"):
        recipe = load_recipe(text)
        with readable(recipe, runs / recipe.name) as run:
            template = load_template(recipe.prompt)
            yield Material(run.text.train, template, recipe.prompt.language == "target")
        return
    source = source_of(text, [], split or "train", languages)
    with TemporaryDirectory(prefix="dragoman-") as folder:
        place = Path(folder) / "train"
        write_store(place, read_source(source, lambda drop: None))
        yield Material(Store(place), load_template("alpaca"))

"""``dragoman sheet`` and ``dragoman rank``: people rank texts without knowing whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman import options

if TYPE_CHECKING:
    from dragoman.evaluate.ranking import Item

SHEET = (
    "dragoman sheet ours=ours.jsonl theirs=theirs.jsonl --out sheet",
    "dragoman sheet runs/x --system all --system mt-only -d de-en --count 40 --out sheet",
)
RANK = ("dragoman rank sheet/key.json anna.csv bela.csv",)


def sheet(
    systems: Annotated[list[str], typer.Argument(help="NAME=FILE of answers, twice or more; or a run")],
    out: Annotated[Path, typer.Option(help="new folder for the sheet, the page and the key")],
    system: Annotated[list[str] | None, typer.Option(help="only these systems of a run")] = None,
    direction: options.Directions = None,
    count: Annotated[int, typer.Option(min=1, help="most items")] = 50,
    seed: Annotated[int, typer.Option(help="seed of items and letters")] = 1,
) -> None:
    """Make a blind ranking sheet: a CSV and a page for raters, the key apart."""
    from dragoman.console import say
    from dragoman.evaluate.ranking import KEY, PAGE, RATERS, SHEET, make_sheet, write_sheet

    made = make_sheet(_items(systems, system or [], direction or []), count, seed)
    write_sheet(made, out)
    say(f" sheet     {len(made.shown):,} items of {len(made.systems)} systems")
    say(f" sheet     hand out {out / RATERS / SHEET} or {PAGE}; keep {out / KEY}")


def rank(
    key: Annotated[Path, typer.Argument(help="key.json of the sheet")],
    sheets: Annotated[list[Path], typer.Argument(help="filled sheets, one or more for each rater")],
    style: options.Style = "text",
) -> None:
    """Analyse filled sheets: average ranks, first places, agreement."""
    from dragoman.evaluate.ranking_analysis import ranking_table
    from dragoman.evaluate.ranking_read import read_ratings

    print(ranking_table(read_ratings(key, sheets)).show(style))


def _items(given: list[str], systems: list[str], directions: list[str]) -> list[Item]:
    from dragoman.errors import RecipeError
    from dragoman.evaluate.judge_prompts import read_answers
    from dragoman.evaluate.outputs import read_outputs
    from dragoman.evaluate.ranking import items_of_answers, items_of_outputs
    from dragoman.language.language import parse_direction

    if len(given) == 1 and Path(given[0]).is_dir():
        named = [parse_direction(one) for text in directions for one in text.split(",")]
        return items_of_outputs(read_outputs(Path(given[0]), systems=systems, directions=named))
    files: dict[str, Path] = {}
    for one in given:
        name, mark, path = one.partition("=")
        if not mark or not path or name in files:
            raise RecipeError(f"sheet {one!r}: expected NAME=FILE, each name once, or the folder of a run")
        files[name] = Path(path)
    if len(files) < 2:
        raise RecipeError("sheet: give NAME=FILE for two systems or more, or the folder of a run")
    return items_of_answers({name: read_answers(path) for name, path in files.items()})

"""Options and arguments that several verbs share, each with its help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Overrides = Annotated[list[str] | None, typer.Argument(help="key=value overrides of the recipe")]
RecipeFile = Annotated[Path, typer.Argument(help="recipe (YAML)")]
ModelArg = Annotated[str, typer.Argument(help="model folder or hub id")]
Runs = Annotated[Path, typer.Option(help="folder that holds the runs")]
References = Annotated[Path | None, typer.Option(help="folder of <split>.<lang> sources and references")]
Directions = Annotated[list[str] | None, typer.Option("--direction", "-d", help="only these directions")]
Supervised = Annotated[list[str] | None, typer.Option(help="directions that training saw")]
Judge = Annotated[str, typer.Option(help="auto, py3langid, pycld2, learnt, fasttext:PATH, none")]
Training = Annotated[Path | None, typer.Option(help="folder of train.<lang> that an identifier learns from")]
Metrics = Annotated[list[str] | None, typer.Option(help="BLEU, chrF++, TER (default: the first two)")]
Comet = Annotated[str | None, typer.Option(help="Python of an environment that has unbabel-comet")]
Bleurt = Annotated[str | None, typer.Option(help="Python of an environment that has BLEURT")]
Style = Annotated[Literal["text", "markdown", "tsv"], typer.Option(help="form of the tables")]

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
Talking = Annotated[
    bool, typer.Option("--interactive", help="held-out dialogues: translations are corrected turn by turn")
]
DialogueFiles = Annotated[
    list[Path] | None, typer.Option("--dialogues", help="dialogues of a file (JSONL), for --interactive")
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kinds", help="vocabulary, grammar, content, style, history, question (default: all)"),
]
Turns = Annotated[tuple[int, int], typer.Option(min=2, help="fewest and most user turns of a dialogue")]
User = Annotated[str, typer.Option("--user-language", help="what the user speaks: en, source, target, mixed")]
Draft = Annotated[str, typer.Option(help="what is corrected: fixed (the dialogue's versions) or own")]
SingleTurn = Annotated[
    bool, typer.Option("--single-turn", help="source, draft and demand in one user turn each")
]
TalkTerms = Annotated[
    bool, typer.Option("--terms", help="what users dictate in quotes, or ban, binds the search, as in chat")
]
Copy = Annotated[bool, typer.Option("--copy", help="also the system that answers with the draft")]
Retranslate = Annotated[
    bool, typer.Option("--retranslate", help="also the model's plain translation as answer to every turn")
]
DialogueSeed = Annotated[int, typer.Option("--seed", min=0, help="seed by which dialogues are drawn")]

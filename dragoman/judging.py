"""``dragoman answer`` and ``dragoman judge``: prompts of several turns, and a judge between two systems."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman import options
from dragoman.asking import Server, asks_a_server, check_out, journal_of

if TYPE_CHECKING:
    from dragoman.evaluate.judge_prompts import Answered, Prompt
    from dragoman.recipe import Decoding, Model

ANSWER = (
    "dragoman answer prompts.jsonl --model runs/x/stages/all/model --out ours.jsonl",
    "dragoman answer prompts.jsonl --endpoint https://host/v1 --model big --out theirs.jsonl",
)
JUDGE = ("dragoman judge ours.jsonl theirs.jsonl --endpoint https://host/v1 --model big --out judged.jsonl",)


@asks_a_server(usual_temperature=0.0)
def answer(
    prompts: Annotated[Path, typer.Argument(help="prompts of one or more turns (JSONL)")],
    out: Annotated[Path, typer.Option(help="file for the answers (JSONL)")],
    server: Server,
    model: str | None,
    name: Annotated[
        str | None, typer.Option(help="what the system is called (default: the file's name)")
    ] = None,
    beam: Annotated[int, typer.Option(min=1, help="beam size of a model here; 1 is greedy")] = 1,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="longest answer of a model here")] = 512,
    template: Annotated[
        str | None, typer.Option(help="prompt template of a model here (default: as it was tuned)")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N, mps or auto")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
) -> None:
    """Collect the answers of a model (--model: a folder or hub id; with --endpoint its name there)."""
    from dragoman.console import say
    from dragoman.errors import RecipeError
    from dragoman.evaluate.judge_prompts import read_prompts, write_answers
    from dragoman.recipe import Decoding, Model
    from dragoman.recipe_file import checked

    check_out(out)
    read, system = read_prompts(prompts), name or out.stem
    if model is None:
        raise RecipeError("give --model: a folder or hub id, or with --endpoint the model's name there")
    if server.endpoint is None:
        decoding = checked(Decoding, beam=beam, max_new_tokens=max_new_tokens)
        answered = _answered_here(
            read, system, model, decoding, checked(Model, device=device, dtype=dtype), template
        )
    else:
        answered = _answered_there(read, system, server, out)
    if not answered:
        return
    count = write_answers(out, answered)
    lost = sum(1 for one in answered if any(one.notes))
    say(
        f" answer    {count:,} prompts in {out}"
        + (f", {lost:,} with a note (cut or too long)" if lost else "")
    )


@asks_a_server(usual_temperature=0.0)
def judge(
    first: Annotated[Path, typer.Argument(help="answers of one system (JSONL)")],
    second: Annotated[Path, typer.Argument(help="answers of another to the same prompts")],
    out: Annotated[Path, typer.Option(help="file for the verdicts (JSONL)")],
    server: Server,
    turn: Annotated[list[int] | None, typer.Option(min=1, help="only these turns (default: all)")] = None,
    style: options.Style = "text",
) -> None:
    """Have a model compare two systems answer by answer, in both orders; orders that differ are a tie."""
    from dragoman.console import say
    from dragoman.errors import RecipeError
    from dragoman.evaluate.judge import judge_pair, pairs_of, write_judged
    from dragoman.evaluate.judge_prompts import read_answers
    from dragoman.evaluate.judge_table import judge_table

    check_out(out)
    pairs = list(pairs_of(read_answers(first), read_answers(second), turn or ()))
    if not pairs:
        raise RecipeError(f"--turn {turn}: no prompt has so many turns")
    if not server.may_start(pairs, judge_pair, journal_of(out)):
        return
    found = server.results(pairs, judge_pair, journal_of(out), "judge", len(pairs))
    judged = [one for one in found if one is not None]
    write_judged(out, judged)
    one, two = pairs[0].one.system, pairs[0].two.system
    say(f" judge     {one} against {two}, judged by {server.needed.model}; verdicts in {out}")
    print(judge_table(judged).show(style))


def _answered_here(
    prompts: list[Prompt], system: str, model: str, decoding: Decoding, settings: Model, template: str | None
) -> list[Answered]:
    from dragoman.console import progress
    from dragoman.evaluate.judge_answer import answer_all
    from dragoman.loading import load_translator

    translator = load_translator(model, settings, decoding, None, template)
    with progress(" answer", sum(len(prompt.turns) for prompt in prompts)) as advance:
        return answer_all(translator, prompts, system, advance)


def _answered_there(prompts: list[Prompt], system: str, server: Server, out: Path) -> list[Answered]:
    """The answers of a model on a server; none on a dry run."""
    from dragoman.errors import ServeError
    from dragoman.evaluate.judge_answer import ask_prompt

    work = partial(ask_prompt, system=system)
    if not server.may_start(prompts, work, journal_of(out)):
        return []
    found = [one for one in server.results(prompts, work, journal_of(out), "answer", len(prompts)) if one]
    if len(found) < len(prompts):
        raise ServeError(
            f"{len(prompts) - len(found):,} of {len(prompts):,} prompts have no answer; start again"
        )
    return found

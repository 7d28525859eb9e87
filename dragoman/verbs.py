"""Verbs with many options whose work needs several folders, as the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dragoman import options

TRANSLATE = (
    "dragoman translate runs/demo/stages/stage2/model --direction it-nl < text.it > text.nl",
    "dragoman translate runs/x/stages/terms/model -d en-de --terms terms.tsv --beam 4 -i in.txt -o out.jsonl",
)
CONTEXT = 1 << 20
"""Tokens of a conversation that is answered: the model's own limit is to count."""
CHAT = (
    "dragoman chat runs/interactive/stages/dialogues/model -d eng-deu",
    "dragoman chat runs/x/stages/terms/model -d en-de --terms terms.tsv < lines.txt > answers.txt",
)
PROBE = (
    "dragoman probe runs/a/stages/mt/model runs/b/stages/mt-align/model --data text/ -d de-en --out look/",
    "dragoman probe models/small --file en=test.en --file de=test.de",
)


def translate(
    model: options.ModelArg,
    direction: Annotated[str, typer.Option("--direction", "-d", help="such as de-en")],
    source: Annotated[str, typer.Option("--input", "-i", help="file; - is standard input")] = "-",
    target: Annotated[str, typer.Option("--output", "-o", help="file; - is standard output")] = "-",
    beam: Annotated[int, typer.Option(min=1, help="beam size; 1 is greedy")] = 1,
    length_penalty: Annotated[
        float, typer.Option(help="exponent of the length that beam scores are divided by")
    ] = 1.0,
    n_best: Annotated[int, typer.Option(min=1, help="outputs for each line, at most the beam (JSONL)")] = 1,
    terms: Annotated[
        Path | None, typer.Option(help="glossary: lines of term<TAB>form or term<TAB>form|another form")
    ] = None,
    constraints: Annotated[
        str | None,
        typer.Option(
            help="soft (in the prompt), hard (by the search) or both (default: as the model was tuned)"
        ),
    ] = None,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="terms in any case")] = False,
    input_format: Annotated[str | None, typer.Option(help="text or jsonl (default: by name)")] = None,
    output_format: Annotated[str | None, typer.Option(help="text or jsonl (default: by name)")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="longest output")] = 256,
    batch_tokens: Annotated[int, typer.Option(min=1, help="tokens in a batch, hypotheses included")] = 8192,
    prompt_language: Annotated[
        str | None, typer.Option(help="en or target (default: as the model was tuned)")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="prompt template (default: as the model was tuned)")
    ] = None,
    contrast_source: Annotated[
        float, typer.Option(min=0, help="weight of the contrast with other sources")
    ] = 0.0,
    contrast_language: Annotated[
        float, typer.Option(min=0, help="weight of the contrast with wrong targets")
    ] = 0.0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N, mps or auto")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
) -> None:
    """Translate a file or standard input, a line in, a line out; a stopped file goes on where it was."""
    from dragoman.console import progress, say
    from dragoman.language.language import parse_direction
    from dragoman.loading import load_translator
    from dragoman.recipe import Decoding, Model, SystemSpec
    from dragoman.recipe_file import checked
    from dragoman.translate.files import translate_file
    from dragoman.translate.formats import Formats, format_of
    from dragoman.translate.glossary import read_glossary

    wanted = parse_direction(direction)
    read, write = format_of(source, input_format, "input"), format_of(target, output_format, "output")
    glossary = read_glossary(terms, ignore_case) if terms else None
    decoding = checked(
        Decoding, beam=beam, length_penalty=length_penalty, max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
    )  # fmt: skip
    spec = checked(
        SystemSpec, name="translate", prompt_language=prompt_language,
        contrast_source=contrast_source, contrast_language=contrast_language,
    )  # fmt: skip
    settings = checked(Model, device=device, dtype=dtype)
    translator = load_translator(model, settings, decoding, spec, template, n_best, constraints)
    formats = Formats(read, write, glossary, ignore_case)
    with progress(f" translate {wanted}") as advance:
        report = translate_file(
            translator, wanted, source, target, model=model, formats=formats, say=say, advance=advance
        )
    say(f" {report}")


def chat(
    model: options.ModelArg,
    direction: Annotated[
        str | None, typer.Option("--direction", "-d", help="such as de-en (default: you are asked)")
    ] = None,
    terms: Annotated[Path | None, typer.Option(help="glossary, as for translate")] = None,
    beam: Annotated[int, typer.Option(min=1, help="beam size; above 1 an answer comes when it is whole")] = 1,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="longest answer")] = 256,
    prompt_language: Annotated[
        str | None, typer.Option(help="en or target (default: as the model was tuned)")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="prompt template (default: as the model was tuned)")
    ] = None,
    mark: Annotated[
        bool, typer.Option("--mark", help="over a pipe, too: [+new words+] and [-lost words-]")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="keep the lines for the next time")
    ] = True,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N, mps or auto")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
) -> None:
    """Translate, and correct in plain words: in a terminal, or a line in, a line out."""
    from dragoman.chat.command import converse, pick_direction
    from dragoman.chat.screen import screen_of
    from dragoman.chat.session import Session
    from dragoman.chat.talk import Talk
    from dragoman.console import say
    from dragoman.language.language import parse_direction
    from dragoman.loading import load_translator, tuned_with
    from dragoman.recipe import Decoding, Model, SystemSpec
    from dragoman.recipe_file import checked
    from dragoman.translate.glossary import read_glossary
    from dragoman.tune.model import read_card

    screen, card = screen_of(mark, say), read_card(model)
    wanted = parse_direction(direction) if direction else pick_direction(card, screen)
    if wanted is None:
        return
    entries = read_glossary(terms).entries if terms else {}
    decoding = checked(Decoding, beam=beam, max_new_tokens=max_new_tokens, batch_tokens=CONTEXT)
    spec = checked(SystemSpec, name="chat", prompt_language=prompt_language)
    translator = load_translator(model, checked(Model, device=device, dtype=dtype), decoding, spec, template)
    session = Session(wanted, translator.prompter.prompt_language)
    session.terms.entries.update(entries)
    talk = Talk(session, translator, not card or tuned_with(card, "interactive", "general"))
    if converse(talk, screen, history) and not screen.interactive:
        raise typer.Exit(1)


def probe(
    models: Annotated[list[str], typer.Argument(help="model folders or hub ids")],
    data: Annotated[
        Path | None, typer.Option(help="folder of <split>.<lang>, or a TSV or JSONL file")
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(help="LANGUAGE=FILE, for each side of line-aligned files")
    ] = None,
    split: Annotated[str | None, typer.Option(help="split of the folder (default: test)")] = None,
    languages: Annotated[
        list[str] | None, typer.Option(help="columns of a TSV, or languages to read: en,de")
    ] = None,
    direction: Annotated[
        list[str] | None, typer.Option("--direction", "-d", help="language pairs (default: all)")
    ] = None,
    lines: Annotated[int, typer.Option(min=2, help="most sentences of a language pair")] = 1000,
    seed: Annotated[int, typer.Option(help="seed by which they are drawn")] = 1,
    name: Annotated[list[str] | None, typer.Option(help="what a model is called, for each in order")] = None,
    json: Annotated[Path | None, typer.Option(help="file for all values")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for probe.json, probe.svg and probe.png")] = None,
    style: options.Style = "text",
    each: Annotated[bool, typer.Option("--each", help="also a table for each language pair")] = False,
    batch_tokens: Annotated[int, typer.Option(min=1, help="tokens in a batch, padding included")] = 4096,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N, mps or auto")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
) -> None:
    """Look inside: how alike sentences and their translations are in every layer of some models."""
    from dragoman.evaluate.probe.command import Job, probe_command, source_of
    from dragoman.recipe import Model
    from dragoman.recipe_file import checked

    text = source_of(data, file or [], split, languages or [])
    job = Job(
        models, name or [], text, direction or [], lines, seed, checked(Model, device=device, dtype=dtype)
    )
    job.batch_tokens, job.json, job.out, job.style, job.each = batch_tokens, json, out, style, each
    probe_command(job)

"""Verbs with many options whose work needs several folders, as the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dragoman import options

TRANSLATE = ("dragoman translate runs/demo/stages/stage2/model --direction it-nl < text.it > text.nl",)
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

    wanted = parse_direction(direction)
    decoding = checked(
        Decoding, beam=beam, length_penalty=length_penalty, max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
    )  # fmt: skip
    spec = checked(
        SystemSpec, name="translate", prompt_language=prompt_language,
        contrast_source=contrast_source, contrast_language=contrast_language,
    )  # fmt: skip
    translator = load_translator(model, checked(Model, device=device, dtype=dtype), decoding, spec, template)
    with progress(f" translate {wanted}") as advance:
        report = translate_file(translator, wanted, source, target, model=model, say=say, advance=advance)
    say(f" {report}")


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

"""Verbs with many options whose work needs several folders, as the command line shows them."""

from __future__ import annotations

from typing import Annotated

import typer

from dragoman import options

TRANSLATE = ("dragoman translate runs/demo/stages/stage2/model --direction it-nl < text.it > text.nl",)


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

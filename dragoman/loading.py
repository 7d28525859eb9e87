"""A saved model ready to translate: its card tells the prompt that it was tuned with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dragoman.console import progress
from dragoman.corpus.pair import Record
from dragoman.corpus.readers import read_source
from dragoman.errors import DataError, ModelError, RecipeError
from dragoman.evaluate.outputs import Output, write_outputs
from dragoman.hub import check_hub
from dragoman.language.language import Direction, parse_direction, same_language
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.recipe import Decoding, Model, Prompt, Recipe, Source, SystemSpec
from dragoman.translate.engine import Translator
from dragoman.translate.meet import MODES, Mode
from dragoman.translate.systems import make_translator, translate_lines
from dragoman.tune.model import check_positions, load_model, load_tokenizer, read_card
from dragoman.tune.stage import make_encoder


def prompt_of(model: str, template: str | None = None) -> Prompt:
    """The prompt section on a model's card; for a foreign model its own chat template, else alpaca."""
    card: dict[str, Any] = read_card(model)
    try:
        prompt = Prompt.model_validate(card["prompt"]) if "prompt" in card else None
    except ValidationError as error:
        raise ModelError(f"{model}/dragoman.json: its prompt section is not one of this version's") from error
    if prompt is None:
        prompt = Prompt(template="alpaca")
    return prompt.model_copy(update={"template": template}) if template else prompt


def check_base(base: str, recipe: Recipe) -> Encoder:
    """Find what would end a run late, before it begins: no model, another kind of one, a wrong template.

    Reads tokenizer and configuration, no weights; returns the recipe's encoder. ModelError or RecipeError.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    check_hub(base)
    folder = Path(base)
    if folder.is_dir() and not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"base {base!r}: no *.safetensors in the folder; save the model with save_pretrained"
        )
    encoder = make_encoder(recipe, load_tokenizer(base))
    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:240]
        raise ModelError(f"base {base!r}: its configuration cannot be loaded: {reason}") from error
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ModelError(f"base {base!r}: {config.model_type} is no causal language model")
    check_positions(config, recipe.prompt.max_length)
    return encoder


def mode_of(constraints: str | None, model: str) -> Mode:
    """How demands are met: as it is asked for, else as the model's card has it. RecipeError if unknown."""
    wanted = constraints or ("both" if tuned_with(read_card(model), "constrained") else "hard")
    mode = next((mode for mode in MODES if mode == wanted), None)
    if mode is None:
        raise RecipeError(f"constraints: {constraints!r} is unknown; use {', '.join(MODES)}")
    return mode


def tuned_with(card: dict[str, Any], *tasks: str) -> bool:
    """Whether a model was tuned, in its stage or one before it, with any of some tasks."""
    stages = (card.get("recipe") or {}).get("stages", [])
    names = [stage["name"] for stage in stages]
    name = str(card.get("stage", "")).partition("@")[0]
    while name in names:
        place = names.index(name)
        if any(task in stages[place]["tasks"] for task in tasks):
            return True
        before = stages[place].get("start") or (names[place - 1] if place else "")
        name = before.partition("@")[0] if before != name else ""
    return False


def load_translator(
    model: str,
    settings: Model,
    decoding: Decoding,
    spec: SystemSpec | None = None,
    template: str | None = None,
    n_best: int = 1,
    constraints: str | None = None,
) -> Translator:
    """Model, tokenizer, prompt and search of a model folder or hub id. ``constraints``: how demands are met
    (see translate/meet.py); if not given, also in the prompt where the model was tuned for that."""
    check_hub(model)
    mode = mode_of(constraints, model)
    prompt = prompt_of(model, template)
    tokenizer = load_tokenizer(model)
    encoder = Encoder(tokenizer, load_template(prompt, tokenizer), prompt.max_length)
    spec = spec or SystemSpec(name="model")
    if spec.prompt_language is None:
        spec = spec.model_copy(update={"prompt_language": prompt.language})
    loaded = load_model(model, settings)
    return make_translator(loaded, encoder, decoding, spec, n_best=n_best, constraints=mode)


def translate_folder(
    model: str,
    data: Path,
    split: str | None,
    directions: Sequence[str],
    beam: int,
    lines: int | None,
    out: Path,
) -> list[str] | None:
    """Translate a folder of ``<split>.<lang>`` in every direction (or those named) into ``out/translations``.

    Returns the directions that the model was tuned on, if its card knows them.
    """
    card = read_card(model)
    source = Source(folder=str(data), split=split or "test")
    records = list(islice(read_source(source, lambda drop: None), lines))
    wanted = _directions(records, [name for given in directions for name in given.split(",")], data)
    translator = load_translator(model, Model(), Decoding(beam=beam))
    name = str(card.get("stage") or Path(model).name)
    with progress(f" translate {name}", len(wanted)) as advance:
        for number, direction in enumerate(wanted):
            advance(number, str(direction))
            pairs = [record.pair(direction) for record in records if record.has(direction)]
            texts = translate_lines(translator, SystemSpec(name=name), [p.source for p in pairs], direction)
            ids, sources, references = zip(*((p.id, p.source, p.target) for p in pairs), strict=True)
            write_outputs(out, [Output(name, direction, ids, tuple(texts), sources, references)])
    return ["-".join(d) for d in card["tuned_directions"]] if "tuned_directions" in card else None


def _directions(records: Sequence[Record], named: Sequence[str], folder: Path) -> list[Direction]:
    """The directions of the text, in its codes: all of them, or those that are named."""
    codes = list(dict.fromkeys(code for record in records for code in record.texts))
    every = [Direction(a, b) for a in sorted(codes) for b in sorted(codes) if a != b]
    known = [d for d in every if any(record.has(d) for record in records)]
    chosen = []
    for wanted in map(parse_direction, named):
        match = [d for d in known if all(map(same_language, d, wanted))]
        if not match:
            raise DataError(f"{folder}: no line in the direction {wanted}; it has {', '.join(sorted(codes))}")
        chosen.append(match[0])
    return chosen or known

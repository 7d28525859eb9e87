"""The recipe: one YAML file that says which base, which text, which stages and which evaluation make a run.

Every class here is one section of the file; the docstring under a field is its documentation. Unknown keys
are errors; all mistakes are reported at once, each with its key, line and the nearest known name
(:func:`dragoman.recipe_file.load_recipe`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from dragoman.language.language import Direction, parse_direction


def _code(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(
            "a language code became true/false: YAML reads no, on, yes as booleans; write 'no' in quotes"
        )
    return value


def _direction(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) == 2:
        return Direction(*value)
    return parse_direction(value) if isinstance(value, str) else value


def _folder_name(value: str) -> str:
    if not value.strip() or value.startswith(".") or set(value) & set("/\\"):
        raise ValueError("a name becomes a folder: no /, no \\, no dot in front, not empty")
    return value


LanguageCode = Annotated[str, BeforeValidator(_code)]
FolderName = Annotated[str, AfterValidator(_folder_name)]
Count = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
DirectionName = Annotated[Direction, BeforeValidator(_direction)]


class Section(BaseModel):
    """A part of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, validate_default=True)


class Source(Section):
    """Where text comes from. Exactly one of folder, files, tsv, jsonl, dataset."""

    folder: str | None = None
    """Folder of <split>.<lang> files, line i of every language parallel (plain, .gz, .xz or .zst)."""
    split: str = "train"
    """Which split of the folder or data set."""
    files: dict[LanguageCode, str] | None = None
    """Line-aligned files by language: {en: a.en, de: a.de}."""
    tsv: str | None = None
    """A tab-separated file; `languages` names its columns in order ('-' skips one)."""
    jsonl: str | None = None
    """A JSONL file; each row maps language codes to text, or use `keys`."""
    dataset: str | None = None
    """A Hugging Face data set: a folder or a hub id (needs the extra `data`)."""
    config: str | None = None
    """Configuration name of the data set."""
    keys: dict[LanguageCode, str] = {}
    """Language code to JSON key or data set column, where they differ (dots go into nested objects)."""
    languages: list[LanguageCode] = []
    """Languages to read; empty = all that are found (columns of a TSV must be named)."""
    lines: str | None = None
    """Lines to take, counted from 1: '1-5000', '5001-', or several with commas."""
    url: str | None = None
    """Where the public finds this text (repository, revision, file); documentation only."""
    sha256: dict[str, str] = {}
    """SHA-256 by file name; checked before the text is read."""

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"folder": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> Source:
        given = [k for k in ("folder", "files", "tsv", "jsonl", "dataset") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of folder, files, tsv, jsonl, dataset (found {', '.join(given) or 'none'})"
            )
        if self.tsv is not None and not self.languages:
            raise ValueError("a TSV needs `languages`: the code of each column in order")
        return self


class Filters(Section):
    """What is dropped from training text; each drop is counted and written to corpus/dropped.jsonl."""

    max_chars: int = 2000
    """Longest line in characters."""
    max_words: int = 400
    """Longest line in tokens: words between spaces (single characters in scripts without spaces)."""
    max_ratio: float = 4.0
    """Largest ratio of the two lengths in characters plus 10."""
    identical: bool = True
    """Drop pairs whose sides are the same."""
    duplicates: bool = True
    """Drop pairs that occurred before (exact, 16 bytes a line of memory)."""
    control_characters: bool = True
    """Drop lines with control characters."""
    wrong_language: bool = False
    """Drop lines that the identifier takes for another language (only languages it knows)."""
    min_confidence: Share = 0.9
    """wrong_language drops a line only if the identifier is this sure."""
    leaks: bool = True
    """Drop a training line, in all its languages, if any of its sides occurs in dev or test."""


class Data(Section):
    """Corpora by split; `train` may be a list of sources."""

    root: str | None = None
    """Folder that relative paths start from (absent: this folder, then the recipe's own)."""
    train: list[Source]
    """Training text."""
    dev: list[Source] = []
    """Text for selection."""
    test: list[Source] = []
    """Text for the final scores; read once, at the end."""
    filters: Filters = Filters()
    """What is dropped from training text."""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        """One source may stand without a list; a folder given as text serves every split that it has."""
        if not isinstance(value, dict):
            return value
        return {
            k: [v] if k in ("train", "dev", "test") and isinstance(v, str | dict) else v
            for k, v in value.items()
        }


class Lora(Section):
    """Low-rank adapters in place of full fine-tuning."""

    rank: Count = 16
    """Rank of the update."""
    alpha: Amount = 32
    """Scale of the update (alpha / rank)."""
    dropout: Share = 0.05
    """Dropout on the adapter's input."""
    targets: list[str] | Literal["all-linear"] = "all-linear"
    """Modules that get an adapter."""


class Model(Section):
    """How the base is loaded and tuned."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the weights."""
    compute: Literal["float32", "bfloat16"] = "float32"
    """Precision of matrix products while weights stay in `dtype`; bfloat16 is several times faster where the
    processor or card has units for it."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto."""
    lora: Lora | None = None
    """Low-rank adapters; absent = full fine-tuning."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    """Attention kernel."""
    threads: Count | None = None
    """CPU threads (default: torch's own)."""


class TemplateWording(Section):
    """A user-defined template; see docs/prompts.md for the placeholders."""

    frame: str
    """Text around an instruction with an input: {instruction}, {input}, {source}, {target}."""
    frame_no_input: str | None = None
    """Text around an instruction that has no input."""
    system: str = ""
    """Text before the first turn."""
    turn_end: str = ""
    """Text after an answer's end token, before the next turn."""
    wordings: dict[str, dict[LanguageCode, str]] = {}
    """Instructions by task and prompt language; absent = those of `alpaca`."""


class Prompt(Section):
    """How turns become text."""

    template: str = "alpaca"
    """alpaca, alpaca-post, plain, alma, bayling, chat, or a name of `templates`."""
    templates: dict[str, TemplateWording] = {}
    """Templates of one's own."""
    language: Literal["en", "target"] = "en"
    """Language of the instruction, headers and language names."""
    max_length: Count = 512
    """Longest example in tokens; a longer one is dropped and counted."""


class TaskSpec(Section):
    """A task in a stage's mixture."""

    share: Amount = 1.0
    """Weight of this task in the mixture: examples drawn relative to the others."""
    weight: Weight = 1.0
    """Factor on the loss of this task's examples."""
    directions: list[DirectionName] | Literal["all", "english"] = "all"
    """Directions to draw from; `all`: every one the corpus has, `english`: those with English."""
    negatives: Literal["any", "target"] = "any"
    """conflict: `any` = the instruction of a random other pair; `target` = for another target language."""
    wrong_targets: list[LanguageCode] = []
    """conflict: target languages that a wrong instruction may name (empty: those of the directions)."""
    negative_share: Share = 1.0
    """conflict: share of pairs that get a negative."""
    positives: bool = True
    """conflict: also learn each pair under its right instruction, in the same step."""
    spare_end: bool = False
    """conflict: do not unlearn the end token."""
    spare_shared: bool = False
    """conflict: do not unlearn digits, punctuation and words that the source holds too."""
    languages: list[LanguageCode] = []
    """mono: languages of the documents (empty: all)."""
    bilingual: Share = 0.0
    """mono: share of documents that hold a line in two languages (0 to 1)."""
    labelled: bool = True
    """mono: write the language's name before each text of a document."""
    shots: Annotated[int, Field(ge=0)] = 0
    """mt: worked examples before the request (drawn from the training text)."""


TASK_NAMES = ("mt", "mono", "conflict")


class Objective(Section):
    """Mean likelihood loss + alpha * mean unlikelihood loss, over a whole optimiser step."""

    alpha: Weight = 0.05
    """Factor of the unlikelihood loss."""
    normalise: Literal["tokens", "examples"] = "tokens"
    """Mean over all learned tokens, or over examples of the mean over their tokens."""


class Stage(Section):
    """One stage of tuning: a mixture, an objective, a length, a rate."""

    name: FolderName
    """Name of the stage; also the name of the system in the report."""
    start: str | None = None
    """Stage (or `base`) whose weights this stage starts from; absent = the stage before."""
    tasks: dict[str, TaskSpec]
    """The mixture."""
    objective: Objective = Objective()
    """The loss."""
    steps: Count | None = None
    """Length in optimiser steps."""
    epochs: Amount | None = None
    """Length in passes over the mixture's pairs."""
    batch_examples: Count | None = None
    """Examples in an optimiser step (a pair and its negative count once)."""
    batch_tokens: Count = 4096
    """Tokens, padding included, in one forward pass; without batch_examples also the optimiser step."""
    window: Count = 32
    """Batches that are sorted by length together."""
    learning_rate: Amount = 2e-5
    """Peak learning rate."""
    schedule: Literal["cosine", "linear", "constant", "inverse-sqrt"] = "cosine"
    """Shape of the rate after warm-up."""
    warmup: Weight = 0.03
    """Warm-up as a share of the steps (below 1) or in steps."""
    weight_decay: Weight = 0.0
    """AdamW weight decay."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW betas."""
    clip: Amount = 1.0
    """Largest gradient norm."""
    validate_every: Count | None = None
    """Steps between validations; absent = a tenth of the stage."""
    best: Literal["last", "loss", "chrf", "zero_shot_otr", "zero_shot_chrf"] = "last"
    """Which weights the stage ends with."""
    patience: Count | None = None
    """End after this many validations without a better `best` (not with `last`)."""
    checkpoint_every: Count = 200
    """Steps between checkpoints."""
    keep_steps: list[Count] = []
    """Steps whose weights are kept as systems of their own (name@step)."""
    seed: int | None = None
    """Seed of this stage alone; absent = the recipe's."""
    control: bool = False
    """A control or an oracle: its directions do not count as supervised."""

    @model_validator(mode="after")
    def _length(self) -> Stage:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either `steps` or `epochs`")
        if self.patience is not None and self.best == "last":
            raise ValueError("`patience` needs `best` to be a measured rule, not `last`")
        unknown = sorted(set(self.tasks) - set(TASK_NAMES))
        if unknown:
            raise ValueError(f"unknown task {unknown[0]!r}; known: {', '.join(TASK_NAMES)}")
        if not self.tasks:
            raise ValueError("`tasks` is empty")
        beyond = [step for step in self.keep_steps if self.steps is not None and step > self.steps]
        if beyond:
            raise ValueError(f"`keep_steps` {beyond[0]} is beyond the last step, {self.steps}")
        return self


class Validation(Section):
    """What is measured while tuning."""

    lines: Count = 100
    """Dev lines per direction."""
    directions: list[DirectionName] | Literal["all"] = "all"
    """Directions that are translated."""
    samples: int = 2
    """Sample translations printed per validation."""
    max_new_tokens: Count = 96
    """Longest output."""


class Decoding(Section):
    """How systems translate when they are evaluated; the same search for all."""

    beam: Count = 1
    """Beam size; 1 = greedy."""
    length_penalty: float = 1.0
    """Exponent of the length by which beam scores are divided."""
    max_new_tokens: Count = 256
    """Longest output in tokens."""
    batch_tokens: Count = 8192
    """Tokens in one decoding batch, hypotheses included."""


class SystemSpec(Section):
    """A row of the report."""

    name: FolderName
    """Name of the row."""
    stage: str = "base"
    """Stage whose weights are used, or `base`; or kind: copy, references, pivot."""
    kind: Literal["model", "copy", "pivot", "references"] = "model"
    """model: translate; copy: the source; pivot: through English; references: the floor."""
    prompt_language: Literal["en", "target"] | None = None
    """Prompt language for this row (PTL = target)."""
    shots: Annotated[int, Field(ge=0)] = 0
    """Worked examples in the prompt."""
    nearest: bool = False
    """Choose worked examples by similarity to the source instead of fixed ones."""
    contrast_source: float = 0.0
    """Weight of the contrast with a random other source."""
    contrast_language: float = 0.0
    """Weight of the contrast with instructions that name a wrong target language."""


class Evaluate(Section):
    """The final scores."""

    directions: list[DirectionName] | Literal["all"] = "all"
    """Directions to score; supervised are those that some stage was tuned on."""
    lines: Count | None = None
    """Test lines per direction; absent = all."""
    identifier: str = "auto"
    """Judge of the output language: auto, py3langid, pycld2, learnt, fasttext:PATH."""
    candidates: list[LanguageCode] = []
    """Further languages that the identifier may answer."""
    ter: bool = False
    """Also score TER (slow)."""
    systems: list[SystemSpec] | None = None
    """Rows; absent = base and every stage."""
    decoding: Decoding = Decoding()
    """The search."""
    bootstrap: Count = 1000
    """Resamplings for the significance tests."""


class Recipe(Section):
    """A whole recipe."""

    name: FolderName
    """Name of the run; its folder is runs/<name>."""
    base: str
    """Base model: a folder, a hub id, or `demo` for the embedded one."""
    seed: int = 1
    """Seed of every random stream."""
    model: Model = Model()
    """How the base is loaded and tuned."""
    data: Data
    """Text in."""
    prompt: Prompt = Prompt()
    """Turns to text."""
    stages: list[Stage] = Field(min_length=1)
    """The stages, in order."""
    validation: Validation = Validation()
    """What is measured while tuning."""
    evaluate: Evaluate = Evaluate()
    """The final scores."""

    @model_validator(mode="after")
    def _names(self) -> Recipe:
        known = ["base"]
        for stage in self.stages:
            if "@" in stage.name:
                raise ValueError(f"stage {stage.name!r}: @ stands between a stage and one of its kept steps")
            if stage.name in known:
                raise ValueError(f"two stages are called {stage.name!r}")
            if stage.start is not None and stage.start not in known:
                raise ValueError(
                    f"stage {stage.name!r} starts from {stage.start!r}; known before it: {', '.join(known)}"
                )
            known += [stage.name, *(f"{stage.name}@{step}" for step in stage.keep_steps)]
        names = [system.name for system in self.evaluate.systems or []]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two systems are called {twice[0]!r}")
        for system in self.evaluate.systems or []:
            if system.stage not in known:
                raise ValueError(
                    f"system {system.name!r} uses stage {system.stage!r}; known: {', '.join(known)}"
                )
        return self

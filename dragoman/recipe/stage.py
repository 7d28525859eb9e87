"""A stage of tuning: its tasks, its objective, its length, its rate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from dragoman.recipe.section import (
    Amount,
    Count,
    DirectionName,
    FolderName,
    LanguageCode,
    Section,
    Seed,
    Share,
    Weight,
)

DialogueKind = Literal["vocabulary", "grammar", "content", "style", "history", "question"]
UserLanguage = Literal["en", "source", "target", "mixed"]
Turns = Annotated[int, Field(ge=2)]


def _in_order(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise ValueError("`turns` is [fewest, most]")
    return value


TurnRange = Annotated[tuple[Turns, Turns], AfterValidator(_in_order)]


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
    heads: Share = 0.0
    """mono: share of bilingual documents that name their languages once, in a head line (0 to 1)."""
    again: Share = 0.0
    """mono: share of documents that say each of their lines once more, in random order (0 to 1)."""
    quoted: Share = 0.0
    """mono: share of documents before or behind which a few of their words stand in quotes (0 to 1)."""
    labelled: bool = True
    """mono: write the language's name before each text of a document."""
    shots: Annotated[int, Field(ge=0)] = 0
    """mt: worked examples before the request (drawn from the training text)."""
    posterior: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Tasks of words, interactive: least posterior (geometric mean of both ways) of a link that is used."""
    words_only: bool = True
    """Tasks of words (align, hint, revise, constrained): leave punctuation and numbers out."""
    placebo: bool = False
    """Tasks of words: shuffle the links of each line, for a control."""
    assertions: Annotated[int, Field(ge=2, multiple_of=2)] = 2
    """align: assertions for each pair, half of them true (an even number)."""
    phrases: Share = 0.0
    """align, hint, constrained: chance that two links, neighbours on both sides, become one of two words."""
    hints: Count | None = None
    """hint: most hints for a line; absent = all. Fewer are harder."""
    wrong_hints: Share = 0.0
    """hint: share of hints that name a wrong word of the line."""
    demands: Count = 3
    """constrained: most words that are demanded of a line (from 1 to this many)."""
    forbidden: Share = 0.0
    """constrained: share of lines that also name a word which must not appear."""
    files: list[str] = []
    """general: files of dialogues (JSON, JSONL, also compressed), folders of them, Hugging Face data sets."""
    split: str = "train"
    """general: which split of a data set."""
    learn: Literal["all", "last"] = "all"
    """general: learn every answer of a dialogue, or only the last."""
    kinds: dict[DialogueKind, Weight] = {}
    """interactive: shares of the kinds of dialogues (absent: all that the text allows, alike)."""
    turns: TurnRange = (2, 5)
    """interactive: fewest and most user turns of a dialogue, the request for the translation included."""
    user_language: UserLanguage = "mixed"
    """interactive: what the user speaks; `mixed`: any of these that has wordings."""
    wordings: str | None = None
    """interactive: a folder of <code>.yaml files with what users say, beside the shipped ones."""
    single_turn: bool = False
    """interactive: each correction and question as one user turn with source and draft, for a control."""
    edit_weight: Amount = 1.0
    """interactive: weight of the words that a version has and the one before it had not; others weigh 1."""

    @field_validator("files", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _shown(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # later settings are told only where they are set: runs made before there were any stay done
        told: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {
            key: value
            for key, value in told.items()
            if key in FIRST_SETTINGS or getattr(self, key) != fields[key].default
        }


FIRST_SETTINGS = (
    "share", "weight", "directions", "negatives", "wrong_targets", "negative_share", "positives", "spare_end",
    "spare_shared", "languages", "bilingual", "heads", "labelled", "shots",
)  # fmt: skip
"""Those that every task tells."""
TASK_NAMES = ("mt", "mono", "conflict", "align", "hint", "revise", "constrained", "general", "interactive")
OF_WORDS = ("align", "hint", "revise", "constrained")
READ_BY: dict[str, tuple[str, ...]] = {
    "shots": ("mt",),
    **dict.fromkeys(("negatives", "wrong_targets", "negative_share", "positives"), ("conflict",)),
    **dict.fromkeys(("spare_end", "spare_shared"), ("conflict",)),
    **dict.fromkeys(("languages", "bilingual", "heads", "again", "quoted", "labelled"), ("mono",)),
    **dict.fromkeys(("words_only", "placebo"), OF_WORDS),
    "posterior": (*OF_WORDS, "interactive"),
    "assertions": ("align",),
    "phrases": ("align", "hint", "constrained"),
    **dict.fromkeys(("hints", "wrong_hints"), ("hint",)),
    **dict.fromkeys(("demands", "forbidden"), ("constrained",)),
    **dict.fromkeys(("files", "split", "learn"), ("general",)),
    **dict.fromkeys(("kinds", "turns", "user_language", "wordings"), ("interactive",)),
    **dict.fromkeys(("single_turn", "edit_weight"), ("interactive",)),
}  # fmt: skip
"""The tasks that read a setting; those that are absent here are read by all."""


def _check_read(task: str, spec: TaskSpec) -> None:
    """ValueError if a task is given a setting that only others read."""
    for name, tasks in READ_BY.items():
        if task not in tasks and getattr(spec, name) != TaskSpec.model_fields[name].default:
            raise ValueError(f"`{name}` is no setting of task {task}; it belongs to {', '.join(tasks)}")


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
    seed: Seed | None = None
    """Seed of this stage alone; absent = the recipe's."""
    stream: Annotated[str, Field(min_length=1)] | None = None
    """Stages with one stream draw the same items of a task, alike; absent = the stage's name."""
    control: bool = False
    """A control or an oracle: its directions do not count as supervised."""

    @model_serializer(mode="wrap")
    def _shown(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # told only where it is set: runs made before there was any stay done
        told: dict[str, Any] = handler(self)
        return {key: value for key, value in told.items() if key != "stream" or value is not None}

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
        for task, spec in self.tasks.items():
            _check_read(task, spec)
        beyond = [step for step in self.keep_steps if self.steps is not None and step > self.steps]
        if beyond:
            raise ValueError(f"`keep_steps` {beyond[0]} is beyond the last step, {self.steps}")
        return self

"""What is measured: while tuning, and at the end."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dragoman.recipe.section import Count, DirectionName, FolderName, LanguageCode, Section, Seed, Weight
from dragoman.recipe.stage import DialogueKind, TurnRange, UserLanguage


def _identifier(value: str) -> str:
    from dragoman.language.identify import SPECS

    if value not in SPECS and not value.startswith("fasttext:"):
        raise ValueError(f"unknown identifier {value!r}: expected one of {', '.join(SPECS)}")
    return value


class Validation(Section):
    """What is measured while tuning."""

    lines: Count = 100
    """Dev lines per direction."""
    directions: list[DirectionName] | Literal["all"] = "all"
    """Directions that are translated; without references OTR alone is measured, from source text."""
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


class Probe(Section):
    """A look inside: how alike sentences and their translations are in every layer of a row's weights."""

    lines: Annotated[int, Field(ge=2)] = 1000
    """Test lines of a language pair, drawn by the recipe's seed."""
    directions: list[DirectionName] | Literal["all"] = "all"
    """Language pairs; a direction and its reverse are the same pair."""
    systems: list[str] | None = None
    """Rows, such as those of MT only and MT + Align; absent = one for the base and each stage."""


class Interaction(Section):
    """Held-out dialogues of test lines, made as the task `interactive` does: rows answer turn by turn."""

    lines: Count = 200
    """Test lines of a direction; a line gives at most one dialogue."""
    directions: list[DirectionName] | Literal["all"] = "all"
    """Directions; absent = those that are scored."""
    kinds: dict[DialogueKind, Weight] = {}
    """Shares of the kinds of dialogues (absent: all that the text allows, alike)."""
    turns: TurnRange = (2, 5)
    """Fewest and most user turns of a dialogue, the request for the translation included."""
    user_language: UserLanguage = "mixed"
    """What the user speaks; `mixed`: any of these that has wordings."""
    wordings: str | None = None
    """A folder of <code>.yaml files with what users say, beside the shipped ones."""
    seed: Seed = 1
    """Seed of the dialogues; not the recipe's, so that runs of several seeds are asked the same."""
    draft: Literal["fixed", "own"] = "fixed"
    """What is corrected: `fixed` = the dialogue's versions; `own` = from the second on, the row's answers."""
    systems: list[str] | None = None
    """Rows that answer; absent = all of a model, and copy, which answers with the draft."""
    single_turn: list[str] = []
    """Rows that are asked in one user turn with source, draft and demand, as `single_turn` of the task."""
    terms: list[str] = []
    """Rows whose search must meet what users dictate in quotes, or ban, in so many words, as in a chat."""
    retranslate: list[str] = []
    """Rows that answer every turn with their plain translation of the source, for a control."""


class Evaluate(Section):
    """The final scores."""

    directions: list[DirectionName] | Literal["all"] = "all"
    """Directions to score; supervised are those that some stage was tuned on."""
    lines: Count | None = None
    """Test lines per direction; absent = all."""
    identifier: Annotated[str, AfterValidator(_identifier)] = "auto"
    """Judge of the output language: auto, py3langid, pycld2, learnt, fasttext:PATH."""
    candidates: list[LanguageCode] = []
    """Further languages that the identifier may answer."""
    ter: bool = False
    """Also score TER (slow)."""
    systems: list[SystemSpec] | None = None
    """Rows; absent = base and every stage."""
    compare: list[tuple[str, str]] | None = None
    """Pairs of rows to test, [earlier, later]; absent = each stage with what it starts from."""
    decoding: Decoding = Decoding()
    """The search."""
    bootstrap: Count = 1000
    """Resamplings for the significance tests."""
    probe: Probe | None = None
    """The look inside, a part of the report; absent = none, {} = as below."""
    interactive: Interaction | None = None
    """Held-out dialogues, a part of the report; absent = none, {} = as below."""

"""Text in: sources, filters, splits."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator, model_validator

from dragoman.recipe.section import LanguageCode, Section, Share


class Variants(Section):
    """Other texts of the same lines in one language: files beside the text, or keys of its rows."""

    revisions: list[str] = []
    """Earlier versions, the oldest first; the source's own text is the last one."""
    machine: list[str] = []
    """What a machine wrote; the source's own text is its post-edit."""
    references: list[str] = []
    """Other translations of equal standing."""

    @field_validator("*", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


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
    variants: dict[LanguageCode, Variants] = {}
    """interactive: earlier revisions, machine output or other references of a language's text."""
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

"""The reference of a recipe's keys, made from their docstrings: `python -m dragoman.recipe_docs`."""

from __future__ import annotations

import types
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dragoman.language.language import Direction
from dragoman.recipe import Recipe, Section

MARK = "<!-- below: made by python -m dragoman.recipe_docs -->\n"
PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", Direction: "direction"}


def recipe_reference() -> str:
    """Markdown: a table of keys for each section, in the order of the recipe."""
    parts = []
    for place, section in _sections(Recipe, ""):
        title = f"`{place}`" if place else "The recipe"
        rows = [_row(name, field) for name, field in section.model_fields.items()]
        table = "\n".join(["| key | value | absent | |", "| --- | --- | --- | --- |", *rows])
        parts.append(f"## {title}\n\n{_sentence(section.__doc__ or '')}\n\n{table}\n")
    return "\n".join(parts)


def _sections(section: type[Section], place: str) -> Iterator[tuple[str, type[Section]]]:
    """Every section with the place where it stands; the first place of each."""
    seen: set[type[Section]] = set()
    waiting = [(place, section)]
    while waiting:
        place, section = waiting.pop(0)
        if section in seen:
            continue
        seen.add(section)
        yield place, section
        inner = []
        for name, field in section.model_fields.items():
            found, step = _section_of(field.annotation, name)
            if found is not None:
                inner.append((f"{place}.{step}".strip("."), found))
        waiting = inner + waiting


def _section_of(annotation: Any, name: str) -> tuple[type[Section] | None, str]:
    """The section inside a field's type and the key it stands under."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, name
    step = {list: f"{name}[]", dict: f"{name}.<name>"}.get(get_origin(annotation), name)
    for inner in get_args(annotation):
        found, deeper = _section_of(inner, step)
        if found is not None:
            return found, deeper
    return None, name


def _row(name: str, field: FieldInfo) -> str:
    told = _type(field.annotation, field.metadata)
    return f"| `{name}` | {told} | {_default(field)} | {_sentence(field.description or '')} |"


def _type(annotation: Any, bounds: list[Any]) -> str:
    """A type in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0], list(inner[1:]))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(one, bounds) for one in inner if one is not type(None))
    if origin is list:
        return f"list of {_plural(_type(inner[0], []))}"
    if origin is tuple:
        return f"list of {len(inner)} {_plural(_type(inner[0], []))}"
    if origin is dict:
        return f"{_type(inner[1], [])} by {'code' if get_origin(inner[0]) is Annotated else 'name'}"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "section"
    return PLAIN[annotation] + _bounds(bounds)


def _plural(word: str) -> str:
    return word if word == "text" else word.partition(",")[0] + "s"


def _bounds(bounds: list[Any]) -> str:
    """The limits of a number in words."""
    limits = {
        key: getattr(bound, key)
        for bound in _flat(bounds)
        for key in ("ge", "gt", "le")
        if hasattr(bound, key)
    }
    if "ge" in limits and "le" in limits:
        return f", {limits['ge']} to {limits['le']}"
    if "ge" in limits:
        return f", {limits['ge']} or more"
    return f", above {limits['gt']}" if "gt" in limits else ""


def _flat(bounds: list[Any]) -> Iterator[Any]:
    for bound in bounds:
        yield from bound.metadata if isinstance(bound, FieldInfo) else [bound]


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    if value is PydanticUndefined:
        return "**required**"
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, Section):
        return "its defaults"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _sentence(text: str) -> str:
    """Text for a cell of a table; outside of code, `<` would begin a tag."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part if code else part.replace("<", "&lt;") for code, part in zip(cycle((0, 1)), parts))


def main(page: Path = Path("docs/recipe.md")) -> None:
    """Write the reference below the mark of the page."""
    head, _, _ = page.read_text(encoding="utf-8").partition(MARK)
    page.write_text(head + MARK + "\n" + recipe_reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

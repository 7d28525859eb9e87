"""Reading a recipe: YAML without YAML's surprises, ``key=value`` overrides, and all mistakes at once."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from dragoman.errors import RecipeError
from dragoman.recipe import Recipe, Section


class _Loader(yaml.SafeLoader):
    """Plain words stay text but for true and false, null and decimal numbers; a key may stand only once.

    So the language `no` is no boolean, 1:30 no number of seconds, 2024-01-01 no date, and 1e-5 is a number.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
            if key.value in seen and key.value != "<<":
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_REPLACED = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", "-+0123456789"),
    ("float", r"[-+]?(?:(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.inf|\.nan)", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a file with ``key=value`` overrides; lists go by name or number (``stages.sft.steps=9``).

    Raises one RecipeError that names every mistake: key, line, what was expected, and the nearest known name.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise RecipeError(f"recipe {path}: no such file; shipped ones stand in recipes/") from error
    except IsADirectoryError as error:
        raise RecipeError(f"recipe {path}: is a folder; name a recipe file in it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path}: cannot be read as UTF-8 text ({error})") from error
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        content = loader.construct_document(node) if node is not None else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(f"recipe {path}{_not_yaml(error)}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"recipe {path}: expected keys such as base, data, stages; found none")
    given = [_override(content, override) for override in overrides]
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"recipe {path}: {_mistakes(error, node, given)}") from error
    return _resolved(recipe, path.parent)


def parse_recipe(content: dict[str, Any]) -> Recipe:
    """A recipe from a mapping, for scripts; mistakes as in :func:`load_recipe`, without lines."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"recipe: {_mistakes(error, None, [])}") from error


S = TypeVar("S", bound=Section)


def checked(section: type[S], **values: Any) -> S:
    """A section made from command-line options; a RecipeError names the option that is wrong."""
    try:
        return section(**values)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-") if first["loc"] else "options"
        raise RecipeError(f"--{option}: {first['msg']} (found {first['input']!r})") from error


def dump_recipe(recipe: Recipe) -> str:
    """The whole recipe, defaults included, as YAML."""
    content = recipe.model_dump(mode="json")
    for split in ("train", "dev", "test"):  # a source's split is a default only where it was not written
        content["data"][split] = [
            s.model_dump(mode="json", exclude_unset=True) for s in getattr(recipe.data, split)
        ]
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)


def settings_hash(*parts: Any) -> str:
    """A short content hash of sections and values: what decides whether a step is stale."""

    def plain(value: Any) -> Any:
        return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)

    text = json.dumps(parts, sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _not_yaml(error: Exception) -> str:
    """Where and why a text is not YAML."""
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}" if mark is not None else ""
    if isinstance(error, RecursionError):
        return ": not YAML (nested too deeply)"
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    return f"{where}: not YAML ({reason})"


def _override(content: Any, override: str) -> list[Any]:
    """Set one value in a recipe's content; returns its place (list items by number)."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"override {override!r}: expected key=value, for example stages.stage1.steps=50")
    try:
        value = yaml.load(text, _Loader) if text else None  # _Loader is a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(f"override {override!r}{_not_yaml(error)}; put the value in quotes") from error
    steps = key.split(".")
    location: list[Any] = []
    place = content
    for index, step in enumerate(steps, 1):
        location.append(_list_item(place, step, override) if isinstance(place, list) else step)
        if index == len(steps):
            place[location[-1]] = value
            break
        if isinstance(place, dict) and place.get(step) is None:
            place[step] = {}
        place = place[location[-1]]
        if not isinstance(place, dict | list):
            raise RecipeError(f"override {override!r}: {'.'.join(steps[:index])} is a value, not a section")
    return location


def _list_item(items: list[Any], step: str, override: str) -> int:
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if step in names:
        return names.index(step)
    if step.isdigit() and int(step) < len(items):
        return int(step)
    known = ", ".join(str(name) for name in names if name) or f"0 to {len(items) - 1}"
    raise RecipeError(f"override {override!r}: no item {step!r}; known: {known}")


def _mistakes(error: ValidationError, node: yaml.Node | None, given: list[list[Any]]) -> str:
    """All mistakes in one line; ``given`` are the places that overrides have set."""
    found: dict[
        str, list[str]
    ] = {}  # by place; what stands there may be wrong for each kind that it could be
    inputs = {}
    for mistake in error.errors():
        location = [part for part in mistake["loc"] if not _is_union_branch(part)]
        key = ".".join(map(str, location)) or "recipe"
        where = key if node is None else f"{key} ({_place(node, location, given)})"
        if mistake["type"] == "extra_forbidden":
            known = _known_keys(location[:-1])
            near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            found[where] = [f"unknown key; {hint}"]
        elif mistake["type"] == "missing":
            found[where] = ["missing"]
        else:
            found.setdefault(where, []).append(mistake["msg"].removeprefix("Value error, "))
            short = repr(mistake["input"])
            quotes = mistake["type"] == "string_type" and isinstance(mistake["input"], int | float)
            inputs[where] = f" (found {short})" * (len(short) < 60) + "; put it in quotes" * quotes
    lines = [
        f"{where}: {' or '.join(dict.fromkeys(reasons))}{inputs.get(where, '')}"
        for where, reasons in found.items()
    ]
    count = f"{len(lines)} mistakes: " if len(lines) > 1 else ""
    return count + " | ".join(lines)


def _is_union_branch(part: Any) -> bool:
    """Names that pydantic puts into a place for its own branches: they stand in no file."""
    return isinstance(part, str) and (
        "[" in part or part in ("str", "Direction", "literal", "function-before", "Lora")
    )


def _place(node: yaml.Node, location: Sequence[Any], given: list[list[Any]]) -> str:
    """`command line` if an override set the value or made its section, else the line."""
    line, whole = _line(node, location)
    for override in given:
        common = min(len(override), len(location))
        if override[:common] == list(location[:common]) and (common == len(override) or not whole):
            return "command line"
    return f"line {line}"


def _line(node: yaml.Node, location: Sequence[Any]) -> tuple[int, bool]:
    """Line of the deepest node on the way to a location, counted from 1; is that the location itself?"""
    line = node.start_mark.line
    for part in location:
        if isinstance(node, yaml.MappingNode) and part == 0:
            continue  # one source may stand without its list
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                return line + 1, False
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            return line + 1, False
    return line + 1, True


def _known_keys(location: Sequence[Any]) -> list[str]:
    """Field names of the section at a location."""
    section: type[Section] = Recipe
    for part in location:
        field = section.model_fields.get(str(part)) if isinstance(part, str) else None
        if field is not None:
            inner = _section_in(field.annotation)
            section = inner or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _section_in(arg))), None)


def _resolved(recipe: Recipe, folder: Path) -> Recipe:
    """Relative paths start from ``data.root`` if given, else from here, else from the recipe's own folder."""
    root = Path(recipe.data.root) if recipe.data.root else None

    def resolve(value: str) -> str:
        path = Path(value).expanduser()
        if path.is_absolute():
            return str(path)
        if root is not None:
            return str(root / path)
        beside = folder / path
        return str(beside) if not path.exists() and beside.exists() else str(path)

    for source in [*recipe.data.train, *recipe.data.dev, *recipe.data.test]:
        for name in ("folder", "tsv", "jsonl"):
            if (value := getattr(source, name)) is not None:
                setattr(source, name, resolve(value))
        if source.dataset is not None and Path(resolve(source.dataset)).is_dir():
            source.dataset = resolve(source.dataset)
        if source.files is not None:
            source.files = {code: resolve(value) for code, value in source.files.items()}
            for variants in source.variants.values():
                for name in ("revisions", "machine", "references"):
                    setattr(variants, name, [resolve(value) for value in getattr(variants, name)])
    for stage in recipe.stages:
        for task in stage.tasks.values():
            task.wordings = resolve(task.wordings) if task.wordings else None
            task.files = [  # what is no path may be the id of a data set
                path if ".json" in path or Path(path).exists() else value
                for path, value in ((resolve(value), value) for value in task.files)
            ]
    if (talk := recipe.evaluate.interactive) is not None and talk.wordings:
        talk.wordings = resolve(talk.wordings)
    recipe.data.root = None  # the paths hold it now: a written recipe can be read again
    if recipe.base != "demo" and not Path(recipe.base).exists() and (folder / recipe.base).exists():
        recipe.base = str(folder / recipe.base)
    return recipe

"""Translations to be scored: those of our own runs, and those of other systems in plain text files.

- A run: ``<run>/translations/<system>/<direction>.jsonl``, rows of id, source, reference, hypothesis.
- Other systems: ``<folder>/<system>/<split>.<source>-<target>.txt`` (the split may be left out), and a folder
  of sources and references ``<split>.<language>``, line i of every file parallel.
- Single files of hypotheses, references and sources.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.corpus.opening import Bad, decode, plain_name, raw_lines
from dragoman.errors import DataError
from dragoman.language.language import Direction, canonical, parse_direction


@dataclass(frozen=True, slots=True)
class Output:
    """What one system wrote in one direction, line by line.

    ``ids`` name the lines; the same id in two directions is the same sentence. ``sources`` and ``references``
    are as long as ``hypotheses``, or empty where they are not known. ``seed``: that of the training, if any.
    """

    system: str
    direction: Direction
    ids: tuple[str, ...]
    hypotheses: tuple[str, ...]
    sources: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    seed: int | None = None


def read_outputs(
    path: Path,
    *,
    references: Path | None = None,
    split: str | None = None,
    systems: Sequence[str] = (),
    directions: Sequence[Direction] = (),
    seed: int | None = None,
) -> list[Output]:
    """All outputs under a folder, whichever layout it has, sorted by system and direction.

    ``path`` is a run, a folder of systems, or the folder of one system. ``references`` is the folder of
    sources and references that text files need; ``split`` says which of its splits they translate where their
    names do not. ``systems`` and ``directions`` choose from what is there (empty: all); DataError if absent.
    """
    if not path.is_dir():
        raise DataError(f"{path}: not a folder; expected a run or a folder of <system>/<direction> files")
    root = path / "translations" if (path / "translations").is_dir() else path
    found = _by_system(root)
    if not found and (path / "config.json").exists():
        raise DataError(
            f"{path}: is a model; to translate with it first name the text (data) and a place (out)"
        )
    if not found:
        raise DataError(
            f"{root}: no translations; it needs <system>/<direction>.jsonl or <split>.<direction>.txt"
        )
    _check_choice(root, "system", systems, found)
    outputs = []
    for system, files in found.items():
        if systems and system not in systems:
            continue
        for file in files:
            if directions and not any(_same(file.direction, wanted) for wanted in directions):
                continue
            if _split_suffix(plain_name(file.path))[1] == ".jsonl":
                outputs.append(_read_jsonl(file, system, seed))
            else:
                outputs.append(_read_text(file, system, references, split, seed))
    for wanted in directions:
        if not any(_same(output.direction, wanted) for output in outputs):
            raise DataError(f"{root}: no translations in the direction {wanted}; take it out or add its file")
    return outputs


def systems_in(path: Path) -> list[str]:
    """The names of the systems in a run or a folder, sorted; none if it is neither."""
    root = path / "translations" if (path / "translations").is_dir() else path
    return sorted(_by_system(root)) if root.is_dir() else []


def read_files(
    hypothesis: Path,
    direction: Direction,
    *,
    reference: Path | None = None,
    source: Path | None = None,
    system: str | None = None,
    seed: int | None = None,
) -> Output:
    """One output from single files; the system is called after the hypothesis file unless named."""
    hypotheses = read_lines(hypothesis)
    beside = {path: read_lines(path) for path in (reference, source) if path is not None}
    for path, lines in beside.items():
        _check_counts(hypothesis, len(hypotheses), path, len(lines))
    return Output(
        system or hypothesis.stem,
        direction,
        tuple(str(number) for number in range(1, len(hypotheses) + 1)),
        tuple(hypotheses),
        tuple(beside.get(source, ())) if source is not None else (),
        tuple(beside.get(reference, ())) if reference is not None else (),
        seed,
    )


def write_outputs(folder: Path, outputs: Iterable[Output]) -> None:
    """Write outputs in the layout of a run, ``folder/translations/<system>/<direction>.jsonl``."""
    for output in outputs:
        if output.system in ("", ".", "..") or any(mark in output.system for mark in "/\\\0"):
            raise DataError(
                f"system name {output.system!r} cannot be a folder name; choose one without slashes"
            )
        path = folder / "translations" / output.system / f"{output.direction}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(output.ids):
                row = {"id": line}
                if output.sources:
                    row["source"] = output.sources[number]
                if output.references:
                    row["reference"] = output.references[number]
                row["hypothesis"] = output.hypotheses[number]
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        part.replace(path)


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file, plain or compressed; DataError with the line number if one is bad."""
    lines = []
    for number, raw in enumerate(raw_lines(path), 1):
        text = decode(raw)
        if isinstance(text, Bad):
            raise DataError(f"{path}:{number}: {text.reason}; mend the file, its lines must stay in step")
        lines.append(text)
    if not lines:
        raise DataError(f"{path}: the file is empty; expected one line for each sentence")
    return lines


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    direction: Direction
    split: str | None


def _by_system(root: Path) -> dict[str, list[_File]]:
    """System -> its files; those in ``root`` itself belong to one system that is called after the folder."""
    found = {root.resolve().name: _files(root)}
    found |= {sub.name: _files(sub) for sub in sorted(root.iterdir()) if sub.is_dir() and sub.name[0] != "."}
    return {system: files for system, files in found.items() if files}


def _files(folder: Path) -> list[_File]:
    """The files named after a direction; a ``.txt`` or ``.jsonl`` that is not is a mistake to be told."""
    files = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file() or path.name.endswith(".part"):
            continue
        name, suffix = _split_suffix(plain_name(path))
        split, _, name = name.rpartition(".")
        try:
            files.append(_File(path, parse_direction(name), split or None))
        except DataError as error:
            if suffix:
                expected = f"expected <split>.<source>-<target>{suffix}, as in test.de-en{suffix}"
                raise DataError(f"{path}: the name is no direction; {expected} ({error})") from error
    return files


def _split_suffix(name: str) -> tuple[str, str]:
    """The name without a ``.txt`` or ``.jsonl``, and that ending."""
    for suffix in (".txt", ".jsonl"):
        if name.endswith(suffix):
            return name.removesuffix(suffix), suffix
    return name, ""


def _read_jsonl(file: _File, system: str, seed: int | None) -> Output:
    columns: dict[str, list[str]] = {"id": [], "source": [], "reference": [], "hypothesis": []}
    lines = read_lines(file.path)
    for number, line in enumerate(lines, 1):
        row = _row(line, f"{file.path}:{number}")
        for key, column in columns.items():
            if key in row:
                column.append(row[key])
            elif key in ("id", "hypothesis"):
                raise DataError(
                    f"{file.path}:{number}: no {key!r}; expected id, source, reference, hypothesis"
                )
    for key, column in columns.items():
        if 0 < len(column) < len(lines):
            raise DataError(
                f"{file.path}: {len(column)} of {len(lines)} rows have a {key}; expected all or none"
            )
    ids, sources, references, hypotheses = (tuple(column) for column in columns.values())
    return Output(system, file.direction, ids, hypotheses, sources, references, seed)


def _row(line: str, where: str) -> dict[str, str]:
    try:
        row: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON ({error.msg}); delete the file and translate again") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object with id, source, reference, hypothesis")
    kept = {key: value for key, value in row.items() if key in ("id", "source", "reference", "hypothesis")}
    kept["id"] = str(kept["id"]) if isinstance(kept.get("id"), int) else kept.get("id")
    wrong = [key for key, value in kept.items() if value is not None and not isinstance(value, str)]
    if wrong:
        raise DataError(f"{where}: {wrong[0]!r} is no text; expected a string")
    return {key: value for key, value in kept.items() if value is not None}


def _read_text(file: _File, system: str, folder: Path | None, split: str | None, seed: int | None) -> Output:
    if folder is None:
        raise DataError(f"{file.path}: no references; name the folder of <split>.<language> files")
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder; expected sources and references as <split>.<language>")
    found = texts_in(folder)
    if file.split and split and file.split != split:
        raise DataError(
            f"{file.path}: is called {file.split!r}, not {split!r}; leave the split out or rename it"
        )
    name = file.split or split or _only_split(file, found, folder)
    for code in file.direction:
        if (name, canonical(code)) not in found:
            there = ", ".join(sorted(f"{s}.{c}" for s, c in found if s == name)) or f"no file of {name!r}"
            raise DataError(f"{file.path}: no {name}.{code} in {folder}; found {there}")
    hypotheses, sides = read_lines(file.path), []
    for code in file.direction:
        path = found[name, canonical(code)]
        lines = read_lines(path)
        _check_counts(file.path, len(hypotheses), path, len(lines))
        sides.append(tuple(lines))
    ids = tuple(f"{name}:{number}" for number in range(1, len(hypotheses) + 1))
    return Output(system, file.direction, ids, tuple(hypotheses), sides[0], sides[1], seed)


def texts_in(folder: Path) -> dict[tuple[str, str], Path]:
    """(split, canonical code) -> file, for every ``<split>.<language>`` in the folder."""
    found = {}
    for path in sorted(folder.iterdir()):
        split, _, code = _split_suffix(plain_name(path))[0].rpartition(".")
        try:
            if split and path.is_file():
                found[split, canonical(code)] = path
        except DataError:
            continue  # the folder may hold other things, such as verse numbers
    return found


def _only_split(file: _File, found: dict[tuple[str, str], Path], folder: Path) -> str:
    wanted = [canonical(code) for code in file.direction]
    splits = sorted({split for split, _ in found if all((split, code) in found for code in wanted)})
    if len(splits) == 1:
        return splits[0]
    there = f"has {', '.join(splits)}; choose one" if splits else "has none with both languages"
    raise DataError(
        f"{file.path}: which split is this? {folder} {there} (split, or <split>.{file.direction}.txt)"
    )


def _same(first: Direction, second: Direction) -> bool:
    return [canonical(code) for code in first] == [canonical(code) for code in second]


def _check_counts(path: Path, count: int, other: Path, other_count: int) -> None:
    if count != other_count:
        raise DataError(
            f"{path} has {count} lines, {other} has {other_count}; line i of both must belong together"
        )


def _check_choice(root: Path, what: str, wanted: Sequence[str], found: Iterable[str]) -> None:
    for name in wanted:
        if name not in found:
            raise DataError(f"{root}: no {what} {name!r}; found {', '.join(sorted(found))}")

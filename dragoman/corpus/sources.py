"""Which files a source of the recipe stands for, what its lines are called, and whether bytes are right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dragoman.corpus.opening import Lines, check_file, plain_name, sha256_of
from dragoman.corpus.variants import Place, named_places, variant_files
from dragoman.errors import DataError
from dragoman.language.language import canonical, language, same_language
from dragoman.recipe import Data, Source

EVALUATION_SPLITS = {"dev": ("dev", "val", "valid", "validation"), "test": ("test",)}
"""The split names under which a folder may keep its text for evaluation."""

ID = "id"
"""The code of Indonesian, and the most common name of what is no language: the number of a line."""

SKIP = "-"
"""In a TSV's `languages`: a column that is not read."""


_SETTINGS = {"split": ("folder", "dataset"), "keys": ("jsonl", "dataset"), "config": ("dataset",)}


def check_settings(source: Source) -> None:
    """DataError for a setting that this kind of source does not have, or if it names no file or column."""
    for setting, kinds in _SETTINGS.items():
        given = getattr(source, setting) != Source.model_fields[setting].default
        if given and all(getattr(source, kind) is None for kind in kinds):
            raise DataError(f"a source has `{setting}` only beside {' or '.join(kinds)}; take it out")
    if source.variants and source.tsv is not None:
        raise DataError(
            f"{source.tsv}: `variants` go with folder, files, jsonl or dataset; split the columns into files"
        )
    if source.files == {} or (source.tsv is not None and set(source.languages) == {SKIP}):
        raise DataError("a source must name at least one file or column; mend `files` or `languages`")


def is_language(code: str) -> bool:
    """True if the table (or a registered language) knows the code."""
    try:
        language(code)
    except DataError:
        return False
    return True


def match_code(asked: str, found: Iterable[str], where: str) -> str | None:
    """The code among ``found`` that means the language asked for, the same spelling first; None if none does.

    DataError if two of them mean it (``zh-Hans`` and ``zh-Hant`` for ``zh``).
    """
    codes = list(found)
    for same in (lambda code: code == asked, lambda code: canonical(code) == canonical(asked)):
        if matches := [code for code in codes if same(code)]:
            return matches[0]
    matches = [code for code in codes if same_language(code, asked)]
    if len(matches) > 1:
        raise DataError(f"{where}: {asked!r} can mean {' or '.join(matches)}; write the one you want")
    return matches[0] if matches else None


def _distinct(codes: Sequence[str], where: str) -> None:
    for index, code in enumerate(codes):
        for other in codes[:index]:
            if code == other or canonical(code) == canonical(other):
                raise DataError(f"{where}: {other!r} and {code!r} are the same language; give it once")


def _endings(folder: Path, split: str) -> dict[str, Path]:
    """The files ``<split>.<code>`` of a folder by code; a plain file comes before a compressed one."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: (p.name != plain_name(p), p.name)):
        name = plain_name(path)
        if name.startswith(split + ".") and not path.is_dir():
            code = name[len(split) + 1 :]
            if code not in found and is_language(code):
                found[code] = path
    return found


def _without_ids(codes: Iterable[str]) -> list[str]:
    """The codes of a folder without ``id`` where that is a list of ids: where others are spelt ISO 639-3.

    Indonesian would be ``ind`` beside a file ``train.eng``, whose code could be shorter.
    """
    listed = list(codes)
    iso = any(len(re.split("[-_]", code)[0]) == 3 and len(canonical(code)) == 2 for code in listed)
    return [code for code in listed if code != ID or not iso]


def splits_of(folder: Path) -> list[str]:
    """The names of the splits that a folder holds."""
    names = [plain_name(path).rsplit(".", 1) for path in folder.iterdir() if not path.is_dir()]
    return sorted({parts[0] for parts in names if len(parts) == 2 and is_language(parts[1])})


def folder_files(source: Source) -> dict[str, Path]:
    """The files of a folder source by language code, the code as the recipe (or else the file) spells it."""
    folder = Path(source.folder or "").expanduser()
    if not folder.is_dir():
        what = (
            "is a file; for single files use `files:`"
            if folder.exists()
            else "no such folder; check the path"
        )
        raise DataError(f"{folder}: {what}")
    found = _endings(folder, source.split)
    if not found:
        splits = ", ".join(splits_of(folder)) or "none"
        raise DataError(f"{folder}: no files {source.split}.<language>; splits found: {splits}")
    if not source.languages:
        kept = {code: found[code] for code in _without_ids(found)}
        _distinct(list(kept), str(folder))
        if len(kept) < 2:
            raise DataError(
                f"{folder}: {source.split} has text in {', '.join(kept)} alone, expected two languages; "
                "for text in one language name it in `languages`"
            )
        return kept
    return _asked(source, found, f"{folder}: {source.split}")


def _asked(source: Source, found: dict[str, Path], where: str) -> dict[str, Path]:
    """The files of the languages that the recipe names."""
    _distinct(source.languages, where)
    kept = {}
    for code in source.languages:
        match = match_code(code, found, where)
        if match is None:
            raise DataError(f"{where} has no text in {code!r}; found: {', '.join(sorted(found))}")
        kept[code] = found[match]
    return kept


def aligned_files(source: Source) -> dict[str, Path]:
    """The line-aligned files of a `folder` or `files` source, by language code."""
    if source.folder is not None:
        return folder_files(source)
    files = {code: Path(path).expanduser() for code, path in (source.files or {}).items()}
    _distinct(list(files), "files")
    return _asked(source, files, "files") if source.languages else files


def variant_places(source: Source, languages: Iterable[str]) -> list[Place]:
    """Where the variants of a source stand, under the codes of its text (``languages``; empty: not known).

    DataError if it has no text in their language.
    """
    known, found = list(languages), []
    for place in named_places(source):
        code = match_code(place.language, known, "variants") if known else place.language
        if code is None:
            raise DataError(
                f"variants: the source has no text in {place.language!r}; found: {', '.join(known)}"
            )
        found.append(place._replace(language=code))
    return found


def source_files(source: Source) -> list[Path]:
    """Every file that the text of a source is read from; empty for a data set on the hub."""
    if source.folder is not None or source.files is not None:
        files = [*aligned_files(source).values(), *variant_files(source)]
    elif source.dataset is not None:
        folder = Path(source.dataset).expanduser()
        return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    else:
        files = [Path(source.tsv or source.jsonl or "").expanduser()]
    for path in files:
        check_file(path)
    return files


def line_files(source: Source) -> list[str]:
    """The files, or the split of a data set, whose line numbers the source's records have."""
    if source.dataset is not None:
        return [f"{source.dataset} {source.config} {source.split}"]
    return [str(path.resolve()) for path in source_files(source)]


def line_languages(source: Source) -> list[str]:
    """The languages that a source names or whose files it has; empty if only its rows tell."""
    if source.folder is not None:
        return list(folder_files(source))
    return list(source.files or {}) or [code for code in source.languages if code != "-"] or list(source.keys)


def check_sha256(source: Source) -> None:
    """DataError if a file that is read does not have the SHA-256 that the recipe gives for its name."""
    if not source.sha256:
        return
    files = source_files(source)
    by_name = {path.name: path for path in files}
    for name, wanted in source.sha256.items():
        path = by_name.get(Path(name).name)
        if path is None:
            if not any((file.parent / name).exists() for file in files):
                raise DataError(
                    f"sha256: {name!r} is no file of this source; found: {', '.join(sorted(by_name))}"
                )
            continue
        found = sha256_of(path)
        if found != wanted.strip().lower():
            raise DataError(
                f"{path}: SHA-256 is {found}, the recipe says {wanted.strip()}; "
                "fetch the file again or mend the recipe"
            )


def split_sources(data: Data) -> dict[str, list[Source]]:
    """The sources of ``train``, ``dev`` and ``test``.

    In `dev` and `test`, a folder or data set without `split` gives its split of that name (`val`, `valid`
    serve as dev). Where `train` is nothing but a folder and `dev` or `test` is absent, its own splits serve.
    """
    shorthand = len(data.train) == 1 and data.train[0].model_fields_set == {"folder"}
    sections = {"train": data.train}
    for section, names in EVALUATION_SPLITS.items():
        sources = list(getattr(data, section))
        if not sources and shorthand:
            sources = [source for source in data.train if _own_split(source, names)]
        sections[section] = [
            source
            if "split" in source.model_fields_set or (source.folder is None and source.dataset is None)
            else source.model_copy(update={"split": _own_split(source, names) or section})
            for source in sources
        ]
    return sections


def _own_split(source: Source, names: Sequence[str]) -> str | None:
    """The first of these splits that a folder has."""
    folder = Path(source.folder or "").expanduser()
    return next(
        (name for name in names if source.folder and folder.is_dir() and _endings(folder, name)), None
    )


def source_names(sources: Sequence[Source]) -> list[str]:
    """What the lines of each source are called: ``train`` makes the line ids ``train:1``, ``train:2`` ...

    A folder gives its split, a file its stem. Where two sources of a list would share a name, the later one
    gets ``#2``, unless both are disjoint lines of the same files: a line keeps its id in whatever part it is.
    """
    names: list[str] = []
    for index, source in enumerate(sources):
        base, number = _base_name(source), 1
        name = base
        while any(
            n == name and not _parts_of_one(s, source) for n, s in zip(names, sources[:index], strict=True)
        ):
            number += 1
            name = f"{base}#{number}"
        names.append(name)
    return names


def _base_name(source: Source) -> str:
    if source.folder is not None:
        return source.split
    if source.dataset is not None:
        return f"{Path(source.dataset).name}/{source.split}"
    first = source.tsv or source.jsonl or next(iter((source.files or {}).values()), "")
    return Path(plain_name(Path(first))).stem


def _parts_of_one(first: Source, second: Source) -> bool:
    same = first.model_dump(exclude={"lines"}) == second.model_dump(exclude={"lines"})
    return same and not Lines(first.lines).overlaps(Lines(second.lines))

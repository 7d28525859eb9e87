"""``dragoman probe``: models and text in; tables, JSON and a picture out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dragoman.console import progress, say
from dragoman.corpus.drops import Drop
from dragoman.corpus.readers import read_source
from dragoman.errors import RecipeError, install
from dragoman.evaluate.probe.look import BATCH_TOKENS, look_inside
from dragoman.evaluate.probe.result import FILE, PNG, SVG, ProbeResults, write_probe
from dragoman.evaluate.probe.table import show
from dragoman.evaluate.probe.text import PairLines, draw_lines
from dragoman.evaluate.report.probe_picture import write_png, write_svg
from dragoman.evaluate.tables import Style
from dragoman.language.language import Direction, language, parse_direction
from dragoman.recipe import Model, Source

TABLES = (".tsv", ".tab")
ROWS = (".jsonl", ".ndjson")


@dataclass
class Job:
    """What the command line asks for. ``text``: see :func:`source_of`."""

    models: Sequence[str]
    names: Sequence[str]
    text: Source
    directions: Sequence[str]
    lines: int
    seed: int
    settings: Model = field(default_factory=Model)
    batch_tokens: int = BATCH_TOKENS
    json: Path | None = None
    out: Path | None = None
    style: Style = "text"
    each: bool = False


def probe_command(job: Job) -> ProbeResults:
    """Look, print the tables, write what is asked for."""
    names = _checked_names(job)
    if job.out is not None and job.out.exists() and not job.out.is_dir():
        raise RecipeError(f"--out {job.out}: is a file, expected a folder; give another name")
    if job.json is not None and job.json.is_dir():
        raise RecipeError(f"--json {job.json}: is a folder, expected a file; --out takes a folder")
    text = read_pairs(job.text, job.directions, job.lines, job.seed)
    with progress(" probe") as advance:
        results = look_inside(
            dict(zip(names, job.models, strict=True)), text, job.settings, job.seed, job.batch_tokens,
            lambda name, done, total: advance(done, name, total),
        )  # fmt: skip
    for line in told(results):
        say(f" text      {line}")
    print(show(results, job.style, job.each))
    if job.json is not None:
        write_probe(job.json, results)
    if job.out is not None:
        write_all(job.out, results)
    return results


def write_all(folder: Path, results: ProbeResults) -> None:
    """``probe.json``, ``probe.svg`` and, if matplotlib is installed, ``probe.png``."""
    write_probe(folder / FILE, results)
    write_svg(folder / SVG, results)
    made = f"{folder / FILE}, {SVG}"
    if write_png(folder / PNG, results):
        say(f" probe     {made}, {PNG}")
    else:
        say(f" probe     {made} (no {PNG}: {install('plot')})")


def told(results: ProbeResults) -> list[str]:
    """Counts of lines in words, language pairs with equal ones together."""
    pairs: dict[str, list[str]] = {}
    for pair, its in results.text.items():
        gone = ", ".join(f"{count:,} {reason}" for reason, count in its["left_out"].items())
        counts = f"{its['lines']:,} sentences of {its['read']:,} lines" + (
            f", left out: {gone}" if gone else ""
        )
        pairs.setdefault(counts, []).append(pair)
    return [f"{', '.join(named)}: {counts}" for counts, named in pairs.items()]


def source_of(data: Path | None, files: Sequence[str], split: str | None, languages: Sequence[str]) -> Source:
    """The text that the options name: a folder, a TSV or JSONL file, or ``LANGUAGE=FILE`` for each side.

    RecipeError for none or both of them, or for languages that a TSV lacks.
    """
    if (data is None) == (not files):
        raise RecipeError(
            "text: give --data with a folder, a TSV or a JSONL file, or --file LANGUAGE=FILE twice or more"
        )
    codes = [code.strip() for given in languages for code in given.split(",") if code.strip()]
    for code in codes:
        if code != "-":
            language(code)
    if files:
        return Source(files=_by_language(files), languages=codes)
    assert data is not None
    kind = data.with_suffix("").suffix if data.suffix in (".gz", ".xz", ".zst") else data.suffix
    if kind in TABLES:
        if not codes:
            raise RecipeError(
                f"--data {data}: name the language of each column with --languages, as in en,de"
            )
        return Source(tsv=str(data), languages=codes)
    if kind in ROWS:
        return Source(jsonl=str(data), languages=codes)
    return Source(folder=str(data), split=split or "test", languages=codes)


def _by_language(files: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for given in files:
        code, mark, path = given.partition("=")
        if not mark or not path:
            raise RecipeError(f"--file {given!r}: expected LANGUAGE=FILE, as in de=text.de")
        language(code)
        if code in found:
            raise RecipeError(f"--file: {code} is given twice; each language has one file")
        found[code] = path
    if len(found) < 2:
        raise RecipeError(f"--file: text in {', '.join(found)} alone; give it once more for another language")
    return found


def read_pairs(
    source: Source, directions: Sequence[str], lines: int, seed: int
) -> dict[Direction, PairLines]:
    """The lines to look at, drawn from a text; what cannot be read is counted and told."""
    dropped: list[Drop] = []
    wanted = [parse_direction(name) for given in directions for name in given.split(",")]
    place = source.folder or source.tsv or source.jsonl or ", ".join((source.files or {}).values())
    found = draw_lines(read_source(source, dropped.append), wanted, lines, seed, place)
    if dropped:
        first = f"{dropped[0].file}:{dropped[0].line}: {dropped[0].reason}"
        say(f" text      {len(dropped):,} lines cannot be read, the first is {first}")
    return found


def _checked_names(job: Job) -> list[str]:
    """A name for each model; RecipeError for names or models that stand twice."""
    if job.names and len(job.names) != len(job.models):
        raise RecipeError(f"--name: {len(job.names)} names for {len(job.models)} models; give one for each")
    names = list(job.names) or names_of(job.models)
    for name, model in zip(names, job.models, strict=True):
        if names.count(name) > 1:
            raise RecipeError(f"model {model!r} is called {name!r}, as another one is; use --name")
    return names


def names_of(models: Sequence[str]) -> list[str]:
    """A short name for each model: what tells its path from the others, without a last part ``model``.

    Equal paths get equal names.
    """
    paths = [Path(model) for model in models]
    parts = [(path.absolute() if path.exists() else path).parts for path in paths]
    parts = [part[:-1] if part[-1] == "model" and len(part) > 1 else part for part in parts]
    if len(set(parts)) < len(parts):
        return [part[-1] for part in parts]
    while len(parts) > 1 and len({part[-1] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    width = 1
    while len({part[-width:] for part in parts}) < len(parts):
        width += 1
    return ["/".join(part[-width:]) for part in parts]

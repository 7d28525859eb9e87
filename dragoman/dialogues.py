"""``dragoman evaluate --interactive`` and ``dragoman compare --interactive``: dialogues, answers, tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman.console import progress, say
from dragoman.corpus.readers import read_source
from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.again import read_earlier
from dragoman.evaluate.command import add_significance
from dragoman.evaluate.compare import Comparison
from dragoman.evaluate.interactive import table
from dragoman.evaluate.interactive.ask import Answerer, answerer, ask_all, copy_draft, retranslator
from dragoman.evaluate.interactive.held_out import (
    FOLDER,
    TEXT,
    Dialogues,
    fingerprint,
    joined,
    make_dialogues,
    read_held_out,
    write_held_out,
)
from dragoman.evaluate.interactive.score import add_rows, compare_talks, rows_of
from dragoman.evaluate.interactive.transcript import FOLDER as TRANSCRIPTS
from dragoman.evaluate.interactive.transcript import Talk, read_talks, write_talk
from dragoman.evaluate.probe.command import source_of
from dragoman.evaluate.report import write_report
from dragoman.evaluate.results import ALL, SUPERVISED, Results
from dragoman.evaluate.tables import Style
from dragoman.language.language import Direction, parse_direction, same_language
from dragoman.loading import load_translator
from dragoman.prompt.templates import load_template
from dragoman.recipe import Decoding, Interaction, Model, Source
from dragoman.recipe_file import checked
from dragoman.rows import matching
from dragoman.translate.engine import Translator
from dragoman.tune.model import read_card


@dataclass
class Job:
    """What the command line asks for: ``model`` a model folder or hub id, or a folder of transcripts.

    The dialogues are those of ``files``, or made of the text in ``data`` (``training``: text that tells
    how the corpus translates). ``terms``: what users dictate binds the search. ``copy``: also the system
    that answers with the draft; ``retranslate``: also the model as one that answers with its plain
    translation of the source, ``NAME, plain``. ``out``: a folder for dialogues, transcripts,
    ``results.json`` and ``report.html``.
    """

    model: str | None
    spec: Interaction
    data: Path | None = None
    split: str | None = None
    training: Path | None = None
    files: Sequence[Path] = ()
    directions: Sequence[str] = ()
    systems: Sequence[str] = ()
    supervised: Sequence[str] | None = None
    copy: bool = False
    retranslate: bool = False
    single: bool = False
    terms: bool = False
    beam: int = 1
    out: Path | None = None
    report: bool = False
    style: Style = "text"


def spec_of(
    lines: int | None, kinds: Sequence[str] | None, turns: tuple[int, int], user: str, draft: str, seed: int
) -> Interaction:
    """The dialogues that options ask for; RecipeError for one that is wrong."""
    return checked(
        Interaction, lines=lines or 200, kinds=dict.fromkeys(kinds or (), 1.0), turns=turns,
        user_language=user, draft=draft, seed=seed,
    )  # fmt: skip


def evaluate_dialogues(job: Job) -> Results:
    """Have a model answer, or read what was answered; print the tables and return the rows as results."""
    if job.report and job.out is None:
        raise RecipeError("a report needs a folder to lie in; name one with --out")
    supervised = job.supervised
    if job.retranslate and (job.model is None or (job.data is None and not job.files)):
        raise RecipeError("--retranslate needs a model to translate with, and --data or --dialogues")
    if job.data is None and not job.files:
        if job.model is None or not (Path(job.model) / TRANSCRIPTS).is_dir():
            raise RecipeError(
                "dialogues: give --data with parallel text, --dialogues FILE, or a folder with transcripts"
            )
        talks = read_talks(Path(job.model), job.systems, _named(job.directions))
        supervised = supervised or _known(Path(job.model))
    else:
        if job.model is None and not job.copy:
            raise RecipeError("dialogues: give a model folder or hub id, or --copy for the draft as answer")
        if job.model is not None and supervised is None:
            tuned = read_card(job.model).get("tuned_directions")
            supervised = ["-".join(pair) for pair in tuned] if tuned else None
        talks = list(_asked(job))
    rows = rows_of(talks, None if supervised is None else _named(supervised))
    if job.out is not None:
        add_rows(job.out / "results.json", rows)
    results = table.of_rows(rows)
    print(table.show(results, job.style))
    if job.out is not None and job.report:
        print(f"\n  report    {write_report(job.out)}")
    return results


def compare_dialogues(
    first: Path,
    second: Path | None,
    systems: Sequence[str],
    *,
    directions: Sequence[str] = (),
    supervised: Sequence[str] | None = None,
    trials: int = 1000,
    seed: int = 1,
    out: Path | None = None,
    style: Style = "text",
) -> Comparison:
    """Compare what two systems answered: folders of one each, or ``first`` and two of its ``systems``."""
    if second is None and len(systems) != 2:
        raise RecipeError(
            f"compare needs two systems: two paths, or one path and two names (got {len(systems)})"
        )
    places = ((first, systems[:1]), (second or first, systems[1:2]))
    sides = [read_talks(place, names, _named(directions)) for place, names in places]
    tuned = supervised or _known(first)
    groups = None if tuned is None else _named(tuned)
    comparison = compare_talks(sides[0], sides[1], groups, trials, seed)
    print(comparison.table().show(style))
    if out is not None:
        add_significance(out / "results.json", comparison)
    return comparison


def _asked(job: Job) -> Iterator[Talk]:
    """The answers of the model and of the copy; with ``out`` they are written, direction by direction."""
    translator = None
    if job.model is not None:
        translator = load_translator(job.model, Model(), Decoding(beam=job.beam))
    dialogues = _dialogues(job, translator)
    asked = fingerprint(dialogues)
    plain = ""
    systems: dict[str, Answerer] = {"copy": copy_draft} if job.copy else {}
    if translator is not None and job.model is not None:
        name = (
            job.systems[0] if job.systems else str(read_card(job.model).get("stage") or Path(job.model).name)
        )
        systems[name] = answerer(translator)
        if job.retranslate:
            systems[plain := f"{name}, plain"] = retranslator(translator)
    for name, answers in systems.items():
        single, terms = (asked_so and name not in ("copy", plain) for asked_so in (job.single, job.terms))
        with progress(f" dialogues {name}") as advance:
            for direction, found in dialogues.items():

                def tell(done: int, direction: Direction = direction) -> None:
                    advance(done, str(direction))

                own = job.spec.draft == "own"
                transcripts = tuple(ask_all(found, answers, own, single, tell, terms))
                talk = Talk(name, direction, transcripts, asked, job.spec.draft, single, terms=terms)
                if job.out is not None:
                    write_talk(job.out, talk)
                yield talk


def _dialogues(job: Job, translator: Translator | None) -> Dialogues:
    """Those of the files, or made of the text, in the directions that are named."""
    named = _named(job.directions)
    if job.files:
        every = read_held_out(job.files)
        found = {d: every[d] for d in every if not named or any(_same(d, wanted) for wanted in named)}
        if not found:
            there = ", ".join(map(str, every))
            raise DataError(f"{job.files[0]}: no dialogue in the directions asked for; it has {there}")
        return found
    with TemporaryDirectory(prefix="dragoman-") as place:
        folder = Path(place) if job.out is None else job.out / FOLDER
        train = Source(folder=str(job.training), split="train") if job.training else None
        store, count = joined(
            folder / TEXT,
            read_source(source_of(job.data, [], job.split, []), lambda drop: None),
            read_source(train, lambda drop: None) if train else (),
        )
        template = translator.encoder.template if translator else load_template("bayling")
        with progress(" dialogues") as advance:
            made = make_dialogues(job.spec, store, count, matching(store, named or "all"), template, advance)
        if job.out is not None:
            write_held_out(folder, made.dialogues)
    say(f" dialogues {made.told()}")
    return made.dialogues


def _known(folder: Path) -> list[str] | None:
    """Supervised directions, if earlier results in a folder tell them."""
    rows = read_earlier(folder / "results.json").dialogues
    if all(row.group == ALL for row in rows):
        return None
    return list(dict.fromkeys(row.direction for row in rows if row.group == SUPERVISED))


def _named(names: Sequence[str]) -> list[Direction]:
    return [parse_direction(part) for name in names for part in name.split(",")]


def _same(one: Direction, other: Direction) -> bool:
    return all(map(same_language, one, other))

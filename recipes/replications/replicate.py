"""Run the replications: bases, rows, seeds, grids. One command, resumable.

    python recipes/replications/replicate.py --data ../shared/data --study language-aware
    python recipes/replications/replicate.py --data ../shared/data --study align --only no-czech align-s1
    python recipes/replications/replicate.py --tables          # what is measured so far, as Markdown

Jobs run in the order below as soon as what they need is there; what is done is not done again, what was cut
off goes on. ``--stop-after`` ends all jobs in time (they save and leave), for machines lent by the hour.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from jobs import SCHEDULES, Job, base, losses, run, schedule, work

M30K = ("multi30k", "eng,deu,fra,ces")
PLAIN = ("--bilingual", "1", "--templates", "plain", "--hidden", "192", "--layers", "4",
         "--wordings", "mt,align,hint,hint_line,revise,revise_answer")  # fmt: skip


def language_aware(options: argparse.Namespace) -> list[Job]:
    """Stage 2 against off-target translation: all jobs, the most wanted first."""
    data, languages = M30K
    share = {
        n: base(f"multi30k-{n}", options, data, languages, "1-14000", "--bilingual", str(n / 100))
        for n in (100, 5, 0)
    }
    small_base = base("multi30k-100-half", options, data, languages, "1-14000", "--bilingual", "1",
                      "--hidden", "192", "--layers", "3")  # fmt: skip
    large = base("multi30k-100-large", options, data, languages, "1-14000", "--bilingual", "1",
                 "--hidden", "320", "--layers", "6")  # fmt: skip
    bible = base("bible", options, "bible_nt", "eng,deu,spa,ceb,chr", "1-3300", "--bilingual", "0.75")
    b100, first = options.bases / "multi30k-100", options.runs / "multi30k-s1"
    stage1, small = first / "stages" / "stage 1" / "model", "multi30k-small.yaml"
    lines = [
        run(f"multi30k-lines{n}", options, small, b100, f"data.train.lines=14001-{14000 + n}")
        for n in (1000, 3000, 10000)
    ]
    return [
        share[100],
        run(first.name, options, "multi30k.yaml", b100),
        *(run(f"multi30k-s{n}", options, "multi30k-seed.yaml", stage1, f"seed={n}") for n in (2, 3)),
        run("multi30k-post", options, small, b100, "prompt.template=alpaca-post"),
        run("multi30k-grid", options, "multi30k-grid.yaml", stage1),
        share[5],
        run("multi30k-share5", options, small, options.bases / "multi30k-5"),
        bible,
        run("bible", options, "bible.yaml", options.bases / "bible"),
        *lines,
        share[0],
        run("multi30k-share0", options, small, options.bases / "multi30k-0"),
        small_base,
        run("multi30k-half", options, small, options.bases / "multi30k-100-half"),
        large,
        run("multi30k-large", options, small, options.bases / "multi30k-100-large"),
    ]


def align(options: argparse.Namespace) -> list[Job]:
    """Alignment instructions for a language that the base has not seen: all jobs, the most wanted first."""
    instructed = {name: options.runs / name / "stages" / "all" / "model"
                  for name in ("align-base", "align-base-german")}  # fmt: skip
    czech, german_base = instructed.values()
    seen = (
        "data.train=[{folder: multi30k, split: train, lines: 14001-19000, languages: [eng, ces]}, "
        "{folder: multi30k, split: train, lines: 19001-21500, languages: [eng, deu, fra]}]"
    )
    directions = "[eng-deu, deu-eng, deu-fra, fra-deu, deu-ces, ces-deu]"
    german = ("data.train.languages=[eng, deu]", "validation.directions=[eng-deu, deu-eng]",
              f"evaluate.directions={directions}")  # fmt: skip
    known = "[eng-fra, fra-eng, eng-ces, ces-eng]"
    other = ("data.train.languages=[eng, fra, ces]", "data.dev.languages=[eng, fra, ces]",
             "data.test.languages=[eng, fra, ces]", f"validation.directions={known}",
             f"evaluate.directions={known}")  # fmt: skip
    return [
        base("no-czech", options, "multi30k", "eng,deu,fra", "1-14000", *PLAIN, "--steps", "2000"),
        run("align-base", options, "align-base.yaml", options.bases / "no-czech"),
        *(run(f"align-s{n}", options, "align.yaml", czech, f"seed={n}") for n in (1, 2, 3)),
        schedule("align-1k", options, czech, "data.train.lines=14001-15000"),
        schedule("align-all", options, czech, "data.train.lines=14001-28989"),
        schedule("align-examples", options, czech, each="objective.normalise=examples"),
        schedule("align-seen", options, czech, seen),
        base("no-german", options, "multi30k", "eng,fra,ces", "1-14000", *PLAIN, "--steps", "2000"),
        run("align-base-german", options, "align-base.yaml", options.bases / "no-german", *other),
        schedule("align-german", options, german_base, *german),
    ]


def nllb(options: argparse.Namespace) -> list[Job]:
    """Alignment instructions on NLLB-Seed: four unseen languages on a base that knows eight."""
    data, known = "multi30k,bible_nt,bible_ot,align_fra-eng", "eng,deu,fra,ces,spa,lav,hat,swh"
    model = options.runs / "nllb-base" / "stages" / "all" / "model"
    parts = (("", "nllb.yaml"), ("-schedules", "nllb-schedules.yaml"))
    runs = [
        run(f"nllb-s{seed}{part}", options, recipe, model, f"seed={seed}")
        for seed in (1, 2, 3)
        for part, recipe in parts
    ]
    return [
        base("eight-languages", options, data, known, "1-28989", *PLAIN, "--vocabulary", "6000",
             "--row", "256", "--steps", "1500"),
        run("nllb-base", options, "nllb-base.yaml", options.bases / "eight-languages"),
        *runs,
    ]  # fmt: skip


def interactive(options: argparse.Namespace) -> list[Job]:
    """Corrections over several turns: base, all rows, two more seeds of the main rows, general losses."""
    data, languages = M30K
    made = options.bases / "multi30k-dialogues"
    seeds = {n: options.runs / f"interactive-s{n}" for n in (1, 2, 3)}
    main, more = ("MT only", "MT + interactive", "MT + single"), ("MT + general", "all")
    models = {"base": made} | {
        f"{stage}, seed {n}": folder / "stages" / stage / "model"
        for stage in (*main, *more)
        for n, folder in seeds.items()
        if stage in main or n == 1
    }
    return [
        base(made.name, options, data, languages, "1-14000", "--bilingual", "1", "--again", "0.5",
             "--quoted", "0.5", "--templates", "bayling", "--dialogues", "en,de,fr", "--vocabulary", "6000",
             "--hidden", "160", "--layers", "6", "--head", "32", "--row", "256", "--steps", "2000"),
        run(seeds[1].name, options, "interactive-study.yaml", made, "seed=1"),
        *(run(seeds[n].name, options, "interactive-seed.yaml", made, f"seed={n}") for n in (2, 3)),
        losses("interactive-loss", options, "bayling", models),
    ]  # fmt: skip


STUDIES: dict[str, Callable[[argparse.Namespace], list[Job]]] = {
    "language-aware": language_aware,
    "align": align,
    "nllb": nllb,
    "interactive": interactive,
}
SEEDS = ("multi30k", "align", "nllb", "interactive")
"""Runs named <this>-s1, <this>-s2, ... are seeds of one table, <this>-s1-<part> further rows of one."""


def tables(options: argparse.Namespace) -> None:
    """Markdown of everything that is measured."""
    from align_tables import Study, condition_gains, conditions, show

    from dragoman.evaluate.interactive import table
    from dragoman.evaluate.tables import summary

    found = [path.parent for path in sorted(options.runs.glob("*/results.json"))]
    studies = {}
    for study in SEEDS:
        seeds = [run for run in found if re.fullmatch(f"{study}-s\\d+(-.+)?", run.name)]
        if len(seeds) > 1:
            studies[f"{study}, {len(seeds)} runs"] = Study(seeds)
    studies |= {run.name: Study([run]) for run in found}
    for name, one in studies.items():
        print(f"## {name}\n\n{summary(one.results).show('markdown')}\n\n{show(one)}")
        if one.results.dialogues:
            print(f"{table.show(table.of_rows(one.results.dialogues), 'markdown')}\n")
        for row in one.results.significance if len(one.runs) == 1 else ():
            if row.get("group"):
                where = f"{row['b']} against {row['a']}, {row['group']}, {row['metric']}"
                span = f"{row['difference']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
                print(f"- {where}: {span}, p {row['p_bootstrap']:.3f} / {row['p_randomisation']:.3f}")
        print()
    if chosen := {name: one for name, one in studies.items() if one.comparisons()}:
        print(f"## Conditions, chrF++\n\n{conditions(chosen).show('markdown')}")
        print(f"\n## Conditions, gains in chrF++\n\n{condition_gains(chosen).show('markdown')}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--bases", type=Path, default=Path("runs/bases"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--logs", type=Path, default=Path("runs/logs"))
    parser.add_argument("--parallel", type=int, default=1, help="jobs at a time")
    parser.add_argument("--stop-after", type=float, default=1e9, help="seconds")
    parser.add_argument("--study", choices=STUDIES, help="which table (default: all)")
    parser.add_argument("--only", nargs="*", default=[], help="names of jobs (default: all)")
    parser.add_argument(
        "--schedule", choices=SCHEDULES, default="multi-task",
        help="align: the schedule of the short runs (the best one of align.yaml on dev)",
    )  # fmt: skip
    parser.add_argument("--tables", action="store_true", help="print what is measured, run nothing")
    options = parser.parse_args()
    if options.tables:
        tables(options)
        return
    studies = [options.study] if options.study else STUDIES
    jobs = [job for study in studies for job in STUDIES[study](options)]
    if unknown := set(options.only) - {job.name for job in jobs}:
        raise SystemExit(f"no job {', '.join(sorted(unknown))}; known: {', '.join(job.name for job in jobs)}")
    work([job for job in jobs if not options.only or job.name in options.only], options)


if __name__ == "__main__":
    main()

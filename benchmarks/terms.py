"""Demanded words on real text: met or not, at what price in BLEU and time, and where in the sentence.

    python benchmarks/terms.py MODEL --data DATA/multi30k --split test_2016_flickr --direction eng-deu
    python benchmarks/terms.py MODEL --data DATA/tico19 --split test --direction eng-swh \\
        --glossary DATA/tico19/terms.eng-swh.tsv

Without a glossary the demands are 1 to 3 linked words of each reference, drawn by seed, as in BayLing's test
(arXiv 2306.10968); the aligner learns from the split itself and, if there is one, the folder's `train`. With
a glossary they are the terms of the source whose listed form stands in the reference. The model should have
been tuned with the task `constrained`. Times are the processor's, for the lines with demands alone; the ratio
is to a plain search right before.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from dragoman.corpus.pair import Record
from dragoman.corpus.readers import read_source
from dragoman.corpus.store import Store, write_store
from dragoman.evaluate.metrics import make_metric
from dragoman.instruct.linked import Linked, Side
from dragoman.instruct.links import pair_links
from dragoman.language.language import Direction, parse_direction
from dragoman.language.phrases import contains, occurrences
from dragoman.loading import load_translator
from dragoman.recipe import Decoding, Model, Source, TaskSpec
from dragoman.translate.demand import Demand, check
from dragoman.translate.engine import Translation
from dragoman.translate.glossary import read_glossary
from dragoman.translate.prompts import Request

LEARN_FROM = 10_000
"""Lines of `train` that the aligner sees besides the test lines."""
LATE = 0.85
"""A phrase is late if its middle lies behind this share of the text."""
SATISFIABLE = ("", "unmet")
"""Errors of sentences whose demands could be met."""


@dataclass(frozen=True)
class Lines:
    """Test lines of a direction, each with what its reference shows to be a fair demand, or None."""

    direction: Direction
    sources: list[str]
    references: list[str]
    demands: list[Demand | None]

    def requests(self, asked: bool, every: int = 0) -> list[Request]:
        """Requests with demands, or without; ``every``-th lines always without."""
        return [
            Request(source, self.direction, demand=demand if asked and (not every or n % every) else None)
            for n, (source, demand) in enumerate(zip(self.sources, self.demands, strict=True))
        ]


def read(folder: Path, split: str, direction: Direction, most: int | None) -> list[Record]:
    """The lines of a split that have both sides."""
    source = Source(folder=str(folder), split=split, languages=list(direction))
    return [
        one for one in itertools.islice(read_source(source, lambda drop: None), most) if one.has(direction)
    ]


def linked_demands(
    folder: Path, test: Sequence[Record], direction: Direction, seed: int
) -> list[Demand | None]:
    """1 to 3 linked words or pairs of words of each reference; None where no link is sure."""
    train = read(folder, "train", direction, LEARN_FROM) if list(folder.glob("train.*")) else []
    rng, spec = random.Random(seed), TaskSpec()
    with tempfile.TemporaryDirectory() as place:
        write_store(Path(place) / "text", (*test, *train))
        store = Store(Path(place) / "text")
        links = pair_links(store, direction)
        demands: list[Demand | None] = []
        for number, record in enumerate(test):
            sides = [Side(record.texts[code], links.spaceless(code)) for code in direction]
            line = Linked(*sides, links.cells(number, direction.source), spec, record.id)
            quotes = [line.target.quote(unit.target) for unit in line.units(0.3, rng)]
            fit = [one for one in dict.fromkeys(quotes) if contains(line.target.text, one)]
            chosen = rng.sample(fit, min(len(fit), rng.randint(1, 3)))
            demands.append(Demand(tuple((one,) for one in chosen)) if chosen else None)
    return demands


def glossary_demands(path: Path, test: Sequence[Record], direction: Direction) -> list[Demand | None]:
    """The terms of each source, with those of their forms that the reference holds."""
    glossary = read_glossary(path)
    demands: list[Demand | None] = []
    for record in test:
        target = record.texts[direction.target]
        terms = glossary.demands(record.texts[direction.source])
        held = [tuple(form for form in forms if contains(target, form)) for forms in terms]
        must = tuple(forms for forms in held if forms)
        demands.append(Demand(must) if must else None)
    return demands


def late_share(texts: Sequence[str], demands: Sequence[Demand]) -> float:
    """Per cent of the demanded phrases that stand there whose first occurrence is late."""
    places = []
    for text, demand in zip(texts, demands, strict=True):
        for forms in demand.must:
            found = min((span for form in forms for span in occurrences(text, form)), default=None)
            if found:
                places.append(sum(found) / 2 > LATE * len(text))
    return 100 * sum(places) / max(len(places), 1)


def bleu(texts: Sequence[str], references: Sequence[str], target: str) -> float:
    """Corpus BLEU with the tokenization of the target language."""
    return make_metric("BLEU", target).corpus(texts, references)


@dataclass
class System:
    """A row: how it is asked, what came out, processor seconds."""

    name: str
    found: list[Translation]
    seconds: float


def run(args: argparse.Namespace, lines: Lines, mode: str, asked: bool, every: int = 0) -> System:
    """Translate all lines in one way; only translating counts as time."""
    decoding = Decoding(beam=args.beam, max_new_tokens=args.max_new_tokens, batch_tokens=args.batch_tokens)
    translator = load_translator(
        args.model, Model(device=args.device), decoding, constraints=mode if asked else "hard"
    )
    translator.translate(lines.requests(False)[:4])
    start = time.process_time()
    found = translator.translate(lines.requests(asked, every))
    return System(mode if asked else "plain", found, time.process_time() - start)


def row(system: System, lines: Lines, plain: System) -> str:
    """The line of the table that tells of a system."""
    demands = [demand or Demand() for demand in lines.demands]
    fit = [one.error in SATISFIABLE for one in system.found]
    texts = [one.text for one in system.found]
    outcomes = [counts(text, demand) for text, demand in zip(texts, demands, strict=True)]
    met = sum(done for (done, _), good in zip(outcomes, fit, strict=True) if good)
    wanted = sum(all_ for (_, all_), good in zip(outcomes, fit, strict=True) if good)
    whole = sum(done == all_ for (done, all_), good in zip(outcomes, fit, strict=True) if good)
    numbers = [
        f"{met:,} of {wanted:,} ({100 * met / max(wanted, 1):.1f} %)",
        f"{100 * whole / max(sum(fit), 1):.1f} %",
        f"{bleu(texts, lines.references, lines.direction.target):.2f}",
        f"{late_share(texts, demands):.1f} %",
        f"{system.seconds:.1f} s",
        f"{system.seconds / plain.seconds:.2f}",
        f"{sum(not good for good in fit)}",
    ]
    return f"| {system.name} | {' | '.join(numbers)} |"


def counts(text: str, demand: Demand) -> tuple[int, int]:
    """Demands met, and all of them."""
    return len(check(text, demand).met), len(demand.must)


def with_demands(lines: Lines) -> Lines:
    """The lines that have one."""
    keep = [n for n, demand in enumerate(lines.demands) if demand]
    return Lines(
        lines.direction,
        [lines.sources[n] for n in keep],
        [lines.references[n] for n in keep],
        [lines.demands[n] for n in keep],
    )


def report(args: argparse.Namespace, direction: Direction) -> None:
    """Print the table of a direction."""
    test = read(args.data, args.split, direction, args.lines)
    demands = (
        glossary_demands(args.glossary, test, direction)
        if args.glossary
        else linked_demands(args.data, test, direction, args.seed)
    )
    sides = ([record.texts[code] for record in test] for code in direction)
    lines = with_demands(Lines(direction, *sides, demands))
    plain = run(args, lines, "plain", False)
    given = [demand for demand in lines.demands if demand]
    print(f"\n{direction}: {len(given):,} of {len(test):,} lines with demands, ", end="")
    print(f"{sum(len(demand.must) for demand in given):,} in all, beam {args.beam}, seed {args.seed}\n")
    print("| | demands met | lines | BLEU | late | time | ratio | cannot be met |")
    print("|---|---|---|---|---|---|---|---|")
    print(f"| references | | | | {late_share(lines.references, given):.1f} % | | | |")
    print(row(plain, lines, plain))
    for mode in args.modes:
        again = run(args, lines, "plain", False)  # beside each other, for a machine whose speed changes
        print(row(run(args, lines, mode, True), lines, again), flush=True)
    for mode in args.modes:
        mixed = run(args, lines, mode, True, every=3)
        pairs = [(a.text, b.text) for a, b in zip(mixed.found, plain.found, strict=True)][::3]
        same = sum(one == other for one, other in pairs)
        print(f"\n{mode}: of {len(pairs):,} lines without demands among others, {same:,} are as in `plain`")


def main() -> None:
    """Read the command line, print a table for each direction."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="folder of a model, tuned with the task constrained")
    parser.add_argument("--data", type=Path, required=True, help="folder of <split>.<lang>")
    parser.add_argument("--split", default="test")
    parser.add_argument("--direction", nargs="+", required=True)
    parser.add_argument("--glossary", type=Path, help="term<TAB>form: demands from it, not from links")
    parser.add_argument("--modes", nargs="+", default=["soft", "hard", "both"])
    parser.add_argument("--lines", type=int)
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-new-tokens", type=int, default=96)
    parser.add_argument("--batch-tokens", type=int, default=8192)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for direction in args.direction:
        report(args, parse_direction(direction))


if __name__ == "__main__":
    main()

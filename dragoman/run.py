"""A run: the folder that one recipe makes, and the order of its steps.

    runs/<name>/recipe.yaml       the recipe, overrides and defaults included
    runs/<name>/corpus/           filtered text, dropped.jsonl, manifest.json
    runs/<name>/identifier/       the judge of output languages
    runs/<name>/stages/<stage>/   metrics.jsonl, checkpoints/, model/
    runs/<name>/translations/     <system>/<direction>.jsonl
    runs/<name>/dialogues/, transcripts/   held-out dialogues; <system>/<direction>.jsonl
    runs/<name>/results.json, probe.json, report.html

Each step has a key, a hash of everything that it depends on (keys.py); ``run.json`` keeps the keys of the
steps that are done (done.py). A step whose key has changed is stale and is made again; one that was cut off
goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from dragoman.console import progress, say
from dragoman.distributed import is_first, my_share, wait_for_all
from dragoman.done import Done, alone_in, make_room, write_text
from dragoman.evaluate.again import holds, read_earlier, score_again
from dragoman.evaluate.command import show
from dragoman.evaluate.outputs import Output, read_outputs, write_outputs
from dragoman.evaluate.report import write_report
from dragoman.evaluate.results import Results
from dragoman.evaluate.score import Scorer
from dragoman.interacting import check_dialogues, interact
from dragoman.keys import Keys
from dragoman.language.identify import Identifier, load_identifier, make_identifier, save_identifier
from dragoman.language.language import Direction
from dragoman.loading import check_base
from dragoman.probing import lines_of, probe
from dragoman.recipe import Recipe, Stage, SystemSpec
from dragoman.recipe_file import dump_recipe
from dragoman.rows import (
    check_prompts,
    check_row,
    comparisons,
    matching,
    supervised_directions,
    systems_of,
)
from dragoman.text import Text
from dragoman.translate.systems import make_translator, translate_lines
from dragoman.tune.loop import Progress
from dragoman.tune.model import load_model, load_tokenizer, resolve_device
from dragoman.tune.stage import (
    last_scores,
    make_encoder,
    make_mixture,
    run_stage,
    start_of,
    tuned_directions,
)
from dragoman.validator import Validator

IDENTIFIER_LINES = 5000  # training lines per language that an identifier is learnt from


class Run:
    """One recipe in one folder. ``place``: the folder that holds its corpus, if that is another."""

    def __init__(self, recipe: Recipe, folder: Path, place: Path | None = None) -> None:
        self.recipe, self.folder = recipe, folder
        self.hashes = (place or folder) / "hashes.json"
        self.text = Text(recipe, (place or folder) / "corpus", self.hashes)
        self.base = demo_base() if recipe.base == "demo" else recipe.base
        self.done = Done(folder, is_first())

    # -- the steps -------------------------------------------------------------------------------------------

    def go(self) -> Results | None:
        """All steps, in order; the results, or None if the recipe has no text to evaluate on.

        Under torchrun all processes tune and share the directions to translate; the first does the rest.
        """
        with alone_in(self.folder) if is_first() else nullcontext():
            self.done.read()
            encoder = check_base(self.base, self.recipe)
            resolve_device(self.recipe.model.device)
            if is_first():
                write_text(self.folder / "recipe.yaml", dump_recipe(self.recipe))
                self.text.prepare()
                self.identifier_folder()
            wait_for_all()
            self.done.read()
            self.check(encoder)
            for stage in self.recipe.stages:
                self.tune(stage)
            if self.text.test is None:
                say(" evaluate  nothing to do: the recipe has neither data.test nor data.dev")
                return None
            for system in systems_of(self.recipe):
                self.translate(system)
            if not is_first():
                return None
            results = self.evaluate()
            print(show(results))
            probe(self)
            interact(self)
            say(f" report    {write_report(self.folder, identify=self._labels)}")
            return results

    def check(self, encoder: Any) -> None:
        """Find what would end a later step before the first one starts: what has no line to work on."""
        for stage in self.recipe.stages:
            make_mixture(self.recipe, stage, self.text.train, encoder)
        if self.text.dev is not None:
            check_prompts(encoder, self.recipe.prompt.language, self.dev_directions())
        if self.text.test is not None:
            for system in systems_of(self.recipe):
                check_row(self.recipe, system, encoder, self.test_directions(), self.text.train)
            lines_of(self)
            check_dialogues(self, encoder.template)

    def tune(self, stage: Stage) -> None:
        """One stage, unless it is done."""
        name, folder = f"stage:{stage.name}", self.stage_folder(stage.name)
        key = self.keys.stage(stage)
        made = [folder / "model", *(folder / f"model@{step}" for step in stage.keep_steps)]
        done = self.done.state(name, key) == "done" and all(path.is_dir() for path in made)
        title = f" {stage.name:<9} {' + '.join(stage.tasks):<20}"
        if done:
            say(f"{title} done before  {_told(last_scores(folder))}")
            return
        if is_first() and make_room(folder, key):
            say(f" {stage.name:<9} is stale (settings, text or base have changed); kept as {folder}.old")
        wait_for_all()
        make = self._make_validate(stage) if self.text.dev is not None else None
        start = self.model_of(start_of(self.recipe, stage))
        with progress(title) as advance:

            def tell(now: Progress) -> None:
                rate = f"{now.pairs_per_second:,.1f} pairs/s"
                advance(now.step, f"loss {now.loss:.3f}  {rate}  {_told(now.scores)}", now.steps)

            result = run_stage(
                self.recipe, stage, start, self.text.train, folder, make, tell, say, self.identifier_folder()
            )
        dropped = "".join(f"  dropped {n:,} ({reason})" for reason, n in result.dropped.items())
        say(f"{title} {result.steps} steps  {_told(result.scores)}{dropped}")
        self.done.finish(name, key)

    def translate(self, system: SystemSpec) -> None:
        """The outputs of a row in every direction that is not there yet; processes share the directions."""
        name, key = f"translate:{system.name}", self.keys.system(system)
        folder = self.folder / "translations" / system.name
        files = {direction: folder / f"{direction}.jsonl" for direction in self.test_directions()}
        if self.done.state(name, key) == "done" and all(path.exists() for path in files.values()):
            say(f" translate {system.name:<20} done before")
            return
        if is_first():
            make_room(folder, key)
        wait_for_all()
        missing = [direction for direction in my_share(list(files)) if not files[direction].exists()]
        if missing:
            self._translate(system, missing)
        wait_for_all()
        self.done.finish(name, key)

    def _translate(self, system: SystemSpec, directions: list[Direction]) -> None:
        """Translate the test text in these directions and write each as it is done."""
        store, translator, done = self.text.test, self.translator(system), 0
        assert store is not None
        lines = {d: store.indices(d)[: self.recipe.evaluate.lines] for d in directions}
        with progress(f" translate {system.name}", sum(map(len, lines.values()))) as advance:
            for direction, chosen in lines.items():
                pairs = [store[int(i)].pair(direction) for i in chosen]

                def tell(count: int, before: int = done, direction: Direction = direction) -> None:
                    advance(before + count, str(direction))

                texts = translate_lines(translator, system, [p.source for p in pairs], direction, tell)
                output = Output(
                    system.name, direction, tuple(p.id for p in pairs), tuple(texts),
                    tuple(p.source for p in pairs), tuple(p.target for p in pairs), self.recipe.seed,
                )  # fmt: skip
                write_outputs(self.folder, [output])
                done += len(pairs)

    def evaluate(self) -> Results:
        """Scores, tables and significance of every row, unless they are there for these translations."""
        order = [system.name for system in systems_of(self.recipe)]
        directions, supervised, spec = self.test_directions(), self.supervised(), self.recipe.evaluate
        path, folder = self.folder / "results.json", self.folder / "translations"
        files = [folder / name / f"{direction}.jsonl" for name in order for direction in directions]
        pairs = comparisons(self.recipe)
        key = self.keys.scores(files, supervised, pairs)
        earlier = read_earlier(path)
        metrics = ["BLEU", "chrF++", *(["TER"] if spec.ter or "TER" in earlier.metrics else [])]
        scorer = Scorer(metrics, self.identifier)
        kept = holds(earlier, order, directions, supervised, scorer, pairs)
        if self.done.state("evaluate", key) == "done" and kept:
            say(" evaluate  done before")
            return earlier
        outputs = [
            output
            for name in order
            for output in read_outputs(
                self.folder, systems=[name], directions=directions, seed=self.recipe.seed
            )
        ]
        with progress(" evaluate", len(outputs)) as advance:
            done = iter(range(len(outputs)))
            results = score_again(
                path, outputs, scorer, supervised, pairs=pairs, trials=spec.bootstrap, seed=self.recipe.seed,
                progress=lambda name: advance(next(done, 0), name),
            )  # fmt: skip
        self.done.finish("evaluate", key)
        return results

    # -- what the steps are made of --------------------------------------------------------------------------

    @cached_property
    def keys(self) -> Keys:
        """The keys of this recipe's steps on this corpus."""
        return Keys(self.recipe, self.base, self.text.fingerprint, self.hashes)

    @cached_property
    def identifier(self) -> Identifier:
        """The judge of output languages, made once from the training text and kept in the run."""
        folder, key = self.folder / "identifier", self.keys.identifier()
        if self.done.state("identifier", key) == "done" and folder.is_dir():
            return load_identifier(folder)
        spec = self.recipe.evaluate
        texts = self.text.sample(IDENTIFIER_LINES)
        made = make_identifier(spec.identifier, self.text.train.languages, texts, spec.candidates)
        save_identifier(made, folder)
        self.done.finish("identifier", key)
        return made

    def identifier_folder(self) -> Path:
        """Where the identifier lies, after making it."""
        _ = self.identifier
        return self.folder / "identifier"

    def stage_folder(self, name: str) -> Path:
        """The folder of a stage."""
        return self.folder / "stages" / name

    def model_of(self, name: str) -> str:
        """The model folder (or hub id) of `base`, a stage, or a kept step of one."""
        if name == "base":
            return self.base
        stage, _, step = name.partition("@")
        return str(self.stage_folder(stage) / (f"model@{step}" if step else "model"))

    def dev_directions(self) -> list[Direction]:
        """Directions that are translated while tuning, in the dev text's codes."""
        assert self.text.dev is not None
        return matching(self.text.dev, self.recipe.validation.directions, alone=True)

    def test_directions(self) -> list[Direction]:
        """Directions that are scored, in the test text's codes."""
        assert self.text.test is not None
        return matching(self.text.test, self.recipe.evaluate.directions)

    def supervised(self) -> list[Direction]:
        """Directions that the main line of stages was tuned on."""
        return supervised_directions(self.recipe, self.text.train)

    def _make_validate(self, stage: Stage) -> Callable[..., Any]:
        assert self.text.dev is not None
        directions, tuned = self.dev_directions(), tuned_directions(self.recipe, stage, self.text.train)
        return Validator(self.recipe, self.text.dev, directions, tuned, self.identifier, say).bind

    def translator(self, system: SystemSpec) -> Any:
        """The translator of a row; None for one that copies."""
        if system.kind == "copy":
            return None
        source, recipe = self.model_of(system.stage), self.recipe
        encoder = make_encoder(recipe, load_tokenizer(source))
        model = load_model(source, recipe.model)
        return make_translator(model, encoder, recipe.evaluate.decoding, system, recipe, self.text.train)

    def _labels(self, texts: list[str]) -> list[str]:
        return [code for code, _ in self.identifier.identify(texts)]


def demo_base() -> str:
    """The folder of the embedded base."""
    from importlib import resources

    return str(resources.files("dragoman.demo") / "base")


def _told(scores: dict[str, float]) -> str:
    names = {"zero_shot_otr": "zero-shot OTR", "chrf": "chrF++", "zero_shot_chrf": "zero-shot chrF++"}
    return "  ".join(f"{label} {scores[name]:.1f}" for name, label in names.items() if name in scores)

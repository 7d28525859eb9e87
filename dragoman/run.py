"""A run: the folder that one recipe makes, and the order of its steps.

    runs/<name>/recipe.yaml       the recipe, overrides and defaults included
    runs/<name>/corpus/           filtered text, dropped.jsonl, manifest.json
    runs/<name>/identifier/       the judge of output languages
    runs/<name>/stages/<stage>/   metrics.jsonl, checkpoints/, model/
    runs/<name>/translations/     <system>/<direction>.jsonl
    runs/<name>/results.json, report.html

Each step has a key, a hash of everything that it depends on; ``run.json`` keeps the keys of the steps that are done.
A step whose key has changed is stale and is made again; one that was cut off goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from dragoman.console import progress, say
from dragoman.corpus.prepare import is_current, prepare
from dragoman.corpus.store import Store
from dragoman.distributed import is_first, wait_for_all
from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.compare import compare_systems
from dragoman.evaluate.outputs import Output, read_outputs, write_outputs
from dragoman.evaluate.report import write_report
from dragoman.evaluate.results import Results, write_results
from dragoman.evaluate.score import Scorer, evaluate_outputs
from dragoman.evaluate.command import show
from dragoman.instruct.mixture import TASKS
from dragoman.instruct.task import Material
from dragoman.language.identify import Identifier, load_identifier, make_identifier, save_identifier
from dragoman.language.language import Direction, same_language
from dragoman.prompt.templates import load_template
from dragoman.recipe import Decoding, Recipe, Stage, SystemSpec
from dragoman.recipe_file import dump_recipe, settings_hash
from dragoman.translate.systems import make_translator, translate_lines
from dragoman.tune.model import load_model, load_tokenizer
from dragoman.tune.stage import last_scores, make_encoder, run_stage, start_of, tuned_directions
from dragoman.validator import Validator

IDENTIFIER_LINES = 5000  # training lines per language that an identifier is learnt from


class Run:
    """One recipe in one folder."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.base = demo_base() if recipe.base == "demo" else recipe.base
        self._done: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    # -- the steps --------------------------------------------------------------------------------------------

    def go(self) -> Results | None:
        """All steps, in order; returns the results (None if the recipe has no text to evaluate on)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._load_done()
        if is_first():
            _write(self.folder / "recipe.yaml", dump_recipe(self.recipe))
            self.prepare_corpus()
            self.identifier_folder()
        wait_for_all()
        self._load_done()
        for stage in self.recipe.stages:
            self.tune(stage)
        if self.test is None:
            say(" evaluate  nothing to do: the recipe has neither data.test nor data.dev")
            return None
        if not is_first():
            return None
        for system in self.systems():
            self.translate(system)
        results = self.evaluate()
        print(show(results))
        path = write_report(self.folder, identify=self._labels)
        say(f" report    {path}")
        return results

    def plan(self) -> list[str]:
        """What :meth:`go` would do, a line a step, without doing it."""
        self._load_done()
        lines = [f"run       {self.folder}  base {self.base}"]
        current = self.corpus_is_current()
        lines.append(f"corpus    {'done' if current else 'to do'}")
        if current:
            for split in ("train", "dev", "test"):
                if (self.folder / "corpus" / split).is_dir():
                    store = Store(self.folder / "corpus" / split)
                    lines.append(f"          {split} {len(store):,} lines in {', '.join(store.languages)}")
        for stage in self.recipe.stages:
            tasks = " + ".join(stage.tasks)
            length = f"{stage.steps:,} steps" if stage.steps else f"{stage.epochs:g} epochs"
            counts = self._counts(stage) if current else ""
            state = self._state(f"stage:{stage.name}", self.stage_key(stage)) if current else "to do"
            lines.append(
                f"{stage.name:<9} {tasks}, {length}{counts}, from {start_of(self.recipe, stage)}: {state}"
            )
        lines.append(f"evaluate  {', '.join(s.name for s in self.systems())}")
        return lines

    def prepare_corpus(self) -> None:
        """Read, filter and store the text, unless the folder holds just that."""
        target = self.folder / "corpus"
        if self.corpus_is_current():
            say(f" corpus    {self._corpus_counts()}    done before")
            return
        gate = None
        if self.recipe.data.filters.wrong_language:
            gate = make_identifier("py3langid", self._named_languages())
        with progress(" corpus") as advance:
            prepare(
                self.recipe.data,
                target,
                self._prepare_directions(),
                gate,
                advance,
                hashes=self.folder / "hashes.json",
            )
        say(f" corpus    {self._corpus_counts()}")

    def tune(self, stage: Stage) -> None:
        """One stage, unless it is done."""
        name, folder = f"stage:{stage.name}", self.stage_folder(stage.name)
        key = self.stage_key(stage)
        kept = [folder / f"model@{step}" for step in stage.keep_steps]
        done = self._done.get(name) == key and all(p.is_dir() for p in [folder / "model", *kept])
        if is_first():
            self._make_room(folder, key)
        wait_for_all()
        if done:
            say(f" {stage.name:<9} {' + '.join(stage.tasks):<20} done before  {_told(last_scores(folder))}")
            return
        make = self._make_validate(stage) if self.dev is not None else None
        title = f" {stage.name:<9} {' + '.join(stage.tasks):<14}"
        with progress(title) as advance:
            result = run_stage(
                self.recipe, stage, self.model_of(start_of(self.recipe, stage)), self.train, folder, make,
                lambda p: advance(p.step, f"loss {p.loss:.3f}  {p.pairs_per_second:,.1f} pairs/s  {_told(p.scores)}", p.steps),
                say, self.identifier_folder(),
            )  # fmt: skip
        dropped = "".join(f"  dropped {n:,} ({reason})" for reason, n in result.dropped.items())
        say(f"{title} {result.steps} steps  {_told(result.scores)}{dropped}")
        self._finish(name, key)

    def translate(self, system: SystemSpec) -> None:
        """The outputs of a row in every direction that is not there yet."""
        if system.kind == "references":
            return
        name = f"translate:{system.name}"
        key = self.system_key(system)
        folder = self.folder / "translations" / system.name
        if self._done.get(name) != key and folder.is_dir():
            _set_aside(folder)
        self._finish(name, key)
        missing = [d for d in self.test_directions() if not (folder / f"{d}.jsonl").exists()]
        if not missing:
            return
        translator = self._translator(system)
        store = self.test
        assert store is not None
        with progress(f" translate {system.name}", len(missing)) as advance:
            for number, direction in enumerate(missing):
                advance(number, str(direction))
                lines = store.indices(direction)[: self.recipe.evaluate.lines]
                pairs = [store[int(i)].pair(direction) for i in lines]
                texts = translate_lines(translator, system, [pair.source for pair in pairs], direction)
                output = Output(
                    system.name, direction, tuple(p.id for p in pairs), tuple(texts),
                    tuple(p.source for p in pairs), tuple(p.target for p in pairs), self.recipe.seed,
                )  # fmt: skip
                write_outputs(self.folder, [output])

    def evaluate(self) -> Results:
        """Scores, tables and significance of every row."""
        order = [system.name for system in self.systems() if system.kind != "references"]
        directions = self.test_directions()
        outputs = [
            output
            for name in order
            for output in read_outputs(
                self.folder, systems=[name], directions=directions, seed=self.recipe.seed
            )
        ]
        metrics = ("BLEU", "chrF++", "TER") if self.recipe.evaluate.ter else ("BLEU", "chrF++")
        scorer = Scorer(metrics, self.identifier)
        supervised = self.supervised()
        with progress(" evaluate", len(outputs)) as advance:
            done = iter(range(len(outputs)))
            results = evaluate_outputs(outputs, scorer, supervised, lambda name: advance(next(done, 0), name))
        for first, second in self._comparisons(order):
            sides = [[o for o in outputs if o.system == name] for name in (first, second)]
            compared = compare_systems(
                *sides,
                scorer,
                supervised=supervised,
                trials=self.recipe.evaluate.bootstrap,
                seed=self.recipe.seed,
            )
            results.significance += compared.to_json()
        write_results(self.folder / "results.json", results)
        return results

    # -- what the steps are made of -----------------------------------------------------------------------------

    @cached_property
    def train(self) -> Store:
        """The training text."""
        return Store(self.folder / "corpus" / "train")

    @cached_property
    def dev(self) -> Store | None:
        """The text for selection."""
        return self._store("dev")

    @cached_property
    def test(self) -> Store | None:
        """The text for the final scores; dev where the recipe has no test."""
        return self._store("test") or self.dev

    @cached_property
    def identifier(self) -> Identifier:
        """The judge of output languages, made once from the training text and kept in the run."""
        folder = self.folder / "identifier"
        spec = self.recipe.evaluate
        key = settings_hash(spec.identifier, spec.candidates, self.corpus_key)
        if self._done.get("identifier") == key and folder.is_dir():
            return load_identifier(folder)
        texts: dict[str, list[str]] = {code: [] for code in self.train.languages}
        for index in range(min(len(self.train), IDENTIFIER_LINES)):
            for code, text in self.train[index].texts.items():
                texts[code].append(text)
        made = make_identifier(spec.identifier, self.train.languages, texts, spec.candidates)
        save_identifier(made, folder)
        self._finish("identifier", key)
        return made

    @cached_property
    def corpus_key(self) -> str:
        """Content hash of the text."""
        manifest = json.loads((self.folder / "corpus" / "manifest.json").read_text(encoding="utf-8"))
        return str(manifest["fingerprint"])

    def identifier_folder(self) -> Path:
        """Where the identifier lies, after making it."""
        _ = self.identifier
        return self.folder / "identifier"

    def corpus_is_current(self) -> bool:
        """True if the corpus folder holds what the recipe asks for."""
        name = ""
        if self.recipe.data.filters.wrong_language:
            name = make_identifier("py3langid", self._named_languages()).name
        return is_current(
            self.recipe.data,
            self.folder / "corpus",
            self._prepare_directions(),
            name,
            self.folder / "hashes.json",
        )

    def stage_folder(self, name: str) -> Path:
        """The folder of a stage."""
        return self.folder / "stages" / name

    def model_of(self, name: str) -> str:
        """The model folder (or hub id) of `base`, a stage, or a kept step of one."""
        if name == "base":
            return self.base
        stage, _, step = name.partition("@")
        return str(self.stage_folder(stage) / (f"model@{step}" if step else "model"))

    def stage_key(self, stage: Stage) -> str:
        """Hash of everything that a stage's weights depend on."""
        start = start_of(self.recipe, stage)
        by_name = {s.name: s for s in self.recipe.stages}
        before = base_key(self.base) if start == "base" else self.stage_key(by_name[start.split("@")[0]])
        recipe = self.recipe
        validation = recipe.validation if stage.best != "last" else None
        return settings_hash(
            stage, recipe.model, recipe.prompt, recipe.seed, self.corpus_key, start, before, validation
        )

    def system_key(self, system: SystemSpec) -> str:
        """Hash of everything that a row's outputs depend on."""
        name = system.stage.split("@")[0]
        stage = next((s for s in self.recipe.stages if s.name == name), None)
        model = self.stage_key(stage) if stage else base_key(self.base)
        decoding = self.recipe.evaluate.decoding.model_copy(update={"batch_tokens": 0})
        return settings_hash(
            system,
            model,
            decoding,
            self.recipe.prompt,
            self.recipe.evaluate.lines,
            self.corpus_key,
            self.recipe.seed,
        )

    def systems(self) -> list[SystemSpec]:
        """The rows: those of the recipe, or the base and every stage."""
        if self.recipe.evaluate.systems is not None:
            return self.recipe.evaluate.systems
        names = ["base", *(stage.name for stage in self.recipe.stages)]
        return [SystemSpec(name=name, stage=name) for name in names]

    def test_directions(self) -> list[Direction]:
        """Directions that are scored, in the test text's codes."""
        assert self.test is not None
        return matching(self.test, self.recipe.evaluate.directions)

    def supervised(self) -> list[Direction]:
        """Directions that the main line of stages was tuned on."""
        mixed: dict[Direction, None] = {}
        for stage in self.recipe.stages:
            if not stage.control:
                mixed |= dict.fromkeys(tuned_directions(self.recipe, stage, self.train))
        return list(mixed)

    def _make_validate(self, stage: Stage) -> Callable[..., Any]:
        assert self.dev is not None
        directions = matching(self.dev, self.recipe.validation.directions)
        tuned = tuned_directions(self.recipe, stage, self.train)
        validator = Validator(self.recipe, self.dev, directions, tuned, self.identifier, say)
        return validator.bind

    def _translator(self, system: SystemSpec) -> Any:
        if system.kind == "copy":
            return None
        source = self.model_of(system.stage)
        tokenizer = load_tokenizer(source)
        model = load_model(source, self.recipe.model)
        decoding: Decoding = self.recipe.evaluate.decoding
        return make_translator(
            model, make_encoder(self.recipe, tokenizer), decoding, system, self.recipe, self.train
        )

    def _comparisons(self, order: Sequence[str]) -> list[tuple[str, str]]:
        """Each stage with the one it starts from; rows beyond them with the last main stage."""
        stages = {stage.name: stage for stage in self.recipe.stages}
        by_stage: dict[str, str] = {}
        for system in self.systems():
            if system.kind == "model" and not (
                system.shots or system.contrast_source or system.prompt_language
            ):
                by_stage.setdefault(system.stage, system.name)
        pairs = []
        for name, stage in stages.items():
            start = start_of(self.recipe, stage)
            if name in by_stage and start in by_stage:
                pairs.append((by_stage[start], by_stage[name]))
        return [(a, b) for a, b in pairs if a in order and b in order]

    def _labels(self, texts: list[str]) -> list[str]:
        return [code for code, _ in self.identifier.identify(texts)]

    def _named_languages(self) -> list[str]:
        from dragoman.corpus.sources import line_languages, split_sources

        return sorted(
            {code for source in split_sources(self.recipe.data)["train"] for code in line_languages(source)}
        )

    def _prepare_directions(self) -> list[Direction] | None:
        """The directions that anything in the recipe uses; None if that is all of them."""
        found: dict[Direction, None] = {}
        for stage in self.recipe.stages:
            for name, spec in stage.tasks.items():
                if name == "mono" or isinstance(spec.directions, str):
                    return None
                found |= dict.fromkeys(spec.directions)
        if isinstance(self.recipe.evaluate.directions, str):
            return None
        return sorted({*found, *self.recipe.evaluate.directions})

    def _counts(self, stage: Stage) -> str:
        """Items of each task of a stage, for the plan."""
        material = Material(self.train, load_template("plain"))
        return "".join(
            f", {TASKS[name](spec, material).size:,} {name} items" for name, spec in stage.tasks.items()
        )

    def _corpus_counts(self) -> str:
        manifest = json.loads((self.folder / "corpus" / "manifest.json").read_text(encoding="utf-8"))
        parts = []
        for split in ("train", "dev", "test"):
            if split in manifest:
                row = manifest[split]
                parts.append(f"{split} {row['kept']:,} lines in {', '.join(row['languages'])}")
        dropped = manifest["train"]["dropped"]
        where = f" (written to {self.folder / 'corpus' / 'dropped.jsonl'})" if dropped else ""
        return "  ".join(parts) + f"  dropped {dropped:,}{where}"

    def _store(self, split: str) -> Store | None:
        folder = self.folder / "corpus" / split
        return Store(folder) if folder.is_dir() else None

    # -- what is done -----------------------------------------------------------------------------------------

    def _load_done(self) -> None:
        path = self.folder / "run.json"
        if path.exists():
            try:
                self._done = dict(json.loads(path.read_text(encoding="utf-8"))["steps"])
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path}: damaged; delete it to have every step checked again") from error

    def _finish(self, name: str, key: str) -> None:
        self._done[name] = key
        if is_first():
            _write(self.folder / "run.json", json.dumps({"steps": self._done}, indent=1) + "\n")

    def _state(self, name: str, key: str) -> str:
        if name not in self._done:
            return "to do"
        return "done" if self._done[name] == key else "stale"

    def _make_room(self, folder: Path, key: str) -> None:
        """Set a stage folder aside that was begun under another key."""
        mark = folder / "key"
        if folder.is_dir() and (not mark.exists() or mark.read_text(encoding="utf-8") != key):
            say(
                f" {folder.name:<9} is stale: its settings, text or base have changed; what was there is now {folder.name}.old"
            )
            _set_aside(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _write(mark, key)


def matching(store: Store, wanted: Sequence[Direction] | str) -> list[Direction]:
    """Directions of a store, in its codes; RecipeError if one that is named has no line."""
    known = sorted(store.directions())
    if isinstance(wanted, str):
        return known
    found = []
    for direction in wanted:
        match = [d for d in known if all(same_language(a, b) for a, b in zip(d, direction, strict=True))]
        if not match:
            raise RecipeError(
                f"direction {direction}: no line in {store.folder}; it has {', '.join(store.languages)}"
            )
        found.append(match[0])
    return found


def base_key(base: str) -> str:
    """Identity of a base: the content of a folder (large files by size and time), or the hub id."""
    folder = Path(base)
    if not folder.is_dir():
        return base
    facts = []
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.suffix in (".json", ".safetensors", ".model"):
            stat = path.stat()
            facts.append((path.name, path.read_text("utf-8") if stat.st_size < 2**20 and path.suffix == ".json" else
                          f"{stat.st_size} {stat.st_mtime_ns}"))  # fmt: skip
    return settings_hash(facts)


def demo_base() -> str:
    """The folder of the embedded base."""
    from importlib import resources

    return str(resources.files("dragoman.demo") / "base")


def _told(scores: dict[str, float]) -> str:
    names = {"zero_shot_otr": "zero-shot OTR", "chrf": "chrF++", "zero_shot_chrf": "zero-shot chrF++"}
    return "  ".join(f"{label} {scores[name]:.1f}" for name, label in names.items() if name in scores)


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _set_aside(folder: Path) -> None:
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)

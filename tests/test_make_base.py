"""The bases of the replications: what of which folder they are made of."""

from __future__ import annotations

import importlib
from argparse import Namespace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "recipes" / "replications"
TEXT = {
    "a/train.eng": "one\ntwo\nthree\n",
    "a/train.deu": "eins\nzwei\ndrei\n",
    "a/val.eng": "two\n",
    "a/val.deu": "2\n",
    "b/train.eng": "four\nfive\n",
    "b/train.spa": "cuatro\ncinco\n",
    "b/train.lav": "x\ny\n",
    "b/dev.spa": "cinco\n",
}


@pytest.fixture
def make_base(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("make_base")


@pytest.fixture
def options(tmp_path: Path) -> Namespace:
    for name, text in TEXT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return Namespace(
        data=[tmp_path / "a", tmp_path / "b"], train="train", held_out=None, lines="1-2",
        out=tmp_path / "out", seed=1,
    )  # fmt: skip


def test_folders_give_the_languages_they_have(
    make_base: ModuleType, options: Namespace, tmp_path: Path
) -> None:
    store = make_base.prepared(options, ["eng", "deu", "spa"], tmp_path / "corpus")
    texts = [store[index].texts for index in range(len(store))]
    assert texts == [{"eng": "one", "deu": "eins"}, {"eng": "four", "spa": "cuatro"}], (
        "lines are those of the first folder; two and five are held out, of whichever folder"
    )


@pytest.mark.parametrize(
    ("changed", "languages", "said"),
    [
        ({}, ["eng", "swh"], r"no train\.swh in .*a, .*b"),
        ({"data": ["a", "c"]}, ["eng"], r"c: no train\.\* in eng; check the path"),
        ({"data": ["b", "a"]}, ["deu"], r"b: no train\.\* in deu"),
        ({"held_out": "val,vall"}, ["eng"], r"--held-out: no vall\.\* in"),
    ],
)
def test_what_no_folder_has_is_said(
    make_base: ModuleType,
    options: Namespace,
    tmp_path: Path,
    changed: dict[str, Any],
    languages: list[str],
    said: str,
) -> None:
    for key, value in changed.items():
        setattr(options, key, [tmp_path / name for name in value] if key == "data" else value)
    with pytest.raises(SystemExit, match=said):
        make_base.prepared(options, languages, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_quoted_words_become_tokens_behind_a_mark(
    make_base: ModuleType, options: Namespace, tmp_path: Path
) -> None:
    (tmp_path / "a" / "train.eng").write_text("".join(f"the red house {k}\n" for k in range(40)))
    (tmp_path / "a" / "train.deu").write_text("".join(f"das rote Haus {k}\n" for k in range(40)))
    options.data, options.lines = options.data[:1], None
    store = make_base.prepared(options, ["eng", "deu"], tmp_path / "corpus")
    plain, quoted = (
        make_base.learn_tokenizer(make_base.tokenizer_text(store, [], [], [], quotes), 400)
        for quotes in (False, True)
    )
    assert "red" in quoted.tokenize("say “red” here") and "Ġred" in quoted.tokenize("the red one")
    assert "red" not in plain.tokenize("say “red” here")


def test_the_flags_of_all_bases_of_the_studies_are_known(
    make_base: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicate = importlib.import_module("replicate")
    asked = Namespace(
        data=Path("data"), bases=Path("bases"), runs=Path("runs"), logs=Path("logs"), schedule="multi-task"
    )
    jobs = [job for study in replicate.STUDIES.values() for job in study(asked)]
    bases = [job.command for job in jobs if any(str(part).endswith("make_base.py") for part in job.command)]
    assert len(bases) >= 8
    for command in bases:
        monkeypatch.setattr("sys.argv", [str(part) for part in command[1:]])
        options = make_base.arguments()
        assert make_base.attention_heads(options.hidden, options.head) >= 2
    dialogues = next(command for command in bases if any("multi30k-dialogues" in str(p) for p in command))
    said = (FOLDER / "interactive.yaml").read_text(encoding="utf-8").replace("\n#", " ")
    for flag in (part for part in dialogues[3:] if str(part).startswith("--")):
        value = dialogues[dialogues.index(flag) + 1]
        assert flag in ("--out", "--languages") or f"{flag} {value} " in " ".join(said.split()) + " ", flag

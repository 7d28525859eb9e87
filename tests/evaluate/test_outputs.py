"""Reading translations: our own layout, folders of other systems, single files, and every mistake in them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dragoman.errors import DataError
from dragoman.evaluate.outputs import Output, read_files, read_outputs, write_outputs
from dragoman.language.language import Direction


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Two systems in text files, with sources and references in a folder of their own."""
    texts = {
        "refs/test.deu": "eins\nzwei\n",
        "refs/test.eng": "one\ntwo\n",
        "refs/dev.eng": "only one\n",
        "refs/README": "about",
        "hyps/a/test.deu-eng.txt": "one\nto\n",
        "hyps/a/test.eng-deu.txt": "eins\n\n",
        "hyps/b/de-en.txt": "\ufeffone\r\ntwo\r\n",
        "hyps/b/.hidden": "x",
        "hyps/b/run.log": "x",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return tmp_path


def test_folder_of_other_systems(foreign: Path) -> None:
    outputs = read_outputs(foreign / "hyps", references=foreign / "refs")
    assert [(o.system, str(o.direction)) for o in outputs] == [
        ("a", "deu-eng"),
        ("a", "eng-deu"),
        ("b", "de-en"),
    ]
    assert outputs[0].hypotheses == ("one", "to") and outputs[0].references == ("one", "two")
    assert outputs[1].hypotheses == ("eins", "")
    assert outputs[2].hypotheses == ("one", "two") and outputs[2].sources == ("eins", "zwei")
    assert outputs[0].ids == outputs[2].ids == ("test:1", "test:2")


def test_choosing_systems_directions_and_one_system(foreign: Path) -> None:
    refs = foreign / "refs"
    some = read_outputs(foreign / "hyps", references=refs, systems=["a"], directions=[Direction("en", "de")])
    assert [(o.system, str(o.direction)) for o in some] == [("a", "eng-deu")]
    assert [o.system for o in read_outputs(foreign / "hyps" / "a", references=refs)] == ["a", "a"]
    with pytest.raises(DataError, match="no system 'c'; found a, b"):
        read_outputs(foreign / "hyps", references=refs, systems=["c"])
    with pytest.raises(DataError, match="no translations in the direction fr-de"):
        read_outputs(foreign / "hyps", references=refs, directions=[Direction("fr", "de")])


def test_compressed_files(foreign: Path) -> None:
    path = foreign / "hyps" / "b" / "de-en.txt"
    (path.parent / "de-en.txt.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    outputs = read_outputs(foreign / "hyps", references=foreign / "refs", systems=["b"])
    assert outputs[0].hypotheses == ("one", "two")


def test_unequal_line_counts_are_told_with_both_counts(foreign: Path) -> None:
    (foreign / "hyps" / "a" / "test.deu-eng.txt").write_text("one\n")
    with pytest.raises(DataError, match=r"deu-eng\.txt has 1 lines, .*test\.deu has 2"):
        read_outputs(foreign / "hyps", references=foreign / "refs")
    with pytest.raises(DataError, match=r"has 1 lines, .*test\.eng has 2"):
        read_files(foreign / "refs/dev.eng", Direction("de", "en"), reference=foreign / "refs/test.eng")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "hyps/a/test.deu-xxx.txt",
            "x\n",
            "the name is no direction; expected <split>.<source>-<target>.txt",
        ),
        ("hyps/a/test.deu-fra.txt", "x\n", "no test.fra in .*; found test.de, test.en"),
        ("hyps/a/new.deu-eng.txt", "x\n", "no new.deu in .*; found no file of 'new'"),
        ("hyps/b/en-fr.txt", "x\n", "which split is this.*has none with both languages"),
        ("refs/dev.deu", "x\n", "which split is this.*has dev, test; choose one"),
        ("hyps/a/test.deu-eng.txt", "", "the file is empty"),
    ],
)
def test_mistakes_in_a_folder(foreign: Path, name: str, text: str, message: str) -> None:
    (foreign / name).write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_outputs(foreign / "hyps", references=foreign / "refs")
    assert "\n" not in str(caught.value)


def test_the_split_can_be_named(foreign: Path) -> None:
    (foreign / "refs" / "dev.deu").write_text("nur\neins\n")
    (foreign / "refs" / "dev.eng").write_text("only\none\n")
    outputs = read_outputs(foreign / "hyps", references=foreign / "refs", split="dev", systems=["b"])
    assert outputs[0].references == ("only", "one")


def test_bad_bytes_are_told_with_their_line(foreign: Path) -> None:
    (foreign / "hyps" / "b" / "de-en.txt").write_bytes(b"one\n\xff\n")
    with pytest.raises(DataError, match=r"de-en\.txt:2: invalid UTF-8"):
        read_outputs(foreign / "hyps", references=foreign / "refs")


def test_missing_folders_and_references(foreign: Path) -> None:
    with pytest.raises(DataError, match="not a folder"):
        read_outputs(foreign / "nowhere")
    with pytest.raises(DataError, match="no references; name the folder"):
        read_outputs(foreign / "hyps")
    (foreign / "empty").mkdir()
    with pytest.raises(DataError, match="no translations"):
        read_outputs(foreign / "empty")


def test_our_own_layout_round_trip(tmp_path: Path) -> None:
    outputs = [
        Output(
            "stage 1",
            Direction("de", "en"),
            ("x:1", "x:2"),
            ("one", "line\u2028break"),
            ("eins", "b"),
            ("1", "2"),
        ),
        Output("stage 1", Direction("en", "zh-Hant"), ("x:1",), ("一",)),
    ]
    write_outputs(tmp_path, outputs)
    assert read_outputs(tmp_path) == outputs == read_outputs(tmp_path / "translations")
    assert read_outputs(tmp_path / "translations" / "stage 1", seed=3)[0].seed == 3
    first = (
        (tmp_path / "translations" / "stage 1" / "de-en.jsonl").read_text(encoding="utf-8").splitlines()[0]
    )
    assert json.loads(first) == {"id": "x:1", "source": "eins", "reference": "1", "hypothesis": "one"}
    with pytest.raises(DataError, match="cannot be a folder name"):
        write_outputs(tmp_path, [Output("a/b", Direction("de", "en"), ("1",), ("x",))])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "1"', "de-en.jsonl:2: not JSON"),
        ("[]", "de-en.jsonl:2: expected an object"),
        ('{"id": "1"}', "de-en.jsonl:2: no 'hypothesis'"),
        ('{"id": "1", "hypothesis": 3}', "de-en.jsonl:2: 'hypothesis' is no text"),
        ('{"id": "1", "hypothesis": "x"}', "1 of 2 rows have a source"),
    ],
)
def test_mistakes_in_our_own_layout(tmp_path: Path, line: str, message: str) -> None:
    folder = tmp_path / "translations" / "s"
    folder.mkdir(parents=True)
    good = '{"id": 0, "source": "a", "reference": "b", "hypothesis": "c"}'
    (folder / "de-en.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(DataError, match=message):
        read_outputs(tmp_path)


def test_single_files(foreign: Path) -> None:
    refs = foreign / "refs"
    hypothesis = foreign / "hyps/a/test.deu-eng.txt"
    one = read_files(hypothesis, Direction("de", "en"), reference=refs / "test.eng", source=refs / "test.deu")
    assert one.system == "test.deu-eng" and one.sources == ("eins", "zwei") and one.ids == ("1", "2")
    bare = read_files(hypothesis, Direction("de", "en"), system="mine", seed=4)
    assert (bare.system, bare.seed, bare.references, bare.sources) == ("mine", 4, (), ())

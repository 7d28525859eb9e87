"""docs/corpus.md prints what the code prints."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml

from dragoman.recipe import Data

from .conftest import Write

PAGE = Path(__file__).parents[2] / "docs" / "corpus.md"


@pytest.fixture
def my_corpus(write: Write) -> None:
    """The corpus of which the page speaks."""
    english = [
        "A dog runs.",
        "Two men talk.",
        "Two men talk.",
        "The house is old.",
        b"Caf\xe9 closed.",
        "It is late.",
    ]
    german = ["Ein Hund rennt.", *["Zwei Männer reden."] * 2, "The house is old.", "Café geschlossen.", ""]
    french = [
        "Un chien court.",
        *["Deux hommes parlent."] * 2,
        "La maison est vieille.",
        "Café fermé.",
        "Il est tard.",
    ]
    for code, lines in {"en": english, "de": german, "fr": french}.items():
        write(f"my-corpus/train.{code}", *lines)
    write("my-corpus/dev.en", "A cat sleeps.")
    write("my-corpus/dev.de", "Eine Katze schläft.")
    write("my-corpus/test.en", "Somebody is running.")
    write("my-corpus/test.fr", "Un chien court !")


@pytest.mark.usefixtures("my_corpus")
def test_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    match = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert match
    printed = StringIO()
    with redirect_stdout(printed):
        exec(match[1], {})
    assert printed.getvalue() == match[2]


def test_recipe() -> None:
    match = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert match
    data = Data.model_validate(yaml.safe_load(match[1])["data"])
    assert [source.lines for source in data.train] == [None, "1-50000,90001-", None, None, None]

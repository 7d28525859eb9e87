"""Without a network: a hub id is refused in seconds and in one line, and what was downloaded still serves."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Cli, Tiny
from huggingface_hub import constants

from dragoman import hub
from dragoman.errors import DataError, ModelError

ID = "somebody/some-model"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A machine with an empty download folder whose network is down; holds the addresses that were asked."""
    addresses: list[str] = []

    def head(address: str, timeout: float) -> None:
        addresses.append(address)
        raise OSError("[Errno -2] Name or\nservice not known")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "downloads"))
    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(head=head))
    return addresses


def downloaded(place: Path) -> None:
    """A download folder as the library lays it out."""
    folder = place / "downloads" / "models--somebody--some-model"
    for name, content in (("refs/main", "abc"), ("snapshots/abc/config.json", "{}")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def test_a_hub_id_is_refused_after_one_question(asked: list[str]) -> None:
    with pytest.raises(
        ModelError, match=r"some-model': no such folder .*\(\[Errno -2\] Name or service"
    ) as found:
        hub.check_hub(ID)
    assert "\n" not in str(found.value) and str(found.value).endswith("check the path or the network")
    assert asked == [constants.ENDPOINT]
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        hub.check_hub(ID)
    assert len(asked) == 1, "the network is not asked again"


def test_what_was_downloaded_serves_without_more_questions(asked: list[str], tmp_path: Path) -> None:
    downloaded(tmp_path)
    hub.check_hub(ID)
    assert constants.HF_HUB_OFFLINE and len(asked) == 1


def test_folders_and_what_cannot_be_an_id_are_not_asked_for(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    hub.check_hub(str(tmp_path))
    with pytest.raises(ModelError, match="nowhere': no such folder here, and no hub id; check the path"):
        hub.check_hub(str(tmp_path / "nowhere"))
    assert not asked and not constants.HF_HUB_OFFLINE


def test_a_hub_that_answers_is_left_to_the_library(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = SimpleNamespace(head=lambda address, timeout: SimpleNamespace(status_code=503))
    monkeypatch.setattr("huggingface_hub.get_session", lambda: answers)
    hub.check_hub(ID)
    assert not constants.HF_HUB_OFFLINE


def test_a_silent_network_is_not_waited_for(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def head(address: str, timeout: float) -> None:
        time.sleep(30)

    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(head=head))
    monkeypatch.setattr(hub, "PATIENCE", 0.1)
    start = time.perf_counter()
    with pytest.raises(ModelError, match=r"no answer in 0\.1 seconds"):
        hub.check_hub(ID)
    assert time.perf_counter() - start < 10


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("verb", ["run", "inspect", "translate"])
def test_verbs_say_so_before_they_load_anything(
    verb: str, tiny: Tiny, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: Any, **__: Any) -> None:
        raise AssertionError("the library was asked")

    monkeypatch.setattr("dragoman.loading.load_tokenizer", too_late)
    given = [ID, "-d", "en-de"] if verb == "translate" else [tiny.recipe, f"base={ID}", "--runs", tmp_path]
    status, _, said = cli(verb, *given)
    assert status == 1
    assert said.splitlines()[-1].startswith(f"dragoman: model '{ID}': no such folder here")


@pytest.mark.usefixtures("asked")
def test_a_data_set_of_the_hub_is_refused_too() -> None:
    from dragoman.corpus.hub import dataset_rows
    from dragoman.recipe import Source

    with pytest.raises(DataError, match=r"dataset some/set: no such folder .*Name or service not known"):
        next(dataset_rows(Source(dataset="some/set")))

"""One request to a server that misbehaves: what is tried again, what is refused, what ends everything."""

from __future__ import annotations

import email.utils
import time
from pathlib import Path
from typing import Any

import pytest
import stub_server as stub
from stub_server import serving

from dragoman.endpoint import client as client_module
from dragoman.endpoint.client import Answer, Client, Endpoint
from dragoman.endpoint.http import Refusal, Trouble
from dragoman.errors import RecipeError, ServeError

ASKED = [{"role": "user", "content": "Say it."}]
KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_PAUSE", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def client(server: stub.Stub, **settings: Any) -> Client:
    return Client(Endpoint(server.url, "m", **settings))


def test_an_answer_with_its_tokens() -> None:
    with serving(lambda body: "  kept as it is\n") as server:
        assert client(server, temperature=0.5, body={"seed": 3, "max_tokens": None}).ask(ASKED) == Answer(
            "  kept as it is", True, 10, 5
        )
    assert server.seen == [{"model": "m", "messages": ASKED, "temperature": 0.5, "seed": 3}]


@pytest.mark.parametrize(
    "act",
    [
        stub.status(429), stub.status(500), stub.status(502), stub.status(503), stub.raw(b"<html>"),
        stub.raw(b'{"choices": []}'), stub.raw(b"[" * 100_000), stub.cut, stub.gone, stub.says(""),
        stub.slow(1.5), stub.drip(0.02),
    ],
    ids=["429", "500", "502", "503", "html", "no choice", "deep", "cut", "gone", "empty", "slow", "drip"],
)  # fmt: skip
def test_trouble_is_tried_again(act: stub.Act) -> None:
    with serving(acts=[act]) as server:
        assert client(server, timeout=1.0).ask(ASKED).text == "well"
    assert len(server.seen) == 2


def test_after_all_tries_the_reason_is_told() -> None:
    with (
        serving(acts=[stub.status(500, "down")] * 9) as server,
        pytest.raises(Trouble, match=r"500 down \(tried 3 times\)"),
    ):
        client(server, tries=3).ask(ASKED)
    assert len(server.seen) == 3


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(Trouble, match=r"no connection \(Connection refused\) \(tried 2 times\)"):
        Client(Endpoint("http://127.0.0.1:9/v1", "m", tries=2)).ask(ASKED)


def test_pauses_double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_PAUSE", 0.1)
    with serving(acts=[stub.status(500)] * 3) as server:
        client(server).ask(ASKED)
    gaps = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert all(0.05 * 2**k <= gap for k, gap in enumerate(gaps)) and sum(gaps) < 3


def test_retry_after_in_seconds_and_as_a_date() -> None:
    until = int(time.time()) + 2  # a date holds whole seconds
    date = email.utils.formatdate(until, usegmt=True)
    acts = [stub.status(429, Retry_After="0.3"), stub.status(429, Retry_After=date)]
    with serving(acts=acts) as server:
        client(server).ask(ASKED)
        assert time.time() >= until, "the date has come"
    first, _ = (after - before for before, after in zip(server.times, server.times[1:], strict=False))
    assert first >= 0.3


def test_a_very_long_pause_is_not_waited_for() -> None:
    with (
        serving(acts=[stub.status(429, Retry_After="7200")]) as server,
        pytest.raises(ServeError, match="pause of 7,200 seconds"),
    ):
        client(server).ask(ASKED)


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_refused_request_is_not_tried_again(code: int) -> None:
    with (
        serving(acts=[stub.status(code, "too long")]) as server,
        pytest.raises(Refusal, match=f"{code} too long"),
    ):
        client(server).ask(ASKED)
    assert len(server.seen) == 1


@pytest.mark.parametrize("code", [401, 402, 403, 404, 405])
def test_what_no_request_can_pass_ends_the_work(code: int) -> None:
    with (
        serving(acts=[stub.status(code, "no such")]) as server,
        pytest.raises(
            ServeError, match=f"127.0.0.1:[0-9]+: {code} no such; check --endpoint, --model and the key"
        ),
    ):
        client(server).ask(ASKED)
    assert len(server.seen) == 1


def test_a_spent_quota_is_not_tried_again() -> None:
    acts = [stub.status(429, "quota", "insufficient_quota")]
    with serving(acts=acts) as server, pytest.raises(ServeError, match="429 quota"):
        client(server).ask(ASKED)


def test_a_redirect_does_not_carry_the_key_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as other:
        acts = [stub.status(302, Location=other.url)]
        with serving(acts=acts) as server, pytest.raises(ServeError, match="give that as --endpoint"):
            client(server).ask(ASKED)
    assert other.seen == []


def test_the_key_is_sent_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    for code, kind in ((401, ServeError), (400, Refusal), (500, Trouble)):
        acts = [stub.status(code, f"bad key {KEY}")] * 2
        with serving(acts=acts) as server, pytest.raises(kind) as caught:
            client(server, key_name="MY_KEY", tries=2).ask(ASKED)
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
        assert KEY not in str(caught.value) and "bad key ***" in str(caught.value)
    with serving() as server:
        client(server).ask(ASKED)
    assert "Authorization" not in server.headers[0]


def test_a_key_that_the_server_says_again_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    with serving(lambda body: f"your key is {KEY}") as server:
        assert client(server).ask(ASKED).text == "your key is ***"
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", ["sk-\nX: y", "ключ-1"])
def test_a_key_that_is_none_is_told_without_it(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with serving() as server, pytest.raises(RecipeError, match="OPENAI_API_KEY: holds characters") as caught:
        client(server).ask(ASKED)
    assert key not in str(caught.value) and not server.seen


def test_halves_of_surrogate_pairs_become_text() -> None:
    broken = stub.raw(stub.answer("x").replace(b'"x"', b'"a \\ud83d\\ude00 b \\ud83d c"'))
    with serving(acts=[broken]) as server:
        assert client(server).ask(ASKED).text == "a \U0001f600 b \ufffd c"


def test_no_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving() as server:
        assert client(server).ask(ASKED).text == "well"


def test_streams(tmp_path: Path) -> None:
    text = "ein Haus, \u2028 zwei Häuser"
    with serving(acts=[stub.streamed(text), stub.streamed("half", ended=False)]) as server:
        asking = client(server, stream=True)
        assert asking.ask(ASKED) == Answer(text + " ", True, 7, 3)
        assert asking.ask(ASKED).text == "well ", "a stream that was cut off is asked for again"
    assert [body["stream"] for body in server.seen] == [True] * 3


def test_empty_answers_are_believed_in_the_end() -> None:
    with serving(lambda body: " \n") as server:
        assert client(server).ask(ASKED).text.strip() == ""
    assert len(server.seen) == 2


def test_cut_at_the_longest_output_and_thoughts() -> None:
    with serving(acts=[stub.says("begun", "length"), stub.says("<think>\nhm\n</think>\n\nDone.")]) as server:
        asking = client(server)
        assert asking.ask(ASKED) == Answer("begun", False, 10, 5)
        assert asking.ask(ASKED).text == "Done."


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://x/v1", "https://me:pw@host/v1", ""])
def test_addresses_are_checked(url: str) -> None:
    with pytest.raises(RecipeError, match="--endpoint") as caught:
        Endpoint(url, "m")
    assert "pw" not in str(caught.value)


def test_addresses() -> None:
    wanted = "https://host/v1/chat/completions"
    for url in ("https://host/v1", "https://host/v1/", wanted):
        assert Endpoint(url, "m").address == wanted

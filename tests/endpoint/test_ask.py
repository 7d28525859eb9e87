"""Asking much: order, several at once, pace, journal, kill -9, budget, estimate."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import stub_server as stub
from stub_server import serving

from dragoman.endpoint import ask as ask_module
from dragoman.endpoint import client as client_module
from dragoman.endpoint.ask import Asker, Asks, Estimator, run_all
from dragoman.endpoint.client import Endpoint
from dragoman.endpoint.cost import Price, tokens_of
from dragoman.endpoint.journal import Journal, read_journal
from dragoman.errors import DataError, ServeError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_PAUSE", 0.01)


def echo(body: dict[str, Any]) -> str:
    return "re: " + str(body["messages"][-1]["content"])


def twice(item: int, ask: Asks) -> str:
    """Asks for the item, then for what was answered."""
    first = ask([{"role": "user", "content": f"item {item}"}], "re: item x").text
    return ask([{"role": "user", "content": first}], "re: re: item x").text


def results(
    server: stub.Stub, path: Path, count: int, parallel: int = 4, price: Price | None = None, **settings: Any
) -> tuple[list[str | None], Asker]:
    budget = settings.pop("budget", None)
    with Journal(path) as journal:
        asker = Asker(Endpoint(server.url, "m", **settings), journal, price, budget)
        return list(run_all(range(count), twice, asker, parallel)), asker


def test_results_in_order_several_at_once(tmp_path: Path) -> None:
    with serving(echo, acts=[stub.slow(0.3)] + [stub.slow(0.05)] * 20) as server:
        found, asker = results(server, tmp_path / "j", 12)
    assert found == [f"re: re: item {k}" for k in range(12)]
    assert server.busiest == 4 and asker.bill.requests == 24
    assert (asker.bill.tokens_in, asker.bill.tokens_out) == (240, 120), "as the server counted"


def test_a_misbehaving_server_changes_nothing_but_the_time(tmp_path: Path) -> None:
    acts: list[stub.Act] = [
        stub.status(429, Retry_After="0.1"), stub.cut, stub.status(500), stub.raw(b"{"), stub.gone,
        stub.says(""), stub.slow(0.9),
    ]  # fmt: skip
    with serving(echo, acts=acts) as server:
        found, asker = results(server, tmp_path / "j", 10, timeout=0.5)
    assert found == [f"re: re: item {k}" for k in range(10)]
    assert asker.bill.requests == 20 and len(server.seen) == 27 and not asker.unanswered


def test_what_is_answered_is_not_asked_again(tmp_path: Path) -> None:
    with serving(echo) as server:
        results(server, tmp_path / "j", 5)
        again, asker = results(server, tmp_path / "j", 8)
    assert again == [f"re: re: item {k}" for k in range(8)]
    assert len(server.seen) == 16 and asker.bill.requests == 6
    assert len(set(server.asked)) == 16


def test_another_model_or_temperature_is_asked_anew(tmp_path: Path) -> None:
    with serving(echo) as server:
        for settings in ({}, {"temperature": 0.5}, {"max_tokens": 9}, {"tries": 2}):
            results(server, tmp_path / "j", 1, **settings)
    assert len(server.seen) == 6


def test_failed_items_are_none_and_asked_again_next_time(tmp_path: Path) -> None:
    with serving(echo, acts=[stub.status(400, "no")]) as server:
        found, asker = results(server, tmp_path / "j", 3, parallel=1)
        assert found == [None, "re: re: item 1", "re: re: item 2"] and dict(asker.unanswered) == {"400 no": 1}
        assert results(server, tmp_path / "j", 3)[0][0] == "re: re: item 0"
    assert len(server.seen) == 7


def test_a_server_that_answers_nothing_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_module, "GIVE_UP", 3)
    acts = [stub.status(400, "unknown model")] * 50
    with (
        serving(acts=acts) as server,
        pytest.raises(ServeError, match=r"3 requests in a row.*400 unknown model"),
    ):
        results(server, tmp_path / "j", 50, parallel=2)
    assert len(server.seen) < 8


def test_a_fatal_answer_ends_the_work_at_once(tmp_path: Path) -> None:
    start = time.monotonic()
    with (
        serving(echo, acts=[stub.slow(5), stub.status(401, "no key")]) as server,
        pytest.raises(ServeError, match="401 no key"),
    ):
        results(server, tmp_path / "j", 50, parallel=2)
    assert time.monotonic() - start < 3, "the slow request is left alone"


def test_pace(tmp_path: Path) -> None:
    with serving(echo) as server:
        results(server, tmp_path / "j", 3, per_minute=1200)
    gaps = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert min(gaps) > 0.02 and server.times[-1] - server.times[0] > 0.2


def test_all_wait_while_the_server_asks_for_a_pause(tmp_path: Path) -> None:
    with serving(echo, acts=[stub.status(429, Retry_After="0.5")]) as server:
        results(server, tmp_path / "j", 20, parallel=2)
    early = [moment for moment in server.times if moment - server.times[0] < 0.45]
    assert len(early) <= 4, "the other one may be under way"


def test_a_torn_last_row_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with serving(echo) as server:
        results(server, path, 3, parallel=1)
        whole = path.read_bytes()
        for size in (len(whole) - 1, len(whole) - 20, whole.rindex(b"\n", 0, -1) + 3):
            path.write_bytes(whole[:size])
            before = len(server.seen)
            assert results(server, path, 3, parallel=1)[0] == [f"re: re: item {k}" for k in range(3)]
            assert len(server.seen) == before + 1 and path.read_bytes() == whole


def test_a_damaged_journal_and_a_second_writer_are_told(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text('{"key": "x"}\n')
    with pytest.raises(DataError, match="j:1: is no row of a journal"):
        Journal(path)
    with Journal(tmp_path / "k"), pytest.raises(DataError, match="another process is writing it"):
        Journal(tmp_path / "k")


def test_the_budget_ends_the_work_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    price = Price(1e6 / 10, 1e6 / 5)  # a request costs 2
    with serving(echo) as server:
        with pytest.raises(ServeError, match=r"the budget of 10\.00 is spent after 5 requests"):
            results(server, tmp_path / "j", 9, parallel=1, price=price, budget=10)
        assert len(server.seen) == 5
        results(server, tmp_path / "j", 9, price=price, budget=100)
    assert len(server.seen) == 18


def test_the_estimate_asks_nothing_and_leaves_out_what_is_known(tmp_path: Path) -> None:
    with serving(echo) as server:
        endpoint = Endpoint(server.url, "m", max_tokens=100)
        results(server, tmp_path / "j", 2, max_tokens=100)
        estimator = Estimator(endpoint, read_journal(tmp_path / "j")[0])
        for item in range(3):
            twice(item, estimator)
    assert len(server.seen) == 4
    asked = [tokens_of("item 2") + 4, tokens_of("re: item x") + 4]
    answered = [tokens_of("re: item x"), tokens_of("re: re: item x")]
    bill = estimator.bill
    assert (bill.requests, bill.tokens_in, bill.tokens_out, bill.most_out) == (
        2,
        sum(asked),
        sum(answered),
        200,
    )
    assert bill.estimate(Price(2, 10)) == (
        f"2 requests, about {sum(asked)} tokens in and {sum(answered)} out: about 0.00, at most 0.00"
    )
    bill.most_out = 1_000_000
    assert "at most 10.00" in bill.estimate(Price(2, 10)) and "--price-in" in bill.estimate(Price())


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The house is old and red.", 5, 9),
        ("Дом старый и красный.", 6, 14),
        ("房子又旧又红。", 5, 10),
        ("", 0, 1),
    ],
)
def test_tokens_are_about_right(text: str, least: int, most: int) -> None:
    assert least <= tokens_of(text) <= most


PROGRAM = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from test_ask import Asker, Endpoint, Journal, run_all, twice
with Journal(Path({journal!r})) as journal:
    asker = Asker(Endpoint({url!r}, "m"), journal)
    print(*run_all(range(40), twice, asker, 3), sep="\\n")
"""


def test_kill_9_loses_and_repeats_nothing_that_was_answered(tmp_path: Path) -> None:
    """Killed at many moments: in the end every answer is there, and none that was on disk is asked again."""
    here = Path(__file__).parent
    journal = tmp_path / "j"
    with serving(echo) as server:
        program = PROGRAM.format(paths=[str(here), str(here.parent)], journal=str(journal), url=server.url)
        kept, mark, again = set[str](), 0, set[str]()
        for limit in (9, 23, 41, 60, None):  # killed four times, the fifth runs to its end
            process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
            while limit and len(server.seen) < limit and process.poll() is None:
                time.sleep(0.002)
            if limit:
                os.kill(process.pid, signal.SIGKILL)
            told, _ = process.communicate(timeout=60)
            again |= kept & {row["messages"][-1]["content"] for row in server.seen[mark:]}
            mark = len(server.seen)
            kept = {answer.text.removeprefix("re: ") for answer in read_journal(journal)[0].values()}
    assert told.split("\n")[:40] == [f"re: re: item {k}" for k in range(40)]
    assert not again, "what was on disk is not asked again"
    assert 80 <= len(server.seen) <= 80 + 4 * 3, "only what was under way when it was killed"
    assert len(read_journal(journal)[0]) == 80

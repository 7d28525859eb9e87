"""Asking much: several requests at once, each answer in the journal, a budget, results in order.

Work is a function of an item and of whom to ask; it may ask several times, each request depending on the
answers before. The same function gives the estimate: then nobody is asked, and each request has the answer
that the caller assumes.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from dragoman.endpoint.client import Answer, Client, Endpoint, Message, Stopped
from dragoman.endpoint.cost import Bill, Price, tokens_of, tokens_of_messages
from dragoman.endpoint.http import Refusal, Trouble
from dragoman.endpoint.journal import Journal, request_key
from dragoman.errors import ServeError

Item = TypeVar("Item")
Result = TypeVar("Result")
GIVE_UP = 20
"""Requests in a row without an answer after which there is no use in going on."""


class Unanswered(Exception):
    """A request that got no answer; the message says why."""


class Asks(Protocol):
    """Whom work asks."""

    def __call__(self, messages: Sequence[Message], assumed: str) -> Answer: ...


@dataclass
class Estimator:
    """Answers from the journal, else with what the caller assumes, and counts the tokens."""

    endpoint: Endpoint
    known: dict[str, Answer]
    bill: Bill = field(default_factory=Bill)

    def __call__(self, messages: Sequence[Message], assumed: str) -> Answer:
        known = self.known.get(request_key(self.endpoint.request(messages)))
        if known is not None:
            return known
        self.bill.add(messages, assumed, self.endpoint.max_tokens)
        return Answer(assumed, assumed=True)


class Asker:
    """Answers from the journal, else from the server; :class:`Unanswered` if there is none.

    ``bill`` counts what was asked; ``unanswered`` counts, by reason, what got no answer and will be asked
    again by the next start. ServeError where nothing can be asked any more: the budget is spent, the server
    answers nothing.
    """

    def __init__(
        self, endpoint: Endpoint, journal: Journal, price: Price | None = None, budget: float | None = None
    ) -> None:
        self.stop = threading.Event()
        self.client = Client(endpoint, self.stop)
        self.journal, self.price, self.budget = journal, price or Price(), budget
        self.bill = Bill()
        self.unanswered: Counter[str] = Counter()
        self._failed = 0
        self._lock = threading.Lock()

    def __call__(self, messages: Sequence[Message], assumed: str) -> Answer:
        key = request_key(self.client.endpoint.request(messages))
        known = self.journal.known.get(key)
        if known is not None:
            return known
        self._check_budget()
        try:
            answer = self.client.ask(messages)
        except (Trouble, Refusal) as error:
            self._note(str(error))
            raise Unanswered(str(error)) from None
        self.journal.add(key, answer)
        with self._lock:
            self._failed = 0
            self.bill.requests += 1
            self.bill.tokens_in += answer.tokens_in or tokens_of_messages(messages)
            self.bill.tokens_out += answer.tokens_out or tokens_of(answer.text)
        return answer

    def _check_budget(self) -> None:
        with self._lock:
            spent = self.price.of(self.bill.tokens_in, self.bill.tokens_out)
            if self.budget is not None and spent >= self.budget:
                raise ServeError(
                    f"the budget of {self.budget:,.2f} is spent after {self.bill.requests:,} requests; "
                    "start again with another --budget to go on"
                )

    def _note(self, reason: str) -> None:
        with self._lock:
            self.unanswered[reason] += 1
            self._failed += 1
            if self._failed >= GIVE_UP:
                raise ServeError(f"{self._failed} requests in a row got no answer; the last: {reason}")


def run_all(
    items: Iterable[Item],
    work: Callable[[Item, Asks], Result],
    asker: Asker,
    parallel: int,
) -> Iterator[Result | None]:
    """The results of ``work`` in the order of the items, ``parallel`` of them at once.

    None for an item of which something got no answer. Whatever else work raises ends everything. Memory holds
    the items that wait for an earlier one, at most 64 for each of ``parallel``.
    """
    todo: queue.Queue[tuple[int, Item] | None] = queue.Queue()
    done: queue.Queue[tuple[int, Any]] = queue.Queue()

    def worker() -> None:
        while (waiting := todo.get()) is not None and not asker.stop.is_set():
            number, item = waiting
            try:
                done.put((number, (work(item, asker), None)))
            except Unanswered:
                done.put((number, (None, None)))
            except Stopped:
                return
            except BaseException as error:
                done.put((number, (None, error)))

    # daemons: a request under way must not keep a stopped command alive
    for _ in range(parallel):
        threading.Thread(target=worker, daemon=True).start()
    source = enumerate(items)
    ready: dict[int, Any] = {}
    given = given_out = 0
    try:
        while True:
            while given - given_out < 64 * parallel and (following := next(source, None)) is not None:
                todo.put(following)
                given += 1
            if given_out == given:
                return
            while given_out not in ready:
                number, (result, error) = done.get()
                if error is not None:
                    raise error
                ready[number] = result
            yield ready.pop(given_out)
            given_out += 1
    finally:
        asker.stop.set()
        for _ in range(parallel):
            todo.put(None)

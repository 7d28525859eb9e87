"""Verbs that ask a server: the options they share, the estimate before, the bill after."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from dragoman.errors import RecipeError

if TYPE_CHECKING:
    from dragoman.endpoint.ask import Asks
    from dragoman.endpoint.client import Endpoint
    from dragoman.endpoint.cost import Price

Item = TypeVar("Item")
Result = TypeVar("Result")
JOURNAL = ".journal"
"""Ending of the journal beside an output; none that a folder of dialogues is read by."""


def journal_of(out: Path) -> Path:
    """The journal of an output file."""
    return out.with_name(out.name + JOURNAL)


def check_out(out: Path) -> None:
    """RecipeError unless a file of this name can be made."""
    if out.is_dir():
        raise RecipeError(f"--out {out}: is a folder, expected the name of a file")
    if not out.parent.is_dir():
        raise RecipeError(f"--out {out}: no folder {out.parent}; make it first")


@dataclass(frozen=True)
class Server:
    """What the options say of the server: :attr:`endpoint` is None without ``--endpoint``."""

    endpoint: Endpoint | None
    price: Price
    budget: float | None
    parallel: int
    dry_run: bool

    @property
    def needed(self) -> Endpoint:
        """The endpoint; RecipeError if none was given."""
        if self.endpoint is None:
            raise RecipeError("give --endpoint with a server's address, as in http://127.0.0.1:8000/v1")
        return self.endpoint

    def may_start(self, items: Iterable[Item], work: Callable[[Item, Asks], Any], journal: Path) -> bool:
        """Say what the work will cost; whether it may begin. RecipeError if that is above the budget."""
        from dragoman.console import say
        from dragoman.endpoint.ask import Estimator
        from dragoman.endpoint.journal import read_journal

        estimator = Estimator(self.needed, read_journal(journal)[0])
        for item in items:
            work(item, estimator)
        bill = estimator.bill
        say(f" estimate  {bill.estimate(self.price)}")
        if self.budget is not None and not self.price:
            raise RecipeError("--budget needs prices: give --price-in and --price-out, for a million tokens")
        about = self.price.of(bill.tokens_in, bill.tokens_out)
        if self.dry_run:
            return False
        if self.budget is not None and about > self.budget:
            raise RecipeError(
                f"--budget {self.budget:,.2f}: the work will cost about {about:,.2f}; raise it, or ask less"
            )
        if self.needed.exposed:
            say(f" warning   the key goes to {self.needed.url} unencrypted; https would hide it")
        return True

    def results(
        self,
        items: Iterable[Item],
        work: Callable[[Item, Asks], Result],
        journal: Path,
        title: str,
        total: int,
    ) -> Iterator[Result | None]:
        """The results of the work, in order, None where something got no answer; then what was spent."""
        from dragoman.console import progress, say
        from dragoman.endpoint.ask import Asker, run_all
        from dragoman.endpoint.journal import Journal

        with Journal(journal) as book, progress(f" {title}", total) as advance:
            asker = Asker(self.needed, book, self.price, self.budget)
            for number, result in enumerate(run_all(items, work, asker, self.parallel), 1):
                advance(number)
                yield result
        say(f" asked     {asker.bill.spent(self.price)}")
        if asker.unanswered:
            told = "; ".join(f"{count:,} x {reason}" for reason, count in asker.unanswered.most_common(3))
            count = asker.unanswered.total()
            say(f" warning   {count:,} requests got no answer ({told}); start again to ask for them")


def _options(
    endpoint: Annotated[
        str | None, typer.Option(help="server with the OpenAI chat API, as in http://127.0.0.1:8000/v1")
    ] = None,
    model: Annotated[str | None, typer.Option(help="the model's name on the server")] = None,
    key_env: Annotated[
        str | None, typer.Option(help="environment variable that holds the key (default: OPENAI_API_KEY)")
    ] = None,
    temperature: Annotated[float | None, typer.Option(min=0, help="temperature of the answers")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="longest answer")] = 512,
    stream: Annotated[bool, typer.Option("--stream", help="ask for streams, against idle proxies")] = False,
    body: Annotated[
        str | None, typer.Option(help="JSON merged into each request; null takes a key out")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=256, help="requests at once")] = 4,
    per_minute: Annotated[float | None, typer.Option(min=0.01, help="most requests a minute")] = None,
    tries: Annotated[int, typer.Option(min=1, help="tries of a request, the first included")] = 6,
    timeout: Annotated[float, typer.Option(min=0.1, help="seconds that a request may take")] = 120.0,
    price_in: Annotated[float, typer.Option(min=0, help="price of a million tokens in")] = 0.0,
    price_out: Annotated[float, typer.Option(min=0, help="price of a million tokens out")] = 0.0,
    budget: Annotated[float | None, typer.Option(min=0, help="most that may be spent")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="the estimate, ask nothing")] = False,
) -> None:
    """The options of a server; their names are those of :func:`_server`."""


def _server(usual_temperature: float, given: dict[str, Any]) -> Server:
    from dragoman.endpoint.client import Endpoint
    from dragoman.endpoint.cost import Price

    url, name, key_env = given["endpoint"], given["model"], given["key_env"]
    if key_env is not None and not os.environ.get(key_env):
        raise RecipeError(f"--key-env {key_env}: the environment has no such variable, or it is empty")
    endpoint = None
    if url is not None:
        if name is None:
            raise RecipeError("--endpoint needs --model, the model's name on the server")
        temperature = given["temperature"]
        endpoint = Endpoint(
            url, name, key_env or "OPENAI_API_KEY", usual_temperature if temperature is None else temperature,
            given["max_tokens"], given["stream"], _body(given["body"]), given["tries"], given["timeout"],
            given["per_minute"],
        )  # fmt: skip
    price = Price(given["price_in"], given["price_out"])
    return Server(endpoint, price, given["budget"], given["parallel"], given["dry_run"])


def _body(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError as error:
        raise RecipeError(f"--body: not JSON ({error}); expected an object in quotes") from error
    if not isinstance(value, dict) or {"messages", "stream"} & set(value):
        raise RecipeError("--body: expected a JSON object without messages and stream")
    return value


def asks_a_server(usual_temperature: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a verb with a parameter ``server`` the options of a server in its place; ``model``, where the
    verb has a parameter of that name, too."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        hints, own = get_type_hints(verb, include_extras=True), inspect.signature(verb).parameters
        shared_hints = get_type_hints(_options, include_extras=True)
        shared = inspect.signature(_options).parameters
        parameters = [p.replace(annotation=hints[n]) for n, p in own.items() if n not in ("server", "model")]
        parameters += [p.replace(annotation=shared_hints[n]) for n, p in shared.items()]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]

        def called(**values: Any) -> None:
            server = _server(usual_temperature, values)
            verb(server=server, **{name: values[name] for name in own if name != "server"})

        called.__doc__, called.__name__ = verb.__doc__, verb.__name__
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        return called

    return decorate

"""A client of one model on a server with the OpenAI chat API: body out, answer in, tries, pauses, pace."""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from dragoman.endpoint.http import Trouble, hidden, is_local, post
from dragoman.errors import RecipeError, ServeError

Message = dict[str, str]
PATH = "/chat/completions"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
LONGEST_WAIT = 900.0
"""Seconds; a server that asks for a longer pause ends the work, which can be started again later."""
EMPTY_TRIES = 2
"""How often a request is made whose answers are empty."""
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer. ``whole``: it ended by itself and was not cut at the longest output.

    Tokens are those that the server counted; 0 where it does not say. ``assumed``: nobody was asked, this is
    an estimate.
    """

    text: str
    whole: bool = True
    tokens_in: int = 0
    tokens_out: int = 0
    assumed: bool = False


@dataclass(frozen=True)
class Endpoint:
    """A model on a server and how it is asked.

    ``key_name`` is the environment variable that holds the key. ``body`` is merged into every request; a
    value of None takes a key out. ``tries`` counts the first; ``timeout`` is the seconds one may take;
    ``per_minute`` limits the requests that start.
    """

    url: str
    model: str
    key_name: str = "OPENAI_API_KEY"
    temperature: float = 0.0
    max_tokens: int = 512
    stream: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 6
    timeout: float = 120.0
    per_minute: float | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RecipeError(f"--endpoint {self.url}: expected an address such as https://host:8000/v1")
        if parts.username or parts.password:
            raise RecipeError("--endpoint: holds a user name; give the key in an environment variable")

    @property
    def address(self) -> str:
        """Where requests go."""
        url = self.url.rstrip("/")
        return url if url.endswith(PATH) else url + PATH

    @property
    def key(self) -> str | None:
        """The key, if the environment has one; RecipeError if no header can carry it."""
        key = os.environ.get(self.key_name, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise RecipeError(f"{self.key_name}: holds characters that a key cannot have; set it again")
        return key or None

    @property
    def exposed(self) -> bool:
        """Whether the key would go over a network that can read it."""
        return bool(self.key) and self.url.startswith("http:") and not is_local(self.url)

    def request(self, messages: Sequence[Message]) -> dict[str, Any]:
        """The body of a request, without what does not change the answer."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(messages),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        } | dict(self.body)
        return {key: value for key, value in body.items() if value is not None}


class Client:
    """Asks one endpoint; several threads may ask at once. ``stop`` set ends pauses and further tries."""

    def __init__(self, endpoint: Endpoint, stop: threading.Event | None = None) -> None:
        self.endpoint = endpoint
        self.stop = stop or threading.Event()
        self._pace = Pace(endpoint.per_minute, self.stop)

    def ask(self, messages: Sequence[Message]) -> Answer:
        """The answer to a conversation.

        Trouble if there was none after all tries, Refusal if the server refuses it, ServeError if there is no
        use in asking anything more.
        """
        body = self.endpoint.request(messages)
        if self.endpoint.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        empty = 0
        for attempt in range(1, self.endpoint.tries + 1):
            self._pace.wait()
            try:
                answer = self._once(body)
            except Trouble as trouble:
                if attempt == self.endpoint.tries:
                    raise Trouble(f"{trouble} (tried {attempt} times)") from None
                self._pause(attempt, trouble.after)
                continue
            empty += not answer.text.strip()
            if answer.text.strip() or empty == EMPTY_TRIES:
                return answer
        return answer

    def _once(self, body: dict[str, Any]) -> Answer:
        key = self.endpoint.key
        content = post(self.endpoint.address, body, key, self.endpoint.timeout)
        answer = (_streamed if self.endpoint.stream else _parsed)(content)
        return replace(answer, text=hidden(answer.text, key))

    def _pause(self, attempt: int, after: float | None) -> None:
        """Wait before another try: as long as the server says, else twice as long each time, and not all at
        once."""
        if after is not None and after > LONGEST_WAIT:
            raise ServeError(
                f"the server asks for a pause of {after:,.0f} seconds; start again then, it goes on"
            )
        if after is not None:
            self._pace.hold(after)
            return
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
        self.stop.wait(pause * random.uniform(0.5, 1.0))


class Pace:
    """Lets requests start evenly, ``per_minute`` of them; all wait while a server asks for a pause."""

    def __init__(self, per_minute: float | None, stop: threading.Event) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._lock = threading.Lock()
        self._stop = stop

    def hold(self, seconds: float) -> None:
        """Nothing starts for so many seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def wait(self) -> None:
        """Wait for the next free moment; Stopped if the work is stopped meanwhile."""
        while not self._stop.is_set():
            with self._lock:
                now = time.monotonic()
                if now >= self._next:
                    self._next = now + self._gap
                    return
                pause = self._next - now
            self._stop.wait(pause)
        raise Stopped


class Stopped(Exception):
    """The work was stopped while something waited."""


def _parsed(content: bytes) -> Answer:
    try:
        row = json.loads(content)
        choice = row["choices"][0]
        text = choice["message"]["content"]
        if isinstance(text, list):
            text = "".join(part["text"] for part in text)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise Trouble("the answer is not in the form of the OpenAI chat API") from None
    return _answer(text, choice.get("finish_reason"), row.get("usage"))


def _streamed(content: bytes) -> Answer:
    """The answer of a stream of events; it must say that it ended."""
    text, finish, usage, ended = "", None, None, False
    for line in content.split(b"\n"):
        if not line.startswith(b"data:"):
            continue
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            ended = True
            break
        try:
            row = json.loads(data)
            usage = row.get("usage") or usage
            for choice in row.get("choices", []):
                text += choice.get("delta", {}).get("content") or ""
                finish = choice.get("finish_reason") or finish
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise Trouble("an event of the stream is not in the form of the OpenAI chat API") from None
    if not ended and finish is None:
        raise Trouble("the stream was cut off")
    return _answer(text, finish, usage)


def _answer(text: Any, finish: Any, usage: Any) -> Answer:
    if text is not None and not isinstance(text, str):
        raise Trouble("the answer is no text")
    tokens = usage if isinstance(usage, dict) else {}
    counts = [tokens.get(name) for name in ("prompt_tokens", "completion_tokens")]
    told, spent = (count if isinstance(count, int) else 0 for count in counts)
    whole = (text or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Answer(_THOUGHTS.sub("", whole).strip("\n"), finish != "length", told, spent)

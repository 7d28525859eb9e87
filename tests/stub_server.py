"""A server with the OpenAI chat API on this machine that answers as a test tells it to, or misbehaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[[dict[str, Any]], str]
Act = Callable[["Handler", dict[str, Any]], None]


@dataclass
class Stub:
    """``reply`` makes the answer to a body; ``acts`` are used up first, one for each request.

    ``seen`` holds the bodies, ``headers`` the headers and ``times`` the moments of all requests.
    """

    reply: Reply = lambda body: "well"
    acts: list[Act] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    busiest: int = 0
    url: str = ""
    _busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def asked(self) -> list[str]:
        """The last text of each request."""
        return [body["messages"][-1]["content"] for body in self.seen]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: Stub

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stub = self.stub
        with stub._lock:
            stub.seen.append(body)
            stub.headers.append(dict(self.headers))
            stub.times.append(time.monotonic())
            act = stub.acts.pop(0) if stub.acts else well
            stub._busy += 1
            stub.busiest = max(stub.busiest, stub._busy)
        try:
            act(self, body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with stub._lock:
                stub._busy -= 1

    def send(self, status: int, content: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)


def answer(text: str | None, finish: str = "stop", tokens: tuple[int, int] = (10, 5)) -> bytes:
    """The body of a good answer."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": usage}, ensure_ascii=False).encode()


def well(handler: Handler, body: dict[str, Any]) -> None:
    """What was asked for, as a stream if that was."""
    text = handler.stub.reply(body)
    if body.get("stream"):
        streamed(text)(handler, body)
    else:
        handler.send(200, answer(text))


def says(text: str | None, finish: str = "stop") -> Act:
    return lambda handler, body: handler.send(200, answer(text, finish))


def status(code: int, message: str = "busy", kind: str | None = None, **headers: str) -> Act:
    content = json.dumps({"error": {"message": message, "code": kind}}).encode()
    return lambda handler, body: handler.send(code, content, **headers)


def raw(content: bytes) -> Act:
    return lambda handler, body: handler.send(200, content)


def slow(seconds: float) -> Act:
    def act(handler: Handler, body: dict[str, Any]) -> None:
        time.sleep(seconds)
        well(handler, body)

    return act


def drip(seconds: float) -> Act:
    """The answer byte by byte, each soon enough for a socket that only minds silence."""

    def act(handler: Handler, body: dict[str, Any]) -> None:
        content = answer("x" * 400)
        handler.send(200, b"", len(content))
        for byte in content:
            time.sleep(seconds)
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()

    return act


def cut(handler: Handler, body: dict[str, Any]) -> None:
    """Half of an answer, then the connection ends."""
    content = answer("cut off")
    handler.send(200, content[: len(content) // 2], len(content))
    handler.close_connection = True


def gone(handler: Handler, body: dict[str, Any]) -> None:
    """No answer at all."""
    handler.close_connection = True


def streamed(text: str, ended: bool = True) -> Act:
    """Events, a word each; without ``ended`` the last ones are missing."""

    def act(handler: Handler, body: dict[str, Any]) -> None:
        rows: list[Any] = [{"choices": [{"delta": {"content": word + " "}}]} for word in text.split(" ")]
        if ended:
            rows += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}]
            rows += [{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}]
        lines = [f"data: {json.dumps(row, ensure_ascii=False)}\n\n" for row in rows]
        content = "".join([": ping\n\n", *lines, "data: [DONE]\n\n" if ended else ""]).encode()
        handler.send(200, content, Content_Type="text/event-stream")

    return act


@contextmanager
def serving(reply: Reply = lambda body: "well", acts: list[Act] | None = None) -> Iterator[Stub]:
    """A stub on a free port of 127.0.0.1."""
    stub = Stub(reply, list(acts or []))
    handler = type("Bound", (Handler,), {"stub": stub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()

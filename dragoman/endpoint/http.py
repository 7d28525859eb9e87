"""One POST to a server, with a limit on the whole time that it may take; what goes wrong has a name."""

from __future__ import annotations

import email.utils
import http.client
import ipaddress
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dragoman.errors import ServeError

FATAL = (401, 402, 403, 404, 405)
"""Statuses that any other request would get too: wrong key, no credit, no access, wrong address or model."""
REFUSED = (400, 413, 422)
"""Statuses that speak of this request alone."""
_LONGEST_ANSWER = 1 << 26


class Trouble(Exception):
    """A request that got no answer, though another try may get one. ``after``: seconds that the server asks
    to wait."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Refusal(Exception):
    """The server will not answer this request, however often it is asked."""


def post(url: str, body: Mapping[str, Any], key: str | None, timeout: float) -> bytes:
    """The body of the server's answer.

    Trouble if another try may help (no connection, too slow, cut off, 429, 5xx), Refusal if the server
    refuses this request, ServeError if it would refuse any. ``key`` stands in no message.
    """
    until = time.monotonic() + timeout
    headers = {"Content-Type": "application/json", "User-Agent": "dragoman"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    try:
        with _opener(url).open(request, timeout=timeout) as answer:
            return _read(answer, until)
    except urllib.error.HTTPError as error:
        with error:
            raise _named(error, _told(error, key)) from None
    except http.client.IncompleteRead:
        raise Trouble("the answer was cut off") from None
    except TimeoutError:
        raise Trouble(f"no answer in {timeout:g} seconds") from None
    except http.client.HTTPException as error:
        raise Trouble(f"no HTTP answer ({type(error).__name__})") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise Trouble(f"no answer in {timeout:g} seconds") from None
        raise Trouble(f"no connection ({getattr(reason, 'strerror', None) or reason})") from None


def _read(answer: Any, until: float) -> bytes:
    pieces, size = [], 0
    while piece := answer.read1(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > until:
            raise TimeoutError
        if size > _LONGEST_ANSWER:
            raise Trouble(f"an answer of more than {_LONGEST_ANSWER >> 20} MB")
    wanted = answer.headers.get("Content-Length")
    if wanted is not None and wanted.isdigit() and size < int(wanted):
        raise Trouble("the answer was cut off")
    return b"".join(pieces)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Proxies as the environment says, but none for this machine itself."""
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_local(url):
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def is_local(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _told(error: urllib.error.HTTPError, key: str | None) -> tuple[str, str]:
    """What the server says of an error, in a line and without the key; and its code for it."""
    try:
        text = error.read(4096).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        text = ""
    code = ""
    try:
        content = json.loads(text)
        inner = content.get("error", content) if isinstance(content, dict) else content
        if isinstance(inner, dict):
            code = str(inner.get("code") or inner.get("type") or "")
            text = str(inner.get("message") or inner.get("detail") or text)
        elif isinstance(inner, str):
            text = inner
    except ValueError:
        pass
    return hidden(" ".join(text.split())[:200], key) or str(error.reason), code


def hidden(text: str, key: str | None) -> str:
    """A text without the key."""
    return text.replace(key, "***") if key else text


def _named(error: urllib.error.HTTPError, told: tuple[str, str]) -> Exception:
    """What a status means for whoever asked."""
    status, (text, code) = error.code, told
    if status in FATAL:
        return ServeError(f"{_place(error)}: {status} {text}; check --endpoint, --model and the key")
    if 300 <= status < 400:
        where = error.headers.get("Location", "elsewhere")
        return ServeError(f"{_place(error)}: the server sends us on to {where}; give that as --endpoint")
    if code == "insufficient_quota":
        return ServeError(f"{_place(error)}: {status} {text}")
    if status in REFUSED:
        return Refusal(f"{status} {text}")
    return Trouble(f"{status} {text}", _wait(error.headers.get("Retry-After")))


def _place(error: urllib.error.HTTPError) -> str:
    return urlsplit(error.url).netloc.rpartition("@")[2]


def _wait(header: str | None) -> float | None:
    """The seconds of a Retry-After header, which may be a number or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None

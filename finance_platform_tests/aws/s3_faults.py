"""Faults of S3 over real HTTP: chosen requests get S3's own error documents, half a body, or no response.

Belongs here: which requests fail, and how. Does not belong here: expectations.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Fault = Callable[[Application, dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_FIRST_BYTES = 10
_DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
    "<RequestId>4442587FB7D0A2F9</RequestId><HostId>none</HostId></Error>"
)


@dataclass(frozen=True)
class Request:
    """The parts of a request that tests use."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    """Only of a request that deletes several objects: it names them."""


@dataclass
class _Rule:
    """A fault and the requests that it applies to."""

    methods: str
    pattern: re.Pattern[str]
    fault: Fault
    remaining: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, environ: dict[str, Any]) -> bool:
        """Return whether the fault applies to a request, and count it."""
        with self.lock:
            query = environ.get("QUERY_STRING")
            url = environ["PATH_INFO"] + (f"?{query}" if query else "")
            is_match = environ["REQUEST_METHOD"] in self.methods and self.pattern.search(url)
            if not self.remaining or not is_match:
                return False
            self.remaining -= 1
            return True


class FaultInjector:
    """A WSGI application that records every request, answers chosen ones with faults and forwards the others."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._rules: list[_Rule] = []
        self.requests: list[Request] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {name[5:].lower().replace("_", "-"): text for name, text in environ.items() if name[:5] == "HTTP_"}
        method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "")
        body = b""
        if method == "POST" and query.partition("=")[0] == "delete" and environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
        self.requests.append(Request(method, environ["PATH_INFO"], query, headers, body))
        for rule in list(self._rules):
            if rule.take(environ):
                return rule.fault(self._application, environ, start_response)
        return self._application(environ, start_response)

    @contextlib.contextmanager
    def inject(
        self, fault: Fault, *, to: str = "", method: str = "GET PUT POST HEAD DELETE", times: int = 10**9
    ) -> Iterator[None]:
        """Answer requests whose path and query match the pattern `to` with a fault.

        Args:
            fault: one of the faults below.
            to: a regular expression.
            method: methods, separated by spaces.
            times: the maximum number of faults.
        """
        rule = _Rule(method, re.compile(to), fault, times)
        self._rules.insert(0, rule)
        try:
            yield
        finally:
            self._rules.remove(rule)


def error_response(status: str, code: str, message: str = "", *, headers: dict[str, str] | None = None) -> Fault:
    """Respond with an error document of S3."""

    def fault(_: Application, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _read_body(environ)
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        body = b"" if is_head else _DOCUMENT.format(code=code, message=message).encode()
        start_response(
            status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body))), *(headers or {}).items()]
        )
        return [body]

    return fault


def ok_response(body: str, headers: dict[str, str] | None = None) -> Fault:
    """Respond with status 200 and this body."""

    def fault(_: Application, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _read_body(environ)
        start_response("200 OK", [("Content-Length", str(len(body))), *(headers or {}).items()])
        return [body.encode()]

    return fault


def slow_down() -> Fault:
    """Respond that there are too many requests."""
    return error_response("503 Slow Down", "SlowDown", "Please reduce your request rate.")


def expired() -> Fault:
    """Respond that the credentials have expired."""
    return error_response("400 Bad Request", "ExpiredToken", "The provided token has expired.")


def denied() -> Fault:
    """Respond that the permission is missing."""
    return error_response("403 Forbidden", "AccessDenied", "Access Denied")


def wrong_region(region: str) -> Fault:
    """Respond that the bucket is in another region."""
    return error_response(
        "301 Moved Permanently",
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
        headers={"x-amz-bucket-region": region},
    )


def cut_connection() -> Fault:
    """Send the correct headers and the first bytes of the body, then close the connection."""

    def fault(application: Application, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = b"".join(application(environ, start_response))
        yield body[:_FIRST_BYTES]
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)

    return fault


def stall() -> Fault:
    """Send the correct headers and the first bytes of the body, then nothing for a second."""

    def fault(application: Application, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = b"".join(application(environ, start_response))
        yield body[:_FIRST_BYTES]
        time.sleep(1)
        yield body[_FIRST_BYTES:]

    return fault


def lost_response() -> Fault:
    """Execute the request, then close the connection without a response."""

    def fault(application: Application, environ: dict[str, Any], _: Callable[..., Any]) -> Iterable[bytes]:
        list(application(environ, lambda *__: None))
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    return fault


def _read_body(environ: dict[str, Any]) -> None:
    """Read the request's body: a client that is still sending does not read the response."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        environ["wsgi.input"].read(int(length))

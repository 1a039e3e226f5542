"""Faults of S3 over a real wire: chosen requests get S3's own error documents, half a body, or no answer at all.

Belongs here: which requests, and what they get instead. Does not belong here: what the platform makes of it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Broken = Callable[[Application, dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}'
    "<RequestId>4442587FB7D0A2F9</RequestId><HostId>none</HostId></Error>"
)


@dataclass(frozen=True)
class Seen:
    """One request, as far as tests ask for it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass
class _Fault:
    method: str
    path: re.Pattern[str]
    broken: Broken
    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, request: dict[str, Any]) -> bool:
        """Return whether this fault is the request's answer, and count it."""
        with self.lock:
            whole = request["PATH_INFO"] + ("?" + request["QUERY_STRING"] if request.get("QUERY_STRING") else "")
            if not self.left or request["REQUEST_METHOD"] not in self.method or not self.path.search(whole):
                return False
            self.left -= 1
            return True


class Faults:
    """An application that answers chosen requests wrongly, and every other as the one behind it; it keeps them all."""

    def __init__(self, behind: Application) -> None:
        self._behind = behind
        self._faults: list[_Fault] = []
        self.seen: list[Seen] = []

    def __call__(self, request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {name[5:].lower().replace("_", "-"): text for name, text in request.items() if name[:5] == "HTTP_"}
        self.seen.append(
            Seen(request["REQUEST_METHOD"], request["PATH_INFO"], request.get("QUERY_STRING", ""), headers)
        )
        for fault in list(self._faults):
            if fault.takes(request):
                return fault.broken(self._behind, request, start_response)
        return self._behind(request, start_response)

    @contextlib.contextmanager
    def answering(
        self, broken: Broken, *, to: str = "", method: str = "GET PUT POST HEAD DELETE", times: int = 10**9
    ) -> Iterator[None]:
        """Break the requests whose path and query have the pattern `to` in them.

        Args:
            broken: what they get; see below.
            to: a regular expression.
            method: methods, with spaces between.
            times: how many of them; the others are answered.
        """
        fault = _Fault(method, re.compile(to), broken, times)
        self._faults.insert(0, fault)
        try:
            yield
        finally:
            self._faults.remove(fault)


def says(status: str, code: str, message: str = "", *, more: str = "", headers: dict[str, str] | None = None) -> Broken:
    """Answer with an error document of S3."""

    def broken(_: Application, request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _read_all(request)
        body = (
            b""
            if request["REQUEST_METHOD"] == "HEAD"
            else _DOCUMENT.format(code=code, message=message, more=more).encode()
        )
        start_response(
            status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body))), *(headers or {}).items()]
        )
        return [body]

    return broken


def gives(body: str, headers: dict[str, str] | None = None) -> Broken:
    """Answer that all is well, with this."""

    def broken(_: Application, request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _read_all(request)
        start_response("200 OK", [("Content-Length", str(len(body))), *(headers or {}).items()])
        return [body.encode()]

    return broken


def slow_down() -> Broken:
    """Say that there are too many requests."""
    return says("503 Slow Down", "SlowDown", "Please reduce your request rate.")


def expired() -> Broken:
    """Say that the credentials have expired."""
    return says("400 Bad Request", "ExpiredToken", "The provided token has expired.")


def denied() -> Broken:
    """Say that this is not allowed."""
    return says("403 Forbidden", "AccessDenied", "Access Denied")


def elsewhere(region: str) -> Broken:
    """Say that the bucket is in another region."""
    return says(
        "301 Moved Permanently",
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
        headers={"x-amz-bucket-region": region},
    )


def cut(after: int = 10) -> Broken:
    """Send the right head and so many bytes of the body, then close the connection."""

    def broken(behind: Application, request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = b"".join(behind(request, start_response))
        yield body[:after]
        request["werkzeug.socket"].shutdown(socket.SHUT_RDWR)

    return broken


def done_and_unanswered() -> Broken:
    """Do what was asked, then close the connection without a word."""

    def broken(behind: Application, request: dict[str, Any], _: Callable[..., Any]) -> Iterable[bytes]:
        list(behind(request, lambda *__: None))
        request["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    return broken


def _read_all(request: dict[str, Any]) -> None:
    """Take what the client sends: one that still sends cannot hear the answer."""
    length = request.get("CONTENT_LENGTH")
    if length:
        request["wsgi.input"].read(int(length))

"""One request or WebSocket handshake to an ASGI app, with exactly the headers given, in any number.

Belongs here: the messages of ASGI. Does not belong here: expectations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Scope

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What an app sends.

    Attributes:
        status: of HTTP; 101 for a WebSocket that was accepted.
        headers: names in lower case; the values of a repeated name are joined by commas.
        text: the body.
    """

    status: int
    headers: dict[str, str]
    text: str


def request(app: ASGIApp, method: str, path: str, headers: Headers, *, query: str = "", body: str = "") -> Answer:
    """Send a request and return the answer."""
    scope = _scope("http", path, headers, query)
    return _exchange(
        app, {**scope, "method": method, "scheme": "http"}, {"type": "http.request", "body": body.encode()}
    )


def handshake(app: ASGIApp, path: str, headers: Headers) -> Answer:
    """Open a WebSocket, close it at once, and return the answer to the handshake."""
    # As uvicorn, which can answer a handshake with an HTTP response.
    own = {"scheme": "ws", "subprotocols": ["graphql-ws"], "extensions": {"websocket.http.response": {}}}
    return _exchange(app, {**_scope("websocket", path, headers, ""), **own}, {"type": "websocket.connect"})


def _scope(kind: str, path: str, headers: Headers, query: str) -> Scope:
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 3000),
    }


def _exchange(app: ASGIApp, scope: Scope, first: Message) -> Answer:
    sent: list[Message] = []
    to_read = [first]

    async def receive() -> Message:
        return to_read.pop() if to_read else {"type": f"{scope['type']}.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    return _answer(sent)


def _answer(sent: Sequence[Message]) -> Answer:
    if sent[0]["type"] == "websocket.accept":
        return Answer(101, {}, "")
    if sent[0]["type"] == "websocket.close":
        # As uvicorn answers a handshake that is closed before it is accepted.
        return Answer(403, {}, "")
    assert sent[0]["type"] in {"http.response.start", "websocket.http.response.start"}, sent
    headers: dict[str, str] = {}
    for name, value in sent[0]["headers"]:
        key = name.decode().lower()
        headers[key] = f"{headers[key]}, {value.decode()}" if key in headers else value.decode()
    text = b"".join(message.get("body", b"") for message in sent[1:]).decode(errors="replace")
    return Answer(sent[0]["status"], headers, text)

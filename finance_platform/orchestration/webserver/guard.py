"""Keeps other sites out of Dagster's webserver, which checks neither Host nor Origin and takes mutations by GET.

Belongs here: which requests and WebSocket handshakes reach the webserver. Does not belong here: who a person is; the UI
has no login.

Starlette's TrustedHostMiddleware compares the Host, so that another site's name that resolves to this machine is of no
use. The comparison of origins is ours: libraries for it let requests without an Origin, GET or WebSockets pass
(docs/decisions/035).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_SAFE_METHODS = {"GET", "HEAD"}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")

_HEADERS = {
    # Dagster sends no rule about frames: another site could show the UI in one, and let people click in it unknowingly.
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_FRAME_POLICY = "frame-ancestors 'self'"

_FOREIGN = (
    "Refused: only the UI's own pages may do this, and the Origin of this request is missing or another. A script sets "
    "the header Origin to the UI's address, for example Origin: http://127.0.0.1:3000 (docs/ui.md).\n"
)
_QUERY_BY_GET = "Refused: GraphQL is answered by POST alone. Send the query in a JSON body (docs/ui.md).\n"


@dataclass(frozen=True)
class KnownOrigin:
    """A scheme and a host name under which people open the UI.

    Attributes:
        scheme: http or https, as the browser sees it; a load balancer may terminate TLS.
        host: in lower case, an IPv6 address in brackets.
    """

    scheme: str
    host: str

    @staticmethod
    def of(address: str) -> KnownOrigin:
        """Return the origin of an address, without its user, password, port and path.

        Raises:
            ValueError: the address does not begin with http:// or https:// and a host name or IP address.
        """
        parts = urlsplit(address)
        host = parts.hostname or ""
        # Not `*`, which Starlette would take for a pattern.
        if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
            raise ValueError("expected http:// or https:// and a host name")
        return KnownOrigin(parts.scheme, f"[{host}]" if ":" in host else host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"


def guard_webserver(app: ASGIApp, known: Iterable[KnownOrigin], *, health_path: str = "") -> ASGIApp:
    """Return the app behind the guard.

    The names of this machine itself are known in any case: a browser sends them only for an address that a person opens
    on it, such as the end of a tunnel.

    Args:
        app: Dagster's webserver.
        known: under which addresses people open the UI.
        health_path: a path that a load balancer reads under the server's IP address; by default there is none.
    """
    listed = set(known)
    origins = listed | {KnownOrigin(origin.scheme, host) for origin in listed for host in _LOOPBACK_HOSTS}
    hosts = sorted({origin.host for origin in origins})
    guarded = SameOriginMiddleware(TrustedHostMiddleware(app, allowed_hosts=hosts, www_redirect=False), origins)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
        is_probe = is_read and scope["path"] == health_path != ""
        await (app if is_probe else guarded)(scope, receive, send)

    return route


class SameOriginMiddleware:
    """Refuses everything that could change something and does not come from the UI's own pages.

    A WebSocket handshake and any method but GET and HEAD need an Origin that is the request's own scheme and Host. GET
    and HEAD change nothing, apart from GraphQL in the query string, which is refused.
    """

    def __init__(self, app: ASGIApp, known: Collection[KnownOrigin]) -> None:
        self._app = app
        self._known = frozenset(known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 403."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal and scope["type"] == "websocket":
            # The server answers the handshake with 403; no page can read why.
            await WebSocketClose()(scope, receive, send)
        elif refusal:
            await PlainTextResponse(refusal, status_code=403, headers=_HEADERS)(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> str:
        if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
            # Wherever the word is: a route also accepts spellings that differ, such as one that ends in a line break.
            is_graphql = "graphql" in scope["path"].lower()
            return _QUERY_BY_GET if is_graphql and scope["query_string"] else ""
        return "" if self._is_same_origin(Headers(scope=scope)) else _FOREIGN

    def _is_same_origin(self, headers: Headers) -> bool:
        origins, hosts = headers.getlist("origin"), headers.getlist("host")
        if len(origins) != 1 or len(hosts) != 1:
            return False
        try:
            known = KnownOrigin.of(origins[0])
        except ValueError:
            return False
        # A browser leaves the scheme's own port out of both.
        return known in self._known and origins[0].lower() == f"{known.scheme}://{hosts[0].lower()}"


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            # In addition to Dagster's own policy: a browser enforces each of them.
            headers.append("content-security-policy", _FRAME_POLICY)
        await send(message)

    return send_with_headers

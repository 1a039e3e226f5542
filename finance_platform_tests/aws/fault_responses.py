"""A service that says no: a server which answers every request alike, where a stand-in would say yes.

Belongs here: answers over a real wire. Does not belong here: which answers, and what is to come of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answering:
    """Where the server is, and what it was asked.

    Attributes:
        address: its URL.
        asked: the bodies of the requests so far.
    """

    address: str
    asked: list[bytes] = field(default_factory=list)


@contextmanager
def answering(status: int, body: str, content_type: str = "text/xml") -> Iterator[Answering]:
    """Answer every request with this status and body."""
    found = Answering("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.asked.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing: a test that fails says it all."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def xml_error(code: str, message: str) -> str:
    """Return an error as the services that speak XML say it."""
    return (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )

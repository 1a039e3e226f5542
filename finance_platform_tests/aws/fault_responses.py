"""A server that answers every request with one fixed response, such as an error that moto never returns.

Belongs here: responses over real HTTP. Does not belong here: the choice of responses, expectations.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FaultServer:
    """A running server.

    Attributes:
        address: its URL.
        requests: the bodies of the requests so far.
    """

    address: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def fault_server(status: int, body: str, content_type: str = "text/xml") -> Iterator[FaultServer]:
    """Answer every request with this status and body until the end of the block."""
    fault = FaultServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            fault.requests.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Keep requests out of the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fault.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fault
        finally:
            server.shutdown()
            thread.join()


def xml_error(code: str, message: str) -> str:
    """Return an error document of the services whose protocol is XML."""
    return (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )

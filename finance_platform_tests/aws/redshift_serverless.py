"""A fake of Redshift Serverless' API, which moto lacks: temporary credentials, and a workgroup's address.

Belongs here: those two calls over real HTTP. Does not belong here: the warehouse itself (see `fake_redshift`).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from finance_platform_tests.aws.fake_redshift import FakeRedshift

WORKGROUP = "finance-workgroup"


@contextmanager
def redshift_serverless(redshift: FakeRedshift) -> Iterator[str]:
    """Serve the workgroup of the fake until the end of the block; yields the address."""

    def credentials(request: dict[str, Any]) -> dict[str, Any]:
        user, password = "IAMR:finance-platform", secrets.token_hex(20)
        redshift.issued.add((user, password))
        return {"dbUser": user, "dbPassword": password, "expiration": time.time() + request["durationSeconds"]}

    def workgroup(_: dict[str, Any]) -> dict[str, Any]:
        endpoint = {"address": "127.0.0.1", "port": redshift.port}
        return {"workgroup": {"status": "AVAILABLE", "endpoint": endpoint, "workgroupName": WORKGROUP}}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].partition(".")[2]
            respond = {"GetCredentials": credentials, "GetWorkgroup": workgroup}[operation]
            is_known = request["workgroupName"] == WORKGROUP
            missing = {"__type": "ResourceNotFoundException", "message": f"no workgroup {request['workgroupName']}"}
            body = json.dumps(respond(request) if is_known else missing).encode()
            self.send_response(200 if is_known else 400)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: a failing test reports enough."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

"""Redshift Serverless' own API, which moto does not have: temporary credentials, and a workgroup's address.

Belongs here: those two calls over a real wire. Does not belong here: the warehouse itself (see `redshift_stand_in`).
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

from finance_platform_tests.aws.redshift_stand_in import RedshiftStandIn

WORKGROUP = "finance-workgroup"


@contextmanager
def redshift_serverless(stand_in: RedshiftStandIn, status: str = "AVAILABLE") -> Iterator[str]:
    """Answer for the stand-in's workgroup until the end of the block; yields the address."""

    def credentials(asked: dict[str, Any]) -> dict[str, Any]:
        user, password = "IAMR:finance-platform", secrets.token_hex(20)
        stand_in.issued.add((user, password))
        return {"dbUser": user, "dbPassword": password, "expiration": time.time() + asked["durationSeconds"]}

    def workgroup(_: dict[str, Any]) -> dict[str, Any]:
        endpoint = {"address": "127.0.0.1", "port": stand_in.port}
        return {"workgroup": {"status": status, "endpoint": endpoint, "workgroupName": WORKGROUP}}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            called = self.headers["X-Amz-Target"].partition(".")[2]
            answer = {"GetCredentials": credentials, "GetWorkgroup": workgroup}[called]
            is_known = asked["workgroupName"] == WORKGROUP
            missing = {"__type": "ResourceNotFoundException", "message": f"no workgroup {asked['workgroupName']}"}
            body = json.dumps(answer(asked) if is_known else missing).encode()
            self.send_response(200 if is_known else 400)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a test that fails says it all."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

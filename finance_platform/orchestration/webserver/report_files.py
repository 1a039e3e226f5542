"""The report pack under the address of `finance-platform ui`. On AWS, the webserver has no rights on finance data.

Belongs here: which files are served, and with which rights. Does not belong here: who may send a request (see `guard`),
the files themselves (see `reports.pack`).

A page from the UI's own address could do all that the UI may. So the pack is served in a sandbox: its scripts run under
an origin of their own, which the guard refuses, and reach no address. They are the file's own, which it allows by their
hashes; a hash in the header would refuse the pack of another release.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from finance_platform.reports.pack.file_names import PACK_PATH
from finance_platform.storage.port import ObjectStore

_FILE = re.compile(r"report_pack[A-Za-z0-9_-]*\.(html|xlsx)")
_MEDIA_TYPES = {
    "html": "text/html",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_HEADERS = {
    "content-security-policy": (
        "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ),
    # The next run writes another pack under the same name.
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
}
_MISSING = "There is no such report pack. A run writes report_pack.html; finance-platform report writes others.\n"


class ReportFiles:
    """Answers GET and HEAD below `PACK_PATH`, and passes everything else on to the app."""

    def __init__(self, app: ASGIApp, open_reports: Callable[[], ObjectStore]) -> None:
        """Serve a folder of reports in front of an app.

        Args:
            app: the UI.
            open_reports: opens the folder, with the first request.
        """
        self._app = app
        self._open_reports = open_reports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_ours = scope["type"] == "http" and scope["path"].startswith(PACK_PATH) and scope["method"] in {"GET", "HEAD"}
        if not is_ours:
            await self._app(scope, receive, send)
            return
        answer = await run_in_threadpool(self._answer, scope["path"].removeprefix(PACK_PATH))
        await answer(scope, receive, send)

    def _answer(self, name: str) -> Response:
        match = _FILE.fullmatch(name)
        if match is None:
            return PlainTextResponse(_MISSING, status_code=404)
        try:
            content = self._open_reports().read(name)
        except FileNotFoundError:
            return PlainTextResponse(_MISSING, status_code=404)
        return Response(content, headers=_HEADERS, media_type=_MEDIA_TYPES[match[1]])

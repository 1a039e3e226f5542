"""Dagster's webserver in this process, behind the guard.

Belongs here: the webserver's app, serving it. Does not belong here: which requests it answers (see `guard`), the other
processes of the UI (see `ui_processes`).
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import uvicorn
from dagster import DagsterInstance

# `dagster dev` and `dagster-webserver` take no middleware, and the public way to create their app needs this context.
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.cli import DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_MAX_OVERFLOW, DEFAULT_POOL_RECYCLE

from finance_platform.orchestration.webserver.guard import KnownOrigin, guard_webserver
from finance_platform.orchestration.webserver.report_files import ReportFiles
from finance_platform.storage.port import ObjectStore

_LIVE_DATA_POLL_MS = 2000
_GRACE_SECONDS = 5


def serve(
    workspace: Path,
    listener: socket.socket,
    known: Iterable[KnownOrigin],
    *,
    open_reports: Callable[[], ObjectStore] | None,
    health_path: str,
) -> None:
    """Serve the UI of the instance in DAGSTER_HOME until SIGINT or SIGTERM.

    Args:
        workspace: Dagster's workspace file.
        listener: where to accept connections.
        known: under which addresses people open the UI.
        open_reports: opens the folder of reports; None to serve none.
        health_path: a path that a load balancer reads under the server's IP address; empty if there is none.
    """
    # uvicorn shuts down on either signal and raises it again; this way the instance is closed after both.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), DagsterInstance.get() as instance:
        instance.optimize_for_webserver(DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_RECYCLE, DEFAULT_POOL_MAX_OVERFLOW)
        target = WorkspaceFileTarget(paths=[str(workspace)])
        with WorkspaceProcessContext(instance, target, version=version("dagster-webserver")) as context:
            app = create_app_from_workspace_process_context(context, live_data_poll_rate=_LIVE_DATA_POLL_MS)
            config = uvicorn.Config(
                guard_webserver(
                    ReportFiles(app, open_reports) if open_reports else app, known, health_path=health_path
                ),
                log_level="warning",
                # The guard trusts no header about the scheme, and the app needs none.
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
            uvicorn.Server(config).run(sockets=[listener])

"""The commands that serve the Dagster UI: ui, and webserver, which `ui` and the deployment on AWS start.

Belongs here: their arguments, the port, the UI's lock. Does not belong here: the UI's processes, who may reach it (see
`orchestration.webserver`).
"""

from __future__ import annotations

import errno
import logging
import socket
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import echo, echo_raw
from finance_platform.cli.options import EXIT_OK, home_option, require_raw_zone, with_exit_code
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.orchestration.webserver.guard import KnownOrigin

_PORT = click.IntRange(1, 65535)


@click.command()
@home_option
@click.option("--port", type=_PORT, default=3000, show_default=True, help="Port on 127.0.0.1.")
@click.option(
    "--auto-refresh/--no-auto-refresh",
    default=True,
    show_default=True,
    help="Start with the sensors on; a sensor that was switched in the UI keeps its state.",
)
@with_exit_code
def ui(home: Path | None, port: int, auto_refresh: bool) -> int:
    """Open the Dagster UI of a home, which refreshes when files arrive; Ctrl-C stops it."""
    from finance_platform.storage.file_lock import ui_lock

    settings = require_raw_zone(load_settings(home=home))
    with _listen("127.0.0.1", port) as listener, ui_lock(settings.home_path) as lock:
        from finance_platform.orchestration.start_here import addresses
        from finance_platform.orchestration.webserver.ui_processes import run_ui

        _clean_dagster_home(settings)
        echo(f"The UI of {settings.home_path} opens on http://127.0.0.1:{port} in some seconds; Ctrl-C stops it.")
        echo_raw(addresses(f"http://127.0.0.1:{port}"))
        run_ui(settings, listener, lock, auto_refresh=auto_refresh)
    return EXIT_OK


@click.command(hidden=True)
@click.option("--workspace", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="IPv4 address to listen on.")
@click.option("--port", type=_PORT, default=3000, show_default=True)
@click.option("--fd", type=int, help="A socket that listens already, instead of host and port.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    required=True,
    help="Scheme and host name under which people open the UI, such as https://finance.example.com.",
)
@click.option("--health-path", default="", help="The path that a load balancer reads under any host name.")
@click.option("--reports", is_flag=True, help="Serve the home's report packs, too.")
@with_exit_code
def webserver(
    workspace: Path, host: str, port: int, fd: int | None, origins: tuple[str, ...], health_path: str, reports: bool
) -> int:
    """Serve Dagster's webserver of the instance in DAGSTER_HOME to the pages of these origins alone."""
    known = [_parse_origin(origin) for origin in origins]
    with socket.socket(fileno=fd) if fd is not None else _listen(host, port) as listener:
        from finance_platform.bootstrap import reports_folder
        from finance_platform.orchestration.webserver.server import serve

        open_reports = lru_cache(lambda: reports_folder(load_settings())) if reports else None
        serve(workspace, listener, known, open_reports=open_reports, health_path=health_path)
    return EXIT_OK


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; connections wait until the webserver is ready."""
    listener = socket.socket()
    try:
        # Otherwise the connections of a UI that was just stopped block its port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used on {host} ({error.strerror})"
        raise click.BadParameter(f"{port} {reason}; choose another port", param_hint="--port") from None
    return listener


def _parse_origin(origin: str) -> KnownOrigin:
    from finance_platform.orchestration.webserver.guard import KnownOrigin

    try:
        return KnownOrigin.of(origin)
    except ValueError as error:
        raise click.BadParameter(f"{origin!r}: {error}", param_hint="--origin") from None


def _clean_dagster_home(settings: Settings) -> None:
    """Create Dagster's folder and mark killed runs as failed; the caller holds the UI's lock."""
    from finance_platform.bootstrap import open_alerts, open_metrics
    from finance_platform.feeds.feed_set import load_feed_set
    from finance_platform.orchestration.dagster_instance import open_instance
    from finance_platform.orchestration.run_alerts import send_run_alerts
    from finance_platform.orchestration.run_metrics import send_run_metrics
    from finance_platform.orchestration.runs import fail_orphaned_runs, fail_orphaned_runs_unless_locked

    alerts = open_alerts(settings)
    with open_instance(settings.dagster_home) as instance:
        killed = fail_orphaned_runs(instance, from_command_line=False)
        killed += fail_orphaned_runs_unless_locked(instance, settings)
        send_run_metrics(open_metrics(settings), instance, killed, logging.getLogger(__name__))
        send_run_alerts(alerts, instance, killed, load_feed_set(settings.feeds_path), settings)

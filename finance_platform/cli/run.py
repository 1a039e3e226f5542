"""The commands that start Dagster: run, ui.

Belongs here: starting it, the progress display, the exit code of a run. Does not belong here: what a run does.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from finance_platform.cli.inspect import read_status
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_FAILED,
    EXIT_OK,
    home_option,
    json_option,
    open_console,
    read_snapshot,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.settings import ENV_PREFIX, Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.reports.run_outcome import RunOutcome
    from finance_platform.reports.status import Status

_STEP_LABELS = {
    "register": "scanning the raw files",
    "standardise": "reading new deliveries",
    "build_star": "building stale periods",
    "load": "loading the warehouse",
    "reporting__variance_report": "writing the report",
}


@click.command()
@home_option
@click.option("--rebuild", is_flag=True, help="Build and load current slices again, too.")
@click.option("--period", "periods", multiple=True, metavar="YYYY-MM", help="With --rebuild: only this period.")
@json_option
@with_exit_code
def run(home: Path | None, rebuild: bool, periods: tuple[str, ...], as_json: bool) -> int:
    """Bring everything that is stale up to date, end to end."""
    settings = load_settings(home=home)
    if periods and not rebuild:
        raise click.UsageError("--period needs --rebuild")
    _check_periods(settings, periods)
    started = time.monotonic()
    with _progress() as on_step:
        from finance_platform.orchestration.refresh_run import run_refresh

        outcome = run_refresh(settings, rebuild=rebuild, periods=periods, on_step=on_step)
    status = read_status(settings)
    _print_run(settings, outcome, status, time.monotonic() - started, as_json=as_json)
    if outcome.is_broken:
        return EXIT_FAILED
    has_unread = any(row["state"] == "pending" for row in status.deliveries)
    return EXIT_ATTENTION if has_unread or outcome.failed_checks or not status.is_healthy else EXIT_OK


@click.command()
@home_option
@click.option("--port", type=int, default=3000, show_default=True, help="Port on 127.0.0.1.")
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
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise click.BadParameter(f"{port} is in use; choose another port", param_hint="--port")
    with ui_lock(settings.home_path) as lock:
        folder = _clean_dagster_home(settings)
        environment = {
            f"{ENV_PREFIX}UI_URL": f"http://127.0.0.1:{port}",
            **os.environ,
            "DAGSTER_HOME": str(folder),
            f"{ENV_PREFIX}HOME": str(settings.home_path),
            f"{ENV_PREFIX}AUTO_REFRESH": str(auto_refresh).lower(),
            # Dagster advises a scaffolding tool instead of `dagster dev`; the project has its own layout.
            "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
        }
        arguments = [
            "-m",
            "dagster",
            "dev",
            "-m",
            "finance_platform.definitions",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        # Runs log to the terminal at every level. The results of sensor ticks are in the UI.
        arguments += ["--log-level", "warning"]
        click.echo(f"The UI of {settings.home_path} opens on http://127.0.0.1:{port} in some seconds; Ctrl-C stops it.")
        # A shell starts background jobs with SIGINT ignored, and Dagster would then ignore SIGTERM as well.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # The process that replaces this one inherits the lock.
        os.set_inheritable(lock, True)
        os.execve(sys.executable, [sys.executable, *arguments], environment)


def _clean_dagster_home(settings: Settings) -> Path:
    """Mark killed runs as failed and return Dagster's folder; the caller holds the UI's lock."""
    from finance_platform.bootstrap import open_alerts, open_metrics
    from finance_platform.feeds.feed_set import load_feed_set
    from finance_platform.orchestration.dagster_instance import open_instance, prepare_dagster_home
    from finance_platform.orchestration.run_alerts import send_run_alerts
    from finance_platform.orchestration.run_metrics import send_run_metrics
    from finance_platform.orchestration.runs import fail_orphaned_runs, fail_orphaned_runs_unless_locked

    folder = prepare_dagster_home(settings.dagster_home)
    alerts = open_alerts(settings)
    with open_instance(folder) as instance:
        killed = fail_orphaned_runs(instance, from_command_line=False)
        killed += fail_orphaned_runs_unless_locked(instance, settings)
        send_run_metrics(open_metrics(settings), instance, killed, logging.getLogger(__name__))
        send_run_alerts(alerts, instance, killed, load_feed_set(settings.feeds_path), settings.ui_url)
    return folder


def _check_periods(settings: Settings, periods: tuple[str, ...]) -> None:
    if not periods:
        return
    known = {target.slice for target in read_snapshot(settings).target}
    for period in periods:
        if period not in known:
            raise click.BadParameter(f"the period {period!r} has no data; expected YYYY-MM", param_hint="--period")


def _print_run(settings: Settings, outcome: RunOutcome, status: Status, seconds: float, *, as_json: bool) -> None:
    from finance_platform.bootstrap import open_warehouse
    from finance_platform.cli import rendering
    from finance_platform.cli.run_output import print_summary, summary_as_json
    from finance_platform.reports.variance import variance_rows
    from finance_platform.warehouse.port import NoWarehouseYetError

    try:
        variance = variance_rows(open_warehouse(settings))
    except NoWarehouseYetError:
        variance = []
    if as_json:
        rendering.print_json(open_console(), summary_as_json(outcome, status, variance, seconds))
    else:
        print_summary(open_console(), outcome, status, variance, seconds)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show the current step on stderr if that is a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=len(_STEP_LABELS))
        completed = iter(range(len(_STEP_LABELS)))

        def on_step(name: str) -> None:
            progress.update(task, description=_STEP_LABELS.get(name, name), completed=next(completed, 0))

        yield on_step

"""The commands that start Dagster: run, ui.

Belongs here: starting it, showing the step at work, the exit code of a run. Does not belong here: what a run does.
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
    EXIT_BROKEN,
    EXIT_FINE,
    EXIT_STOPPED,
    console,
    existing,
    explained,
    home_option,
    json_option,
    snapshot,
)
from finance_platform.settings import ENV_PREFIX, Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.reports.run_outcome import RunOutcome
    from finance_platform.reports.status import Status

_STEP_LABELS = {
    "register": "looking at the raw files",
    "standardise": "reading new deliveries",
    "build_star": "building stale periods",
    "load": "loading the warehouse",
    "reporting__variance_report": "writing the report",
}


@click.command()
@home_option
@click.option("--rebuild", is_flag=True, help="Make slices again although they are current.")
@click.option("--period", "periods", multiple=True, metavar="YYYY-MM", help="With --rebuild: only this period.")
@json_option
@explained
def run(home: Path | None, rebuild: bool, periods: tuple[str, ...], as_json: bool) -> int:
    """Bring everything that is stale up to date, end to end."""
    settings = load_settings(home=home)
    if periods and not rebuild:
        raise click.UsageError("--period goes with --rebuild")
    _check_periods(settings, periods)
    begin = time.monotonic()
    with _progress() as on_step:
        from finance_platform.orchestration.refresh_run import run_refresh

        outcome = run_refresh(settings, rebuild=rebuild, periods=periods, on_step=on_step)
    status = read_status(settings)
    _print_run(settings, outcome, status, time.monotonic() - begin, as_json=as_json)
    if outcome.is_broken:
        return EXIT_BROKEN
    is_unread = any(row["state"] == "pending" for row in status.deliveries)
    return EXIT_STOPPED if is_unread or outcome.failed_checks or not status.is_healthy else EXIT_FINE


@click.command()
@home_option
@click.option("--port", type=int, default=3000, show_default=True, help="Port on 127.0.0.1.")
@click.option(
    "--auto-refresh/--no-auto-refresh",
    default=True,
    show_default=True,
    help="Whether its sensors are on from the start; one that was turned on or off in the UI stays so.",
)
@explained
def ui(home: Path | None, port: int, auto_refresh: bool) -> int:
    """Open the Dagster UI of a home, which refreshes itself when files come; it stops with Ctrl-C."""
    from finance_platform.storage.file_lock import ui_lock

    settings = existing(load_settings(home=home))
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise click.BadParameter(f"{port} is in use; choose another", param_hint="--port")
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
            "finance_platform.orchestration.definitions",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        # What runs say is shown all the same; what each look of a sensor found, the UI has.
        arguments += ["--log-level", "warning"]
        click.echo(f"The UI of {settings.home_path} opens on http://127.0.0.1:{port} in some seconds; Ctrl-C stops it.")
        # A shell starts what runs in the background with SIGINT ignored, and Dagster would take that for SIGTERM too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # The lock lives as long as the process that takes this one's place.
        os.set_inheritable(lock, True)
        os.execve(sys.executable, [sys.executable, *arguments], environment)


def _clean_dagster_home(settings: Settings) -> Path:
    """Return Dagster's folder, in which no run seems to be at work that was killed; the caller has the UI's lock."""
    from finance_platform.bootstrap import open_alerts, open_metrics
    from finance_platform.feeds.feed_set import load_feed_set
    from finance_platform.orchestration.dagster_instance import open_instance, prepare_dagster_home
    from finance_platform.orchestration.run_alerts import send_run_alerts
    from finance_platform.orchestration.run_metrics import measure_runs
    from finance_platform.orchestration.runs import fail_orphaned_runs, fail_orphaned_runs_unless_locked

    folder = prepare_dagster_home(settings.dagster_home)
    alerts = open_alerts(settings)
    with open_instance(folder) as instance:
        killed = fail_orphaned_runs(instance, of_command_line=False)
        killed += fail_orphaned_runs_unless_locked(instance, settings)
        measure_runs(open_metrics(settings), instance, killed, logging.getLogger(__name__))
        send_run_alerts(alerts, instance, killed, load_feed_set(settings.feeds_path), settings.ui_url)
    return folder


def _check_periods(settings: Settings, periods: tuple[str, ...]) -> None:
    if not periods:
        return
    there = {wanted.slice for wanted in snapshot(settings).wanted}
    for period in periods:
        if period not in there:
            raise click.BadParameter(f"no data reaches the period {period!r}; expected YYYY-MM", param_hint="--period")


def _print_run(settings: Settings, outcome: RunOutcome, found: Status, seconds: float, *, as_json: bool) -> None:
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
        rendering.print_json(console(), summary_as_json(outcome, found, variance, seconds))
    else:
        print_summary(console(), outcome, found, variance, seconds)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show the step at work on stderr, when that is a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=len(_STEP_LABELS))
        done = iter(range(len(_STEP_LABELS)))

        def on_step(name: str) -> None:
            progress.update(task, description=_STEP_LABELS.get(name, name), completed=next(done, 0))

        yield on_step

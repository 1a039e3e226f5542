"""The command line: thin. Each command asks a layer below and prints what it says.

Belongs here: arguments, exit codes, where output goes. Does not belong here: figures, looks (see `reporting`).
Dagster is imported by the commands that run it: the others answer in half the time.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from finance_platform.errors import (
    DecisionError,
    FinancePlatformError,
    HomeError,
    QueryError,
    SettingsError,
    TraceError,
)
from finance_platform.settings import ENV_PREFIX, Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.feeds.resolved import Dialect
    from finance_platform.lake.decisions import Author
    from finance_platform.lake.port import Lake
    from finance_platform.lake.snapshot import Snapshot
    from finance_platform.reporting.status import Status
    from finance_platform.reporting.summary import RunOutcome

EXIT_FINE, EXIT_STOPPED, EXIT_WRONG_USE, EXIT_BROKEN = 0, 1, 2, 3
_WRONG_USE = (SettingsError, HomeError, QueryError, DecisionError, TraceError)
_STEP_LABELS = {
    "register": "looking at the raw files",
    "standardise": "reading new deliveries",
    "build_star": "building stale periods",
    "load": "loading the warehouse",
    "reporting__variance_report": "writing the report",
}
_ROWS_IN_A_TABLE = 50

_home = click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The home; default: data.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_why = click.option("--why", required=True, metavar="TEXT", help="Why; the register keeps it with your name.")
_format = click.option("--format", "output_format", type=click.Choice(["table", "csv", "json"]), default="table")


def _explained(command: Callable[..., int]) -> Callable[..., None]:
    """Turn a command's result into the exit code, and an expected error into a message without a trace."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except FinancePlatformError as error:
            click.echo(str(error), err=True)
            code = EXIT_WRONG_USE if isinstance(error, _WRONG_USE) else EXIT_BROKEN
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            # The reader, `head` perhaps, has seen enough; Python must not complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = EXIT_FINE
        except Exception:
            # Nobody expected it, so the trace is the message; Python's own exit code would say that something is held.
            traceback.print_exc()
            code = EXIT_BROKEN
        sys.exit(code)

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finance-platform")
def main() -> None:
    """Turn a finance department's files into a star schema that a controller trusts to the cent."""


@main.command()
@_home
@click.option("--rebuild", is_flag=True, help="Make slices again although they are current.")
@click.option("--period", "periods", multiple=True, metavar="YYYY-MM", help="With --rebuild: only this period.")
@_as_json
@_explained
def run(home: Path | None, rebuild: bool, periods: tuple[str, ...], as_json: bool) -> int:
    """Bring everything that is stale up to date, end to end."""
    settings = load_settings(home=home)
    if periods and not rebuild:
        raise click.UsageError("--period goes with --rebuild")
    _check_periods(settings, periods)
    begin = time.monotonic()
    with _progress() as on_step:
        from finance_platform.refresh import run_refresh

        outcome = run_refresh(settings, rebuild=rebuild, periods=periods, on_step=on_step)
    status = _status(settings)
    _print_run(settings, outcome, status, time.monotonic() - begin, as_json=as_json)
    if outcome.is_broken:
        return EXIT_BROKEN
    is_unread = any(row["state"] == "pending" for row in status.deliveries)
    return EXIT_STOPPED if is_unread or outcome.failed_checks or not status.is_sound else EXIT_FINE


@main.command()
@_home
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="What moved on this day (UTC) or later; default: last load."
)
@_as_json
@_explained
def status(home: Path | None, since: datetime | None, as_json: bool) -> int:
    """Show deliveries, slices, what is held, refused, closed or stale and why, what moved, and the last run."""
    from finance_platform.reporting import background, rendering

    found = _status(_existing(load_settings(home=home)), since.replace(tzinfo=UTC) if since else None)
    console = _console()
    if as_json:
        rendering.print_json(console, found.as_json())
    else:
        rendering.print_deliveries(console, found)
        rendering.print_warnings(console, found)
        rendering.print_slices(console, found)
        background.print_background(console, found)
        rendering.print_line(console, found)
    return EXIT_FINE if found.is_sound else EXIT_STOPPED


@main.command(context_settings={"ignore_unknown_options": True})  # SQL may begin with a comment, which is two dashes
@_home
@click.argument("sql")
@_format
@_explained
def query(home: Path | None, sql: str, output_format: str) -> int:
    """Run read-only SQL, in Redshift's dialect, on the warehouse."""
    from finance_platform.reporting import rendering
    from finance_platform.warehouse.duckdb import DuckDBWarehouse

    result = DuckDBWarehouse(load_settings(home=home).warehouse_path).query(sql)
    rendering.print_rows(_console(), result.columns, result.rows, output_format)
    return EXIT_FINE


@main.command()
@_home
@click.option("--feed", help="Only this feed's rows.")
@_format
@_explained
def rejected(home: Path | None, feed: str | None, output_format: str) -> int:
    """List the rows that were refused or repeated, with file, line and reason."""
    from finance_platform.lake.local import LocalLake
    from finance_platform.reporting import rendering
    from finance_platform.reporting.rejected import COLUMNS, rejected_rows

    settings = _existing(load_settings(home=home))
    processed = LocalLake(settings.processed_root)
    rows = list(rejected_rows(processed, _snapshot(settings).state, feed))
    shown = rows[:_ROWS_IN_A_TABLE] if output_format == "table" else rows
    columns = COLUMNS if output_format != "table" else ("source_file", "source_row", "outcome", "reasons", "amount")
    rendering.print_rows(_console(), columns, ([row[name] for name in columns] for row in shown), output_format)
    if len(shown) < len(rows):
        click.echo(f"{len(rows) - len(shown)} more; --format csv or json lists all", err=True)
    return EXIT_FINE


@main.command()
@_home
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Only what was loaded on this day (UTC) or later; default: everything.",
)
@click.option("--period", metavar="YYYY-MM", help="Only this period.")
@_format
@_explained
def movements(home: Path | None, since: datetime | None, period: str | None, output_format: str) -> int:
    """List what moved in what was published: cell by cell, with the cause, restatements marked."""
    from finance_platform.reporting import rendering
    from finance_platform.reporting.movements import COLUMNS_IN_A_TABLE, SINCE_EVER, columns_of, movement_rows
    from finance_platform.warehouse.duckdb import DuckDBWarehouse

    warehouse = DuckDBWarehouse(load_settings(home=home).warehouse_path)
    day = since.replace(tzinfo=UTC) if since else SINCE_EVER
    found = movement_rows(warehouse, since=day, period=period)
    is_table = output_format == "table"
    if not found.rows:
        where = f" in {period}" if period else ""
        click.echo(f"Nothing moved{where}{f' since {day:%Y-%m-%d}' if since else ''}.", err=not is_table)
    if found.rows or not is_table:
        columns = COLUMNS_IN_A_TABLE if is_table else found.columns
        rows = columns_of(found, columns)
        shown = rows[:_ROWS_IN_A_TABLE] if is_table else rows
        rendering.print_rows(_console(), columns, shown, output_format)
        if len(shown) < len(rows):
            click.echo(f"{len(rows) - len(shown)} more; --format csv or json lists all", err=True)
    return EXIT_FINE


@main.command()
@_home
@click.argument("key")
@_why
@_explained
def accept(home: Path | None, key: str, why: str) -> int:
    """Let the held delivery of a raw object count from the next run on."""
    from finance_platform.lake import decisions

    settings = _existing(load_settings(home=home))
    with _deciding(settings) as processed:
        decided = decisions.accept(processed, _object_key(settings, key), _author(why))
    return _said(f"{decided.object_key} is accepted", settings)


@main.command()
@_home
@click.option("--undo", is_flag=True, help="Take back a withdrawal.")
@click.argument("key")
@_why
@_explained
def withdraw(home: Path | None, undo: bool, key: str, why: str) -> int:
    """Take out what a raw object says, or drop its held delivery, from the next run on."""
    from finance_platform.lake import decisions

    settings = _existing(load_settings(home=home))
    with _deciding(settings) as processed:
        name, holds = _object_key(settings, key), settings.holds_closed_periods
        if undo:
            decisions.reinstate(processed, name, _author(why), holds_closed_periods=holds)
        else:
            decisions.withdraw(processed, name, _author(why), holds_closed_periods=holds)
    return _said(f"{name} {'counts again' if undo else 'is withdrawn'}", settings)


@main.command()
@_home
@click.argument("period")
@_why
@_explained
def close(home: Path | None, period: str, why: str) -> int:
    """Close a period: what changes it from then on is a restatement."""
    from finance_platform.lake import decisions
    from finance_platform.warehouse.duckdb import DuckDBWarehouse
    from finance_platform.warehouse.ledger import published

    settings = _existing(load_settings(home=home))
    with _deciding(settings) as processed:
        wanted = {w.slice: w.version for w in _snapshot(settings).wanted if w.table == "fact_financials"}
        there = published(DuckDBWarehouse(settings.warehouse_path)).items()
        versions = {name: found.version for (table, name), found in there if table == "fact_financials"}
        decisions.close(processed, period, _author(why), wanted=wanted, published=versions)
    click.echo(f"{period} is closed.")
    return EXIT_FINE


@main.command()
@_home
@click.argument("period")
@_why
@_explained
def reopen(home: Path | None, period: str, why: str) -> int:
    """Open a closed period again."""
    from finance_platform.lake import decisions

    settings = _existing(load_settings(home=home))
    with _deciding(settings) as processed:
        decisions.reopen(processed, period, _author(why))
    return _said(f"{period} is open again", settings)


@main.command()
@_home
@click.option("--period", metavar="YYYY-MM", help="The cell's period.")
@click.option("--department", metavar="CODE", help="The cell's department.")
@click.option("--account", metavar="NUMBER", help="The cell's account.")
@click.option("--scenario", help="The cell's scenario; default: Actual, or the only one that has the cell.")
@click.option("--measure", type=click.Choice(["amount", "budget"]), help="Amount, or the budget beside it.")
@click.option("--file", "file", metavar="KEY", help="The other way: which cells this file reached.")
@click.option("--line", type=click.IntRange(min=1), help="With --file: this line of it, as an editor counts.")
@_format
@_explained
def trace(home: Path | None, file: str | None, line: int | None, output_format: str, **cell: str | None) -> int:
    """Show the lines of files behind a published cell, or the cells that a file or a line of it reached."""
    settings = _existing(load_settings(home=home))
    if file is not None:
        if any(cell.values()):
            raise click.UsageError("--file goes with --line alone")
        return _trace_file(settings, _object_key(settings, file), line, output_format)
    missing = [f"--{name}" for name in ("period", "department", "account") if cell[name] is None]
    if missing or line is not None:
        raise click.UsageError(f"missing {', '.join(missing)}" if missing else "--line goes with --file")
    return _trace_cell(settings, {name: said for name, said in cell.items() if said is not None}, output_format)


@main.command()
@_home
@click.option("--yes", "is_meant", is_flag=True, help="Remove it; without, it is listed and stays.")
@_as_json
@_explained
def vacuum(home: Path | None, is_meant: bool, as_json: bool) -> int:
    """List, or with --yes remove, what was replaced longer ago than the retention and nothing needs."""
    from finance_platform.lake.local import LocalLake
    from finance_platform.lake.lock import job_lock, run_lock
    from finance_platform.lake.retention import removable, remove
    from finance_platform.reporting.vacuuming import print_vacuum
    from finance_platform.warehouse.duckdb import DuckDBWarehouse
    from finance_platform.warehouse.ledger import published

    settings = _existing(load_settings(home=home))
    processed, days = LocalLake(settings.processed_root), settings.retention_days
    with run_lock(settings.home_path), job_lock(Path(settings.processed_root)):
        there = {name: found.version for name, found in published(DuckDBWarehouse(settings.warehouse_path)).items()}
        found = removable(processed, _snapshot(settings), there, now=datetime.now(UTC), retention_days=days)
        if is_meant:
            remove(processed, found)
    print_vacuum(_console(), found, retention_days=days, is_removed=is_meant, as_json=as_json)
    return EXIT_FINE


@main.command()
@_home
@click.option("--port", type=int, default=3000, show_default=True, help="Port on 127.0.0.1.")
@_explained
def ui(home: Path | None, port: int) -> int:
    """Open the Dagster UI of a home; it stops with Ctrl-C."""
    from finance_platform.resources.home import prepare_dagster_home

    settings = _existing(load_settings(home=home))
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise click.BadParameter(f"{port} is in use; choose another", param_hint="--port")
    folder = prepare_dagster_home(settings.dagster_home)
    environment = {**os.environ, "DAGSTER_HOME": str(folder), f"{ENV_PREFIX}HOME": str(settings.home_path)}
    # Dagster advises a scaffolding tool instead of `dagster dev`; the project has its own layout.
    environment["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
    arguments = ["-m", "dagster", "dev", "-m", "finance_platform.definitions", "-h", "127.0.0.1", "-p", str(port)]
    # A shell starts what runs in the background with SIGINT ignored, and Dagster would take that for SIGTERM too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.execve(sys.executable, [sys.executable, *arguments], environment)


@contextmanager
def _deciding(settings: Settings) -> Iterator[Lake]:
    """Give the processed zone while no run is at work in it."""
    from finance_platform.lake.local import LocalLake
    from finance_platform.lake.lock import run_lock

    with run_lock(settings.home_path):
        yield LocalLake(settings.processed_root)


def _author(why: str) -> Author:
    from finance_platform.lake.decisions import Author

    if not why.strip():
        raise click.BadParameter("say why; the register keeps it", param_hint="--why")
    return Author(getpass.getuser(), " ".join(why.split()), datetime.now(UTC))


def _object_key(settings: Settings, written: str) -> str:
    """Return the key inside the raw zone; a path to the file itself will do as well."""
    with suppress(ValueError):
        return Path(written).absolute().relative_to(Path(settings.raw_root).absolute()).as_posix()
    return written


def _said(what: str, settings: Settings) -> int:
    click.echo(f"{what}. `finance-platform run --home {settings.home}` publishes what follows.")
    return EXIT_FINE


def _trace_cell(settings: Settings, cell: dict[str, Any], output_format: str) -> int:
    from dataclasses import replace

    from finance_platform.lake.local import LocalLake
    from finance_platform.reporting.cells import CellName
    from finance_platform.reporting.published_lines import open_lines
    from finance_platform.reporting.trace import trace_cell, with_texts
    from finance_platform.reporting.tracing import ROWS_IN_A_TABLE, print_trace, verdict
    from finance_platform.warehouse.duckdb import DuckDBWarehouse

    store = open_lines(LocalLake(settings.processed_root))
    found = trace_cell(DuckDBWarehouse(settings.warehouse_path), store, CellName(**cell))
    is_table = output_format == "table"
    if found.lines:
        shown = found.lines[:ROWS_IN_A_TABLE] if is_table else found.lines
        texts = with_texts(shown, LocalLake(settings.raw_root), store, _dialects(settings))
        found = replace(found, lines=[*texts, *found.lines[len(shown) :]])
    print_trace(_console(), found, output_format)
    if output_format != "json" or not found.ties:
        click.echo(verdict(found), err=not is_table)
    return EXIT_FINE if found.ties else EXIT_STOPPED


def _trace_file(settings: Settings, key: str, line: int | None, output_format: str) -> int:
    from finance_platform.lake.local import LocalLake
    from finance_platform.reporting.cells import read_publication
    from finance_platform.reporting.published_lines import open_lines
    from finance_platform.reporting.reached import trace_file, with_text
    from finance_platform.reporting.tracing import print_reached
    from finance_platform.warehouse.duckdb import DuckDBWarehouse

    store = open_lines(LocalLake(settings.processed_root))
    publication = read_publication(DuckDBWarehouse(settings.warehouse_path), store, key)
    found = trace_file(store, publication, key, line)
    if line is not None:
        found = with_text(found, LocalLake(settings.raw_root), store, _dialects(settings))
    print_reached(_console(), found, output_format)
    return EXIT_FINE


def _dialects(settings: Settings) -> Mapping[str, Dialect]:
    from finance_platform.feeds.catalog import load_catalog

    return {feed.feed: feed.resolve(settings).rules.dialect for feed in load_catalog(settings.feeds_path).feeds}


def _existing(settings: Settings) -> Settings:
    if not Path(settings.raw_root).is_dir():
        raise HomeError(f"there is no folder {settings.raw_root}", fix="name the home with --home")
    return settings


def _check_periods(settings: Settings, periods: tuple[str, ...]) -> None:
    if not periods:
        return
    there = {wanted.slice for wanted in _snapshot(settings).wanted}
    for period in periods:
        if period not in there:
            raise click.BadParameter(f"no data reaches the period {period!r}; expected YYYY-MM", param_hint="--period")


def _snapshot(settings: Settings) -> Snapshot:
    from finance_platform.lake.local import LocalLake
    from finance_platform.lake.plan import StarSettings
    from finance_platform.lake.snapshot import take_snapshot

    return take_snapshot(LocalLake(settings.processed_root), StarSettings.of(settings), record=False)


def _status(settings: Settings, since: datetime | None = None) -> Status:
    from finance_platform.feeds.catalog import load_catalog
    from finance_platform.lake.intake import take_stock
    from finance_platform.lake.local import LocalLake
    from finance_platform.lake.register import Register
    from finance_platform.reporting.accounting import controllers_line
    from finance_platform.reporting.recent import closed_periods, recent_movements, why_stale
    from finance_platform.reporting.status import Background, build_status
    from finance_platform.resources.runs import last_run
    from finance_platform.warehouse.duckdb import DuckDBWarehouse
    from finance_platform.warehouse.ledger import published

    register = Register(LocalLake(settings.processed_root))
    catalog = load_catalog(settings.feeds_path)
    raw = LocalLake(settings.raw_root)
    intake = take_stock(raw, register, catalog, settings, at=datetime.now(UTC), run_id="", record=False)
    snapshot = _snapshot(settings)
    warehouse = DuckDBWarehouse(settings.warehouse_path)
    there = published(warehouse)
    background = Background(
        why_stale=why_stale(LocalLake(settings.processed_root), snapshot, there),
        closed=closed_periods(warehouse, snapshot.state.closed, there),
        movements=recent_movements(warehouse, there, since),
        last_run=last_run(settings.dagster_home),
    )
    return build_status(snapshot, intake, there, controllers_line(snapshot, warehouse), background)


def _print_run(settings: Settings, outcome: RunOutcome, found: Status, seconds: float, *, as_json: bool) -> None:
    from finance_platform.reporting import rendering
    from finance_platform.reporting.summary import print_summary, summary_as_json
    from finance_platform.reporting.variance import variance_rows
    from finance_platform.warehouse.duckdb import DuckDBWarehouse
    from finance_platform.warehouse.port import NoWarehouseYetError

    try:
        variance = variance_rows(DuckDBWarehouse(settings.warehouse_path))
    except NoWarehouseYetError:
        variance = []
    if as_json:
        rendering.print_json(_console(), summary_as_json(outcome, found, variance, seconds))
    else:
        print_summary(_console(), outcome, found, variance, seconds)


def _console() -> Console:
    # A pipe has no width: a table must not be cut to eighty columns there.
    return Console() if sys.stdout.isatty() else Console(width=250, no_color=True)


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


if __name__ == "__main__":
    main()

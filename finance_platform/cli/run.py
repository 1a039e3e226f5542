"""The command that refreshes: run.

Belongs here: starting it, the progress display, the exit code of a run. Does not belong here: what a run does.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import echo, open_console
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_FAILED,
    EXIT_OK,
    OWN_PROCESS,
    home_option,
    json_option,
    read_snapshot,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.cli.status import record_status
from finance_platform.cli.usage_errors import PERIOD
from finance_platform.orchestration.ahead.likely_news import is_news_likely
from finance_platform.orchestration.job_runners.job_process import job_process
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings, load_settings
from finance_platform.storage.factory import is_remote
from finance_platform.storage.file_modes import find_exposed
from finance_platform.storage.listed_once import listed_once

if TYPE_CHECKING:
    from finance_platform.orchestration.job_runners.job_process import JobProcess
    from finance_platform.reports.run_outcome import RunReport
    from finance_platform.reports.variance import VarianceRow
    from finance_platform.storage.port import ObjectStore

_STEP_LABELS = {
    "register": "scanning the raw files",
    "standardise": "reading new deliveries",
    "build_star": "building stale periods",
    "load": "loading the warehouse",
    "reporting__variance_report": "writing the reports",
}


_LATE_MODULES = (
    *("finance_platform.warehouse.duckdb.session", "finance_platform.reports.restatements"),
    *("finance_platform.refresh.status_ahead", "finance_platform.cli.run_output"),
)
"""What a run imports when its last steps and its output need it."""


@click.command()
@home_option
@click.option("--rebuild", is_flag=True, help="Build and load current slices again, too.")
@click.option("--period", "periods", multiple=True, type=PERIOD, help="With --rebuild: only this period.")
@click.option("--force", is_flag=True, help="Run although nothing has changed since the last complete run.")
@json_option
@with_exit_code
def run(home: Path | None, rebuild: bool, periods: tuple[str, ...], force: bool, as_json: bool) -> int:
    """Bring everything that is stale up to date, end to end; report the state if nothing is."""
    settings = load_settings(home=home)
    if periods and not rebuild:
        raise click.UsageError("--period needs --rebuild")
    if not settings.raw_uri and not Path(settings.raw_root).is_dir():
        require_raw_zone(settings)  # says why; it imports what another run imports while its process of jobs starts
    _check_periods(settings, periods)
    started = time.monotonic()
    starts_now = rebuild or (not force and is_news_likely(settings))
    jobs = job_process(settings, starts_now=starts_now, meanwhile=lambda: _work_ahead(settings))
    with jobs as process, ExitStack() as lock:
        from finance_platform.bootstrap import home_lock, raw_zone  # takes time that the process of the jobs starts in

        raw = listed_once(raw_zone(settings))
        if process is not None and not is_remote(settings.processed_root) and raw.exists():
            # Another run would enter newer files than those of the listing, by which this one's first step goes.
            lock.enter_context(home_lock(settings))
        report = None if force or rebuild else _report_without_run(settings, raw)
        if report is None and process is not None and not force:
            process.start()
        if report is None:
            report = _run(settings, process, raw, lock, rebuild=rebuild, periods=periods)
    seconds = time.monotonic() - started
    _print_run(report, seconds, home=home, as_json=as_json)
    outcome, status = report.outcome, report.status
    _warn_of_exposed_files(settings)
    if outcome.is_broken or status.is_broken:
        return EXIT_FAILED
    return EXIT_ATTENTION if status.pending or outcome.failed_checks or not status.is_healthy else EXIT_OK


def _warn_of_exposed_files(settings: Settings) -> None:
    """Report files that were created with wider modes; they are not changed, since somebody may depend on them."""
    names = ("processed", "reports", "dagster", settings.warehouse_path.name, settings.alerts_path.name)
    exposed = find_exposed(settings.home_path, names, group_readable=settings.group_readable)
    if exposed:
        echo(
            f"More users of this machine than intended may read {', '.join(exposed)} of {settings.home_path}.\n"
            f"  Fix: chmod -R {'g-w,o=' if settings.group_readable else 'go='} {' '.join(exposed)} in that folder; "
            f"or set {ENV_PREFIX}GROUP_READABLE=true if the group should read",
            err=True,
        )


def _check_periods(settings: Settings, periods: tuple[str, ...]) -> None:
    from finance_platform.contracts.star import FACT_FINANCIALS

    if not periods:
        return
    known = {target.slice for target in read_snapshot(settings).target if target.table == FACT_FINANCIALS.name}
    for period in periods:
        if period not in known:
            having = f"the home has {min(known)} to {max(known)}" if known else "no file of this home was read yet"
            raise click.BadParameter(f"the period {period!r} has no data; {having}", param_hint="--period")


def _report_without_run(settings: Settings, raw: ObjectStore) -> RunReport | None:
    """Return the report of a run with nothing new without starting one; None if a run is needed."""
    from finance_platform.orchestration.nothing_new import answer_without_run
    from finance_platform.reports.run_outcome import RunOutcome, RunReport

    answer = answer_without_run(settings, raw)
    if answer is None:
        return None
    outcome = RunOutcome(
        run_id="",
        succeeded=True,
        is_broken=False,
        error="",
        checks=answer.checks,
        deliveries_read=0,
        built=(),
        loaded=(),
        unchanged_since=answer.run_id,
    )
    return RunReport(outcome, answer.status, answer.variance)


def _run(
    settings: Settings,
    process: JobProcess | None,
    raw: ObjectStore,
    lock: ExitStack,
    *,
    rebuild: bool,
    periods: tuple[str, ...],
) -> RunReport:
    """Run every step; a process takes them beside the one that imports Dagster and stores its events.

    The first step gets the raw zone as it was listed to decide that there is a run. The lock under which that was done
    is held until the last step has ended.
    """
    from finance_platform.bootstrap import processed_zone, warehouse_readers
    from finance_platform.orchestration.ahead.forked_steps import ForkedSteps
    from finance_platform.orchestration.ahead.steps_ahead import StepsAhead, steps_ahead
    from finance_platform.reports.run_outcome import RunReport

    listed = listed_once(processed_zone(settings))
    is_own_process = click.get_current_context().obj is OWN_PROCESS
    forked = partial(
        ForkedSteps,
        takes_all=not rebuild,
        meanwhile=_import_late_modules,
        raw=raw,
    )
    steps = forked if is_own_process else partial(StepsAhead, raw=raw)
    with warehouse_readers(settings):
        # The display of the progress, which comes after them, has a thread.
        with lock, steps_ahead(settings, process, steps) as begun, _progress() as on_step:
            with _no_search_for_garbage() if is_own_process else nullcontext():
                from finance_platform.orchestration.refresh_run import run_refresh

            outcome = run_refresh(
                settings,
                rebuild=rebuild,
                periods=periods,
                on_step=on_step,
                process=process,
                listed_at_end=listed,
                begun=begun,
            )
            ahead = begun.take_status() if outcome.succeeded else None
        if process is not None:
            process.close()
        # The status of what the run has left: of thousands of deliveries, to list everything again takes seconds.
        status = record_status(settings, listed, ahead)
        return RunReport(outcome, status, _read_variance(settings), _read_restated(settings))


@contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """Search for no garbage among what is imported meanwhile, nor again among it later.

    Dagster and its libraries are half a million objects, and going through them takes a tenth of a second.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _work_ahead(settings: Settings) -> Iterator[None]:
    from finance_platform.orchestration.ahead.work_ahead import work_ahead

    yield from work_ahead(settings)


def _import_late_modules() -> Iterator[None]:
    """Import what the run's process needs last, one module at each step of the iterator."""
    for name in _LATE_MODULES:
        import_module(name)
        yield


def _read_variance(settings: Settings) -> Sequence[VarianceRow]:
    from finance_platform.bootstrap import open_warehouse
    from finance_platform.errors import DamagedWarehouseError
    from finance_platform.reports.variance import published_variance
    from finance_platform.warehouse.port import NoWarehouseYetError

    try:
        return published_variance(open_warehouse(settings))
    except (NoWarehouseYetError, DamagedWarehouseError):
        return []


def _read_restated(settings: Settings) -> Sequence[str]:
    from finance_platform.bootstrap import open_warehouse
    from finance_platform.errors import DamagedWarehouseError, QueryError
    from finance_platform.reports.restatements import describe_restatements, read_restatements

    try:
        return describe_restatements(read_restatements(open_warehouse(settings)))
    except (DamagedWarehouseError, QueryError):
        return ()  # the run has failed before it could bring the warehouse up to this release, and says why


def _print_run(report: RunReport, seconds: float, *, home: Path | None, as_json: bool) -> None:
    from finance_platform.cli import rendering
    from finance_platform.cli.run_output import print_summary, summary_as_json

    if as_json:
        rendering.print_json(open_console(), summary_as_json(report, seconds))
    else:
        print_summary(open_console(), report, seconds, home)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show the current step on stderr if that is a terminal."""
    console = open_console(err=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=len(_STEP_LABELS))
        completed = iter(range(len(_STEP_LABELS)))

        def on_step(name: str) -> None:
            progress.update(task, description=_STEP_LABELS.get(name, name), completed=next(completed, 0))

        yield on_step

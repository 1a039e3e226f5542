"""Dagster's steps at less cost: their Spark jobs in the test's process, on its one session, and fewer SQL engines.

Belongs here: the job runner that takes the place of subprocesses, and when it does. Does not belong here: anything that
a job does, the runner of subprocesses (see `orchestration.test_subprocess_jobs`).

A process with Spark takes two seconds of processor time to start, twice a refresh, and the one that `run` starts ahead
a second until it is stopped without a job. Commands in processes of their own, the browser's homes and the nightly
profile start them. Dagster creates an engine of SQLAlchemy for each of the thousand
times that a run opens its files, each with empty caches: a third of the time of a run. And it imports Alembic's ninety
migrations again whenever it creates or checks a file, eleven times in the first run of a home: a tenth. Four processes
repeat the output of each run's steps on the terminal, which commands in processes of their own show. The workbook of
the report pack takes half a second per run, with its queries, and the profit and loss of its page, whose query is
planned through views of views, a tenth of a run; commands in processes of their own, and `report`, write both. Before
a run, Dagster stores an event for each asset and check that it plans, another tenth; the browser has them (080). And it
stores an event for each output of a step, nearly half of all events, which say nothing that those of assets and checks
do not; executing a run again reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import dagster as dg
import pytest
from alembic.script import ScriptDirectory
from dagster._core.execution import compute_logs
from dagster._core.instance.runs.run_domain import RunDomain
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import Engine, NullPool, create_engine

from finance_platform.code_version import JobName
from finance_platform.data_catalog.delta_log import SyncReport
from finance_platform.errors import FinancePlatformError, JobError
from finance_platform.orchestration import resources
from finance_platform.orchestration.assets import reporting, star, warehouse
from finance_platform.orchestration.job_runners import job_process
from finance_platform.orchestration.job_runners.subprocess_jobs import SubprocessJobRunner
from finance_platform.refresh import report_pack
from finance_platform.reports.pack import read_model
from finance_platform.reports.pack.model import Pack
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.build_star_job import build_slices
from finance_platform.spark_jobs.harness import JobBody, execute
from finance_platform.spark_jobs.requests import BuildRequest, StandardiseRequest
from finance_platform.spark_jobs.standardise_job import read_deliveries
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.shared_spark import shared_session

_MAX_AMOUNTS = report_pack.MAX_AMOUNTS_OF_A_RUN

_read_migrations_once = cache(ScriptDirectory.from_config)
"""Migrations are files of Dagster's release; it passes one configuration per folder of them."""


@contextmanager
def dagster_jobs_in_this_process() -> Iterator[None]:
    """Let the job runner of local homes use the shared session, which starts with the first job."""
    if current_profile().is_exhaustive:
        yield
        return

    class JobsOnTheSession(SubprocessJobRunner):
        """Runs the bodies of the job scripts, without their processes."""

        def start_and_wait(
            self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments
        ) -> Sequence[Any]:
            """Run a job to its end and return the result that it wrote."""
            if self.spark_engine != "sail":
                return super().start_and_wait(context, job, arguments)
            spark = shared_session()
            bodies: dict[JobName, JobBody] = {
                "standardise": lambda given, asked: read_deliveries(spark, given, StandardiseRequest.from_json(asked)),
                "build_star": lambda given, asked: build_slices(spark, given, BuildRequest.from_json(asked)),
            }
            try:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")  # a clean environment removes it
                    return [execute(job, bodies[job], replace(arguments, spark_engine="sail"))]
            except FinancePlatformError as error:
                raise JobError(f"{job}: {error}", fix=self.describe_log(job, arguments)) from error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "SubprocessJobRunner", JobsOnTheSession)
        patch.setattr(job_process, "job_process", lambda *_, **__: nullcontext())
        for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
            patch.setattr(module, "create_engine", _one_engine_per_file())
        patch.setattr(Engine, "dispose", lambda *_: None)  # which creates a pool again; these engines have none
        patch.setattr(ScriptDirectory, "from_config", _read_migrations_once)
        patch.setattr(compute_logs, "tail_to_stream", lambda *_: nullcontext())
        patch.setattr(RunDomain, "_log_asset_planned_events", lambda *_: None)
        patch.setattr(SqliteEventLogStorage, "store_event", _store_no_output)
        patch.setattr(report_pack, "MAX_AMOUNTS_OF_A_RUN", -1)
        for module in (reporting, warehouse):
            patch.setattr(module, "read_pack", _read_pack_without_profit_and_loss)
        patch.setattr(
            star, "sync_as_reported", lambda *_: SyncReport("not looked at")
        )  # see `end_to_end.test_open_tables`
        yield


@contextmanager
def runs_write_workbooks() -> Iterator[None]:
    """Let runs in this process write the whole report pack and its workbook, as they do outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (reporting, warehouse):
            patch.setattr(module, "read_pack", report_pack.read_published_pack)
        patch.setattr(report_pack, "MAX_AMOUNTS_OF_A_RUN", _MAX_AMOUNTS)
        yield


_store_event = SqliteEventLogStorage.store_event


@contextmanager
def runs_store_outputs() -> Iterator[None]:
    """Let runs in this process store the events of outputs, as they do outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteEventLogStorage, "store_event", _store_event)
        yield


def _store_no_output(storage: SqliteEventLogStorage, event: dg.EventLogEntry) -> None:
    if not event.is_dagster_event or event.dagster_event_type != dg.DagsterEventType.STEP_OUTPUT:
        _store_event(storage, event)


def _read_pack_without_profit_and_loss(*arguments: Any, **options: Any) -> Pack:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_model, "_profit_and_loss", lambda *_: ())
        return report_pack.read_published_pack(*arguments, **options)


def _one_engine_per_file() -> Callable[..., Engine]:
    """Return a substitute for `create_engine`; the engines have no pool, so they keep no connection."""
    engines: dict[str, Engine] = {}

    def engine_of(url: str, **options: Any) -> Engine:
        assert options["poolclass"] is NullPool
        if url not in engines:
            engines[url] = create_engine(url, **options)
        return engines[url]

    return engine_of

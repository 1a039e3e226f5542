"""What the fork of a run's process does: it takes the steps and sends what each has done.

Belongs here: the order of the steps, when it goes on, what it sends, with whom it ends. Does not belong here: its
beginning, and the steps of the run that get the messages (see `forked_steps`); the steps (see `refresh`). Dagster is
not imported.

It goes on only as the run would. What it does not send, the run's own step does, so a failure is only logged here.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from finance_platform.bootstrap import delta_options, open_warehouse, reports_folder, warehouse_readers
from finance_platform.code_version import JobName
from finance_platform.home import Home
from finance_platform.orchestration.ahead.fork_messages import (
    BUILT,
    END,
    FAILED,
    LAST_JOB,
    ORDERED,
    PACK,
    PUBLISHED,
    READ,
    STANDARDISED,
    STATUS,
    Sender,
)
from finance_platform.orchestration.ahead.steps_ahead import JobsAhead
from finance_platform.orchestration.ahead.taken_steps import BuiltAhead, CheckedDeliveries
from finance_platform.orchestration.job_runners.job_process import JobProcess
from finance_platform.refresh.steps.standardise import check_read, standardise
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import take_snapshot
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore

if TYPE_CHECKING:
    from finance_platform.data_catalog.delta_log import SyncReport
    from finance_platform.quality.checks import Outcome
    from finance_platform.refresh.steps.build_star import BuiltStar
    from finance_platform.refresh.steps.publish import Publication
    from finance_platform.reports.pack.model import Pack
    from finance_platform.warehouse.known_answers import KnownAnswers
    from finance_platform.warehouse.port import Warehouse

_log = logging.getLogger(__name__)

_DEATH_SIGNAL = 1
"""Linux's `PR_SET_PDEATHSIG`: the signal that a process gets when its parent ends."""


_FEW_ROWS = 500_000
"""To load more takes this process longer than Dagster's import takes the run's."""

_READING_THREADS = 3
"""Those that read the warehouse at once after a load: the checks and answers, the pack, and its statement."""


class _FailedJobError(Exception):
    """A job has failed; its process is a child of the run's, which alone can ask for its exit code."""

    def __init__(self, job: JobName, arguments: JobArguments) -> None:
        self.job = job
        self.arguments = arguments
        super().__init__(f"{job} has failed")


class _Jobs(JobsAhead):
    """Gives orders from the fork."""

    def _run(self, job: JobName, arguments: JobArguments) -> int | None:
        has_succeeded = self.process.order(job, arguments, {}, works_meanwhile=True)
        if has_succeeded is None:
            return None
        if not has_succeeded:
            raise _FailedJobError(job, arguments)
        return 0


class ForkWorker:
    """Takes the steps and sends what they did."""

    def __init__(self, settings: Settings, process: JobProcess, run_id: str, sender: Sender) -> None:
        """Prepare to take the steps of a run whose process of jobs is the run's child."""
        self._settings = settings
        self._process = process
        self._run_id = run_id
        self._send = sender.send

    def take(self, raw: ObjectStore, processed: ObjectStore, listed: ObjectStore | None) -> None:
        """Take the steps, until one fails, a blocking check does, or the last one is taken.

        Args:
            raw: the raw zone.
            processed: the processed zone.
            listed: the raw zone as it was listed for the first step; None to take no step after the second.
        """
        failed_job: _FailedJobError | None = None
        left: ObjectStore | None = None
        try:
            if self._read(raw, processed) and listed and self._build(processed) and self._publish(raw, processed):
                left = listed
        except _FailedJobError as error:
            failed_job = error
        except Exception:
            _log.debug("a step failed ahead of the run", exc_info=True)
        self._send(END, self._process.is_ready)
        if failed_job is not None:
            # Last: the run ends this process at once, and without the message above it would also kill that of the
            # jobs, whose exit code it reports.
            self._send(FAILED, (failed_job.job, failed_job.arguments))
        if left is not None:
            self._derive_status(left, processed)

    def _read(self, raw: ObjectStore, processed: ObjectStore) -> bool:
        done = standardise(
            raw,
            processed,
            self._jobs(),
            self._settings,
            clock=_now,
            run_id=self._run_id,
            on_read=partial(self._send, READ),
        )
        snapshot = take_snapshot(processed, StarSettings.of(self._settings))
        outcomes = check_read(snapshot, done.read.commits, processed)
        self._send(STANDARDISED, (done, CheckedDeliveries(snapshot, outcomes)))
        return _may_go_on(outcomes)

    def _build(self, processed: ObjectStore) -> bool:
        from finance_platform.refresh.steps.build_star import build_star, check_built

        star = build_star(processed, self._jobs(), StarSettings.of(self._settings))
        # Its memory is needed by what follows.
        self._process.end()
        self._send(LAST_JOB, None)
        outcomes = check_built(star, processed)
        may_go_on = _may_go_on(outcomes)
        open_tables = self._sync_open_tables(processed, star) if may_go_on else None
        self._send(BUILT, BuiltAhead(star, outcomes, open_tables))
        return may_go_on

    def _sync_open_tables(self, processed: ObjectStore, star: BuiltStar) -> SyncReport | None:
        """Bring the open tables up to date; None if the run does that, which waits for this process anyway.

        After a small delivery it is the other way round: this process is at its end before the run has Dagster.
        """
        from finance_platform.data_catalog.delta_log import sync_as_reported

        if not self._settings.open_tables or star.row_count > _FEW_ROWS:
            return None
        try:
            return sync_as_reported(processed, star.snapshot, delta_options(self._settings))
        except Exception:
            _log.debug("the open tables cannot be brought up to date ahead of the run", exc_info=True)
            return None

    def _publish(self, raw: ObjectStore, processed: ObjectStore) -> bool:
        from finance_platform.orchestration.ahead.pack_ahead import PackAhead
        from finance_platform.refresh.report_pack import read_figures_for_a_run, read_published_pack, write_report_pack
        from finance_platform.refresh.steps.publish import publish

        settings = self._settings
        warehouse = open_warehouse(settings)

        def read(beside: Executor | None = None) -> Pack:
            with warehouse_readers(settings, threads=_READING_THREADS):
                return read_published_pack(listed_once(processed), warehouse, settings, beside=beside)

        readers = warehouse_readers(settings, threads=_READING_THREADS)
        with readers, ThreadPoolExecutor(1, "pack-beside") as beside, PackAhead() as ahead:
            published = publish(
                Home(settings, raw, processed, warehouse),
                clock=_now,
                run_id=self._run_id,
                once_published=lambda: ahead.begin(partial(read, beside)),
            )
            self._send(PUBLISHED, (published, _answers(warehouse, published)))
            if not _may_go_on([*published.star_outcomes, *published.outcomes]):
                return False
            # If nothing was begun, one query after the other, for want of memory.
            pack = ahead.take(read)
            figures = read_figures_for_a_run(warehouse, pack)
            written = write_report_pack(pack, figures, reports_folder(settings), at=_now())
            self._send(PACK, written)
        return True

    def _derive_status(self, raw: ObjectStore, processed: ObjectStore) -> None:
        from finance_platform.refresh.status_ahead import derive_status_ahead

        home = Home(self._settings, raw, processed, open_warehouse(self._settings))
        try:
            # By what the steps have listed and written: the run compares that with its own listing of the end.
            status = derive_status_ahead(home, at=_now())
        except Exception:
            _log.debug("the status cannot be derived ahead of the run", exc_info=True)
            return
        self._send(STATUS, status)

    def _jobs(self) -> _Jobs:
        return _Jobs(self._settings, self._process, partial(self._send, ORDERED, None))


def _answers(warehouse: Warehouse, published: Publication) -> KnownAnswers | None:
    """Return what the run's process would ask the warehouse; None if it has to ask, and report what fails."""
    from finance_platform.refresh.answers_ahead import ask_ahead

    try:
        return ask_ahead(warehouse, published)
    except Exception:
        _log.debug("the warehouse cannot be asked ahead of the run", exc_info=True)
        return None


def _may_go_on(outcomes: Iterable[Outcome]) -> bool:
    """Return whether the run's own step would not fail for one of these outcomes."""
    return all(outcome.passed or not outcome.check.is_blocking for outcome in outcomes)


def _now() -> datetime:
    return datetime.now(UTC)


def end_with(parent: int) -> None:
    """Let this process be killed when its parent ends, however it ends, and by an interruption.

    What a killed process has written without a commit is never read.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)

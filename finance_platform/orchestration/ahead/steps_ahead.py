"""The first two steps of a run of the command line, begun before Dagster is imported.

Belongs here: when they are taken, and who gets their results. Does not belong here: the steps (see
`refresh.steps.register`, `refresh.steps.standardise`), what they report (see `assets.register`, `assets.standardise`).
Dagster is not imported.

The process of the jobs is ready before Dagster is, and what it reads depends on nothing that Dagster has. The steps of
the run then report what was done. Whatever fails ahead, the step does again and reports as its own; only a job that has
failed is not run a second time.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from finance_platform.bootstrap import home_lock, processed_zone, raw_zone
from finance_platform.code_version import JobName, code_version
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.errors import HomeError
from finance_platform.orchestration.ahead.taken_steps import NOTHING_TAKEN, TakenSteps
from finance_platform.orchestration.dagster_storage import find_damaged_storage
from finance_platform.orchestration.job_runners.job_process import FailedAttemptError, JobProcess
from finance_platform.orchestration.runs import has_configuration
from finance_platform.refresh.steps.recorded_code import trust_recorded_code
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.standardise import ReadDeliveries, Standardised, standardise
from finance_platform.settings import Settings
from finance_platform.spark_jobs.arguments import JobArguments, new_attempt
from finance_platform.spark_jobs.harness import request_key, result_key
from finance_platform.spark_jobs.job_orders import ENGINE
from finance_platform.storage.listed_once import listed_once, listed_until_written
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import S3_SCHEME

_log = logging.getLogger(__name__)

_SWITCH_SECONDS = 0.0005
"""How long a thread computes while another one waits for its turn; Python has 0.005.

Verdicts open hundreds of small files, and after each the thread would wait that long for the one that imports Dagster.
"""


class StepsAhead(TakenSteps):
    """Takes the first two steps of a run that holds the home's lock from its start to its end."""

    run_id: str

    def __init__(self, settings: Settings, process: JobProcess, *, raw: ObjectStore | None = None) -> None:
        """Prepare them; `begin` begins.

        Args:
            settings: the home; both of its zones are on this machine.
            process: runs the job.
            raw: the raw zone as it was listed to decide that there is a run; what arrives later is left to the next
                run, as what arrives after any other listing.
        """
        self._raw = raw or listed_once(raw_zone(settings))
        self.run_id = str(uuid4())
        self._settings = settings
        self._process = process
        self._thread = ThreadPoolExecutor(1, "steps-ahead")
        self._is_ordered = threading.Event()
        self._switch_seconds = sys.getswitchinterval()
        self._scan: RawZoneScan | None = None
        self._standardised: Future[Standardised] | None = None
        self._read: ReadDeliveries | None = None

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the thread; a job whose step was not reached is interrupted."""
        if self._standardised is not None and not self._standardised.done():
            self._process.interrupt()
        self._thread.shutdown()
        sys.setswitchinterval(self._switch_seconds)

    def begin(self) -> None:
        """Enter what is new into the register, and begin to read it; return when the job has its order."""
        # One listing of register and deliveries for both steps, which this process takes one right after the other.
        processed = listed_until_written(processed_zone(self._settings))
        try:
            # Before the register forgets what the last complete run left.
            trust_recorded_code(processed)
            self._scan = register(self._raw, processed, self._settings, at=datetime.now(UTC), run_id=self.run_id)
        except Exception:
            _log.debug("the first step failed ahead of the run", exc_info=True)
            return
        self._begin_to_read(raw_zone(self._settings), processed)

    def _begin_to_read(self, raw: ObjectStore, processed: ObjectStore) -> None:
        self._standardised = self._thread.submit(
            standardise,
            raw,
            processed,
            JobsAhead(self._settings, self._process, self._is_ordered.set),
            self._settings,
            clock=lambda: datetime.now(UTC),
            run_id=self.run_id,
            on_read=self._keep_read,
        )
        # What comes before the job is short, and would take longer beside the imports than before them.
        self._standardised.add_done_callback(lambda _: self._is_ordered.set())
        self._is_ordered.wait()
        sys.setswitchinterval(_SWITCH_SECONDS)

    def take_scan(self) -> RawZoneScan | None:
        """Return what the first step has found; see `TakenSteps`."""
        scan, self._scan = self._scan, None
        return scan

    def take_standardised(self, on_read: Callable[[ReadDeliveries], None]) -> Standardised | None:
        """Wait for the second step and return what it did; see `TakenSteps`."""
        step, self._standardised = self._standardised, None
        if step is None:
            return None
        try:
            if not step.done():
                self._process.work_meanwhile()
            return step.result()
        except FailedAttemptError:
            raise
        except Exception:
            _log.debug("the second step failed ahead of the run", exc_info=True)
            return None
        except BaseException:
            self._process.interrupt()
            raise
        finally:
            if self._read is not None:
                on_read(self._read)

    def _keep_read(self, read: ReadDeliveries) -> None:
        self._read = read


@dataclass(frozen=True)
class JobsAhead:
    """Runs jobs without a session of Dagster Pipes: their results are in the processed zone.

    Attributes:
        settings: the home.
        process: runs the jobs.
        on_order: called before each order.
    """

    settings: Settings
    process: JobProcess
    on_order: Callable[[], None]

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job and return its result document.

        Raises:
            FailedAttemptError: the job failed.
            RuntimeError: its process has ended without beginning it.
        """
        arguments = JobArguments(
            raw_uri=self.settings.raw_root,
            processed_uri=self.settings.processed_root,
            attempt=new_attempt(),
            spark_engine=ENGINE,
            code_version=code_version(job),
        )
        arguments.processed.write(request_key(arguments.attempt), request)
        self.on_order()
        exit_code = self._run(job, arguments)
        if exit_code is None:
            raise RuntimeError("the process of the jobs did not begin")
        if exit_code:
            raise FailedAttemptError(job, arguments, exit_code, self.process.failure)
        return dict(json.loads(arguments.processed.read(result_key(arguments.attempt))))

    def _run(self, job: JobName, arguments: JobArguments) -> int | None:
        return self.process.run(job, arguments, {}, works_meanwhile=False)


@contextmanager
def steps_ahead(
    settings: Settings, process: JobProcess | None, steps: Callable[[Settings, JobProcess], StepsAhead] = StepsAhead
) -> Iterator[TakenSteps]:
    """Begin the first steps of a run and hold the home's lock; take none where the run itself begins with them.

    So it does where a zone is on S3 or a job has a process of its own, and where the run may end before its first step:
    without a raw zone, or with records of Dagster that it cannot use as they are.

    Args:
        settings: the home.
        process: the process of the run's jobs.
        steps: how they are taken.

    Raises:
        LockedError: another run is at work in this home.
        DiskError: the home is not writable.
    """
    if process is None or not _may_begin(settings):
        yield NOTHING_TAKEN
        return
    with home_lock(settings), steps(settings, process) as ahead:
        ahead.begin()
        yield ahead


def _may_begin(settings: Settings) -> bool:
    if any(root.startswith(S3_SCHEME) for root in (settings.raw_root, settings.processed_root)):
        return False
    folder = settings.dagster_home
    with suppress(HomeError, OSError):
        has_configuration(folder)
        return raw_zone(settings).exists() and not find_damaged_storage(folder)
    return False

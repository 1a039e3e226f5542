"""The steps of a run in a process of their own, beside the one that imports Dagster and stores the run's events.

Belongs here: when that process begins and ends, and what the run's steps get of its messages. Does not belong here:
what it does (see `fork_worker`), what the steps report (see `assets`), steps in a thread (see `steps_ahead`). Dagster
is not imported.

The process is a fork of the run's, which has entered what is new into the register and holds the home's lock. It takes
one step after the other, as far as none fails and no blocking check does, and sends what each has done. The steps of
the run report it, in the same order. What was not done there, the step of the run does, once this process has ended: at
no time do both work.

Both have what the run's process has read before the fork: the deliveries of all earlier runs. Of these, no message has
more than a number (see `fork_messages`). The steps list them no more: what the process writes, it looks up. Last, it
derives the status of what the steps have left, by what was listed and written, which the run compares with its end.
"""

from __future__ import annotations

import gc
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from finance_platform.bootstrap import keep_answers
from finance_platform.code_version import JobName
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.current_state import state_of
from finance_platform.deliveries.overlap_documents import find_damaged_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.orchestration.ahead.fork_messages import (
    BUILT,
    END,
    FAILED,
    HEAD,
    LAST_JOB,
    ORDERED,
    PACK,
    PUBLISHED,
    READ,
    STANDARDISED,
    STATUS,
    Receiver,
    Sender,
)
from finance_platform.orchestration.ahead.fork_worker import ForkWorker, end_with
from finance_platform.orchestration.ahead.steps_ahead import StepsAhead
from finance_platform.orchestration.ahead.taken_steps import BuiltAhead, CheckedDeliveries
from finance_platform.orchestration.job_runners.job_process import FailedAttemptError, JobProcess
from finance_platform.refresh.steps.standardise import ReadDeliveries, Standardised
from finance_platform.settings import Settings
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.storage.port import ObjectStore

if TYPE_CHECKING:
    from finance_platform.refresh.status_ahead import StatusAhead
    from finance_platform.refresh.steps.publish import Publication
    from finance_platform.reports.pack.written import WrittenPack

_log = logging.getLogger(__name__)

MOST_PENDING = 2_000
"""Of how many deliveries that are still to be read the process takes the steps: it sends what it has read, which takes
0.1 ms of each process."""


class ForkedSteps(StepsAhead):
    """Takes every step of a run beside it; on a system that has no such fork, the first two, in a thread."""

    def __init__(
        self,
        settings: Settings,
        process: JobProcess,
        *,
        takes_all: bool = True,
        meanwhile: Callable[[], Iterator[None]] = lambda: iter(()),
        raw: ObjectStore | None = None,
    ) -> None:
        """Prepare them; `begin` begins.

        Args:
            settings: the home; both of its zones are on this machine.
            process: runs the jobs.
            takes_all: whether to go on after the second step.
            meanwhile: work of the run's process while it waits for the fork: small steps, which it can do later.
            raw: see `StepsAhead`.
        """
        super().__init__(settings, process, raw=raw)
        self._takes_all = takes_all
        self._idle_steps = meanwhile()
        self._child = 0
        self._messages: queue.SimpleQueue[tuple[bytes, bytes] | None] = queue.SimpleQueue()
        self._received = Receiver()
        self._receiver: threading.Thread | None = None
        self._is_host_ready: bool | None = None
        self._taken: set[bytes] = set()
        self._checked: CheckedDeliveries | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, if it is still at work."""
        self._end()
        super().__exit__(kind, error, trace)

    def take_standardised(self, on_read: Callable[[ReadDeliveries], None]) -> Standardised | None:
        """Wait for the second step; see `TakenSteps`."""
        if self._receiver is None:
            return super().take_standardised(on_read)
        done = self._take(STANDARDISED, on_read)
        if done is None:
            return None
        standardised, self._checked = done
        return standardised  # type: ignore[no-any-return]

    def take_checked(self) -> CheckedDeliveries | None:
        """Return what the checks of the second step have found; see `TakenSteps`."""
        checked, self._checked = self._checked, None
        return checked

    def take_built(self) -> BuiltAhead | None:
        """Wait for the third step; see `TakenSteps`."""
        return cast("BuiltAhead | None", self._take(BUILT))

    def take_published(self) -> Publication | None:
        """Wait for the fourth step; see `TakenSteps`."""
        done = self._take(PUBLISHED)
        if done is None:
            return None
        published, answers = done
        if answers is not None:
            keep_answers(self._settings, answers)
        return cast("Publication", published)

    def take_pack(self) -> WrittenPack | None:
        """Wait for the report pack; see `TakenSteps`."""
        return cast("WrittenPack | None", self._take(PACK))

    def take_status(self) -> StatusAhead | None:
        """Wait for the status of what the steps have left; see `TakenSteps`."""
        return cast("StatusAhead | None", self._take(STATUS))

    def _begin_to_read(self, raw: ObjectStore, processed: ObjectStore) -> None:
        if not self._may_fork() or (shared := _read_shared(processed)) is None:
            super()._begin_to_read(raw, processed)
            return
        self._received = Receiver(shared)
        read_end, write_end = os.pipe()
        messages = os.fdopen(write_end, "wb")
        # It looks at each shared object, and a look of the fork would copy the page that it is in.
        sender = Sender(messages, shared)
        # What was imported is no garbage: a search would write to each of its pages, and copy it. The fork searches for
        # none: it ends before much gathers, and a search goes through each of a hundred thousand amounts.
        gc.freeze()
        parent = os.getpid()
        try:
            self._child = os.fork()
        except OSError:
            # The machine has no memory or no process left for it; a thread needs neither.
            _log.debug("the steps have no process of their own", exc_info=True)
            os.close(read_end)
            messages.close()
            super()._begin_to_read(raw, processed)
            return
        if self._child == 0:
            try:
                gc.disable()
                os.close(read_end)
                end_with(parent)
                with messages:
                    worker = ForkWorker(self._settings, self._process, self.run_id, sender)
                    worker.take(raw, processed, self._raw if self._takes_all else None)
            finally:
                os._exit(0)  # nothing of what this process has opened is its own to close
        messages.close()
        self._receiver = threading.Thread(target=self._receive, args=[read_end], name="forked-steps", daemon=True)
        self._receiver.start()
        self._is_ordered.wait()

    def _may_fork(self) -> bool:
        """Return whether a fork of this process can go on alone: it has no thread, and no engine that may have some.

        Other systems than Linux forbid it.
        """
        return (
            sys.platform == "linux"
            and threading.active_count() == 1
            and "_duckdb" not in sys.modules
            and self._process.is_started
        )

    def _receive(self, read_end: int) -> None:
        """Take what the process sends, until it ends; so it never waits for the run's steps."""
        with os.fdopen(read_end, "rb") as messages:
            while len(head := messages.read(HEAD.size)) == HEAD.size:
                kind, length = HEAD.unpack(head)
                data = messages.read(length)
                if len(data) < length:
                    break
                # What is first: the order of a job, or that there was nothing to read.
                self._is_ordered.set()
                if kind == LAST_JOB:
                    self._process.end()
                elif kind == END:
                    self._is_host_ready = bool(Receiver().value(data))
                elif kind != ORDERED:
                    self._messages.put((kind, data))
        self._messages.put(None)
        self._is_ordered.set()

    def _take(self, kind: bytes, on_read: Callable[[ReadDeliveries], None] = lambda _: None) -> Any:
        """Return what a step has done, once; None if it is still to be taken, and the process has ended then.

        Raises:
            FailedAttemptError: the step's job has failed.
        """
        if kind in self._taken:
            self._end()  # the step is tried again, and no other may be taken beside it
        self._taken.add(kind)
        while self._child:
            try:
                message = self._next_message()
            except BaseException:
                self._end()
                raise
            found, data = message or (b"", b"")
            value = self._received.value(data) if data else cast("Any", None)
            if found == READ:
                on_read(value)
                continue
            if found == kind:
                return value
            self._end()
            if found == FAILED:
                _raise_failed(self._process, *value)
        return None

    def _next_message(self) -> tuple[bytes, bytes] | None:
        """Return the next message, and have done something else until it comes; None if the process has ended."""
        while self._messages.empty():
            try:
                next(self._idle_steps)
            except StopIteration:
                break
            except Exception:
                # What needs it does it again, and reports the error as its own.
                _log.debug("work beside the steps failed", exc_info=True)
                break
        return self._messages.get()

    def _end(self) -> None:
        """End the process, and wait for that; the jobs then take orders of this one."""
        if not self._child:
            return
        child, self._child = self._child, 0
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if self._receiver is not None:
            self._receiver.join()
        if self._is_host_ready is None:
            self._process.interrupt()  # it may be at a job that nothing waits for
        else:
            self._process.take_back(is_ready=self._is_host_ready)


def _read_shared(processed: ObjectStore) -> list[object] | None:
    """Read what both processes are to have, and return its objects; None if most of it is still to be read.

    No object of it ever changes. What cannot be read, the step reports.
    """
    try:
        events, commits = Register(processed).events(), read_commits(processed)
        state = state_of(processed, events, commits)
        find_damaged_overlaps(processed)  # both parse the same documents otherwise
    except Exception:
        _log.debug("the deliveries cannot be read ahead of the run", exc_info=True)
        return None
    if len(state.pending) > MOST_PENDING:
        return None
    of_state = (getattr(state, one.name) for one in fields(DeliveryState))
    lists = [one for one in of_state if isinstance(one, Sequence)]
    # The lists too: those of the steps have few elements more.
    return list({id(one): one for one in chain(lists, [commits], events, commits.values(), *lists)}.values())


def _raise_failed(process: JobProcess, job: JobName, arguments: JobArguments) -> None:
    if exit_code := process.wait_for_failed():
        raise FailedAttemptError(job, arguments, exit_code, process.failure)

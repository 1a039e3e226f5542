"""One job at a time in a processed zone: a lock file for a zone on disk, a lease for a zone on S3.

Belongs here: waiting for a job whose run was killed. Does not belong here: locks and leases themselves (see
`storage.file_lock`, `storage.lease`), the work under them (see `harness`).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from finance_platform.errors import LockedError
from finance_platform.storage.lease import JOB, TAKEOVER_SECONDS, hold_lease
from finance_platform.storage.port import ObjectStore

LOCK_FILE = "job.lock"

_LOCK_WAIT_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.2


@contextmanager
def hold_lock_file(processed: Path) -> Iterator[None]:
    """Hold the lock; wait for a moment, since a job whose parent was killed ends soon.

    Raises:
        LockedError: another job is at work.
    """
    # If the process is killed, the lock goes with its handle.
    handle = os.open(processed / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        give_up_at = time.monotonic() + _LOCK_WAIT_SECONDS
        while not _is_locked_by_us(handle):
            if time.monotonic() > give_up_at:
                raise LockedError(
                    f"a Spark job is writing to {processed}", fix="wait until it has ended, then run again"
                )
            time.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(handle)


def _is_locked_by_us(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def job_lease(processed: ObjectStore) -> AbstractContextManager[None]:
    """Return the jobs' lease of a processed zone on S3; entering it waits until a killed job's lease can be taken over.

    Raises:
        LockedError: another job is at work.
    """
    return hold_lease(processed, JOB, wait_seconds=TAKEOVER_SECONDS)

"""File locks: one run at a time works in a home, and one Spark job in its local processed zone.

Belongs here: taking and releasing locks of one machine. Does not belong here: locks of many machines (see `lease`).
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from finance_platform.errors import LockedError, UiOpenError
from finance_platform.storage.local_errors import translate_write_errors

_RUN_FILE, _JOB_FILE, _UI_FILE = "run.lock", "job.lock", "ui.lock"
_POLL_SECONDS = 0.5
_guard = threading.RLock()
_held: set[Path] = set()


@contextmanager
def run_lock(home: Path, wait_seconds: float = 0, on_wait: Callable[[str], object] = lambda _: None) -> Iterator[None]:
    """Hold the home's lock; it is reentrant within this process, since a run's steps take it as well.

    Args:
        home: the home.
        wait_seconds: how long to wait for another process.
        on_wait: called once with a sentence about that, if it is necessary.

    Raises:
        LockedError: another process works in this home.
        DiskError: the home is not writable.
    """
    home = home.resolve()
    with _guard:
        if home in _held:
            yield
            return
        handle = _lock_within(wait_seconds, home, on_wait)
        try:
            _held.add(home)
            yield
        finally:
            _held.remove(home)
            os.close(handle)


def is_locked(home: Path) -> bool:
    """Return whether a run of another process works in the home."""
    try:
        with (home.resolve() / _RUN_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def ui_lock(home: Path) -> Iterator[int]:
    """Keep a second UI out of the home, whose daemon would start every run twice; yields the lock's file descriptor.

    Raises:
        UiOpenError: a UI of this home is open.
        DiskError: the home is not writable.
    """
    try:
        handle = _lock(home, _UI_FILE, str(home))
    except LockedError:
        raise UiOpenError(str(home), fix="use the one that is open, or stop it first") from None
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def job_lock(processed: Path) -> Iterator[None]:
    """Keep Spark jobs out of a local processed zone; a job may outlive a killed run for a moment.

    Raises:
        LockedError: a job writes to the zone.
        DiskError: the zone is not writable.
    """
    handle = _lock(processed, _JOB_FILE, f"a Spark job is writing to {processed}")
    try:
        yield
    finally:
        os.close(handle)


def _lock_within(wait_seconds: float, home: Path, on_wait: Callable[[str], object]) -> int:
    deadline = time.monotonic() + wait_seconds
    is_said = False
    while True:
        try:
            return _lock(home, _RUN_FILE, str(home))
        except LockedError as error:
            if time.monotonic() >= deadline:
                raise
            if not is_said:
                on_wait(f"{error.title}: {error.found}. This run waits for up to {wait_seconds:.0f} s until it ends")
                is_said = True
        time.sleep(min(_POLL_SECONDS, wait_seconds))


def _lock(folder: Path, name: str, locked: str) -> int:
    """Lock a file of a folder and return its descriptor; closing it releases the lock.

    Raises:
        LockedError: another process holds the lock; `locked` is its message.
        DiskError: the folder is not writable.
    """
    with translate_write_errors("write", folder / name):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LockedError(locked, fix="wait until it has ended, then run again") from None
    return handle

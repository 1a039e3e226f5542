"""Locks: one run at a time works in a home, and one Glue job in its processed zone.

Belongs here: taking and giving back locks. Does not belong here: what is done under them.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finance_platform.errors import HomeError, LockedError, UiOpenError

_FILE, _JOB_FILE, _UI_FILE = "run.lock", "job.lock", "ui.lock"
_guard = threading.RLock()
_held: dict[Path, int] = {}


@contextmanager
def run_lock(home: Path) -> Iterator[None]:
    """Hold the home's lock; inside this process it may be taken again, since a run's steps take it too.

    Raises:
        LockedError: another process is at work in this home.
        HomeError: the home cannot be written to.
    """
    home = home.resolve()
    with _guard:
        if home in _held:
            yield
            return
        handle = _open(home, _FILE, str(home))
        try:
            _held[home] = handle
            yield
        finally:
            del _held[home]
            os.close(handle)


def is_locked(home: Path) -> bool:
    """Return whether a run of another process is at work in the home."""
    try:
        with (home.resolve() / _FILE).open("rb") as file:
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
        HomeError: the home cannot be written to.
    """
    try:
        handle = _open(home, _UI_FILE, str(home))
    except LockedError:
        raise UiOpenError(str(home), fix="use the one that is open, or stop it first") from None
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def job_lock(processed: Path) -> Iterator[None]:
    """Keep Glue jobs out of a local processed zone; one whose run was killed may go on for a moment.

    Raises:
        LockedError: a job is at work in it.
        HomeError: the zone cannot be written to.
    """
    handle = _open(processed, _JOB_FILE, f"a Glue job is writing to {processed}")
    try:
        yield
    finally:
        os.close(handle)


def _open(home: Path, name: str, locked: str) -> int:
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise HomeError(
            f"{home}: {error.strerror}", fix="make the folder writable, or choose another with --home"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LockedError(locked, fix="wait until it has ended, then run again") from None
    return handle

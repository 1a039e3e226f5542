"""The run lock: one run at a time works in a home.

Belongs here: taking and giving back the lock. Does not belong here: what is done under it.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finance_platform.errors import HomeError, LockedError

_FILE = "run.lock"
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
        handle = _open(home)
        try:
            _held[home] = handle
            yield
        finally:
            del _held[home]
            os.close(handle)


def _open(home: Path) -> int:
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / _FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise HomeError(
            f"{home}: {error.strerror}", fix="make the folder writable, or choose another with --home"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LockedError(str(home), fix="wait until it has ended, then run again") from None
    return handle

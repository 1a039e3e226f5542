"""Temporary folders of a process, removed at its end; of a process that was killed, by one that starts later.

Belongs here: such folders, and knowing which of them no process uses any more. Does not belong here: temporary objects
of a store (see `staged_files`), copies beside the warehouse's file (see `warehouse.duckdb.atomic_file`).

What lies in them may be as large as a warehouse, and has lines of the books. The system's folder for temporary files is
emptied at the next start of the machine at best.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from finance_platform.errors import DiskError
from finance_platform.storage.local_errors import reason

_PREFIX = "finance-platform-work-"
_FIX = "set TMPDIR to a folder with free space that this user can write to, then run again"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield an empty folder that only this user can read, and remove it with all that is in it.

    The first one in a process also removes those of processes that were killed.

    Raises:
        DiskError: there is no folder for temporary files, or it is full or read-only.
    """
    parent = _parent()
    _remove_abandoned(parent)
    path, handle = _create(parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)  # what is left has no lock, so a later process removes it
        os.close(handle)


def _parent() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        raise DiskError(f"cannot find a folder for temporary files: {reason(error)}", fix=_FIX) from error


def _create(parent: str) -> tuple[Path, int]:
    """Create a folder and lock it; its lock ends with the process and its forks, even if they are killed."""
    while True:
        try:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        except OSError as error:
            raise DiskError(
                f"cannot create a folder for temporary files in {parent}: {reason(error)}", fix=_FIX
            ) from error
        # Another process may find it before it is locked, and remove it.
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            with suppress(OSError):  # NFS locks no folder, so no process takes this one for abandoned
                fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists():
                return path, handle
            os.close(handle)


@cache
def _remove_abandoned(parent: str) -> None:
    # Users may write to the system's folder, and not see what is in it; a missing one is an error where it is needed.
    with suppress(PermissionError, FileNotFoundError):
        for entry in os.scandir(parent):
            if entry.name.startswith(_PREFIX):
                _remove_if_abandoned(entry.path)


def _remove_if_abandoned(path: str) -> None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:
        return  # another user's, a link, or just removed
    try:
        if os.fstat(handle).st_uid == os.getuid() and _is_locked_by_us(handle):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def _is_locked_by_us(handle: int) -> bool:
    """Return whether this process now has the lock of a folder; not if another has it, or none can have one."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

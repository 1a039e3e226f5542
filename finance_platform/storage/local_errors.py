"""Errors of a file system as errors of this platform.

Belongs here: the class, message and fix of each failure. Does not belong here: what a caller does about it.

A missing file stays a `FileNotFoundError`. Every other error is an `OSError` too, so that a caller can continue with
other files.
"""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finance_platform.errors import DiskError, FinancePlatformError, UnreadableObjectError

_NOT_WRITABLE = "make the folder writable, or choose another with --home"
_FREE_SPACE = "free space there, or move the home to a larger disk, then run again; nothing that was published is lost"
_MOVE_AWAY = "a {} is where a {} is expected: move it away, then run again"
_CHECK_DISK = (
    "check the disk and the system's log, then run again; if the fault stays, move the home to another disk: a lost "
    "processed zone or warehouse is created again from the raw zone"
)
WRITE_FIXES = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: f"your quota is used up: {_FREE_SPACE}",
    errno.EFBIG: "raise the limit of file sizes (`ulimit -f`), then run again",
    errno.EACCES: _NOT_WRITABLE,
    errno.EROFS: "mount the file system writable, or choose another home with --home",
    errno.EIO: _CHECK_DISK,
    errno.EISDIR: _MOVE_AWAY.format("folder", "file"),
    errno.ENOTDIR: _MOVE_AWAY.format("file", "folder"),
    errno.EEXIST: _MOVE_AWAY.format("file", "folder"),
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), then run again",
    errno.ENFILE: "close other programs, or raise the system's limit of open files, then run again",
}
"""What to do about each error of a change, by its number."""

_READ_FIXES = WRITE_FIXES | {
    errno.EACCES: "make the file readable for this user",
    errno.EPERM: "make the file readable for this user",
}


@contextmanager
def translate_write_errors(verb: str, path: Path) -> Iterator[None]:
    """Translate errors of a change in a file system.

    Args:
        verb: write, remove …
        path: the file or folder.

    Raises:
        DiskError: the disk is full, read-only or faulty, or the permission is missing.
    """
    try:
        yield
    except FinancePlatformError:
        raise
    except OSError as error:
        fix = _fix_of_foreign_file(error, path) or WRITE_FIXES.get(error.errno or 0, _NOT_WRITABLE)
        raise DiskError(f"cannot {verb} {path}: {reason(error)}", fix=fix) from error


def _fix_of_foreign_file(error: OSError, path: Path) -> str:
    """Return what to do about a file that may not be written although its folder may; empty for any other error."""
    if error.errno != errno.EACCES or not os.access(path.parent, os.W_OK, effective_ids=True):
        return ""
    try:
        owner = path.stat().st_uid
    except OSError:
        return ""
    if owner == os.geteuid():
        return ""
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"number {owner}"
    return f"the file is of the user {name}: give the command as that user, or make the file writable for this one"


@contextmanager
def translate_read_errors(path: Path) -> Iterator[None]:
    """Translate errors of reading a file.

    Raises:
        FileNotFoundError: the file does not exist.
        UnreadableObjectError: this file cannot be read; others can.
    """
    try:
        yield
    except (FileNotFoundError, FinancePlatformError):
        raise
    except OSError as error:
        fix = _READ_FIXES.get(error.errno or 0, "check what is at this path")
        raise UnreadableObjectError(f"cannot read {path}: {reason(error)}", fix=fix) from error


@contextmanager
def translate_native_write_errors(target: str) -> Iterator[None]:
    """Translate errors of a library that writes files itself and reports the system's errors as text, such as Spark.

    Args:
        target: the path or address that it writes to.

    Raises:
        DiskError: the text has a failure of the disk; every other error is raised as it is.
    """
    try:
        yield
    except Exception as error:
        number = next((number for number in WRITE_FIXES if os.strerror(number) in str(error)), None)
        if number is None:
            raise
        raise DiskError(f"cannot write {target}: {os.strerror(number)}", fix=WRITE_FIXES[number]) from error


def reason(error: OSError) -> str:
    """Return the system's own words for an error, without its number and path."""
    return error.strerror or str(error)

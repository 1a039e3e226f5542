"""Errors of Dagster's storage as one sentence with a fix; its own text is a stack trace of a hundred lines.

Belongs here: what to do about each of SQLite's errors. Does not belong here: opening the storage (see
`dagster_instance`; for the last run, `runs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from finance_platform.errors import DagsterStorageError

_STORAGE_FIXES = {
    "full": "free space there, or move the home to a larger disk, then run again; no figure is lost",
    "readonly": "make the folder and its files writable for this user",
    "unable to open": "make the folder and its files readable and writable for this user",
    "disk I/O error": "free space there and make the folder writable; if that does not help, check the disk",
    "locked": "wait until the other process has ended, then run again",
}
"""What to do, by a part of SQLite's message."""

_OTHER_FIX = "move the folder away: the next run creates it again; the history of runs is lost, no figure is"


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Translate errors of Dagster's storage.

    Args:
        folder: Dagster's storage in the home.

    Raises:
        DagsterStorageError: the disk is full, a file cannot be opened, is not a database, or lacks a table.
    """
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.orig) if isinstance(error, DatabaseError) else f"{type(error).__name__}: {error}"
        fix = next((fix for part, fix in _STORAGE_FIXES.items() if part in reason), _OTHER_FIX)
        raise DagsterStorageError(f"Dagster's storage in {folder}: {reason}", fix=fix) from error

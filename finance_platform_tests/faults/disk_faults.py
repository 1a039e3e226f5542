"""The ways in which a disk fails.

Belongs here: what an operation leaves behind and what it raises. Does not belong here: which operation fails.

An operation of a store raises what the store raises for the error of the system, with the store's own translation;
`unit/storage/test_local_store` proves that the store does so. A step of the warehouse's file raises the system's own
error.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import duckdb

from finance_platform.storage.local_errors import translate_read_errors, translate_write_errors
from finance_platform_tests.faults.plan import Call, Fault, Operation
from finance_platform_tests.model_based.home import BrokenOffError

_DOCUMENTS = {"write", "write_new", "replace"}
_COMMITS = {"commit", "CHECKPOINT"}


def _fail(operation: Operation, number: int) -> NoReturn:
    """Raise an error of the system as the operation's caller gets it."""
    error = OSError(number, os.strerror(number), operation.target)
    if operation.kind == "read":
        with translate_read_errors(Path(operation.target)):
            raise error
    if operation.kind == "write":
        with translate_write_errors(operation.name, Path(operation.target)):
            raise error
    if operation.kind == "statement":
        raise duckdb.IOException(f"Could not write file {operation.target!r}: {os.strerror(number)}")
    raise error


def _eio(operation: Operation, _: Call) -> NoReturn:
    _fail(operation, errno.EIO)


def _disk_full(operation: Operation, _: Call) -> NoReturn:
    _fail(operation, errno.ENOSPC)


def _short_write(operation: Operation, _: Call) -> NoReturn:
    """Write half of the data under a temporary name, as a process does that is then killed on a full disk."""
    if operation.kind == "file":
        source, target = map(Path, operation.target.split(" "))
        target.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    else:
        _leave_temporary_file(operation, operation.data[: len(operation.data) // 2])
    _fail(operation, errno.ENOSPC)


def _torn_rename(operation: Operation, call: Call) -> NoReturn:
    """Publish the new name, keep the temporary one too, and fail."""
    call()
    if operation.kind == "write":
        _leave_temporary_file(operation, operation.data)
    _fail(operation, errno.EIO)


def _lost_answer(operation: Operation, call: Call) -> NoReturn:
    """Complete the operation, and fail."""
    call()
    _fail(operation, errno.EIO)


def _killed_before(operation: Operation, _: Call) -> NoReturn:
    raise BrokenOffError(f"killed before: {operation}")


def _killed_after(operation: Operation, call: Call) -> NoReturn:
    call()
    raise BrokenOffError(f"killed after: {operation}")


def _leave_temporary_file(operation: Operation, data: bytes) -> None:
    folder = Path(operation.target).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".writing-left").write_bytes(data)


def _any(_: Operation) -> bool:
    return True


def _changes_something(operation: Operation) -> bool:
    """Return whether a reader may see the operation; a copy of the warehouse is private until it is complete."""
    return operation.kind in {"write", "file"} or operation.name in _COMMITS


def _writes_data(operation: Operation) -> bool:
    return operation.name in _DOCUMENTS or operation.name == "copy"


def _renames(operation: Operation) -> bool:
    return operation.name in _DOCUMENTS or operation.name == "rename"


KILLED = (Fault("killed before", _any, _killed_before), Fault("killed after", _changes_something, _killed_after))
POWER_CUT = "power cut"
DISK_FAULTS: tuple[Fault, ...] = (
    Fault("EIO", _any, _eio),
    Fault("disk full", _changes_something, _disk_full),
    Fault("short write", _writes_data, _short_write),
    Fault("torn rename", _renames, _torn_rename),
    Fault("lost answer", _changes_something, _lost_answer),
    # Everything not yet synced is lost: the home is taken from a model of the disk (see `power_cut`).
    Fault(POWER_CUT, _changes_something, _killed_after),
    *KILLED,
)

"""Errors of the machine that no adapter has translated: its disk, permissions, memory and limits, with what to do.

Belongs here: which of Python's own errors have such a cause, and the fix of each. Does not belong here: errors of one
adapter, which know more (see `local_errors`), exit codes (see `cli`). An error that is not listed here is a bug, and
shows its traceback.
"""

from __future__ import annotations

import errno

from finance_platform.errors import FinancePlatformError, MachineError
from finance_platform.storage.local_errors import WRITE_FIXES, reason

_PERMIT = "give this user the permission, or choose another home with --home"

_FIXES = WRITE_FIXES | {
    errno.EACCES: _PERMIT,
    errno.EPERM: _PERMIT,
    errno.ESTALE: "mount the network file system again, then run again",
    errno.ELOOP: "links lead in a circle: remove them",
    errno.ENAMETOOLONG: "choose a shorter path or name",
    errno.ENOMEM: "free memory, then run again",
    errno.EAGAIN: "raise the limit of processes (`ulimit -u`), then run again",
}


def translate_machine_error(error: BaseException) -> FinancePlatformError | None:
    """Return the error to report in place of one of Python's own; None if its cause is not the machine."""
    if isinstance(error, FinancePlatformError):
        return error
    if isinstance(error, MemoryError):
        return MachineError("there is not enough memory", fix="free memory, then run again")
    if isinstance(error, OSError) and error.errno in _FIXES:
        path = error.filename2 or error.filename
        found = f"{_as_text(path)}: {reason(error)}" if path else reason(error)
        return MachineError(found, fix=_FIXES[error.errno])
    return None


def _as_text(path: object) -> str:
    """Return a path as text that can be printed, even if its bytes are not valid UTF-8."""
    text = path.decode(errors="replace") if isinstance(path, bytes) else str(path)
    return text.encode(errors="replace").decode()

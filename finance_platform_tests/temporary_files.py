"""Where the files of the tests are: in memory where the machine has enough of it, else on disk.

Belongs here: choosing the folder. Does not belong here: folders that several workers share (see `session_artifacts`).

A refresh syncs some hundred files, each for a millisecond or more in which its worker waits. The nightly profile writes
to the disk that pytest would choose.
"""

from __future__ import annotations

import os
from pathlib import Path

from finance_platform_tests.profiles import current_profile

_ROOT = "PYTEST_DEBUG_TEMPROOT"
"""Pytest's variable for the folder of all its temporary folders."""

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # pytest creates a folder of the user's own in it
_NEEDED = 2 * 2**30
"""Bytes; a whole run of the tests has less than one gigabyte at a time."""


def keep_temporary_files_in_memory() -> None:
    """Let pytest create its temporary folders in memory if there is room, unless a person chose another place."""
    if _ROOT not in os.environ and not current_profile().is_exhaustive and has_room(_SHARED_MEMORY):
        os.environ[_ROOT] = str(_SHARED_MEMORY)


def has_room(folder: Path) -> bool:
    """Return whether a file system in memory has room for the files of a run, and lets their programs run."""
    try:
        found, memory = os.statvfs(folder), Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return False  # not on Linux
    available = next(int(line.split()[1]) for line in memory.splitlines() if line.startswith("MemAvailable:"))
    free = min(found.f_bavail * found.f_frsize, available * 1024 // 2)
    return free >= _NEEDED and not found.f_flag & (os.ST_NOEXEC | os.ST_RDONLY) and os.access(folder, os.W_OK)

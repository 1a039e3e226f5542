"""Stops groups of processes; as a process of its own, when the process that started them has died.

Belongs here: signals to groups. Does not belong here: starting processes (see `supervisor`), anything that is slow to
import: this runs beside the UI for as long as it is open.

A terminal's Ctrl-C reaches the supervisor alone, since each of its processes leads a group of its own. A killed
supervisor stops nothing, so the watchdog reads the groups from a pipe, and stops them when the pipe is closed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

STOP_SECONDS = 20.0
_KILL_SECONDS = 2.0
_POLL_SECONDS = 0.05


def stop_groups(groups: Sequence[int], seconds: float, is_impatient: Callable[[], bool] = lambda: False) -> None:
    """Terminate groups of processes, wait until all their processes have ended, and kill those that have not.

    Dagster's processes treat SIGTERM as SIGINT once they run; while they are importing, it ends them silently.

    Args:
        groups: the ids of the groups.
        seconds: how long to wait before killing.
        is_impatient: called while waiting; kill at once when it is true.
    """
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, _KILL_SECONDS)):
        for group in groups:
            _signal(group, number)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            must_kill = is_impatient() and number != signal.SIGKILL
            if not any(_signal(group, 0) for group in groups):
                return
            if must_kill:
                break
            time.sleep(_POLL_SECONDS)


def _signal(group: int, number: int) -> bool:
    """Send a signal, 0 for none, and return whether the group has processes; macOS denies signals to zombies."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Read a group's id per line until the pipe is closed, then stop these groups."""
    stop_groups([int(line) for line in sys.stdin], STOP_SECONDS)


if __name__ == "__main__":
    main()

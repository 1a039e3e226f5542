"""Waiting for another process or thread, with an end.

Belongs here: one loop that fails instead of waiting for ever, and what many tests wait for: a text, the end of a
process. Does not belong here: what else is waited for.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Return as soon as a condition is true; fail the test if it is not within some seconds.

    On a machine with many other processes a new one takes most of a minute to begin.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition was not true within {seconds:.0f} s"
        time.sleep(0.01)


def wait_for_text(path: Path) -> str:
    """Return the text of a file that another process writes, once it has one."""
    wait_until(lambda: path.exists() and path.read_text())
    return path.read_text()


def is_alive(process: int) -> bool:
    """Return whether a process has not ended."""
    command = ["ps", "-o", "stat=", "-p", str(process)]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")

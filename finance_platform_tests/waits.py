"""Waiting for another process or thread, with an end.

Belongs here: one loop that fails instead of waiting for ever. Does not belong here: what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Return as soon as a condition is true; fail the test if it is not within some seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition was not true within {seconds:.0f} s"
        time.sleep(0.01)

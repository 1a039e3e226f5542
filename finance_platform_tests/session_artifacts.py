"""What takes long to make and is only looked at or copied: made once a session, whichever worker needs it first.

Belongs here: the lock between the workers. Does not belong here: what is made.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def session_artifact(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder that one of the session's workers has made; the others wait for it.

    Nobody may change it: a test that does works on a copy.
    """
    base = factory.getbasetemp()
    # Each worker's own folder lies in one that is the session's.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, is_made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed at it
            folder.mkdir()
            make(folder)
            is_made.touch()
    return folder

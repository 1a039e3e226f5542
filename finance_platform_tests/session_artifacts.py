"""Folders that are slow to create and only read or copied: the first worker that needs one creates it.

Belongs here: the lock between the workers. Does not belong here: creating a folder's content.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def session_artifact(factory: pytest.TempPathFactory, name: str, create: Callable[[Path], object]) -> Path:
    """Return a folder that one worker of the session creates while the others wait.

    The folder is read-only: a test that changes files works on a copy.
    """
    base = factory.getbasetemp()
    # Each worker has its own folder in the session's folder.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, created = shared / name, shared / f"{name}.created"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not created.exists():
            shutil.rmtree(folder, ignore_errors=True)  # left by a worker that failed
            folder.mkdir()
            create(folder)
            created.touch()
    return folder

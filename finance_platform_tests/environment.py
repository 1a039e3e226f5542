"""A clean environment: code in this process sees the variables that a new process would see.

Belongs here: removing and setting variables. Does not belong here: running anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finance_platform.setting_sources import ENV_PREFIX


@contextmanager
def platform_environment(folder: Path, **environment: str) -> Iterator[None]:
    """Change to a folder without a .env file, and set only these variables of the platform."""
    with _environment(folder, (ENV_PREFIX,), environment):
        yield


@contextmanager
def clean_environment(folder: Path, **environment: str) -> Iterator[None]:
    """Do the same, without the variables that a Spark session leaves in its process: jobs start their own session."""
    with _environment(folder, (ENV_PREFIX, "SPARK_", "PYSPARK_"), environment):
        yield


@contextmanager
def _environment(folder: Path, removed_prefixes: tuple[str, ...], environment: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in [name for name in os.environ if name.upper().startswith(removed_prefixes)]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


def unmeasured_environment() -> dict[str, str]:
    """Return the environment of a process whose coverage is not measured, for tests of its imports and its end."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}

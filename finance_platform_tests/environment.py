"""An environment in which nobody has set anything: what runs in this process sees what a process of its own would see.

Belongs here: what is taken out of the environment, and what a test puts in. Does not belong here: running anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finance_platform.settings import ENV_PREFIX


@contextmanager
def clean_environment(folder: Path, **environment: str) -> Iterator[None]:
    """Work in a folder, away from a developer's settings, with nothing set but what is given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # away from a developer's .env
        # Ours, and what PySpark leaves behind in a process that has had a session, as pytest's own may have.
        for name in [name for name in os.environ if name.upper().startswith((ENV_PREFIX, "SPARK_", "PYSPARK_"))]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield

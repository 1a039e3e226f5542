"""Homes that more than one module begins with, each after its first run.

Belongs here: making them once. Does not belong here: what happens to them afterwards.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.small_home import Home, copied, small_home
from finance_platform_tests.session_artifacts import session_artifact


def _run_small_home(path: Path) -> None:
    done = small_home(path).command("run")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def small_home_once_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small home after its first run; for copies."""
    return session_artifact(tmp_path_factory, "small_home_once_run", _run_small_home)


@pytest.fixture
def run_home(small_home_once_run: Path, tmp_path: Path) -> Home:
    """A small home of the test's own, after its first run."""
    return copied(small_home_once_run, tmp_path / "home")

"""Fixtures of the tests of a machine's states: homes after a whole run.

Belongs here: what more than one module starts from. Does not belong here: states.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.session_artifacts import session_artifact


@pytest.fixture(scope="package", autouse=True)
def _dagster_jobs() -> Iterator[None]:
    with dagster_jobs_in_this_process():
        yield


@pytest.fixture(scope="session")
def home_after_a_run(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small home after the command `run`, with the logs of its jobs; for copies."""

    def create(path: Path) -> None:
        home = create_small_home(path)
        result = home.command("run")
        assert result.returncode == 0, result.stderr
        # Jobs in this process write no log.
        for attempt in (path / "processed" / "jobs").iterdir():
            (attempt / "job.log").touch(mode=0o600)

    return Home(session_artifact(tmp_path_factory, "home_after_a_run", create))

"""Fixtures of the tests of a machine's states: homes after a whole run.

Belongs here: what more than one module starts from. Does not belong here: states.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.installed_run import run_installed_once


@pytest.fixture(scope="package", autouse=True)
def _dagster_jobs() -> Iterator[None]:
    with dagster_jobs_in_this_process():
        yield


@pytest.fixture(scope="session")
def home_after_a_run(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small home after the command `run` as a person gives it, with the logs of its jobs; for copies."""
    installed = run_installed_once(tmp_path_factory)
    assert installed.result.returncode == 0, installed.result.stderr
    return installed.kept

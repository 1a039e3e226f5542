"""Fixtures of the end-to-end tests: refreshes in this process, and a small home after its first one.

Belongs here: what more than one module starts from. Does not belong here: later events.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.session_artifacts import session_artifact


@pytest.fixture(scope="package", autouse=True)
def _dagster_jobs() -> Iterator[None]:
    with dagster_jobs_in_this_process():
        yield


@pytest.fixture(scope="session")
def refresh(spark: SparkSession) -> Refresher:
    """Refreshes a home in this process."""
    return Refresher(spark)


@pytest.fixture(scope="session")
def small_home_once_run(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small home after its first refresh; for copies."""

    def create(path: Path) -> None:
        assert not refresh(create_small_home(path)).needs_attention

    return session_artifact(tmp_path_factory, "small_home_once_run", create)


@pytest.fixture(scope="session")
def january_closed(small_home_once_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small home after its first refresh and the close of January; for copies."""

    def create(path: Path) -> None:
        home = copy_home(small_home_once_run, path / "home")
        assert home.command("close", "2024-01", "--why", "books closed").returncode == 0

    return session_artifact(tmp_path_factory, "january_closed", create) / "home"


@pytest.fixture
def run_home(small_home_once_run: Path, tmp_path: Path) -> Home:
    """A small home of the test's own, after its first refresh."""
    return copy_home(small_home_once_run, tmp_path / "home")

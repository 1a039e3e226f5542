"""Fixtures of these tests: Dagster's steps run their Spark jobs in this process.

Belongs here: what every module needs. Does not belong here: data.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process


@pytest.fixture(scope="package", autouse=True)
def _dagster_jobs() -> Iterator[None]:
    with dagster_jobs_in_this_process():
        yield


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance of Dagster in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance

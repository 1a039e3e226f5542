"""Fixtures of the AWS tests: one moto server per process, and the environment in which clients use it.

Belongs here: starting the server, an empty bucket per test. Does not belong here: data, expectations.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finance_platform_tests.aws.moto_server import MotoServer, in_environment, moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    """The server. It keeps its state, so a test that counts uses names of its own."""
    with moto_server() as server:
        yield server


@pytest.fixture
def aws(moto: MotoServer) -> Iterator[MotoServer]:
    """The server, used by every client that the test creates in this process."""
    with in_environment(moto.environment):
        yield moto


@pytest.fixture
def bucket(aws: MotoServer) -> str:
    """An empty bucket of the test's own."""
    return aws.new_bucket()

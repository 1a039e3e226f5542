"""What tests of AWS share: one stand-in for all of a process, and the environment that leads to it.

Belongs here: starting the stand-in once, a bucket of a test's own. Does not belong here: what is done with them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finance_platform_tests.aws.moto_server import MotoServer, in_environment, moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    """The stand-in; it keeps what it is given, so a test that counts gives its things names of their own."""
    with moto_server() as server:
        yield server


@pytest.fixture
def aws(moto: MotoServer) -> Iterator[MotoServer]:
    """The stand-in, taken for AWS by everything that the test does in this process."""
    with in_environment(moto.environment):
        yield moto


@pytest.fixture
def bucket(aws: MotoServer) -> str:
    """An empty bucket of the test's own."""
    return aws.new_bucket()

"""What tests of AWS share: one stand-in for all of a process, and the environment that leads to it.

Belongs here: starting the stand-in once, a bucket of a test's own. Does not belong here: what is done with them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finance_platform.refresh import run_refresh
from finance_platform.settings import Settings
from finance_platform_tests.aws.moto_server import MotoServer, in_environment, moto_server
from finance_platform_tests.unit.factories import settings, write

TOLERANT = """\
feed: gl
kind: ledger
path: gl*.csv
columns: {transaction_id: id, date: date, department: dept, account: account, amount: amount}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
tolerance: {rejected_rows: 0.9, rejected_amount: 1000.00}
"""
"""A feed that may lose many lines."""


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


@pytest.fixture(scope="session")
def ran(moto: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home on disk that has run once and measured it in namespace `Ran`; two of its four lines are rejected."""
    folder = tmp_path_factory.mktemp("ran")
    header = "id,date,dept,account,amount\n"
    lines = ["T1,2025-01-03,D1,4000,100.00", "T2,2025-02-04,D1,4000,-20.00", "T3,2025-02-30,D1,4000,-7.25", "T4,,,,1"]
    write(folder / "raw/gl.csv", header + "\n".join(lines) + "\n")
    write(folder / "feeds/gl.yaml", TOLERANT)
    found = settings(home=folder, metrics_namespace="Ran")
    with in_environment(moto.environment):
        assert run_refresh(found, rebuild=False, periods=(), on_step=lambda _: None).succeeded
    return found

"""Fixtures of the damage suite: a small home after its first refresh, and the figures that every case must reach.

Belongs here: what each case starts from. Does not belong here: damage (see `damages`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform.storage import immutable_documents
from finance_platform_tests.end_to_end.home import Home, Tables, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.session_artifacts import session_artifact

GOOD_FILE = """\
transaction_id,transaction_date,department_code,account_number,amount,description
T2,2024-01-31,0450,6000,251.10,Corrected
T9,2024-03-09,D100,4000,77.00,March
"""
"""A delivery that supersedes a line of the first one, so that overlaps and both deliveries' rows are needed."""

LATER_FILE = """\
transaction_id,transaction_date,department_code,account_number,amount,description
T8,2024-02-10,D100,4000,5.00,February
"""
"""The good file that arrives beside the damage. Its key is between those of the file before, so they are compared."""


@pytest.fixture(scope="session")
def refresh(spark: SparkSession) -> Refresher:
    """Refreshes a home in this process."""
    return Refresher(spark)


@pytest.fixture(scope="session")
def home_with_overlap(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two deliveries of one feed, after its refresh; for copies."""

    def create(path: Path) -> None:
        home = create_small_home(path)
        home.write("raw/transactions_2.csv", GOOD_FILE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(immutable_documents, "FEWEST_NEW", 2)  # so that it has checkpoints
            assert not refresh(home).needs_attention

    return session_artifact(tmp_path_factory, "home_with_overlap", create)


@pytest.fixture
def home(home_with_overlap: Path, tmp_path: Path) -> Home:
    """A home of the test's own, after its refresh."""
    return copy_home(home_with_overlap, tmp_path / "home")


@pytest.fixture(scope="session")
def healthy_tables(home_with_overlap: Path, refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The star of a home that was never damaged, after the good file has arrived."""

    def create(path: Path) -> None:
        home = copy_home(home_with_overlap, path / "home")
        home.write("raw/transactions_3.csv", LATER_FILE)
        assert not refresh(home).needs_attention

    return Home(session_artifact(tmp_path_factory, "healthy_after_the_good_file", create) / "home").tables()

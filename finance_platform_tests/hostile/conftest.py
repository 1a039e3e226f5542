"""Fixtures of the hostile files: refreshes in this process.

Belongs here: what every module needs. Does not belong here: files.
"""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.in_process_refresh import Refresher


@pytest.fixture(scope="session")
def refresh(spark: SparkSession) -> Refresher:
    """Refreshes a home in this process."""
    return Refresher(spark)

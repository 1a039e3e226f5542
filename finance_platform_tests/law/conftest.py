"""What the tests of the law share: one Spark session on Sail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from finance_platform.glue.session import spark_session


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """The session of a local Glue job."""
    with spark_session("sail") as session:
        yield session

"""Fixtures of the model-based tests: two small deliveries that are read together share Parquet files.

Belongs here: what every sequence of events should meet more often than in a real home. Does not belong here: homes (see
`home`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finance_platform.spark_jobs import batches


@pytest.fixture(scope="package", autouse=True)
def _two_deliveries_share_files() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "FEWEST_SHARING", 2)
        yield

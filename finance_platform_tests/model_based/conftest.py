"""Fixtures of the model-based tests: two small deliveries share Parquet files, and two documents have a checkpoint.

Belongs here: what every sequence of events should meet more often than in a real home. Does not belong here: homes (see
`home`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finance_platform.spark_jobs import batches
from finance_platform.storage import immutable_documents


@pytest.fixture(scope="package", autouse=True)
def _two_are_many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "FEWEST_SHARING", 2)
        patch.setattr(immutable_documents, "FEWEST_NEW", 2)
        yield

"""Fixtures of the tests of faults: every write of a checkpoint is one that can fail.

Belongs here: what every home of these tests should meet more often than a real one. Does not belong here: homes (see
`faulty_home`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finance_platform.storage import immutable_documents
from finance_platform_tests.new_warehouses import new_warehouses_are_created


@pytest.fixture(scope="package", autouse=True)
def _two_documents_have_a_checkpoint() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(immutable_documents, "FEWEST_NEW", 2)
        yield


@pytest.fixture(scope="package", autouse=True)
def _every_write_of_a_new_warehouse_can_fail() -> Iterator[None]:
    with new_warehouses_are_created():
        yield


@pytest.fixture(autouse=True)
def _every_opening_of_a_warehouse_can_fail(opens_readers: None) -> None:
    """Each query opens a reader, as commands do outside of tests."""

"""Fixtures of the tests of deliveries.

Belongs here: what most modules start from; a module that starts with deliveries has a `zone` of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.unit.zone import Zone


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A processed zone without a delivery."""
    return Zone(tmp_path / "processed")

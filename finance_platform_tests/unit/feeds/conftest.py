"""Fixtures of the tests of `feeds`.

Belongs here: what several modules need. Does not belong here: data.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from finance_platform_tests.unit.feeds import other_formats


@pytest.fixture
def take(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], None]:
    """Writes a declared workbook in a format, as `x` with its ending, into the test's folder."""
    return lambda name, ending: other_formats.take(name, ending, tmp_path / f"x.{ending}", tmp_path_factory)

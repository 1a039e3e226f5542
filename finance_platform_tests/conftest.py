"""What every test shares: an environment in which nobody has set anything of ours, and one Spark session on Sail.

Belongs here: hiding the developer's own configuration, hypothesis' profile, the session, which files come first.
Does not belong here: data, set-up of one layer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from finance_platform.settings import ENV_PREFIX

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A law is right or wrong, however busy the machine is; time has tests of its own.
settings.register_profile("finance_platform", deadline=None)
settings.load_profile("finance_platform")


LONGEST_FIRST = (
    "test_engine_parity.py",
    "/aws/test_end_to_end.py",
    "/browser/",
    "/law/",
    "/end_to_end/",
    "/aws/",
    "/warehouse/",
    "/orchestration/",
    "",
)
"""Parts of paths: workers take whole files, and one that is a minute long must not be the last to begin."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next(nth for nth, part in enumerate(LONGEST_FIRST) if part in item.path.as_posix()))


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: many tests wait for a job, a server or a browser."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def _no_settings_from_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The session of a local Glue job; one for all, because stopping one leaves a process without any."""
    from finance_platform.spark_jobs.session import spark_session

    with spark_session("sail") as session:
        yield session

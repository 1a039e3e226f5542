"""The one Spark session of the tests in this process, on Sail; after it has stopped, no other can start.

Belongs here: starting it at its first use, and stopping it. Does not belong here: the JVM (see `one_jvm`).
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_running = ExitStack()


@cache
def shared_session() -> SparkSession:
    """Return the session of a local Glue job."""
    from finance_platform.spark_jobs.session import spark_session  # PySpark takes a second to import

    session = _running.enter_context(spark_session("sail"))
    # PySpark notes in the environment that it talks to a server; a test that puts its environment back would lose that.
    assert session.version
    return session


def stop_shared_session() -> None:
    """Stop the session if it was started."""
    _running.close()

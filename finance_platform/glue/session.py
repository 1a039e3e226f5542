"""The Spark session of a job: Sail by default, the local JVM by setting, Glue's own on AWS.

Belongs here: starting and stopping Spark, and the settings that keep engines alike.
Does not belong here: anything about tables.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Redshift's COPY and every engine here read snappy.
    "spark.sql.parquet.compression.codec": "snappy",
}


@contextmanager
def spark_session(engine: str) -> Iterator[SparkSession]:
    """Yield a session of `sail`, `jvm` or `glue` and stop what was started for it.

    Raises:
        ValueError: there is no such engine.
    """
    # Spark's Python workers must be this very Python, with this very environment.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    if engine == "sail":
        yield from _sail()
    elif engine in {"jvm", "glue"}:
        yield from _jvm(is_local=engine == "jvm")
    else:
        raise ValueError(f"no Spark engine is called {engine!r}; choose sail, jvm or glue")


def _sail() -> Iterator[SparkSession]:
    os.environ.setdefault("RUST_LOG", "warn")
    # Columns are decoded only for the rows that a filter or the small side of a join leaves; it is off by default.
    os.environ.setdefault("SAIL_PARQUET__PUSHDOWN_FILTERS", "true")
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    _, port = server.listening_address
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    try:
        for name, value in _SETTINGS.items():
            session.conf.set(name, value)
        yield session
    finally:
        session.stop()
        server.stop()


def _jvm(*, is_local: bool) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("finance-platform")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    if is_local:
        local = {
            "spark.master": "local[2]",
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "4",
        }
        for name, value in local.items():
            builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()

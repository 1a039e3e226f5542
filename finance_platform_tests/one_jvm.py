"""One JVM for all jobs that work on Spark's own engine: a new one for each spends most of its life on warming up.

Belongs here: starting and ending it, and how a job finds it. Does not belong here: whether there is Java (see `java`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from finance_platform_tests.environment import clean_environment

SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A short life is not worth the optimising compiler: a quarter of the time less on two cores."""


@contextmanager
def one_jvm(folder: Path) -> Iterator[Mapping[str, str]]:
    """Start a JVM in a folder; yield the environment in which each job's own session is made there.

    The jobs are the same scripts in processes of their own, one after the other, each with a Spark context of its own;
    PySpark connects to the JVM that these variables name where it would start one.
    """
    from pyspark.java_gateway import launch_gateway

    with (folder / "jvm.log").open("wb") as log:
        with clean_environment(folder, JAVA_TOOL_OPTIONS=SHORT_LIVED):
            gateway = launch_gateway(popen_kwargs={"stdout": log, "stderr": log})  # type: ignore[no-untyped-call]
        where = gateway.gateway_parameters
        try:
            yield {"PYSPARK_GATEWAY_PORT": str(where.port), "PYSPARK_GATEWAY_SECRET": str(where.auth_token)}
        finally:
            gateway.shutdown()
            gateway.proc.stdin.close()  # which ends it
            gateway.proc.wait(timeout=60)

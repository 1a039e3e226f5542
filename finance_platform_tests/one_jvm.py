"""One JVM for all jobs on Spark's own engine: a JVM per job spends most of its time on warming up.

Belongs here: starting and stopping it, and how a job finds it. Does not belong here: finding Java (see `java`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from finance_platform_tests.environment import clean_environment

SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Without the optimising compiler, a short-lived JVM takes a quarter less time on two cores."""


@contextmanager
def one_jvm(folder: Path) -> Iterator[Mapping[str, str]]:
    """Start a JVM in a folder; yield the environment variables with which jobs use it.

    Each job is the same script in its own process, with its own Spark context, one after the other; PySpark connects
    to the JVM that these variables name instead of starting one.
    """
    from pyspark.java_gateway import launch_gateway

    with (folder / "jvm.log").open("wb") as log:
        with clean_environment(folder, JAVA_TOOL_OPTIONS=SHORT_LIVED):
            gateway = launch_gateway(popen_kwargs={"stdout": log, "stderr": log})  # type: ignore[no-untyped-call]
        address = gateway.gateway_parameters
        try:
            yield {"PYSPARK_GATEWAY_PORT": str(address.port), "PYSPARK_GATEWAY_SECRET": str(address.auth_token)}
        finally:
            gateway.shutdown()
            gateway.proc.stdin.close()  # ends the JVM
            gateway.proc.wait(timeout=60)

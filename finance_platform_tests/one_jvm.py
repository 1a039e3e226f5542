"""One JVM for all jobs on Spark's own engine: a JVM per job spends most of its time on warming up.

Belongs here: starting and stopping it, and how a job finds it. Does not belong here: finding Java (see `java`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finance_platform_tests.environment import clean_environment
from finance_platform_tests.profiles import current_profile

_SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Without the optimising compiler, a short-lived JVM takes a quarter less time on two cores."""

_INTERPRETED = "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"
"""Spark interprets its plans: for some hundred rows, compiling them takes a seventh of the JVM's time."""

_FIRST_SESSION = """
import sys
from finance_platform.spark_jobs.session import spark_session
from pyspark import SparkContext

with spark_session("jvm") as session:
    print(session.range(3).count())
gateway = SparkContext._gateway.gateway_parameters
print(gateway.port)
print(gateway.auth_token, flush=True)
sys.stdin.read()
"""
"""Starts a session as a job on a laptop does, with a JVM of its own, and leaves the JVM to the sessions of others."""


@dataclass(frozen=True)
class RunningJvm:
    """A JVM.

    Attributes:
        counted: the number of rows that the session which started it counted in a table of three.
        environment: the variables with which jobs use it.
    """

    counted: int
    environment: Mapping[str, str]


@contextmanager
def one_jvm(folder: Path) -> Iterator[RunningJvm]:
    """Let a session start its JVM in a folder, and yield it.

    Each job is the same script in its own process, with its own Spark context, one after the other; PySpark connects
    to the JVM that the variables name instead of starting one.
    """
    command = [sys.executable, "-c", _FIRST_SESSION]
    # The nightly profile generates code, as Glue does.
    options = (_SHORT_LIVED,) if current_profile().is_exhaustive else (_SHORT_LIVED, _INTERPRETED)
    log_path = folder / "jvm.log"
    with (
        log_path.open("wb") as log,
        clean_environment(folder, JAVA_TOOL_OPTIONS=" ".join(options)),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout
        counted, port, secret = (process.stdout.readline().strip() for _ in range(3))
        assert secret, log_path.read_text(errors="replace")[-4000:]
        yield RunningJvm(int(counted), {"PYSPARK_GATEWAY_PORT": port, "PYSPARK_GATEWAY_SECRET": secret})

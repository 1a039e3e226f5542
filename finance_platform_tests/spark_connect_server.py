"""A server of Spark Connect on this machine, as a company runs one in front of its cluster.

Belongs here: starting and stopping it. Does not belong here: finding Java (see `java`), what a job does with it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

_STARTED = re.compile(r"Spark Connect server started at: \S+?:(\d+)")
_START_SECONDS = 240


@contextmanager
def spark_connect_server(folder: Path, master: str, secret: str = "") -> Iterator[str]:
    """Yield the address of a server whose executors are those of `master`.

    It does not see this checkout, so its executors have only the modules that a job sends. The host is `localhost`,
    because PySpark sends a token to no other one without TLS.

    Args:
        folder: for its log and interim files.
        master: its cluster.
        secret: the token that clients have to show; empty for none.
    """
    home = Path(str(pyspark.__file__)).parent
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.enabled": "false",
    } | ({"spark.connect.authenticate.token": secret} if secret else {})
    command = [str(home / "bin" / "spark-submit"), "--master", master]
    command += [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--name", "connect"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    log = folder / "connect.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=stream)
        try:
            yield f"sc://localhost:{_wait_for_port(process, log)}"
        finally:
            process.terminate()
            process.wait(60)


def _wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if started := _STARTED.search(log.read_text(errors="replace")):
            return int(started[1])
        time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace")[-4000:])

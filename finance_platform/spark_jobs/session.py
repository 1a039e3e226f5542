"""The Spark session of a job: Sail by default, the local JVM by setting, Glue's own on AWS.

Belongs here: starting and stopping Spark, and the settings that make all engines give the same results.
Does not belong here: anything about tables.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import finance_platform
from finance_platform.errors import JobError, TransientJobError
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options, object_store_variables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECT_SCHEME = "sc://"
CONNECT_RETRIES = 5
"""Of the first request to a server of Spark Connect, some 20 s; PySpark's own 15 take ten minutes, in silence."""

_DETAILS = re.compile(r'details = "(.*)"')
"""The reason in the message of gRPC's errors, which has several lines."""

_RESULT_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Redshift's COPY and every engine here read snappy.
    "spark.sql.parquet.compression.codec": "snappy",
}
"""What makes engines agree; any session may set it."""

_SETTINGS = {
    **_RESULT_SETTINGS,
    # Else PySpark looks for the caller's line, and for IPython, at each call: a quarter of a small refresh's time. A
    # server of Spark Connect refuses it from a session, because it is static.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}
SAIL_SETTINGS = {
    "RUST_LOG": "warn",
    # Columns are decoded only for the rows that a filter or the small side of a join leaves; it is off by default.
    "SAIL_PARQUET__PUSHDOWN_FILTERS": "true",
    # Ten years: the session is its process's own. By default Sail removes it after a quarter of an hour without a
    # request, as while a first scan hashes large files, or while Python reads them (206).
    "SAIL_SPARK__SESSION_TIMEOUT_SECS": "315360000",
}
"""Sail's settings, as its environment variables; the environment's own values take precedence."""

_LOCAL = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
}


@contextmanager
def spark_session(engine: str, options: S3Options = NO_OPTIONS, master: str = "") -> Iterator[SparkSession]:
    """Yield a session of `sail`, `jvm` or `glue` and stop what was started for it.

    Args:
        engine: sail, jvm or glue.
        options: the S3 options for Spark's own reads and writes.
        master: of a cluster, or its Spark Connect address; with `jvm`.

    Raises:
        ValueError: there is no such engine.
    """
    if master:
        # The machines of a cluster may have their Python elsewhere than this one, so the environment can name it.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    elif engine != "glue":
        # Spark's Python workers must run in this process's own environment; Glue ensures that itself.
        os.environ["PYSPARK_PYTHON"] = sys.executable
    if engine == "sail":
        yield from _sail(options)
    elif engine == "jvm" and master:
        yield from _cluster(master, options)
    elif engine == "jvm":
        yield from _jvm(_LOCAL | hadoop_settings(options))
    elif engine == "glue":
        yield from _jvm(hadoop_settings(options))
    else:
        raise ValueError(f"no Spark engine is called {engine!r}; choose sail, jvm or glue")


def _sail(options: S3Options) -> Iterator[SparkSession]:
    for name, value in {**object_store_variables(options), **SAIL_SETTINGS}.items():
        os.environ.setdefault(name, value)
    session = _SessionOnDemand()
    try:
        yield cast("SparkSession", session)
    finally:
        # The engine ends on the same signal, after its tasks, and its client would ask it for minutes to release
        # the session. The process ends too.
        if not isinstance(sys.exception(), KeyboardInterrupt):
            session.end()


class _SessionOnDemand:
    """A session of Sail that starts when it is first used: most jobs on one machine need no plan of Spark's (265)."""

    def __init__(self) -> None:
        self._started: tuple[SparkSession, Callable[[], None]] | None = None

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the session, which starts unless it has."""
        return getattr(self._session(), name)

    def _session(self) -> SparkSession:
        if self._started is None:
            from pysail.spark import SparkConnectServer
            from pyspark.sql import SparkSession

            server = SparkConnectServer(ip="127.0.0.1", port=0)
            server.start(background=True)
            _, port = server.listening_address
            session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
            self._started = session, server.stop
            for name, value in _SETTINGS.items():
                session.conf.set(name, value)
        return self._started[0]

    def end(self) -> None:
        """Stop the session if it has started."""
        if self._started is not None:
            session, stop_server = self._started
            self._started = None
            session.stop()
            stop_server()


def hadoop_settings(options: S3Options) -> dict[str, str]:
    """Return the options as Spark settings of Hadoop's S3 client."""
    values = {"endpoint": options.endpoint_url, "endpoint.region": options.region if options.endpoint_url else ""}
    if options.kms_key_id:
        values |= {"encryption.algorithm": "SSE-KMS", "encryption.key": options.kms_key_id}
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in values.items() if value}


def _jvm(settings: Mapping[str, str]) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("finance-platform")
    for name, value in {**_SETTINGS, **settings}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def _cluster(master: str, options: S3Options) -> Iterator[SparkSession]:
    """Yield a session on a cluster; its workers get this package, and must have the packages that it needs."""
    # Everything else (addresses, memory, shuffle partitions, credentials) is in the cluster's own spark-defaults.conf.
    with tempfile.TemporaryDirectory(prefix="finance-platform-") as folder:
        package = _zip_package(Path(folder))
        if master.startswith(CONNECT_SCHEME):
            yield from _connected(master, package)
            return
        settings = {"spark.master": master, "spark.submit.pyFiles": str(package)}
        yield from _jvm(settings | hadoop_settings(options))


def _connected(master: str, package: Path) -> Iterator[SparkSession]:
    """Yield a session on a server of Spark Connect."""
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    with _connection_errors(master):
        session = SparkSession.builder.remote(_with_secret_parameters(master)).getOrCreate()
    try:
        with _connection_errors(master):
            client = cast(Any, session).client  # in its type, that of a session without a server
            policies = client.get_retry_policies()
            client.set_retry_policies([DefaultPolicy(max_retries=CONNECT_RETRIES)])
            for name, value in _RESULT_SETTINGS.items():
                session.conf.set(name, value)
            session.addArtifacts(str(package), pyfile=True)
            client.set_retry_policies(policies)
        yield session
    finally:
        session.stop()


@contextmanager
def _connection_errors(master: str) -> Iterator[None]:
    """Translate errors of the first requests to a server of Spark Connect.

    Raises:
        JobError: it refuses the session.
        TransientJobError: it does not answer.
    """
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        text = str(error)
        details = _DETAILS.search(text)
        reason = details[1] if details else text.partition("\n")[0]
        if "StatusCode.UNAVAILABLE" in text:
            raise TransientJobError(
                f"no server of Spark Connect answers at {master}: {reason}",
                fix="start it, or correct FINANCE_PLATFORM_SPARK_MASTER; with a token it needs TLS (use_ssl=true)",
            ) from None
        raise JobError(
            f"the server of Spark Connect at {master} refuses the session: {reason}",
            fix="correct the address and the token in SPARK_REMOTE or SPARK_CONNECT_AUTHENTICATE_TOKEN (docs/spark.md)",
        ) from None


def _with_secret_parameters(master: str) -> str:
    """Return a Spark Connect address with what PySpark's own variable adds to it, such as a header with a token."""
    remote = os.environ.get("SPARK_REMOTE", "")
    return remote if remote.partition(";")[0].rstrip("/") == master.rstrip("/") else master


def _zip_package(folder: Path) -> Path:
    """Write the modules of this package into an archive that workers import from, and return its path."""
    root = Path(str(finance_platform.__file__)).parent
    archive = folder / "finance_platform.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        for module in sorted(root.rglob("*.py")):
            stream.write(module, module.relative_to(root.parent))
    return archive

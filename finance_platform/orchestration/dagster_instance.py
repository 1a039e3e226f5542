"""Dagster's own storage in the home: made before first use, telemetry off.

Belongs here: `dagster.yaml` and opening the instance. Does not belong here: anything about finance data.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dagster import DagsterInstance
from sqlalchemy import Engine, event

from finance_platform.errors import HomeError

_DAGSTER_YAML = """\
# Written once by finance-platform; yours to change.
telemetry:
  enabled: false
# No invitation to a newsletter over the first page.
nux:
  enabled: false
# The terminal shows what steps say, not every event; the UI has them all.
python_logs:
  python_log_level: INFO
# One refresh at a time: what comes meanwhile waits in the queue, and two loads never meet.
concurrency:
  pools:
    default_limit: 1
    granularity: run
# A run whose process was killed starts again; a step that failed decides for itself whether to.
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
# A run that does not get to its first step within three minutes has failed.
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
# What sensors and schedules found is kept for a while, not for ever.
retention:
  sensor:
    purge_after_days: {skipped: 1, failure: 30, success: 90}
  schedule:
    purge_after_days: {skipped: 30, failure: 90, success: 365}
"""


_EARLIER = {"f045155a2663b184", "9d267daca31992ef"}
"""Hashes of what earlier releases wrote: a file that nobody has changed since is written anew."""


def prepare_dagster_home(folder: Path) -> Path:
    """Make Dagster's folder and its configuration unless they are there; return the folder.

    Raises:
        HomeError: the home cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "dagster.yaml"
        if not configuration.exists() or _hash_of(configuration.read_bytes()) in _EARLIER:
            configuration.write_text(_DAGSTER_YAML, encoding="utf-8")
    except OSError as error:
        raise HomeError(
            f"{folder}: {error.strerror}", fix="make the folder writable, or choose another with --home"
        ) from error
    return folder


def _hash_of(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


@contextmanager
def open_instance(folder: Path) -> Iterator[DagsterInstance]:
    """Yield the Dagster instance whose runs the UI of this home shows."""
    with _few_waits_for_the_disk(), DagsterInstance.from_config(str(prepare_dagster_home(folder))) as instance:
        yield instance


@contextmanager
def _few_waits_for_the_disk() -> Iterator[None]:
    """Let SQLite wait for the disk at the end rather than at every event.

    Dagster opens and closes its files for each of the 200 events of a run, and SQLite waits for the disk at each commit
    and when the last connection is closed. One more connection a file makes that close cheap, and with NORMAL only
    checkpoints wait: a power cut can take the last events of a run, but harms no file. What was loaded is not there.
    """
    with ExitStack() as open_files:
        kept: set[str] = set()

        def on_connect(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA synchronous = NORMAL")
            file = connection.execute("PRAGMA database_list").fetchone()[2]
            is_wal = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            if file and is_wal and file not in kept:
                kept.add(file)
                own = open_files.enter_context(closing(sqlite3.connect(file, check_same_thread=False)))
                # A connection takes part in the log from its first look into the file.
                own.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()

        event.listen(Engine, "connect", on_connect)
        try:
            yield
        finally:
            event.remove(Engine, "connect", on_connect)

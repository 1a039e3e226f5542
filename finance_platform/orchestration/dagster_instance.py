"""Dagster's instance: its storage in the home, created before first use, with telemetry off.

Belongs here: `dagster.yaml`, opening the instance. Does not belong here: definitions, runs (see `runs`), its storage's
connections (see `kept_connections`) and errors (see `storage_errors`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dagster import DagsterInstance, DagsterInvalidConfigError

# No public API lets an instance capture no output but for the text of its `dagster.yaml`, which is the UI's too (520).
from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from finance_platform.errors import HomeError
from finance_platform.orchestration.dagster_storage import CONFIGURATION, set_storage_aside
from finance_platform.orchestration.kept_connections import kept_connections
from finance_platform.orchestration.runs import has_configuration
from finance_platform.orchestration.storage_errors import storage_errors

_log = logging.getLogger(__name__)

_DAGSTER_YAML = """\
# Written by finance-platform. A file that you have edited is never overwritten.
telemetry:
  enabled: false
# No newsletter dialog on the first page.
nux:
  enabled: false
# The terminal shows the messages of steps, not every event; the UI has all events.
python_logs:
  python_log_level: INFO
# One refresh at a time: other runs wait in the queue, so two loads never run concurrently.
concurrency:
  pools:
    default_limit: 1
    granularity: run
# A run whose process was killed is retried; a failed step has its own retry policy.
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
# A run has failed if it does not reach its first step within three minutes.
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
# The ticks of sensors and schedules are purged after a while.
retention:
  sensor:
    purge_after_days: {skipped: 1, failure: 30, success: 90}
  schedule:
    purge_after_days: {skipped: 30, failure: 90, success: 365}
"""

_EARLIER_VERSIONS = {"f045155a2663b184", "9d267daca31992ef", "5e7b82b796c56bf6"}
"""Hashes of the files that earlier versions wrote; such a file was not edited, so it is replaced."""


def prepare_dagster_home(folder: Path) -> Path:
    """Create Dagster's folder and its configuration if they do not exist or are damaged; return the folder.

    Damaged files are set aside, which the log says in a line each.

    Raises:
        HomeError: the home cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise HomeError(f"{folder} is a file", fix="move it away, or choose another with --home")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for sentence in set_storage_aside(folder, datetime.now(UTC)):
            _log.warning("repaired: %s", sentence)
        configuration = folder / CONFIGURATION
        if not has_configuration(folder) or _hash(configuration.read_bytes()) in _EARLIER_VERSIONS:
            configuration.write_text(_DAGSTER_YAML, encoding="utf-8")
    except OSError as error:
        raise HomeError(
            f"{folder}: {error.strerror}", fix="make the folder writable, or choose another with --home"
        ) from error
    return folder


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


@contextmanager
def open_instance(folder: Path) -> Iterator[DagsterInstance]:
    """Yield the Dagster instance whose runs the UI of this home shows.

    Raises:
        HomeError: Dagster's storage cannot be opened, read or written, also while the instance is in use; or a person
            has edited its `dagster.yaml` into one that Dagster refuses.
    """
    opened = prepare_dagster_home(folder)
    with storage_errors(folder), kept_connections(), _from_config(opened) as instance:
        _leave_output(instance)
        yield instance


def _leave_output(instance: DagsterInstance) -> None:
    """Let the output of this process's runs go where its own does, unless a person has configured who stores it.

    Dagster would put it into files, and start four processes that copy these to the terminal (520).
    """
    logs = instance.compute_log_manager
    if type(logs) is LocalComputeLogManager:
        vars(logs)["capture_logs"] = partial(_capture_nothing, logs)


@contextmanager
def _capture_nothing(logs: LocalComputeLogManager, log_key: list[str]) -> Iterator[CapturedLogContext]:
    """Leave the output of a run's steps alone; the UI waits for no more of it after them."""
    yield CapturedLogContext(log_key)
    end = Path(logs.get_captured_local_path(log_key, "complete"))
    end.parent.mkdir(parents=True, exist_ok=True)
    end.touch()


def _from_config(folder: Path) -> DagsterInstance:
    try:
        return DagsterInstance.from_config(str(folder))
    except DagsterInvalidConfigError as error:
        found = "; ".join(" ".join(one.message.split()) for one in error.errors)
        raise HomeError(
            f"{folder / CONFIGURATION}: Dagster refuses it: {found}",
            fix="correct it, or remove it: the next run writes it again",
        ) from error
